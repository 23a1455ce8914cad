//! A call in a forked child, which has the sockets of its parent and none of its threads.

use std::time::Duration;

use fork::{Fork, fork, waitpid};

use super::{Demand, Requester, Words};
use crate::checker::Kind;

/// How long the child may take. Its call has 3 s.
const LIMIT: Duration = Duration::from_secs(6);

/// Forks, makes one call in the child, waits for the child's end, and says which process it was.
///
/// # Panics
///
/// When the system does not fork.
pub async fn call_in_a_child(requester: Requester) -> Words {
    // A thread that no runtime knows: the child begins as a copy of it, and makes a runtime of its own.
    let (sender, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || match fork().expect("the system forks") {
        Fork::Parent(child) => {
            let _ = waitpid(child);
            let _ = sender.send(child);
        }
        Fork::Child => end_after(&requester),
    });
    Words::default().with("process", ended.await.expect("the parent only waits"))
}

/// Makes the call, and ends the process with nothing dropped: what it would close is its parent's.
#[allow(clippy::exit, reason = "the child must not run into the code of its parent")]
fn end_after(requester: &Requester) -> ! {
    std::thread::spawn(|| {
        std::thread::sleep(LIMIT);
        std::process::exit(3)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let demand = Demand { deadline: Duration::from_secs(3), ..Demand::new(Kind::Call) };
    runtime.block_on(requester.request(demand));
    std::process::exit(0)
}
