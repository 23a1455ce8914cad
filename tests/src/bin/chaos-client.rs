//! Makes load on `chaos-server` and writes down what becomes of each request.
//!
//! | command | what it does |
//! |---|---|
//! | `load calls=64 pause=20 …` | starts load; the names are those of `Load` |
//! | `burst count=64 kind=call sleep=500 …` | makes requests at once |
//! | `drop count=1000 within=500 …` | makes calls at once and gives each up at a moment of its own |
//! | `stop` | stops the load, and answers when all that was asked has ended |
//! | `strangers count=1000 from=0` | calls so many different topics and methods that nobody serves |
//! | `fork` | makes a call in a forked child, and says which process that was |
//! | `measure` | what the process holds |
//! | `abandon` | ends the program with whatever is in flight, and closes nothing |
//!
//! It closes its transport and ends with its input.

use std::time::Duration;

use ::tests::chaos::program::{Commands, Options, answer};
use ::tests::chaos::{Demand, Load, Loads, Requester, call_in_a_child, call_strangers, measure};
use rpc_core::Error;

fn main() -> Result<(), Error> {
    Options::run(client)
}

async fn client(options: Options) -> Result<(), Error> {
    let transport = options.connect().await?;
    let requester = Requester::new(&transport, &options.exchange, &options.topic, options.ledger());
    let mut loads = Loads::new(requester.clone());
    let mut commands = Commands::open();
    while let Some(words) = commands.next().await {
        match &*words.command {
            "load" => loads.start(Load::parse(&words)),
            "burst" => loads.burst(words.number("count"), Demand::parse(&words)),
            "drop" => {
                let within = Duration::from_millis(words.number("within"));
                loads.drop_in_between(words.number("count"), Demand::parse(&words), within);
            }
            "abandon" => return Ok(()),
            "stop" => loads.stop().await,
            "strangers" => {
                let numbers = words.number("from")..words.number("from") + words.number("count");
                answer(&call_strangers(&transport, &options, numbers).await);
                continue;
            }
            "fork" => {
                answer(&call_in_a_child(requester.clone()).await);
                continue;
            }
            "measure" => {
                answer(&measure(&transport));
                continue;
            }
            other => panic!("{other:?} is no command of the client"),
        }
        answer(&"ok");
    }
    transport.close(Duration::from_secs(2)).await;
    Ok(())
}
