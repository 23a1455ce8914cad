//! The metering collector, killed again and again: every event is in its store once.
//!
//! The long form has what the notification bus has to hold: 100,000 events from four processes, ten kills of the collector,
//! and one of the broker.
//!
//! ```sh
//! cargo test -p examples --test programs -- --ignored --nocapture a_hundred_thousand
//! ```
//!
//! `RPC_TESTS_SEED` repeats the moments of a run, as far as moments can be.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags};
use tests::broker::{Broker, unique};

use crate::program::Program;

/// Who emits how many events of which kind.
type Emitters = &'static [(&'static str, &'static str, i64)];

/// Numbers of chance.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into();
        let seed = std::env::var("RPC_TESTS_SEED").map_or_else(|_| now(), |seed| seed.parse().unwrap());
        println!("RPC_TESTS_SEED={seed}");
        Self(seed)
    }

    /// Below `bound`: SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }
}

/// The store, as anybody may look at it.
struct Look(Connection);

impl Look {
    fn open(path: &Path) -> Self {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        Self(connection)
    }

    fn events(&self) -> i64 {
        self.0.query_row("SELECT COUNT(*) FROM events", [], |row| row.get(0)).unwrap()
    }

    /// Waits until so many events are in the store.
    fn wait_for(&self, events: i64, limit: Duration) {
        let until = Instant::now() + limit;
        while self.events() < events {
            assert!(Instant::now() < until, "only {} of {events} events after {limit:?}", self.events());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The rows of three columns that `query` finds, as text.
    fn rows(&self, query: &str) -> Vec<(String, i64, i64)> {
        let mut statement = self.0.prepare(query).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// A folder that is gone afterwards, unless the test failed.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("{}-{}", unique("metering"), std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn collector(url: &str, database: &Path) -> Program {
    let arguments = ["--database", database.to_str().unwrap()];
    let program = Program::start_at(env!("CARGO_BIN_EXE_metering-collector"), url, &arguments);
    program.line_with("collecting");
    program
}

/// Every event is in the store once, whatever is killed.
fn every_event_is_added_once(emitters: Emitters, kills: usize, kills_broker: bool) {
    const LIMIT: Duration = Duration::from_secs(300);
    let (mut chance, folder, broker) = (Chance::new(), Folder::new(), Broker::start());
    let (url, database) = (broker.url(), folder.0.join("usage.db"));
    let total: i64 = emitters.iter().map(|(.., count)| count).sum();
    // Moments of the work rather than of the clock: a machine may be slow.
    let mut moments: Vec<_> = (0..kills)
        .map(|_| i64::try_from(chance.below(u64::try_from(total).unwrap() * 9 / 10)).unwrap())
        .collect();
    moments.sort_unstable();

    let mut running = collector(&url, &database);
    // What was declared shortly before a kill may be forgotten by a broker of this age.
    broker.write_down();
    let look = Look::open(&database);
    let began = Instant::now();
    let services: Vec<_> = emitters
        .iter()
        .map(|(service, publisher, count)| {
            let count = count.to_string();
            let arguments = ["--service", service, "--publisher", publisher, "--count", &count];
            Program::start_at(env!("CARGO_BIN_EXE_metering-service"), &url, &arguments)
        })
        .collect();
    let mut killed_at = Vec::new();
    for (kill, moment) in moments.into_iter().enumerate() {
        look.wait_for(moment, LIMIT);
        std::thread::sleep(Duration::from_millis(chance.below(50)));
        if kills_broker && kill == kills / 2 {
            println!("the broker is killed after {} events", look.events());
            broker.kill();
            std::thread::sleep(Duration::from_millis(chance.below(1_000)));
            broker.start_again();
        }
        running.kill();
        killed_at.push(look.events());
        running = collector(&url, &database);
    }
    for mut service in services {
        assert!(service.status_within(LIMIT).success(), "the broker has all of its events");
    }
    look.wait_for(total, Duration::from_secs(60));
    let took = began.elapsed().as_secs_f64();
    running.terminate();
    running.line_with("stopped");

    println!("killed after {killed_at:?} of {total} events, {:.0} events a second", total as f64 / took);
    assert!(killed_at.iter().any(|events| *events < total), "some kill came in the middle");
    let per_publisher =
        look.rows("SELECT publisher, COUNT(*), 0 FROM events GROUP BY publisher ORDER BY publisher");
    let emitted: Vec<_> =
        emitters.iter().map(|(_, publisher, count)| ((*publisher).to_owned(), *count, 0)).collect();
    assert_eq!(per_publisher, emitted);
    let totals =
        look.rows("SELECT meter, SUM(amount), SUM(events) FROM totals GROUP BY meter ORDER BY meter");
    for (meter, service) in
        [("bytes", "network"), ("core seconds", "compute"), ("gibibyte seconds", "volume")]
    {
        let counts = || emitters.iter().filter(|(other, ..)| *other == service).map(|(.., count)| *count);
        let amount: i64 = counts().map(|count| (0..count).map(|number| number % 10 + 1).sum::<i64>()).sum();
        let found = totals.iter().find(|(other, ..)| other == meter);
        assert_eq!(found, Some(&(meter.to_owned(), amount, counts().sum())));
    }
    assert!(broker.queue("dlq.default.metering").is_none(), "nothing was put away");
}

#[test]
fn a_collector_that_is_killed_loses_and_doubles_nothing() {
    every_event_is_added_once(
        &[("compute", "compute.a", 3_000), ("network", "network.a", 3_000), ("volume", "volume.a", 3_000)],
        4,
        false,
    );
}

#[test]
#[ignore = "takes minutes: see the top of the file"]
fn a_hundred_thousand_events_survive_ten_kills_of_the_collector_and_one_of_the_broker() {
    every_event_is_added_once(
        &[
            ("compute", "compute.a", 25_000),
            ("compute", "compute.b", 25_000),
            ("network", "network.a", 25_000),
            ("volume", "volume.a", 25_000),
        ],
        10,
        true,
    );
}
