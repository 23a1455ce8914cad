//! Which method is meant, as a server describes it.

use std::collections::BTreeSet;

use rpc_core::introspection::{InterfaceDescription, MethodDescription};
use rpc_core::{Client, Prepare, SharedTransport, Target, Value, Version};

use crate::arguments::{Request, Whom};
use crate::discovery::Discovery;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::Output;
use crate::values;

/// A request that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) client: Client,
    pub(crate) method: String,
    pub(crate) arguments: Value,
    /// `call`, `cast` or `fanout`, if a server said so.
    pub(crate) kind: Option<String>,
}

/// Reads the arguments as the method's. Nothing is sent but the question for its description.
pub(crate) async fn prepare(
    transport: &SharedTransport,
    options: &Options,
    request: Request,
    output: Output,
) -> Result<Prepared, Failure> {
    let Request { topic, method, arguments, json, server, namespace, version, untyped } = request;
    let target = Target::topic(topic.as_str()).exchange(options.exchange.as_str());
    let target = server.iter().fold(target, |target, server| target.server(server.as_str()));
    let client = Client::new(transport, target);
    if untyped {
        let arguments = values::untyped(json.as_deref(), &arguments)?;
        let client = client.prepare(|settings| with(settings, namespace, version));
        return Ok(Prepared { client, method, arguments, kind: None });
    }
    let whom = Whom { topic: Some(topic.clone()), server };
    let discovery = Discovery::new(transport, &Options { timeout: None, ..options.clone() }, whom);
    // Any one of them knows.
    let found = discovery.gather(discovery.info(), Some(1), output).await?;
    let found = discovery.require(found, None).map_err(|failure| {
        Failure::Nobody(format!("{failure}; --untyped calls those that do not describe themselves"))
    })?;
    let interfaces = found.into_iter().flat_map(|found| found.answer.interfaces).collect();
    let (interface, described) = choose(interfaces, &topic, &method, namespace.as_deref(), version)?;
    let arguments = values::typed(&described, json.as_deref(), &arguments)?;
    let version = version.or_else(|| described.since.parse().ok());
    let mut client = client.prepare(|settings| with(settings, interface.namespace, version));
    if let Some(timeout) = described.timeout_ms {
        client = client.prepare(|settings| settings.timeout(std::time::Duration::from_millis(timeout)));
    }
    Ok(Prepared { client, method, arguments, kind: Some(described.kind) })
}

fn with(settings: Prepare, namespace: Option<String>, version: Option<Version>) -> Prepare {
    let settings = namespace.into_iter().fold(settings, Prepare::namespace);
    version.into_iter().fold(settings, Prepare::version)
}

/// The one interface that has the method.
fn choose(
    interfaces: Vec<InterfaceDescription>,
    topic: &str,
    method: &str,
    namespace: Option<&str>,
    version: Option<Version>,
) -> Result<(InterfaceDescription, MethodDescription), Failure> {
    let all: BTreeSet<_> = interfaces.iter().map(served).collect();
    let named = |interface: &InterfaceDescription| {
        let serves =
            |version| interface.version.parse::<Version>().is_ok_and(|served| served.serves(version));
        namespace.is_none_or(|namespace| interface.namespace.as_deref() == Some(namespace))
            && version.is_none_or(serves)
    };
    let mut fitting: Vec<_> = interfaces
        .into_iter()
        .filter(named)
        .filter_map(|interface| {
            let described = interface.methods.iter().find(|described| described.name == method)?.clone();
            Some((interface, described))
        })
        .collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Failure::Usage(format!(
            "several interfaces of topic {topic:?} have a method {method:?}: choose one with --namespace or --interface-version"
        ))),
        (None, _) => {
            let within =
                namespace.map(|namespace| format!(" in namespace {namespace:?}")).unwrap_or_default();
            let at = version.map(|version| format!(" at version {version}")).unwrap_or_default();
            let all = if all.is_empty() { "nothing".to_owned() } else { Vec::from_iter(all).join("; ") };
            Err(Failure::Usage(format!(
                "topic {topic:?} has no method {method:?}{within}{at}; its servers have {all}"
            )))
        }
    }
}

/// What an interface has, in one line.
fn served(interface: &InterfaceDescription) -> String {
    let InterfaceDescription { name, namespace, version, methods, .. } = interface;
    let methods: Vec<_> = methods.iter().map(|method| method.name.as_str()).collect();
    let within =
        namespace.as_ref().map(|namespace| format!(" in namespace {namespace:?}")).unwrap_or_default();
    format!("{name} {version}{within}: {}", methods.join(", "))
}
