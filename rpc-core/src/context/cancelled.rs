//! Whether anybody still waits for the call that a handler serves.

use super::Context;

impl Context {
    /// Resolves when the caller has given the call up: it dropped the call, or its own call was cancelled. For work that has left
    /// the handler, since the handler itself is dropped then, at the await point where it stands.
    ///
    /// Never for what cannot be cancelled: casts, fanouts, events, methods that are `uncancellable`, requests over a wire of
    /// another framework, and work that starts here. Nor at the deadline, which is known beforehand
    /// ([`deadline`](Self::deadline)).
    ///
    /// ```
    /// # use rpc_core::Context;
    /// # fn disks() -> Vec<u32> { vec![1, 2] }
    /// # fn wipe(_: u32) {}
    /// async fn wipe_all(ctx: &Context) {
    ///     let ctx = ctx.clone();
    ///     // Dropping the handler does not stop a thread.
    ///     let wiping = tokio::task::spawn_blocking(move || {
    ///         disks().into_iter().take_while(|_| !ctx.is_cancelled()).for_each(wipe);
    ///     });
    ///     wiping.await.expect("nothing in it panics");
    /// }
    /// # let _ = wipe_all;
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn cancelled(&self) {
        match self.cancellation.get() {
            Some(signal) => signal.given().await,
            None => std::future::pending().await,
        }
    }

    /// Whether the caller has given the call up. See [`cancelled`](Self::cancelled).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.get().is_some_and(crate::cancellation::Signal::is_given)
    }
}
