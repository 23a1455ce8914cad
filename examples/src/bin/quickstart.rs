//! Three servers, a scheduler and a collector: every kind of request, and every way in which one can fail.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin quickstart
//! cargo run -p examples --bin quickstart -- --transport-url amqp://localhost
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples::compute::{ComputeClient, ComputeEndpoint, Host};
use examples::{Transcript, TransportOptions, registry};
use futures_util::future::try_join_all;
use rpc_core::{CallError, Client, Context, Listener, Notifier, Server, Target, Value, Version};

#[derive(Parser)]
#[command(about = "Shows calls, casts, fanouts, errors, deadlines and notifications")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
}

const EXCHANGE: &str = "quickstart";
const HOSTS: [&str; 3] = ["host-a", "host-b", "host-c"];

type Events = Listener<Value>;
type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let registry = registry();
    let mut transcript = Transcript::new("Quickstart: three hosts, a scheduler, a collector");

    // Each host has a connection of its own, as if it were another process.
    let mut servers = Vec::new();
    for name in HOSTS {
        let transport = options.transport.connect(&registry).await?;
        // Of the context, only what is named goes out with events: everybody may listen.
        let notifier =
            Notifier::new(&transport, format!("compute.{name}")).exchange(EXCHANGE).context_fields(["run"]);
        let server = Server::builder(&transport, target().server(name))
            .endpoint(ComputeEndpoint::new(Host::new(name, notifier)))
            .start()
            .await?;
        servers.push((server, transport));
    }
    let transport = options.transport.connect(&registry).await?;
    let events = Listener::builder(&transport, ["notifications"])
        .exchange(EXCHANGE)
        .pool("quickstart")
        .start()
        .await?;
    let compute = ComputeClient::new(&transport, target());
    // An earlier run that was interrupted may have left events; metadata tells ours apart.
    let mut context = Context::new();
    context.metadata.insert("user", "ada")?;
    context.metadata.insert("run", context.request_id.to_string())?;

    calls(&mut transcript, &compute, &context).await?;
    errors(&mut transcript, &compute).await;
    untyped(&mut transcript, &Client::new(&transport, target())).await?;
    casts(&mut transcript, &compute, &context).await?;
    notifications(&mut transcript, events, &context).await?;

    transcript.part("The hosts stop, finishing what they have begun");
    for (server, transport) in servers {
        server.shutdown(Duration::from_secs(5)).await;
        transport.close(Duration::from_secs(1)).await;
    }
    transcript.step("calls that still wait", transport.pending_calls(), "0");
    transport.close(Duration::from_secs(1)).await;
    Ok(transcript.end())
}

fn target() -> Target {
    Target::topic("compute").exchange(EXCHANGE)
}

async fn calls(transcript: &mut Transcript, compute: &ComputeClient, context: &Context) -> Outcome {
    transcript.part("Calls: one server runs it, the caller waits");
    let answers = try_join_all((0..30).map(|_| compute.whoami().into_future())).await?;
    let hosts: BTreeSet<_> = answers.into_iter().collect();
    transcript.step("30 calls to any host", list(hosts), "host-a, host-b, host-c");

    let host_b = compute.prepare(|settings| settings.server("host-b"));
    transcript.step("a call to host-b by name", host_b.whoami().await?, "host-b");
    let web_1 = host_b.boot("web-1".to_owned(), 4).context(context).await?;
    let booted = format!("{} with {} cores on {}", web_1.name, web_1.cores, web_1.host);
    transcript.step("boot a machine there", booted, "web-1 with 4 cores on host-b");
    Ok(())
}

async fn errors(transcript: &mut Transcript, compute: &ComputeClient) {
    transcript.part("Errors: each says what happened, and whether the method may have run");
    let refusal = failure(compute.boot("huge".to_owned(), 64).await);
    transcript.step("the service's own error", refusal, "64 cores are more than the 16 of a host");
    let late = failure(compute.migrate("web-1".to_owned()).await);
    transcript.step("a method slower than its deadline", late, "deadline_exceeded, unknown");
    let newer = compute.prepare(|settings| settings.version(Version::new(1, 9)));
    transcript.step(
        "a version that no host serves",
        failure(newer.whoami().await),
        "unsupported_version, not_sent",
    );
    let nobody = compute.prepare(|settings| settings.server("host-z"));
    transcript.step("a host that does not exist", failure(nobody.whoami().await), "unroutable, not_sent");
}

async fn untyped(transcript: &mut Transcript, client: &Client) -> Outcome {
    transcript.part("The untyped door: names and values instead of types");
    let client = client.prepare(|settings| settings.namespace("compute"));
    let db_1 = client.call("boot", &Value::map([("name", "db-1")])).await?;
    let cores = db_1.get("cores").and_then(Value::as_integer).unwrap_or_default();
    transcript.step("an argument left to its default", format!("{cores} cores"), "2 cores");
    let missing = failure(client.call("reboot", &Value::map([("name", "db-1")])).await);
    transcript.step("a method that does not exist", missing, "no_such_method, not_sent");
    let misspelt = Value::map([("name", Value::from("db-1")), ("kores", Value::from(2))]);
    let unknown = failure(client.call("boot", &misspelt).await);
    transcript.step("an argument that does not exist", unknown, "invalid_arguments, not_sent");
    Ok(())
}

async fn casts(transcript: &mut Transcript, compute: &ComputeClient, context: &Context) -> Outcome {
    transcript.part("Casts and fanouts: nobody waits for a reply");
    let host_b = compute.prepare(|settings| settings.server("host-b"));
    host_b.stop("web-1".to_owned()).context(context).await?;
    transcript.step("a cast to host-b", "taken", "taken");
    compute.audit().context(context).await?;
    transcript.step("a fanout to every host", "taken", "taken");
    Ok(())
}

async fn notifications(transcript: &mut Transcript, mut events: Events, context: &Context) -> Outcome {
    transcript.part("Notifications: what the hosts told the collector");
    let expected = [
        "audit compute.host-a compute.host.audited",
        "audit compute.host-b compute.host.audited",
        "audit compute.host-c compute.host.audited",
        "info compute.host-b compute.instance.booted",
        "info compute.host-b compute.instance.stopped",
    ];
    let mut seen = BTreeSet::new();
    while seen.len() < expected.len() {
        let Some(event) = tokio::time::timeout(Duration::from_secs(5), events.next()).await? else { break };
        if event.context().metadata.get("run") == context.metadata.get("run") {
            seen.insert(format!("{} {} {}", event.priority(), event.publisher_id(), event.event_type()));
        }
        event.ack().await?;
    }
    for (seen, expected) in seen.iter().zip(expected) {
        transcript.step("an event", seen, expected);
    }
    transcript.step("events in all", seen.len(), "5");
    events.close().await;
    Ok(())
}

fn list(names: impl IntoIterator<Item = String>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// What a failed call says of itself.
fn failure<T, E: Display>(outcome: Result<T, CallError<E>>) -> String {
    match outcome {
        Ok(_) => "no failure".to_owned(),
        Err(CallError::Service(error)) => error.to_string(),
        Err(CallError::Rpc(error)) => format!("{}, {}", error.code(), error.executed()),
    }
}
