//! Running a scenario.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::{CallError, Client, Error, Notifier, RetryPolicy, SharedTransport, Target, Value};
use tokio::task::JoinSet;

use super::history::{Event, History, Outcome};
use super::process::{AGAIN, PROBE, Service, context, transport};
use super::random::Random;
use super::scenario::{FaultKind, Kind, Scenario};
use super::world::World;

/// How long the world runs on after the last fault and the last answer, so that everything that is queued is done.
const DRAIN: u64 = 3_000;
/// How long a probe waits for its answer.
const PROBE_LIMIT: Duration = Duration::from_millis(400);
/// Between two probes.
const PROBE_PAUSE: Duration = Duration::from_millis(50);
/// For how long probes are sent.
const HEAL_LIMIT: u64 = 15_000;

thread_local! {
    static CHANCE: RefCell<Option<Random>> = const { RefCell::new(None) };
}

/// What takes the place of chance while a scenario runs on this thread.
pub(crate) fn seeded_number() -> Option<u64> {
    CHANCE.with_borrow_mut(|chance| chance.as_mut().map(Random::next))
}

/// What is left when a scenario is over.
pub(crate) struct Finished {
    pub(crate) history: History,
    /// Operations in durable queues, with the name of the queue.
    pub(crate) kept: Vec<(usize, String)>,
    /// Consumers that were started without a limit.
    pub(crate) unlimited: usize,
    /// Which clients were killed.
    pub(crate) dead: Vec<bool>,
    /// Calls that wait in the reply tables of the clients.
    pub(crate) pending: usize,
    /// From the end of the last fault to the first success, in milliseconds.
    pub(crate) healed_after: Option<u64>,
}

/// Runs `scenario` on a clock of its own.
pub(crate) fn run(scenario: &Scenario) -> Finished {
    CHANCE.with_borrow_mut(|chance| *chance = Some(Random::new(scenario.seed ^ 0x5EED)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets needs nothing");
    let finished = runtime.block_on(live(Arc::new(scenario.clone())));
    drop(runtime);
    CHANCE.with_borrow_mut(|chance| *chance = None);
    finished
}

async fn live(scenario: Arc<Scenario>) -> Finished {
    let world = World::new(scenario.seed);
    let turning = tokio::spawn(world.clone().turn());
    world.act(|state| state.plan(&scenario.faults));

    let mut clients = Vec::new();
    let mut life = JoinSet::new();
    for slot in 0..scenario.clients {
        let process = world.process(slot);
        clients.push((process, transport(&world, process, scenario.quorum).await));
    }
    for index in 0..scenario.servers {
        life.spawn(serve(world.clone(), index, Arc::clone(&scenario)));
    }
    for fault in &scenario.faults {
        if let FaultKind::Kill { process: slot } = fault.kind
            && slot < scenario.clients
        {
            let (world, (process, transport)) = (world.clone(), clients[slot].clone());
            let at = fault.at;
            life.spawn(async move {
                world.sleep_until(at).await;
                if world.is_alive(process) {
                    world.act(|state| state.kill(process));
                    transport.close(Duration::ZERO).await;
                }
            });
        }
    }
    let mut operations = JoinSet::new();
    for number in 0..scenario.operations.len() {
        let client = clients[scenario.operations[number].client].clone();
        operations.spawn(operate(world.clone(), Arc::clone(&scenario), number, client));
    }
    let healed = scenario.healed();
    world.sleep_until(healed).await;
    let healed_after = if scenario.heals { probe(&world, &clients, healed).await } else { None };
    let end = scenario.answered().max(scenario.unstuck()).max(world.now()) + DRAIN;
    world.sleep_until(end).await;
    let finished = {
        let state = world.lock();
        let kept = state.broker.kept();
        Finished {
            history: state.history.clone(),
            kept: kept.into_iter().map(|(operation, queue)| (operation, queue.to_owned())).collect(),
            unlimited: state.broker.unlimited,
            dead: Vec::new(),
            pending: 0,
            healed_after,
        }
    };
    let living = clients.iter().filter(|(process, _)| world.is_alive(*process));
    let pending = living.map(|(_, transport)| transport.pending_calls()).sum();
    turning.abort();
    let dead = clients.iter().map(|(process, _)| !world.is_alive(*process)).collect();
    Finished { dead, pending, ..finished }
}

/// The life of a server: it is killed and shut down as planned, and comes back.
async fn serve(world: World, index: usize, scenario: Arc<Scenario>) {
    let slot = scenario.clients + index;
    let faults = scenario.faults.iter().filter(|fault| match fault.kind {
        FaultKind::Kill { process } | FaultKind::Drain { process } => process == slot,
        _ => false,
    });
    let mut process = world.process(slot);
    let mut service = Some(Service::start(&world, process, index, &scenario).await);
    for fault in faults {
        world.sleep_until(fault.at).await;
        let Some(running) = service.take() else { continue };
        if matches!(fault.kind, FaultKind::Kill { .. }) {
            world.act(|state| state.kill(process));
            tokio::spawn(running.bury());
        } else {
            running.shutdown(Duration::from_millis(fault.lasts / 2)).await;
            world.act(|state| state.leave(process));
        }
        world.sleep_until(fault.at + fault.lasts).await;
        process = world.process(slot);
        service = Some(Service::start(&world, process, index, &scenario).await);
    }
    std::future::pending::<()>().await;
    drop(service);
}

async fn operate(
    world: World,
    scenario: Arc<Scenario>,
    number: usize,
    (process, transport): (usize, SharedTransport),
) {
    let operation = scenario.operations[number];
    world.sleep_until(operation.at).await;
    if !world.is_alive(process) {
        return;
    }
    world.record(Event::Invoked { operation: number });
    let requested = request(&transport, operation.kind, number, Duration::from_millis(operation.timeout));
    let outcome = match operation.abandoned {
        None => requested.await,
        Some(time) => match tokio::time::timeout(Duration::from_millis(time), requested).await {
            Ok(outcome) => outcome,
            Err(_) => return world.record(Event::Abandoned { operation: number }),
        },
    };
    if world.is_alive(process) {
        world.record(Event::Resolved { operation: number, outcome });
    }
}

async fn request(transport: &SharedTransport, kind: Kind, number: usize, timeout: Duration) -> Outcome {
    let client = Client::new(transport, Target::topic("t"));
    let (arguments, context) = (Value::map([("operation", number as u64)]), context(number));
    match kind {
        Kind::Call => called(client.call("call", &arguments).timeout(timeout).context(&context).await),
        Kind::Idempotent => {
            let call = client.start_call::<Value, String>(&AGAIN, &arguments);
            called(call.timeout(timeout).context(&context).await)
        }
        Kind::CallServer(index) => {
            // Heard for as long as it is worked on; given up earlier than at its deadline when its server is gone.
            let server = format!("s{index}");
            let client = client.prepare(|settings| settings.server(server).call_monitor(timeout / 2));
            called(client.call("call", &arguments).timeout(timeout).context(&context).await)
        }
        Kind::CallNobody => {
            let client = client.prepare(|settings| settings.server("nobody"));
            called(client.call("call", &arguments).timeout(timeout).context(&context).await)
        }
        Kind::CastNobody => {
            let client = client.prepare(|settings| settings.server("nobody"));
            sent(client.cast("cast", &arguments).timeout(timeout).context(&context).await)
        }
        Kind::Cast => sent(client.cast("cast", &arguments).timeout(timeout).context(&context).await),
        Kind::Fanout => sent(client.fanout("fanout", &arguments).timeout(timeout).context(&context).await),
        Kind::Notify => {
            // The pauses between attempts are by chance, and a history is not.
            let notifier = Notifier::new(transport, "simulated").timeout(timeout).retry(RetryPolicy::never());
            let notifier = notifier.context(&context).context_fields(["operation"]);
            sent(notifier.info("simulated.event", &arguments).await)
        }
    }
}

fn called<E>(outcome: Result<Value, CallError<E>>) -> Outcome {
    match outcome {
        Ok(value) => {
            Outcome::Ok(value.as_integer().and_then(|number| u64::try_from(number).ok()).unwrap_or(u64::MAX))
        }
        Err(CallError::Service(_)) => Outcome::Service,
        Err(CallError::Rpc(error)) => failed(&error),
    }
}

fn sent(outcome: Result<(), Error>) -> Outcome {
    outcome.map_or_else(|error| failed(&error), |()| Outcome::Ok(0))
}

fn failed(error: &Error) -> Outcome {
    Outcome::Failed { code: error.code(), executed: error.executed(), text: error.to_string() }
}

/// Calls until a call succeeds; the time that it took since everything was healed.
async fn probe(world: &World, clients: &[(usize, SharedTransport)], healed: u64) -> Option<u64> {
    let mut slowest = 0;
    for (process, transport) in clients {
        if !world.is_alive(*process) {
            continue;
        }
        loop {
            if matches!(request(transport, Kind::Call, PROBE, PROBE_LIMIT).await, Outcome::Ok(_)) {
                break;
            }
            if world.now() > healed + HEAL_LIMIT {
                return None;
            }
            tokio::time::sleep(PROBE_PAUSE).await;
        }
        slowest = slowest.max(world.now() - healed);
    }
    world.record(Event::Healed);
    Some(slowest)
}
