//! Telling the broker what was decided.
//!
//! While frames are on their way to the socket further decisions gather, and go together when those have been written. So a
//! consumer that is not busy is told of at once, and one that is costs a frame for many deliveries.
//!
//! Replies can wait longer: one that comes again because its acknowledgement was late finds nobody waiting.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::consumer::acks::AckBatch;
use crate::consumer::opened::Sender;
use crate::link::Refusal;

/// How long an acknowledgement of a reply may wait for others.
const LONGEST_WAIT: Duration = Duration::from_millis(25);
/// How many of them may wait: a part of what the broker sends without an acknowledgement.
const MOST_WAITING: usize = 256;

/// What was decided about deliveries, on its way to the broker.
pub(super) struct Telling {
    pub(super) batch: AckBatch,
    sender: Arc<Sender>,
    is_patient: bool,
    is_due: bool,
    waiting: usize,
    late: Option<Pin<Box<Sleep>>>,
    sending: Option<Sending>,
}

type Sending = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

impl Telling {
    /// `is_patient` for replies.
    pub(super) fn new(sender: Arc<Sender>, is_patient: bool) -> Self {
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
            self.sending = Some(Box::pin(Arc::clone(&self.sender).send(frames)));
        }
    }
}
