//! Telling the broker what was decided.
//!
//! While frames are on their way to the socket further decisions gather, and go together when those have been written. So a
//! consumer that is not busy is told of at once, and one that is costs a frame for many deliveries.

use std::pin::Pin;

use crate::consumer::acks::{AckBatch, Frame};
use crate::link::Refusal;

/// What was decided about deliveries, on its way to the broker.
pub(super) struct Telling {
    pub(super) batch: AckBatch,
    sender: Sender,
    is_due: bool,
    sending: Option<Sending>,
}

/// Hands frames to the connection, in order; the future ends when they were written to the socket.
pub(in crate::consumer) type Sender = Box<dyn Fn(Vec<Frame>) -> Sending + Send>;
pub(in crate::consumer) type Sending = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

impl Telling {
    pub(super) fn new(sender: Sender) -> Self {
        Self { batch: AckBatch::default(), sender, is_due: false, sending: None }
    }

    /// Something was put into the batch.
    pub(super) const fn decided(&mut self) {
        self.is_due = true;
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
                std::future::pending::<()>().await;
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
        self.is_due = false;
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

    use super::*;

    /// The frames that were sent, and who lets the sending of each batch end.
    #[derive(Clone, Default)]
    struct Socket {
        sent: Arc<Mutex<Vec<Vec<Frame>>>>,
        writable: Arc<Notify>,
    }

    impl Socket {
        fn telling(&self) -> Telling {
            let this = self.clone();
            let send = move |frames| -> Sending {
                this.sent.lock().unwrap().push(frames);
                let writable = Arc::clone(&this.writable);
                Box::pin(async move {
                    writable.notified().await;
                    Ok(())
                })
            };
            let mut telling = Telling::new(Box::new(send));
            (1..=1_000).for_each(|tag| telling.batch.delivered(tag));
            telling
        }

        fn sent(&self) -> Vec<Vec<Frame>> {
            self.sent.lock().unwrap().clone()
        }
    }

    fn ack(telling: &mut Telling, tag: u64) {
        telling.batch.ack(tag);
        telling.decided();
    }

    fn turn(telling: &mut Telling) {
        assert_eq!(telling.run().now_or_never(), None);
    }

    #[tokio::test]
    async fn what_is_decided_while_frames_are_on_their_way_goes_together() {
        let socket = Socket::default();
        let mut telling = socket.telling();
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

    #[tokio::test]
    async fn at_the_end_all_of_it_is_told() {
        let socket = Socket::default();
        let mut telling = socket.telling();
        ack(&mut telling, 1);
        socket.writable.notify_one();
        telling.finish().await.unwrap();
        assert_eq!(socket.sent(), [[Frame::Ack { tag: 1, multiple: false }]]);
        telling.finish().await.unwrap();
        assert_eq!(socket.sent().len(), 1);

        let mut telling = socket.telling();
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
