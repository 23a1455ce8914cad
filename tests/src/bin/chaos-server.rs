//! Serves what `chaos-client` asks for, or listens for its notifications, and writes down what it runs. It also serves
//! [`Counter`](::tests::hostile::Counter), to which hostile requests are sent.
//!
//! | command | what it does |
//! |---|---|
//! | `release` | lets held handlers go on, now and later |
//! | `measure` | what the process holds, and how many requests are `running` |
//!
//! At SIGTERM or the end of its input it stops in order, within its grace.

use std::sync::Arc;
use std::time::Duration;

use ::tests::chaos::program::{Commands, Options, answer};
use ::tests::chaos::{ChaosEndpoint, Fact, Requester, Served, measure, sum};
use ::tests::hostile::{CounterEndpoint, Counting};
use ::tests::ledger::Ledger;
use rpc_amqp::AmqpTransport;
use rpc_core::{Error, Listener, Server, Target};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

fn main() -> Result<(), Error> {
    Options::run(async |options| {
        let transport = options.connect().await?;
        if options.listen { listen(options, transport).await } else { serve(options, transport).await }
    })
}

async fn serve(options: Options, transport: AmqpTransport) -> Result<(), Error> {
    let (ledger, mut terminate) = (options.ledger(), terminate());
    let (release, released) = watch::channel(false);
    let requester = Requester::new(&transport, &options.exchange, &options.topic, Arc::clone(&ledger));
    let counter = Arc::clone(&ledger);
    let counting = Counting::new(move || counter.write("counted", "one"));
    let target = Target::topic(&options.topic).exchange(&options.exchange).server(&options.name);
    let server = Server::builder(&transport, target)
        .endpoint(ChaosEndpoint::new(Served::new(ledger, requester, released)))
        .endpoint(CounterEndpoint::new(counting))
        .workers(options.workers)
        .start()
        .await?;
    let mut commands = Commands::open();
    while let Some(words) = tokio::select! {
        words = commands.next() => words,
        _ = terminate.recv() => None,
    } {
        match &*words.command {
            "release" => {
                release.send_replace(true);
                answer(&"ok");
            }
            "measure" => answer(&measure(&transport).with("running", server.running())),
            other => panic!("{other:?} is no command of the server"),
        }
    }
    server.shutdown(options.grace()).await;
    transport.close(Duration::from_secs(2)).await;
    answer(&"stopped");
    Ok(())
}

async fn listen(options: Options, transport: AmqpTransport) -> Result<(), Error> {
    let (ledger, mut terminate) = (options.ledger(), terminate());
    let builder = Listener::builder(&transport, [&options.topic]).exchange(&options.exchange);
    let mut events = builder.pool(&options.name).start::<Fact>().await?;
    let mut commands = Commands::open();
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => take(&ledger, event, Duration::from_millis(options.busy)).await,
                None => break,
            },
            words = commands.next() => match words {
                Some(words) if words.command == "measure" => answer(&measure(&transport).with("running", 0)),
                Some(words) => panic!("{words} is no command of a listener"),
                None => break,
            },
            _ = terminate.recv() => break,
        }
    }
    events.close().await;
    transport.close(Duration::from_secs(2)).await;
    answer(&"stopped");
    Ok(())
}

async fn take(ledger: &Ledger, event: rpc_core::Event<Fact>, busy: Duration) {
    let Fact { id, filler } = event.payload();
    let (sum, attempt) = (sum(id, filler), if event.is_redelivered() { 2 } else { 1 });
    ledger.write_with(
        "started",
        id,
        &[
            ("method", &"event"),
            ("sum", &format_args!("{sum:016x}")),
            ("attempt", &attempt),
            ("message", event.message_id()),
        ],
    );
    if !busy.is_zero() {
        std::thread::sleep(busy);
    }
    // An event whose acknowledgement is lost comes again; its message id says that it does.
    let _ = event.ack().await;
}

fn terminate() -> Signal {
    signal(SignalKind::terminate()).expect("signals can be waited for")
}
