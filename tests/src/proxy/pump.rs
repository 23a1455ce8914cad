//! One direction of a connection.

use std::io;
use std::net::Shutdown;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::boundary::Boundary;
use super::mode::{Direction, Mode};
use super::pace::Pace;
use super::plan::{End, Plan};
use super::queue::Queue;
use super::registry::Entry;
use super::role::Search;

/// The most bytes of one read.
const READ: usize = 16 * 1024;

/// Moves bytes from one socket to the other.
pub(super) struct Pump<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    direction: Direction,
    entry: &'a Entry,
    plan: watch::Receiver<Plan>,
    buffer: Box<[u8]>,
    queue: Queue,
    /// Whether `from` has sent its FIN.
    is_over: bool,
    /// Chunks that were read.
    chunks: u64,
    /// Bytes that have gone on.
    passed: u64,
    pace: Pace,
    search: Search,
    boundary: Boundary,
    /// What goes to the client at the next boundary.
    injected: Vec<u8>,
}

/// When there is something to write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Now,
    At(Instant),
    Never,
}

impl<'a> Pump<'a> {
    /// `direction` is `Upstream` or `Downstream`.
    pub(super) fn new(
        from: &'a TcpStream,
        to: &'a TcpStream,
        direction: Direction,
        entry: &'a Entry,
    ) -> Self {
        Self {
            from,
            to,
            direction,
            entry,
            plan: entry.plan(),
            buffer: vec![0; READ].into(),
            queue: Queue::default(),
            is_over: false,
            chunks: 0,
            passed: 0,
            pace: Pace::new(Instant::now()),
            search: Search::default(),
            boundary: Boundary::new(),
            injected: Vec::new(),
        }
    }

    /// Returns when `from` has ended in order, and that was passed on; otherwise with how both have to end.
    pub(super) async fn run(mut self) -> Result<(), End> {
        loop {
            let mode = self.plan.borrow_and_update().mode(self.direction);
            if mode != Mode::Hold {
                self.read(mode)?;
            }
            let next = self.write()?;
            if self.is_over && self.queue.is_empty() && mode != Mode::Hold {
                let _ = SockRef::from(self.to).shutdown(Shutdown::Write);
                return Ok(());
            }
            let reads = mode != Mode::Hold && !self.is_over && self.queue.room() > 0;
            tokio::select! {
                _ = self.plan.changed() => {}
                _ = self.from.readable(), if reads => {}
                _ = self.to.writable(), if next == Next::Now => {}
                () = until(next) => {}
            }
            // Otherwise all pieces would go before the other tasks see one.
            tokio::task::yield_now().await;
        }
    }

    fn read(&mut self, mode: Mode) -> Result<(), End> {
        let room = self.queue.room().min(READ);
        if self.is_over || room == 0 {
            return Ok(());
        }
        let Some(count) = tried(self.from.try_read(&mut self.buffer[..room]))? else { return Ok(()) };
        let bytes = &self.buffer[..count];
        self.is_over = bytes.is_empty();
        if self.is_over {
            return Ok(());
        }
        // Before they can go on: the rules for this role may forbid it.
        if self.direction == Direction::Upstream
            && let Some(role) = self.search.pass(bytes)
        {
            self.entry.identify(role);
        }
        self.chunks += 1;
        self.queue.push(bytes, Instant::now() + mode.wait(self.entry.number() << 32 | self.chunks));
        Ok(())
    }

    /// Writes at most one piece, and says when to come back.
    fn write(&mut self) -> Result<Next, End> {
        if self.direction == Direction::Downstream {
            self.injected.append(&mut self.entry.take_injected());
        }
        // Borrowed until the bytes are written, because a change of the plan waits for that: when it has returned,
        // nothing goes on that it forbids.
        let plan = self.plan.borrow();
        let mode = plan.mode(self.direction);
        if plan.ended().is_some() || mode == Mode::Hold {
            return Ok(Next::Never);
        }
        if matches!(mode, Mode::CutAfter(count) if count <= self.passed) {
            return Err(End::Cut);
        }
        let now = Instant::now();
        let injects = !self.injected.is_empty();
        let is_injected = injects && self.boundary.is_here();
        let (bytes, due) = match self.queue.first() {
            _ if is_injected => (&self.injected[..], now),
            Some((bytes, due)) if injects => (&bytes[..self.boundary.distance(bytes)], due),
            Some(first) => first,
            None => return Ok(Next::Never),
        };
        let (due, most) = match mode {
            Mode::Delay { .. } => (due, usize::MAX),
            Mode::Rate(rate) => (self.pace.next(), Pace::portion(rate)),
            Mode::Slice(size) => (now, size.max(1)),
            Mode::CutAfter(count) if !is_injected => {
                (now, usize::try_from(count - self.passed).unwrap_or(usize::MAX))
            }
            _ => (now, usize::MAX),
        };
        if due > now {
            return Ok(Next::At(due));
        }
        let bytes = &bytes[..bytes.len().min(most)];
        let changed = (!is_injected && mode.flips()).then(|| flipped(mode, self.passed, bytes));
        let Some(count) = tried(self.to.try_write(changed.as_deref().unwrap_or(bytes)))? else {
            return Ok(Next::Now);
        };
        drop(plan);
        if let Mode::Rate(rate) = mode {
            self.pace.gone(count, rate, now);
        }
        if is_injected {
            self.injected.drain(..count);
        } else {
            self.boundary.pass(&bytes[..count]);
            self.queue.gone(count);
            self.passed += u64::try_from(count).unwrap_or_default();
        }
        Ok(Next::Now)
    }
}

/// `None`: not now.
fn tried(result: io::Result<usize>) -> Result<Option<usize>, End> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        // One side is gone without a FIN, so the other is told the same.
        Err(_) => Err(End::Reset),
    }
}

fn flipped(mode: Mode, offset: u64, bytes: &[u8]) -> Vec<u8> {
    (offset..).zip(bytes).map(|(offset, byte)| byte ^ mode.mask(offset)).collect()
}

async fn until(next: Next) {
    match next {
        Next::At(time) => sleep_until(time).await,
        Next::Now | Next::Never => std::future::pending().await,
    }
}
