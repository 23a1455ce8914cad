//! `rpc topology`: what programs declare, and whether the broker has it.

use rpc_amqp::{AmqpTransport, AmqpTransportBuilder, Entity, EntityState};
use rpc_core::transport::{Destination, Source, Subscription};
use rpc_core::{Priority, ReplyAddress, Target, introspection};
use serde_json::{Value, json};

use crate::arguments::{Declaring, Role, Topology};
use crate::connection::GRACE;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{Output, Table, readable};

pub(super) async fn run(options: &Options, command: Topology, output: Output) -> Result<(), Failure> {
    match command {
        Topology::Show(declaring) => {
            let plan = plan(options, &declaring)?;
            show(&plan.entities(), output)
        }
        Topology::Check(declaring) => {
            let plan = plan(options, &declaring)?;
            let transport = builder(options).connect().await.map_err(Failure::Connect)?;
            let compared = transport.compare(&plan).await;
            transport.close(GRACE).await;
            check(&compared?, output)
        }
        Topology::Apply(declaring) => {
            let plan = plan(options, &declaring)?;
            // Whoever says `apply` means it, whatever the URL says for others.
            let builder = builder(options).topology(rpc_amqp::Topology::Declare);
            let transport = builder.connect().await.map_err(Failure::Connect)?;
            let made = transport.apply(&plan).await;
            transport.close(GRACE).await;
            show(&made?, output)
        }
    }
}

fn builder(options: &Options) -> AmqpTransportBuilder {
    AmqpTransport::builder(options.url()).service_name("rpc-cli")
}

fn plan(options: &Options, declaring: &Declaring) -> Result<rpc_amqp::TopologyPlan, Failure> {
    let (sources, destinations) = uses(options, declaring);
    builder(options).plan(&sources, &destinations).map_err(|error| match error.code() {
        rpc_core::Code::InvalidArguments => Failure::Usage(error.message().to_owned()),
        _ => Failure::Connect(error),
    })
}

/// What a program takes from, and where it sends.
fn uses(options: &Options, declaring: &Declaring) -> (Vec<Source>, Vec<Destination>) {
    let Declaring { topics, role, server, pool, priority } = declaring;
    let priorities = if priority.is_empty() { Priority::ALL } else { priority };
    let of = |topic: &str| Target::topic(topic).exchange(options.exchange.as_str());
    let named = |target: Target| server.iter().fold(target, |target, server| target.server(server.as_str()));
    let (mut sources, mut destinations) = (Vec::new(), Vec::new());
    for topic in topics {
        match role {
            Role::Server => {
                // A server without a name has one all the same, for people who look at the broker.
                let all = server.as_deref().unwrap_or("unnamed");
                sources.push(Source::Requests(of(topic)));
                sources
                    .extend(server.iter().map(|server| Source::Requests(of(topic).server(server.as_str()))));
                sources.push(Source::Requests(of(topic).server(all).fanout()));
                if is_asked(options) {
                    let questions = introspection::target().exchange(options.exchange.as_str());
                    sources.push(Source::Requests(questions.server(all).fanout()));
                }
            }
            Role::Client => {
                destinations.push(Destination::Request(named(of(topic))));
                destinations.push(Destination::Request(of(topic).fanout()));
                sources.push(Source::Replies(ReplyAddress::random("rpc")));
            }
            Role::Listener => {
                let mut subscription = Subscription::new(vec![topic.clone()]);
                subscription.exchange.clone_from(&options.exchange);
                subscription.priorities = priorities.to_vec();
                subscription.pool.clone_from(pool);
                sources.push(Source::Notifications(subscription));
            }
            Role::Notifier => {
                destinations.extend(priorities.iter().map(|priority| Destination::Notification {
                    exchange: options.exchange.clone(),
                    topic: topic.clone(),
                    priority: *priority,
                }))
            }
        }
    }
    (sources, destinations)
}

/// Whether servers answer questions when nothing else is said: among Python peers they do not.
fn is_asked(options: &Options) -> bool {
    let url = options.url();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    !query.split('&').any(|pair| pair == "wire=oslo")
}

fn show(entities: &[Entity], output: Output) -> Result<(), Failure> {
    output.show(entities, |entities| {
        let mut table = Table::new(["KIND", "NAME", "PROPERTIES"]);
        for entity in entities {
            table.row([entity.kind.to_string(), entity.name.clone(), properties(entity)]);
        }
        table.render()
    })
}

/// Switches that are on, and everything else by name.
fn properties(entity: &Entity) -> String {
    let shown = entity.properties.iter().filter_map(|(name, value)| match value.as_str() {
        "true" => Some(name.clone()),
        "false" => None,
        _ => Some(format!("{name}={value}")),
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn check(compared: &[(Entity, EntityState)], output: Output) -> Result<(), Failure> {
    let told: Vec<_> = compared
        .iter()
        .map(|(entity, state)| {
            let mut told = json!(entity);
            let state = json!(state);
            if let (Value::Object(told), Value::Object(state)) = (&mut told, state) {
                told.extend(state);
            }
            told
        })
        .collect();
    output.show(&told, |_| text(compared))?;
    let wrong = |(entity, state): &&(Entity, EntityState)| match state {
        EntityState::Absent => !entity.is_later,
        state => matches!(state, EntityState::Different { .. }),
    };
    match compared.iter().filter(wrong).count() {
        0 => Ok(()),
        wrong => Err(Failure::Check(format!("{wrong} of {} lack or differ", compared.len()))),
    }
}

/// A line for each, and below it what differs.
fn text(compared: &[(Entity, EntityState)]) -> String {
    let mut text = String::new();
    for (entity, state) in compared {
        let (word, note) = match state {
            EntityState::Same => ("ok", String::new()),
            EntityState::Absent if entity.is_later => ("-", "  (made when it is first needed)".to_owned()),
            EntityState::Absent => ("lacks", String::new()),
            EntityState::Different { .. } => ("differs", String::new()),
            EntityState::Unknown { reason } => ("?", format!("  ({reason})")),
            // States that a later library knows.
            _ => ("?", String::new()),
        };
        text.push_str(&readable(&format!("{word:<8} {:<9} {}{note}", entity.kind.as_str(), named(entity))));
        text.push('\n');
        if let EntityState::Different { found, advice } = state {
            for line in difference(&entity.properties, found) {
                text.push_str(&format!("    {}\n", readable(&line)));
            }
            text.push_str(&format!("    {}\n", readable(advice)));
        }
    }
    text
}

fn named(entity: &Entity) -> String {
    match (entity.properties.get("exchange"), entity.properties.get("key")) {
        (Some(exchange), Some(key)) => format!("{} from {exchange} by {key:?}", entity.name),
        _ => entity.name.clone(),
    }
}

type Properties = std::collections::BTreeMap<String, String>;

/// What is there with a minus, and what is wanted with a plus, as if the one became the other.
fn difference(wanted: &Properties, found: &Properties) -> Vec<String> {
    let mut names: Vec<_> = wanted.keys().chain(found.keys()).collect();
    names.sort();
    names.dedup();
    let lines = names.into_iter().filter(|name| wanted.get(*name) != found.get(*name)).flat_map(|name| {
        let line = |sign: char, value: Option<&String>| value.map(|value| format!("{sign} {name}={value}"));
        [line('-', found.get(name)), line('+', wanted.get(name))]
    });
    lines.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_what_would_have_to_change() {
        let of = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        let wanted = of(&[("durable", "true"), ("x-queue-type", "classic"), ("x-expires", "1")]);
        let found = of(&[("durable", "true"), ("x-queue-type", "quorum"), ("x-max-length", "2")]);
        let expected =
            ["+ x-expires=1", "- x-max-length=2", "- x-queue-type=quorum", "+ x-queue-type=classic"];
        assert_eq!(difference(&wanted, &found), expected);
        assert!(difference(&wanted, &wanted).is_empty());
    }
}
