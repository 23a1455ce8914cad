//! Telling the broker what was decided.
//!
//! While frames are on their way to the socket further decisions gather, and go together when those have been written. So a
//! consumer that is not busy is told of at once, and one that is costs a frame for many deliveries.
//!
//! Replies can wait longer: one that comes again because its acknowledgement was late finds nobody waiting.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::consumer::acks::{AckBatch, Frame};
use crate::link::Refusal;

/// How long an acknowledgement of a reply may wait for others.
const LONGEST_WAIT: Duration = Duration::from_millis(25);
/// How many of them may wait: a part of what the broker sends without an acknowledgement.
const MOST_WAITING: usize = 256;

/// What was decided about deliveries, on its way to the broker.
pub(super) struct Telling {
    pub(super) batch: AckBatch,
    sender: Sender,
    is_patient: bool,
    is_due: bool,
    waiting: usize,
    late: Option<Pin<Box<Sleep>>>,
    sending: Option<Sending>,
}

/// Hands frames to the connection, in order; the future ends when they were written to the socket.
pub(in crate::consumer) type Sender = Box<dyn Fn(Vec<Frame>) -> Sending + Send>;
pub(in crate::consumer) type Sending = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

impl Telling {
    /// `is_patient` for replies.
    pub(super) fn new(sender: Sender, is_patient: bool) -> Self {
        Self {
            batch: AckBatch::default(),
            sender,
            is_patient,
            is_due: false,
            waiting: 0,
            late: None,
            sending: None,
        }
    }

    /// So many decisions were put into the batch.
    pub(super) fn decided(&mut self, count: usize) {
        self.waiting += count;
        if !self.is_patient || self.waiting >= MOST_WAITING {
            self.is_due = true;
        } else if self.late.is_none() {
            self.late = Some(Box::pin(sleep_until(Instant::now() + LONGEST_WAIT)));
        }
    }

    /// Tells whatever is due, and never ends but with the cause of a failure. Dropping the future loses nothing.
    pub(super) async fn run(&mut self) -> String {
        loop {
            if let Some(sending) = &mut self.sending {
                let sent = sending.await;
                self.sending = None;
                if let Err(Refusal { text, .. }) = sent {
                    return text;
                }
            }
            if !self.is_due {
                match &mut self.late {
                    Some(late) => late.await,
                    None => std::future::pending().await,
                }
            }
            self.start();
        }
    }

    /// Tells all that was decided.
    pub(super) async fn finish(&mut self) -> Result<(), Refusal> {
        if let Some(sending) = self.sending.take() {
            sending.await?;
        }
        self.start();
        match self.sending.take() {
            Some(sending) => sending.await,
            None => Ok(()),
        }
    }

    fn start(&mut self) {
        (self.is_due, self.waiting, self.late) = (false, 0, None);
        let frames = self.batch.flush();
        if !frames.is_empty() {
            self.sending = Some((self.sender)(frames));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures_util::FutureExt;
    use tokio::sync::Notify;
    use tokio::time::advance;

    use super::*;

    /// The frames that were sent, and who lets the sending of each batch end.
    #[derive(Clone, Default)]
    struct Socket {
        sent: Arc<Mutex<Vec<Vec<Frame>>>>,
        writable: Arc<Notify>,
    }

    impl Socket {
        fn telling(&self, is_patient: bool) -> Telling {
            let this = self.clone();
            let send = move |frames| -> Sending {
                this.sent.lock().unwrap().push(frames);
                let writable = Arc::clone(&this.writable);
                Box::pin(async move {
                    writable.notified().await;
                    Ok(())
                })
            };
            let mut telling = Telling::new(Box::new(send), is_patient);
            (1..=1_000).for_each(|tag| telling.batch.delivered(tag));
            telling
        }

        fn sent(&self) -> Vec<Vec<Frame>> {
            self.sent.lock().unwrap().clone()
        }
    }

    fn ack(telling: &mut Telling, tag: u64) {
        telling.batch.ack(tag);
        telling.decided(1);
    }

    fn turn(telling: &mut Telling) {
        assert_eq!(telling.run().now_or_never(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_decided_while_frames_are_on_their_way_goes_together() {
        let socket = Socket::default();
        let mut telling = socket.telling(false);
        ack(&mut telling, 1);
        turn(&mut telling);
        for tag in 2..=5 {
            ack(&mut telling, tag);
            turn(&mut telling);
        }
        assert_eq!(socket.sent(), [[Frame::Ack { tag: 1, multiple: false }]]);
        socket.writable.notify_one();
        turn(&mut telling);
        assert_eq!(socket.sent()[1..], [[Frame::Ack { tag: 5, multiple: true }]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_waits_for_others_but_not_for_long() {
        let socket = Socket::default();
        let mut telling = socket.telling(true);
        ack(&mut telling, 1);
        turn(&mut telling);
        advance(LONGEST_WAIT - Duration::from_millis(1)).await;
        ack(&mut telling, 2);
        turn(&mut telling);
        assert_eq!(socket.sent(), Vec::<Vec<Frame>>::new());
        advance(Duration::from_millis(2)).await;
        turn(&mut telling);
        assert_eq!(socket.sent(), [[Frame::Ack { tag: 2, multiple: true }]]);
        socket.writable.notify_one();
        for tag in 3..3 + MOST_WAITING as u64 {
            assert_eq!(socket.sent().len(), 1);
            ack(&mut telling, tag);
            turn(&mut telling);
        }
        assert_eq!(socket.sent()[1..], [[Frame::Ack { tag: 258, multiple: true }]]);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_all_of_it_is_told() {
        let socket = Socket::default();
        let mut telling = socket.telling(true);
        ack(&mut telling, 1);
        socket.writable.notify_one();
        telling.finish().await.unwrap();
        assert_eq!(socket.sent(), [[Frame::Ack { tag: 1, multiple: false }]]);
        telling.finish().await.unwrap();
        assert_eq!(socket.sent().len(), 1);

        let mut telling = socket.telling(false);
        ack(&mut telling, 1);
        turn(&mut telling);
        ack(&mut telling, 2);
        let mut finishing = std::pin::pin!(telling.finish());
        for expected in [2, 3] {
            assert!((&mut finishing).now_or_never().is_none());
            assert_eq!(socket.sent().len(), expected);
            socket.writable.notify_one();
        }
        finishing.await.unwrap();
    }
}
