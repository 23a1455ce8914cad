//! Several consumers as one.

use futures_util::future::{join_all, select_all};

use crate::transport::{Consumer, Delivery, next};

/// Several consumers as one, each of which gets its turn.
pub(super) struct Consumers {
    running: Vec<Box<dyn Consumer>>,
    /// Kept, because what they handed out may not be settled yet.
    ended: Vec<Box<dyn Consumer>>,
}

impl Consumers {
    pub(super) const fn new(consumers: Vec<Box<dyn Consumer>>) -> Self {
        Self { running: consumers, ended: Vec::new() }
    }

    /// The next delivery of any; `None` when all have ended. Cancel-safe, as theirs is.
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        loop {
            let (delivery, index) = match &mut self.running[..] {
                [] => return None,
                [only] => (next(&mut **only).await, 0),
                several => {
                    // The first that is ready wins, so that another has to be the first the next time.
                    several.rotate_left(1);
                    let (delivery, index, _) = select_all(several.iter_mut().map(|it| it.next())).await;
                    (delivery, index)
                }
            };
            if delivery.is_some() {
                return delivery;
            }
            self.ended.push(self.running.remove(index));
        }
    }

    /// Asks for nothing more, and gives back what was not handed out.
    pub(super) async fn stop(&mut self) {
        join_all(self.running.iter_mut().map(|consumer| consumer.stop())).await;
    }

    /// Gives the broker what was settled, then ends.
    pub(super) async fn close(self) {
        join_all(self.running.into_iter().chain(self.ended).map(Consumer::close)).await;
    }
}
