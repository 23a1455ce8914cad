//! The listening side of a proxy, on a thread and runtime of its own.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError, mpsc as answers};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::connection;
use super::registry::Registry;

/// The most connections at a time. Others wait in the queue of the kernel.
const MOST_CONNECTIONS: usize = 512;
/// How long the port may be somebody else's when it is wanted back.
const PORT_LIMIT: Duration = Duration::from_secs(2);

/// What happens to who connects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Listening {
    Accepts,
    /// Accepts, and never says a word.
    AcceptsSilently,
    Refuses,
}

/// The thread. Dropping it closes all its sockets.
#[derive(Debug)]
pub(super) struct Acceptor {
    /// `None` only while it is dropped. Locked while one waits for the answer.
    commands: Option<Mutex<mpsc::Sender<Command>>>,
    thread: Option<JoinHandle<()>>,
}

type Command = (Listening, answers::Sender<io::Result<()>>);

impl Acceptor {
    /// Serves who connects to `listener`, whose port is `port`.
    pub(super) fn start(listener: TcpListener, port: u16, upstream: u16, registry: Arc<Registry>) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let work = async move {
            let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
            let listener = Some(register(listener).expect("the runtime takes the listener"));
            let silent = Vec::new();
            let mut work = Work { listener, silent, port, upstream, registry, permits };
            work.run(receiver).await;
        };
        let thread = std::thread::Builder::new().name("proxy".into()).spawn(move || runtime.block_on(work));
        Self { commands: Some(Mutex::new(sender)), thread: Some(thread.expect("a thread starts")) }
    }

    /// Returns when it is so.
    pub(super) fn set(&self, listening: Listening) {
        let commands = self.commands.as_ref().expect("there until dropped");
        let commands = commands.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, answer) = answers::channel();
        // There is room: whoever sent the command before has waited for its answer.
        commands.try_send((listening, sender)).expect("the proxy runs");
        answer.recv().expect("the proxy runs").expect("the port of the proxy is still free");
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed.
            let _ = thread.join();
        }
    }
}

struct Work {
    listener: Option<tokio::net::TcpListener>,
    /// Clients to whom nobody says a word.
    silent: Vec<(TcpStream, OwnedSemaphorePermit)>,
    port: u16,
    upstream: u16,
    registry: Arc<Registry>,
    permits: Arc<Semaphore>,
}

impl Work {
    /// Returns when the last sender of commands is gone.
    async fn run(&mut self, mut commands: mpsc::Receiver<Command>) {
        let mut listening = Listening::Accepts;
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => {
                    let Some((wanted, answer)) = command else { return };
                    listening = wanted;
                    // Nobody waits if the caller is gone.
                    let _ = answer.send(self.set(listening).await);
                }
                accepted = accept(self.listener.as_ref(), &self.permits) => {
                    if let Some((client, permit)) = accepted {
                        self.registry.accepted();
                        if listening == Listening::AcceptsSilently {
                            self.silent.push((client, permit));
                        } else {
                            self.serve(client, permit);
                        }
                    }
                }
            }
        }
    }

    async fn set(&mut self, listening: Listening) -> io::Result<()> {
        if listening != Listening::AcceptsSilently {
            self.silent.clear();
        }
        if listening == Listening::Refuses {
            self.listener = None;
        } else if self.listener.is_none() {
            self.listener = Some(listen_again(self.port).await?);
        }
        Ok(())
    }

    fn serve(&self, client: TcpStream, permit: OwnedSemaphorePermit) {
        let (upstream, entry) = (self.upstream, Arc::clone(&self.registry).enter());
        tokio::spawn(async move {
            connection::serve(client, upstream, entry).await;
            drop(permit);
        });
    }
}

/// The next client. Waits for ever without a listener.
async fn accept(
    listener: Option<&tokio::net::TcpListener>,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let Some(listener) = listener else { return std::future::pending().await };
    // First the permit, because a client that was accepted is lost when a command comes while it waits.
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    // An error is that of a client which has gone already.
    let (client, _) = listener.accept().await.ok()?;
    Some((client, permit))
}

async fn listen_again(port: u16) -> io::Result<tokio::net::TcpListener> {
    let limit = tokio::time::Instant::now() + PORT_LIMIT;
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return register(listener),
            Err(error) if tokio::time::Instant::now() > limit => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn register(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    // What is accepted inherits it.
    connection::bound_buffers(&SockRef::from(&listener))?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
