//! What a process holds at the moment, as the operating system counts it.

use std::fs;

use rpc_amqp::AmqpTransport;

use super::Words;

/// Descriptors, threads, memory in KiB, tasks of the program's own runtime, and what the transport says of itself.
#[must_use]
pub fn measure(transport: &AmqpTransport) -> Words {
    let status = transport.status().now();
    let count = |folder: &str| fs::read_dir(folder).map_or(0, Iterator::count);
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    // The descriptor that reads the folder is counted, too.
    Words::default()
        .with("descriptors", count("/proc/self/fd").saturating_sub(1))
        .with("threads", count("/proc/self/task"))
        .with("names", thread_names())
        .with("memory", resident_kib())
        .with("tasks", tasks)
        .with("pending", transport.as_ref().pending_calls())
        .with("orphans", transport.as_ref().orphan_replies())
        .with("epoch", status.epoch)
        .with("state", super::one_word(&status.to_string()))
}

/// The names of all threads, in order.
fn thread_names() -> String {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok);
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let mut names: Vec<_> = names.map(|name| super::one_word(&name)).collect();
    names.sort();
    names.join(",")
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
