//! The way back: one reply address per transport, and the calls that wait there.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::call_monitor::Heard;
use super::given_up::GivenUp;
use super::listener::Inbox;
use super::outgoing::closed;
use super::reply_table::{Full, ReplyTable};
use super::waiter::{Handed, Received, Waiter};
use crate::deadline::Deadline;
use crate::error::{Code, Error, Executed, Phase};
use crate::identity::{CorrelationId, random_key};
use crate::message::{Malformed, Message, Reply};
use crate::rejections::Rejections;
use crate::reply_address::ReplyAddress;
use crate::target::Target;
use crate::transport::{ConsumeOptions, Consumer, ConsumerState, ConsumerWatch, Source, Transport, next};

/// How late a transport may say that a request has left: [`Transport::publish_quietly`].
const LATEST: Duration = Duration::from_millis(100);

/// The reply address that all clients of a transport share, opened by the first call.
pub(crate) struct Replies {
    transport: Arc<dyn Transport>,
    waiting: Arc<Waiting>,
    receiver: Mutex<Arc<OnceCell<Receiver>>>,
    closed: Arc<AtomicBool>,
}

struct Waiting {
    table: ReplyTable<Waiter>,
    orphans: AtomicU64,
    unreadable: Rejections,
    given_up: GivenUp,
}

/// The task that takes replies in at an address. It ends when the transport is closed, when its tokio runtime ends, when
/// nobody can listen at the address any more, and with this handle. The next one has another address.
struct Receiver {
    address: ReplyAddress,
    task: JoinHandle<()>,
    /// Tells servers of calls that are given up.
    cancelling: JoinHandle<()>,
    status: ConsumerWatch,
    ended: Arc<AtomicBool>,
}

/// A place in the reply table. It is given back when this is dropped, however the call ends.
pub(super) struct Slot {
    key: u128,
    waiting: Arc<Waiting>,
    status: ConsumerWatch,
    /// How often the queue of replies was lost before the request left.
    losses: u64,
}

impl Replies {
    /// Most calls that may wait at a time over one transport; one more fails as overloaded.
    const MOST_PENDING: usize = 100_000;

    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        let given_up = GivenUp::new(transport.capabilities().introspection);
        Self {
            transport,
            waiting: Arc::new(Waiting {
                table: ReplyTable::new(Self::MOST_PENDING),
                orphans: AtomicU64::new(0),
                unreadable: Rejections::default(),
                given_up,
            }),
            receiver: Mutex::default(),
            closed: Arc::default(),
        }
    }

    pub(crate) fn pending(&self) -> usize {
        self.waiting.table.len()
    }

    pub(crate) fn orphans(&self) -> u64 {
        self.waiting.orphans.load(Ordering::Relaxed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Fails all calls that wait, and every later one.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.waiting.fail_all(ended_by_close);
    }

    /// Tells servers of the calls that were given up until now, in so much time at most.
    pub(crate) async fn cancel(&self, limit: Duration) {
        let told = self.waiting.given_up.tell(&*self.transport);
        // What is left runs to its deadline.
        let _ = tokio::time::timeout(limit, told).await;
    }

    /// As [`wait`](Self::wait), if nothing has to be waited for.
    pub(super) fn now(&self) -> Option<Result<(ReplyAddress, Slot), Error>> {
        let receiver = self.receiver();
        let task = receiver.get()?;
        let slot = match self.slot(&task.status) {
            Ok(slot) => slot,
            Err(full) => return Some(Err(full)),
        };
        let may_send = slot.listens() && !task.has_ended();
        may_send.then(|| Ok((task.address.clone(), slot)))
    }

    /// The reply address, with somebody listening there, and a place in the reply table.
    pub(super) async fn wait(&self) -> Result<(ReplyAddress, Slot), Error> {
        loop {
            let receiver = self.receiver();
            let task = receiver.get_or_try_init(|| self.open()).await?;
            let mut slot = self.slot(&task.status)?;
            // A reply that finds no queue is lost, so the request does not leave before there is one.
            slot.is_listening().await;
            // A task that ends says so first and fails those who wait then: a place that was taken too late to be
            // failed is one that sees the end here.
            if !task.has_ended() {
                return Ok((task.address.clone(), slot));
            }
            tokio::task::yield_now().await;
        }
    }

    /// Why no replies can be taken in at the moment.
    pub(super) fn lack(&self) -> Option<Arc<str>> {
        let receiver = self.receiver();
        receiver.get().and_then(|receiver| receiver.status.look(|status| status.reason.clone()))
    }

    fn slot(&self, status: &ConsumerWatch) -> Result<Slot, Error> {
        let key = random_key();
        self.waiting.table.insert(key, Waiter::call()).map_err(|Full| {
            let message = format!("{} calls wait for a reply already", Self::MOST_PENDING);
            Error::new(Code::Overloaded, message)
        })?;
        Ok(Slot { key, waiting: Arc::clone(&self.waiting), status: status.clone(), losses: 0 })
    }

    /// The cell of the task that receives. A task that has ended, because the runtime that it was started on
    /// has, is replaced.
    fn receiver(&self) -> Arc<OnceCell<Receiver>> {
        let mut cell = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        if cell.get().is_some_and(Receiver::has_ended) {
            *cell = Arc::default();
        }
        Arc::clone(&cell)
    }

    async fn open(&self) -> Result<Receiver, Error> {
        let address = self.transport.reply_address(&process_name());
        let source = Source::Replies(address.clone());
        let consumer = self.transport.consume(source, ConsumeOptions::new()).await?;
        let status = consumer.status();
        let ended = Arc::new(AtomicBool::new(false));
        let fails_all = FailsAll {
            waiting: Arc::clone(&self.waiting),
            ended: Arc::clone(&ended),
            why: ended_with_runtime,
            closed: Arc::clone(&self.closed),
        };
        let (waiting, transport) = (Arc::clone(&self.waiting), Arc::downgrade(&self.transport));
        let cancelling = tokio::spawn(async move { waiting.given_up.run(transport).await });
        let task = tokio::spawn(receive(consumer, fails_all));
        Ok(Receiver { address, task, cancelling, status, ended })
    }
}

impl Receiver {
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
        self.cancelling.abort();
    }
}

impl Slot {
    pub(super) fn correlation_id(&self) -> CorrelationId {
        CorrelationId::from_key(self.key)
    }

    /// Whether the broker delivers what comes to the reply address.
    fn listens(&self) -> bool {
        self.status.look(|status| status.state != ConsumerState::Degraded)
    }

    /// Whether the request of this place can still leave: the place can have been failed before it did.
    pub(super) fn is_good(&self) -> bool {
        let has_ended = || self.waiting.table.with(self.key, |waiter| waiter.has_ended());
        self.listens() && has_ended() == Some(false)
    }

    /// Waits while nobody listens for replies.
    async fn is_listening(&mut self) {
        if !self.listens() {
            self.status.wait_for(|status| status.state != ConsumerState::Degraded).await;
        }
    }

    /// When something comes for this call from now on.
    pub(super) fn heard(&self) -> Arc<Heard> {
        // Taken already, its answer is there.
        self.waiting.table.with(self.key, Waiter::listen).unwrap_or_else(|| Arc::new(Heard::now()))
    }

    /// Progress that comes for this call goes to `inbox`. Called before the request leaves, so that none comes too early.
    pub(super) fn listen_for_progress(&self, inbox: Inbox) {
        // Taken already, its answer is there.
        self.waiting.table.with(self.key, |waiter| waiter.listen_for_progress(inbox));
    }

    /// Takes the replies of many in the place of one: at most `most` of them wait to be read, and what comes beyond that
    /// is lost. Called before the request leaves, so that none comes too early.
    ///
    /// # Errors
    ///
    /// Why nobody waits in this place any more.
    pub(super) fn gather(&mut self, most: usize) -> Result<mpsc::Receiver<Received>, Error> {
        let (sender, replies) = mpsc::channel(most);
        match self.waiting.table.with(self.key, |waiter| waiter.gather(sender)) {
            Some(Ok(())) => Ok(replies),
            Some(Err(last)) => Err(last.err().unwrap_or_else(closed)),
            None => Err(closed()),
        }
    }

    /// The reply, before it is known that the request has left.
    pub(super) async fn early_reply(&self) -> Received {
        poll_fn(|context| self.waiting.poll(self.key, context)).await
    }

    /// Gives the place back before this is dropped. Says whether its call waited still.
    pub(super) fn give_back(&self) -> bool {
        self.waiting.table.take(self.key).is_some_and(|waiter| !waiter.has_ended())
    }

    /// The call of this place, to `target`, was given up after its request had left.
    pub(super) fn cancel(&self, target: &Target, deadline: Deadline) {
        self.waiting.given_up.add(target, self.key, deadline);
    }

    /// The request is about to leave.
    pub(super) fn leaves(&mut self) {
        self.losses = self.status.look(|status| status.losses);
    }

    /// The reply, or that it was lost with the queue that it would have come to.
    ///
    /// Called after the request has left. From then on a queue that is gone may have held the reply; a queue that went
    /// before was there again when the request left, so the reply finds it. Which of the two it was is not known of a queue
    /// that went since the request was handed over and not longer ago than word of the request may be late.
    pub(super) async fn reply(&mut self) -> Received {
        let (losses, lost_at) = self.status.look(|status| (status.losses, status.lost_at));
        if losses != self.losses && lost_at.is_some_and(|lost_at| lost_at.elapsed() <= LATEST) {
            let reply = self.waiting.table.with(self.key, Waiter::fetch);
            return reply.flatten().unwrap_or_else(|| Err(lost_with_its_queue()));
        }
        tokio::select! {
            biased;
            reply = poll_fn(|context| self.waiting.poll(self.key, context)) => reply,
            Some(_) = self.status.wait_for(|status| status.losses != losses) => Err(lost_with_its_queue()),
        }
    }
}

fn lost_with_its_queue() -> Error {
    let message = "the reply queue was lost while the link was down, and the reply may have been in it";
    Error::new(Code::ReplyLost, message)
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Waiting {
    /// The last reply to the call under `key`.
    fn poll(&self, key: u128, context: &Context<'_>) -> Poll<Received> {
        // Only its own drop takes a call away.
        self.table.with(key, |waiter| waiter.poll(context)).unwrap_or(Poll::Pending)
    }

    /// Says whether somebody waited for it.
    fn resolve(&self, correlation_id: Option<&CorrelationId>, reply: Received) -> bool {
        let Some(key) = correlation_id.and_then(CorrelationId::key) else { return false };
        let handed = self.table.with(key, |waiter| waiter.hand(reply));
        let Some(Handed { is_taken, wakes }) = handed else { return false };
        if let Some(waker) = wakes {
            waker.wake();
        }
        is_taken
    }

    /// A reply that is not the last one. Its call may have been given up, and the server cannot know.
    fn hear(&self, reply: Arc<Reply>) {
        if let Some(key) = reply.correlation_id.key() {
            self.table.with(key, |waiter| waiter.hear(reply));
        }
    }

    fn fail_all(&self, why: fn() -> Error) {
        let mut wakers = Vec::new();
        self.table.retain(|waiter| {
            wakers.extend(waiter.hand(Err(why())).wakes);
            // A gathering ends with its place; a call fetches what was left there.
            matches!(waiter, Waiter::Call(_))
        });
        wakers.into_iter().for_each(Waker::wake);
    }
}

fn ended_by_close() -> Error {
    closed().with_executed(Executed::Unknown).with_phase(Phase::Wait)
}

fn ended_with_runtime() -> Error {
    let message = "the tokio runtime that took replies in, that of the first call, has ended";
    Error::new(Code::ReplyLost, message)
}

/// Fails the calls that wait when the task that could answer them ends, wherever it stands.
struct FailsAll {
    waiting: Arc<Waiting>,
    ended: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
    why: fn() -> Error,
}

impl Drop for FailsAll {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        self.waiting.fail_all(self.why);
    }
}

async fn receive(mut consumer: Box<dyn Consumer>, mut fails_all: FailsAll) {
    let waiting = Arc::clone(&fails_all.waiting);
    while let Some(delivery) = next(&mut *consumer).await {
        let redelivered = delivery.is_redelivered();
        let (message, acknowledger) = delivery.into_parts();
        // Whether the broker hears of it soon does not matter: a second reply finds nobody.
        drop(acknowledger.ack());
        let is_awaited = match message {
            Ok(Message::Reply(reply)) if !reply.ending => {
                waiting.hear(reply);
                continue;
            }
            Ok(Message::Reply(reply)) => {
                let correlation_id = reply.correlation_id.clone();
                waiting.resolve(Some(&correlation_id), Ok(reply))
            }
            Ok(Message::Request(_) | Message::Notification(_)) => false,
            Err(malformed) => {
                let Malformed { answers, .. } = &malformed;
                let error = malformed.error().with_executed(Executed::Unknown).with_phase(Phase::Decode);
                let is_awaited = waiting.resolve(answers.as_ref(), Err(error));
                if !is_awaited && let Some(count) = waiting.unreadable.rejected(Instant::now()) {
                    let reason = &*malformed.reason;
                    tracing::warn!(
                        reason,
                        count,
                        "replies that cannot be read, the last of them for this reason"
                    );
                }
                is_awaited
            }
        };
        // One that comes again was most likely taken before, and its acknowledgement was lost with a link.
        if !is_awaited && !redelivered {
            waiting.orphans.fetch_add(1, Ordering::Relaxed);
        }
    }
    let is_closed = fails_all.closed.load(Ordering::Relaxed);
    fails_all.why = if is_closed { ended_by_close } else { lost_with_its_queue };
}

/// What people see in the name of the reply queue: the program's file name.
fn process_name() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .unwrap_or_default()
}
