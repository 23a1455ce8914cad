//! Where a row plays: its programs, the proxies between them and the broker, and what went wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::broker::{Broker, Certificates, ClientCertificate, Cluster, unique};
use tests::chaos::{Process, Words};
use tests::checker::{Circumstances, History, Verdict};
use tests::ledger::{self, Reader};
use tests::proxy::Proxy;

use crate::lane::{self, Lane, PASSWORD, USER};
use crate::options::Options;
use crate::outcome::Outcome;
use crate::rows::Row;

/// Which programs a proxy stands before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Side {
    Client,
    Server,
    Listener,
}

pub(crate) struct Stage<'a> {
    pub(crate) row: Row,
    pub(crate) options: Options,
    /// Keeps rows apart that share a broker.
    pub(crate) exchange: String,
    /// Where programs connect to; `/` unless the row has one of its own.
    pub(crate) vhost: String,
    /// H, in seconds.
    pub(crate) heartbeat: u32,
    /// More of the URL's query.
    pub(crate) query: String,
    pub(crate) circumstances: Circumstances,
    /// How soon after the end of the fault calls have to be answered.
    pub(crate) heal_limit: Duration,
    /// Whether programs have to hold at the end what they held at the beginning.
    pub(crate) compares_holdings: bool,
    pub(crate) programs: Vec<Program>,
    pub(crate) folder: PathBuf,
    /// What the broker shows, where programs speak TLS.
    certificates: Option<Certificates>,
    lane: &'a mut Lane,
    proxies: BTreeMap<Side, Proxy>,
    /// Before the nodes of a cluster, for all sides.
    pub(crate) nodes: Vec<Proxy>,
    reader: Reader,
    faults: Vec<String>,
    /// When the first fault came, and when the last was lifted.
    pub(crate) broken_at: Option<u64>,
    pub(crate) lifted_at: Option<u64>,
    pub(crate) verdict: Verdict,
    heal: Option<Duration>,
    problems: Vec<String>,
    notes: Vec<String>,
}

/// A program of the stage.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) side: Side,
    pub(crate) process: Process,
    /// What it held before the fault.
    pub(crate) baseline: Option<Words>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(row: Row, lane: &'a mut Lane, options: &Options) -> Self {
        let exchange = unique(&row.id.to_lowercase());
        let folder = std::env::temp_dir().join(format!("rpc-faults-{}-{exchange}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            row,
            options: options.clone(),
            exchange,
            vhost: "%2f".to_owned(),
            heartbeat: 2,
            query: String::new(),
            circumstances: Circumstances::default(),
            heal_limit: Duration::from_secs(3),
            compares_holdings: true,
            programs: Vec::new(),
            reader: Reader::open(&folder.join("ledger")),
            folder,
            certificates: None,
            lane,
            proxies: BTreeMap::new(),
            nodes: Vec::new(),
            faults: Vec::new(),
            broken_at: None,
            lifted_at: None,
            verdict: Verdict::default(),
            heal: None,
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn broker(&mut self) -> &Broker {
        self.lane.broker()
    }

    pub(crate) fn running_broker(&self) -> Option<&Broker> {
        self.lane.running()
    }

    /// Plays on a broker of the row's own.
    pub(crate) fn use_broker(&mut self, broker: Broker) {
        self.lane.replace(broker);
    }

    /// Plays on three nodes. Programs know all of them.
    pub(crate) fn use_cluster(&mut self) {
        let ports = self.cluster().nodes().each_ref().map(Broker::port);
        self.nodes = ports.into_iter().map(Proxy::start).collect();
    }

    pub(crate) fn cluster(&mut self) -> &Cluster {
        self.lane.cluster()
    }

    /// Plays on a broker of the row's own, to which programs speak TLS.
    pub(crate) fn use_tls(&mut self) {
        let certificates = Certificates::generate();
        std::fs::write(self.authority(), &certificates.authority).unwrap();
        self.use_broker(lane::broker().tls(certificates.clone(), ClientCertificate::NotAsked).start());
        self.certificates = Some(certificates);
    }

    fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The broker is not fit for the next row.
    pub(crate) fn spoil(&mut self) {
        self.lane.spoil();
    }

    /// The proxy before the programs of `side`.
    pub(crate) fn proxy(&mut self, side: Side) -> Proxy {
        let port = match self.certificates {
            Some(_) => self.broker().tls_port(),
            None => self.broker().port(),
        };
        self.proxies.entry(side).or_insert_with(|| Proxy::start(port)).clone()
    }

    /// The proxies that there are.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.proxies.values().chain(&self.nodes)
    }

    /// Where programs of `side` connect: through their proxy, with the settings of the suite.
    pub(crate) fn url(&mut self, side: Side) -> String {
        let ports = match &self.nodes[..] {
            [] => vec![self.proxy(side).port()],
            nodes => nodes.iter().map(Proxy::port).collect(),
        };
        let hosts: Vec<_> = ports.into_iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let hosts = hosts.join(",");
        let scheme = if self.certificates.is_some() { "amqps" } else { "amqp" };
        let Self { vhost, heartbeat, query, .. } = self;
        format!("{scheme}://{USER}:{PASSWORD}@{hosts}/{vhost}?heartbeat={heartbeat}{query}")
    }

    /// Starts a server, and returns when it serves.
    pub(crate) fn server(&mut self, name: &str, arguments: &[&str]) {
        let arguments = [&["--name", name], arguments].concat();
        self.start(Side::Server, env!("CARGO_BIN_EXE_chaos-server"), name, &arguments);
    }

    /// Starts a listener of a pool of its own.
    pub(crate) fn listener(&mut self, name: &str) {
        self.start_listener(name, &[]);
    }

    /// The same, with options.
    pub(crate) fn start_listener(&mut self, name: &str, arguments: &[&str]) {
        let arguments = [&["--listen", "--name", name], arguments].concat();
        self.start(Side::Listener, env!("CARGO_BIN_EXE_chaos-server"), name, &arguments);
    }

    /// Starts a client.
    pub(crate) fn client(&mut self, name: &str) {
        self.start(Side::Client, env!("CARGO_BIN_EXE_chaos-client"), name, &["--name", name]);
    }

    /// Starts a server that is not waited for, and not of the stage.
    pub(crate) fn start_unready(&mut self, name: &str) -> Process {
        self.launch(Side::Server, env!("CARGO_BIN_EXE_chaos-server"), name, &["--name", name])
    }

    fn start(&mut self, side: Side, path: &str, name: &str, arguments: &[&str]) {
        let process = self.launch(side, path, name, arguments).ready();
        self.programs.push(Program { side, process, baseline: None });
    }

    fn launch(&mut self, side: Side, path: &str, name: &str, arguments: &[&str]) -> Process {
        let url = self.url(side);
        let ledger = self.ledger();
        let common = ["--exchange", &self.exchange, "--ledger", ledger.to_str().unwrap()];
        let mut arguments = arguments.to_vec();
        let authority = self.authority();
        if self.certificates.is_some() {
            arguments.extend(["--authority", authority.to_str().unwrap()]);
        }
        let arguments: Vec<_> = common.iter().chain(&arguments).map(|word| (*word).to_owned()).collect();
        Process::start(path, name, &self.folder, &url, &arguments)
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    /// The programs of a side, by name.
    pub(crate) fn names(&self, side: Side) -> Vec<String> {
        let of_side = self.programs.iter().filter(|program| program.side == side);
        of_side.map(|program| program.process.name.clone()).collect()
    }

    /// A program by its name.
    pub(crate) fn process(&mut self, name: &str) -> &mut Process {
        let found = self.programs.iter_mut().find(|program| program.process.name == name);
        &mut found.unwrap_or_else(|| panic!("no program {name}")).process
    }

    /// Takes a program off the stage.
    pub(crate) fn remove(&mut self, name: &str) -> Process {
        let place = self.programs.iter().position(|program| program.process.name == name);
        self.programs.remove(place.unwrap_or_else(|| panic!("no program {name}"))).process
    }

    /// Kills a program. What a client waited for then has no end.
    pub(crate) fn kill(&mut self, name: &str) {
        let process = self.remove(name).kill();
        self.circumstances.killed.insert(process);
    }

    /// Everything that was written down so far.
    pub(crate) fn history(&mut self) -> History {
        History::new(self.reader.entries())
    }

    /// The lines so far.
    pub(crate) fn entries(&mut self) -> &[ledger::Entry] {
        self.reader.entries()
    }

    /// Takes what nobody of the stage asked for out of the judgement.
    pub(crate) fn forget_strangers(&mut self) {
        let entries = self.reader.entries();
        let asked: BTreeSet<_> =
            entries.iter().filter(|it| it.event == "invoked").map(|it| &it.subject).collect();
        let strangers = entries.iter().filter(|it| !asked.contains(&it.subject)).map(|it| it.subject.clone());
        self.circumstances.strangers = strangers.collect();
    }

    pub(crate) fn judge(&mut self) -> Verdict {
        let circumstances = self.circumstances.clone();
        self.history().judge(&circumstances)
    }

    /// Says what is broken now, for the table.
    pub(crate) fn fault(&mut self, what: impl Into<String>) {
        let what = what.into();
        if self.faults.last() != Some(&what) {
            self.faults.push(what);
        }
        self.broken_at.get_or_insert_with(ledger::now);
        self.lifted_at = None;
    }

    /// Says that nothing is broken any more.
    pub(crate) fn lifted(&mut self) {
        self.lifted_at = Some(ledger::now());
    }

    /// The same, for rows that make no calls afterwards.
    pub(crate) fn lifted_without_calls(&mut self) {
        self.lifted_at = None;
    }

    /// Keeps what is wrong; the row goes on.
    pub(crate) fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(what.into());
    }

    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    /// Keeps `what` as a problem unless `holds`.
    pub(crate) fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.problem(what());
        }
    }

    /// Waits until `holds`, for at most `limit`.
    pub(crate) fn until(&mut self, limit: Duration, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let end = std::time::Instant::now() + limit;
        loop {
            if holds(self) {
                return true;
            }
            if std::time::Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The time to heal, as the ledger tells it.
    pub(crate) fn measure_heal(&mut self) {
        let Some(lifted) = self.lifted_at else { return };
        self.heal = self.history().first_ok_after(lifted);
        match self.heal {
            Some(heal) if heal > self.heal_limit => {
                let limit = self.heal_limit;
                self.problem(format!(
                    "I6: the first answer came {heal:?} after the fault was lifted, limit {limit:?}"
                ));
            }
            Some(_) => {}
            None => self.problem("I6: no call was answered after the fault was lifted"),
        }
    }

    pub(crate) fn outcome(mut self) -> Outcome {
        // What still runs must not outlive the row.
        self.programs.clear();
        let keep = std::env::var_os("RPC_TESTS_KEEP").is_some();
        if keep {
            self.note(format!("ledger and logs are in {}", self.folder.display()));
        } else {
            remove(&self.folder);
        }
        Outcome {
            row: self.row,
            faults: self.faults,
            verdict: self.verdict,
            heal: self.heal,
            problems: self.problems,
            notes: self.notes,
            stall: None,
            took: Duration::ZERO,
        }
    }
}

fn remove(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}
