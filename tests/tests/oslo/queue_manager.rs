//! Names of queues that come again after a restart.

use std::time::Duration;

use rpc_core::Target;
use serde_json::json;
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::python::Python;
use crate::service::{PeerClient, connect, serve};

/// A host that nobody else is.
fn host() -> String {
    unique("host").replace('_', "-")
}

/// The numbers of the queues whose names begin with `base`.
fn numbers(broker: &Broker, base: &str) -> Vec<u32> {
    let queues = broker.queues();
    let mut numbers: Vec<_> =
        queues.iter().filter_map(|queue| queue.name.strip_prefix(base)?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_23_24_names_come_again_and_are_never_shared() {
    let (broker, topic, host) = (Broker::shared(), unique("managed"), host());
    let options = format!("&use_queue_manager=true&hostname={host}&processname=peer");
    let (replies, fanouts) = (format!("reply_{host}:peer:"), format!("{topic}_fanout_{host}:peer:"));
    for round in 1..=2 {
        let (one, other) = (connect(broker, &options).await, connect(broker, &options).await);
        let servers = [serve(&one, &topic, "one").await, serve(&other, &topic, "other").await];
        for transport in [&one, &other] {
            let client = PeerClient::new(transport, Target::topic(&*topic));
            for server in ["one", "other"] {
                assert_eq!(client.prepare(|it| it.server(server)).whoami().await.unwrap(), server);
            }
        }
        assert_eq!(numbers(broker, &replies), [1, 2], "round {round}");
        assert_eq!(numbers(broker, &fanouts), [1, 2], "round {round}");
        for server in servers {
            server.shutdown(Duration::from_secs(1)).await;
        }
        one.close(Duration::from_secs(1)).await;
        other.close(Duration::from_secs(1)).await;
        // They stay for whoever comes next.
        assert_eq!((numbers(broker, &replies).len(), numbers(broker, &fanouts).len()), (2, 2));
        drop((one, other));
        // The locks are freed by the task of each transport when that ends.
        let free = eventually(async || is_free(&format!("reply_{host}:peer:2")).then_some(())).await;
        assert!(free.is_some(), "a lock is held by nobody who runs");
    }
}

fn is_free(queue: &str) -> bool {
    let path = format!("/dev/shm/rpc-{queue}.lock");
    std::fs::File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_23_a_queue_of_somebody_else_is_refused() {
    let (broker, topic, host) = (Broker::shared(), unique("taken"), host());
    let options = format!("use_queue_manager=true&hostname={host}&processname=peer");
    // Python numbers by itself, as a process on another machine of this name would.
    let _python_server = Python::server(broker, "", &topic, "python");
    let mut python = Python::client(broker, &options);
    let whoami = json!({ "op": "call", "topic": topic, "method": "whoami" });
    assert_eq!(python.perform(&whoami), Ok(json!("python")));
    let reply = format!("reply_{host}:peer:1");
    assert!(broker.queue(&reply).is_some_and(|queue| queue.consumers == 1));

    let transport = connect(broker, &format!("&{options}")).await;
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    let client = client.prepare(|it| it.timeout(Duration::from_secs(15)));
    let refused = client.whoami().await.unwrap_err().to_string();
    for part in [&*reply, "has a consumer already", "processname"] {
        assert!(refused.contains(part), "{refused}");
    }
    // The next number is nobody's.
    assert_eq!(client.whoami().await.unwrap(), "python");
    assert_eq!(numbers(broker, &format!("reply_{host}:peer:")), [1, 2]);
    // And the Python process still has its own.
    for _ in 0..5 {
        assert_eq!(python.perform(&whoami), Ok(json!("python")));
    }
}
