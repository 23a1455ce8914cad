//! Looking for what others have made.

use super::{declare_adopting, declare_one, is_adoptable, leave};
use crate::library::Channel;
use crate::link::{Refusal, RefusalKind, Session};
use crate::topology::Declaration;

/// Looks, and makes nothing.
pub(super) struct Verifier<'a> {
    session: &'a Session,
    /// Of its own, because a refusal closes it and not every refusal matters.
    channel: Option<Channel>,
}

impl<'a> Verifier<'a> {
    pub(super) const fn new(session: &'a Session) -> Self {
        Self { session, channel: None }
    }

    pub(super) async fn verify(&mut self, declaration: &Declaration) -> Result<(), Refusal> {
        if matches!(declaration, Declaration::Binding { .. }) {
            // AMQP has no way to look at one.
            return Ok(());
        }
        let channel = match self.channel.take() {
            Some(channel) => channel,
            None => self.session.channel().await?,
        };
        declare_one(&channel, declaration, true).await?;
        // The passive one compares nothing. This one does, and makes nothing since it has just been found.
        let compared = if is_adoptable(declaration) {
            declare_adopting(self.session, declaration).await
        } else {
            declare_one(&channel, declaration, false).await
        };
        match compared {
            // Whoever may make nothing is not told more; nor could anybody with the same rights have put it there.
            Err(refusal) if refusal.kind == RefusalKind::Forbidden => Ok(()),
            compared => {
                self.channel = Some(channel);
                compared
            }
        }
    }

    pub(super) async fn close(self) {
        if let Some(channel) = self.channel {
            leave(channel).await;
        }
    }
}
