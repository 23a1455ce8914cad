//! The processes that are measured.

use std::io::{BufRead, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::command::{Answer, Command, Side};
use super::hand::{HandClient, HandServer};
use super::load;
use super::ours::{OurClient, OurServer};
use super::process::cpu_time;
use super::requester::Requester;

/// Unacknowledged deliveries per consumer, on every side; the default of this framework's servers and listeners.
pub(crate) const PREFETCH: u16 = 64;
/// How many servers a fanout goes to.
pub(crate) const FANOUT_SERVERS: u16 = 16;

/// What a process is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// Sends.
    Client,
    /// Runs and collects.
    Server,
}

enum Server {
    Ours(OurServer),
    Hand(HandServer),
}

impl Role {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    pub(crate) fn named(text: &str) -> Option<Self> {
        [Self::Client, Self::Server].into_iter().find(|role| role.as_str() == text)
    }
}

/// Answers commands from the standard input until it ends.
pub(crate) fn run(role: Role, side: Side, url: &str) -> ExitCode {
    let (sender, commands) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            let command = serde_json::from_str(&line).expect("the director speaks our language");
            if sender.blocking_send(command).is_err() {
                break;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match (role, side) {
            (Role::Client, Side::Ours) => send(OurClient::connect(url).await, commands).await,
            (Role::Client, side) => send(HandClient::connect(url, side).await, commands).await,
            (Role::Server, side) => serve(side, url, commands).await,
        }
    });
    // Links are not closed in order: nobody waits for them.
    runtime.shutdown_background();
    ExitCode::SUCCESS
}

async fn send(requester: impl Requester, mut commands: mpsc::Receiver<Command>) {
    answer(&Answer::Ready);
    while let Some(command) = commands.recv().await {
        match command {
            Command::Load(load) => answer(&Answer::Loaded(load::run(&requester, load).await)),
            Command::Usage => answer(&Answer::Used(cpu_time())),
            other => panic!("a client cannot do {other:?}"),
        }
    }
}

async fn serve(side: Side, url: &str, mut commands: mpsc::Receiver<Command>) {
    let count = Arc::new(AtomicU64::new(0));
    let server = match side {
        Side::Ours => Server::Ours(OurServer::start(url, Arc::clone(&count)).await),
        side => Server::Hand(HandServer::start(url, side, Arc::clone(&count)).await),
    };
    answer(&Answer::Ready);
    while let Some(command) = commands.recv().await {
        match command {
            Command::WaitForCasts(wanted) => {
                while count.load(Ordering::Relaxed) < wanted {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                answer(&Answer::Ran);
            }
            Command::Collect(events, manner) => {
                let time = match &server {
                    Server::Ours(server) => server.collect(events).await,
                    Server::Hand(server) => server.collect(events, manner).await,
                };
                answer(&Answer::Collected(time));
            }
            Command::Usage => answer(&Answer::Used(cpu_time())),
            Command::Load(load) => panic!("a server cannot do {load:?}"),
        }
    }
}

fn answer(answer: &Answer) {
    let line = serde_json::to_string(answer).unwrap();
    writeln!(stdout().lock(), "{line}").expect("the director listens");
}
