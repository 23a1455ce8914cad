//! A limit on every wait for the broker.

use std::time::Duration;

use super::refusal::Refusal;

/// How long a broker may take to answer one command. One that takes longer is treated as gone: a healthy one answers in
/// milliseconds, and the connection has no limit of its own.
const AWAIT_LIMIT: Duration = Duration::from_secs(5);

/// What the broker answers to `command`, within [`AWAIT_LIMIT`].
pub(crate) async fn limited<T>(
    what: &str,
    command: impl Future<Output = lapin::Result<T>>,
) -> Result<T, Refusal> {
    match tokio::time::timeout(AWAIT_LIMIT, command).await {
        Ok(answer) => answer.map_err(|error| Refusal::from_answer(&error)),
        Err(_) => Err(Refusal::silent(what)),
    }
}
