//! What this process has used, as the operating system counts it.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};

/// User and system time of all threads so far.
#[allow(dead_code, reason = "not every bench asks for it")]
pub(crate) fn cpu_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("one's own usage can be asked for");
    let micros = |time: TimeVal| u64::try_from(time.num_microseconds()).expect("time is not negative");
    Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()))
}

/// Memory that is resident, in KiB.
#[allow(dead_code, reason = "not every bench asks for it")]
pub(crate) fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).expect("a process has memory")
}
