//! A thread with as little stack as any has that reads a socket.

/// In bytes.
const SMALL_STACK: usize = 256 * 1_024;

/// Runs `work` there. What it makes is dropped there, too, unless it is returned.
pub(crate) fn on_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(SMALL_STACK).spawn_scoped(scope, work);
        thread.expect("a thread can be started").join().expect("it has not panicked")
    })
}
