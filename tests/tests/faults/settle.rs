//! The end of every row: load stops, what was asked for ends, programs leave, and all is judged.

use std::time::Duration;

use tests::chaos::{PAYLOAD_MARK, Process, Words};

use crate::lane::{PASSWORD, USER};
use crate::stage::{Side, Stage};

/// How long what was confirmed may take to run once nothing is broken.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a program may take to come back to what it held before.
const CALM: Duration = Duration::from_secs(5);
/// How long a zombie gets to show itself after everything has ended.
const ZOMBIES: Duration = Duration::from_millis(500);
/// The longest deadline of the suite, and a little.
const LONGEST_CALL: Duration = Duration::from_secs(75);
/// The grace of a server, and the 2 s that it may take beyond it.
const LONGEST_END: Duration = Duration::from_secs(8);

impl Stage<'_> {
    /// Lets everything end, and judges it.
    pub(crate) fn settle(&mut self) {
        if self.programs.is_empty() && self.entries().is_empty() {
            return;
        }
        for name in self.names(Side::Client) {
            self.process(&name).ask_within(&Words::new("stop"), LONGEST_CALL);
        }
        // After a loss of its data the broker keeps events in default queues until the listeners are back.
        if !self.until(DRAIN, |stage| stage.is_drained()) || self.circumstances.wiped_at.is_some() {
            self.read_kept();
        }
        std::thread::sleep(ZOMBIES);
        if self.compares_holdings {
            self.compare_holdings();
        }
        self.measure_heal();
        self.end_programs();
        self.check_broker();
        self.verdict = self.judge();
        let broken: Vec<_> = self.verdict.violations.iter().map(ToString::to_string).collect();
        let count = broken.len();
        for violation in broken.into_iter().take(10) {
            self.problem(violation);
        }
        self.expect(count <= 10, || format!("… and {} more", count - 10));
    }

    fn is_drained(&mut self) -> bool {
        let names = self.names(Side::Server);
        let idle = names.iter().all(|name| self.process(name).measure().number("running") == 0);
        idle && self.judge().total(|tally| tally.lost) == 0
    }

    /// I7.
    fn compare_holdings(&mut self) {
        let mut differences = Vec::new();
        self.until(CALM, |stage| {
            differences.clear();
            for program in &mut stage.programs {
                let Some(before) = &program.baseline else { continue };
                let measured = program.process.measure();
                for (what, slack) in [("descriptors", 2), ("threads", 0), ("tasks", 0), ("pending", 0)] {
                    let (before, now) = (before.number(what), measured.number(what));
                    if now > before + slack {
                        let (name, names) =
                            (&program.process.name, measured.get("names").unwrap_or_default());
                        let names = if what == "threads" { names } else { "" };
                        differences.push(format!(
                            "I7: {name} holds {now} {what}, {before} before the fault {names}"
                        ));
                    }
                }
            }
            differences.is_empty()
        });
        for difference in differences {
            self.problem(difference);
        }
    }

    /// Clients first: a server that is gone would fail what they still ask.
    fn end_programs(&mut self) {
        let mut programs = std::mem::take(&mut self.programs);
        programs.sort_by_key(|program| program.side);
        for program in &mut programs {
            let name = program.process.name.clone();
            if program.process.has_ended() {
                self.problem(format!("I6: {name} has ended by itself"));
                continue;
            }
            match program.process.end(LONGEST_END) {
                None => self.problem(format!("{name} does not end within {LONGEST_END:?}")),
                Some(status) if !status.success() => self.problem(format!("{name} ended with {status}")),
                Some(_) => {}
            }
            self.check_log(&program.process);
        }
    }

    /// I9.
    fn check_log(&mut self, process: &Process) {
        let log = process.log();
        let base64 = |text: &str| {
            // Of the three ways to cut a text into groups of three bytes, what does not touch its neighbours.
            (0..3).map(|shift| base64_inner(&text.as_bytes()[shift..])).collect::<Vec<_>>()
        };
        let bytes = PASSWORD.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        let secrets = [PASSWORD.to_owned(), bytes].into_iter().chain(base64(PASSWORD));
        for secret in secrets.filter(|secret| log.contains(secret)) {
            self.problem(format!("I9: the log of {} holds the password as {secret:?}", process.name));
        }
        self.expect(!log.contains(PAYLOAD_MARK), || {
            format!("I9: the log of {} holds a payload", process.name)
        });
        if log.contains("panicked at") && !log.contains("asked to") {
            let line = log.lines().find(|line| line.contains("panicked at")).unwrap_or_default().to_owned();
            self.problem(format!("{} panicked: {line}", process.name));
        }
        // Panics of handlers are the program's own, and the standard library tells of each in two lines.
        let is_own = |line: &&str| {
            ["DEBUG", "panicked", "asked to", "RUST_BACKTRACE"].iter().any(|it| line.contains(it))
        };
        let told = log.lines().filter(|line| !line.trim().is_empty() && !is_own(line)).count();
        let attempts: usize = self.proxies().map(|proxy| proxy.connections_accepted().len()).sum();
        let limit = 60 + 6 * attempts;
        self.expect(told <= limit, || {
            format!("I9: {} logged {told} lines over {attempts} connections, limit {limit}", process.name)
        });
    }

    /// I8: nothing of the row is left on the broker but empty queues.
    fn check_broker(&mut self) {
        let exchange = self.exchange.clone();
        let mut left = Vec::new();
        if self.running_broker().is_none() {
            return;
        }
        self.until(CALM, |stage| {
            left = leftovers(&stage.broker().ctl(&["eval", LEFTOVERS]), &exchange);
            left.is_empty()
        });
        if left.iter().any(|left| left.starts_with("dlq.")) {
            left.retain(|left| !left.starts_with("dlq."));
        }
        self.expect(left.is_empty(), || format!("I8: left on the broker: {}", left.join(", ")));
    }

    /// What lies in the dead-letter queue, or in the default queue that a notifier makes while nobody listens, was not
    /// lost. Takes it out, so that nothing of the row is left.
    pub(crate) fn read_kept(&mut self) {
        let (port, vhost) = (self.broker().port(), &self.vhost);
        let url = format!("amqp://{USER}:{PASSWORD}@127.0.0.1:{port}/{vhost}");
        for queue in [format!("dlq.{}.chaos", self.exchange), format!("notify.{}.chaos.info", self.exchange)]
        {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let bodies = runtime.block_on(async {
                let client = tests::raw::RawClient::connect(&url).await;
                let mut bodies = Vec::new();
                while let Some(message) = client.get(&queue).await {
                    bodies.push(message.body);
                }
                client.close().await;
                bodies
            });
            if !bodies.is_empty() {
                let kind = queue.split('.').next().unwrap_or_default();
                self.note(format!("{}: {} messages lay in {kind}.…", self.row.id, bodies.len()));
            }
            self.circumstances.kept.extend(bodies.iter().filter_map(|body| id_in(body)));
        }
    }
}

/// How many connections there are, and what each queue holds; one that is deleted meanwhile is passed over.
const LEFTOVERS: &str = r#"
    Queues = [{element(4, amqqueue:get_name(Q)), catch rabbit_amqqueue:info(Q, [messages])} || Q <- rabbit_amqqueue:list()],
    lists:flatten(["connections=", integer_to_list(length(rabbit_networking:connections())), " "
        | [[binary_to_list(Name), "=", integer_to_list(Count), " "] || {Name, [{messages, Count}]} <- Queues, is_integer(Count)]])."#;

fn leftovers(text: &str, exchange: &str) -> Vec<String> {
    let words = text.trim().trim_matches('"').split_whitespace();
    let of_row = words.filter(|word| word.starts_with("connections=") || word.contains(exchange));
    of_row.filter(|word| !word.ends_with("=0")).map(str::to_owned).collect()
}

/// The first 32 hexadecimal digits in a row.
pub(crate) fn id_in(body: &[u8]) -> Option<String> {
    let is_id = |window: &&[u8]| window.iter().all(u8::is_ascii_hexdigit);
    let found = body.windows(32).find(is_id)?;
    String::from_utf8(found.to_vec()).ok()
}

/// Base64 without the last group.
fn base64_inner(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks_exact(3) {
        let number = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        for shift in [18, 12, 6, 0] {
            let digit = usize::try_from(number >> shift & 63).unwrap();
            text.push(char::from(DIGITS[digit]));
        }
    }
    text
}
