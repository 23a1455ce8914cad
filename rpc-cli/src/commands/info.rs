//! `rpc info`: what is served.

use std::fmt::Write;
use std::time::Duration;

use rpc_core::SharedTransport;
use rpc_core::introspection::{ArgumentDescription, Info, InterfaceDescription, MethodDescription};

use crate::arguments::Whom;
use crate::discovery::Discovery;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{Output, uptime};

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    whom: Whom,
    output: Output,
) -> Result<(), Failure> {
    let discovery = Discovery::new(transport, options, whom);
    let infos = discovery.answers(discovery.info(), |info| &info.server, output).await?;
    output.show(&infos, |infos| text(infos))
}

/// Servers first, then what they serve: once, when several of a topic serve the same.
fn text(infos: &[Info]) -> String {
    let mut text = String::new();
    let mut rest = infos;
    while let Some(first) = rest.first() {
        let same =
            |info: &&Info| info.server.topic == first.server.topic && info.interfaces == first.interfaces;
        let count = rest.iter().take_while(same).count();
        let (alike, others) = rest.split_at(count);
        for info in alike {
            text.push_str(&server(info));
        }
        for interface in &first.interfaces {
            text.push_str(&described(interface));
        }
        rest = others;
    }
    text
}

// Writing to a string cannot fail, so results of `writeln!` are dropped below.

fn server(info: &Info) -> String {
    let mut text = String::new();
    let Info { server, program, host, process, framework, workers, .. } = info;
    let _ = writeln!(text, "{} on {} (instance {})", server.topic, server.server, server.instance);
    let version = info.program_version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let _ = writeln!(
        text,
        "  program {program}{version} as process {process} on {host}, up {}",
        uptime(info.uptime_ms)
    );
    let _ = writeln!(text, "  {framework}, {workers} workers");
    text
}

fn described(interface: &InterfaceDescription) -> String {
    let mut text = String::new();
    let namespace = interface.namespace.as_ref().map_or_else(
        || "the namespace without a name".to_owned(),
        |namespace| format!("namespace {namespace}"),
    );
    let _ = writeln!(text, "\n  {} {} in {namespace}", interface.name, interface.version);
    docs(&mut text, "    ", &interface.docs);
    for method in &interface.methods {
        let _ = writeln!(text, "    {}", signature(method));
        docs(&mut text, "        ", &method.docs);
    }
    text.push('\n');
    text
}

fn docs(text: &mut String, indent: &str, docs: &str) {
    for line in docs.lines() {
        let line: String = line.chars().filter(|it| !it.is_control()).collect();
        let _ = writeln!(text, "{}", format!("{indent}{line}").trim_end());
    }
}

/// A method as it could stand in its trait.
fn signature(method: &MethodDescription) -> String {
    let argument = |argument: &ArgumentDescription| {
        let optional = if argument.required { "" } else { " = default" };
        format!("{}: {}{optional}", argument.name, argument.value.type_name)
    };
    let arguments: Vec<_> = method.arguments.iter().map(argument).collect();
    let result = match (method.result.type_name.as_str(), &method.error) {
        ("()", None) => String::new(),
        (result, None) => format!(" -> {result}"),
        (result, Some(error)) => format!(" -> Result<{result}, {}>", error.type_name),
    };
    let mut notes = vec![format!("since {}", method.since)];
    let time = |name: &str, milliseconds: Option<u64>| {
        let time = humantime::format_duration(Duration::from_millis(milliseconds?));
        Some(format!("{name} {time}"))
    };
    notes.extend(time("timeout", method.timeout_ms));
    notes.extend(time("call monitor", method.call_monitor_ms));
    notes.extend(method.idempotent.then(|| "idempotent".to_owned()));
    notes.extend(method.at_most_once.then(|| "at most once".to_owned()));
    notes.extend(method.uncancellable.then(|| "uncancellable".to_owned()));
    notes.extend(method.progress.as_ref().map(|told| format!("progress {}", told.type_name)));
    format!("{} {}({}){result}  [{}]", method.kind, method.name, arguments.join(", "), notes.join(", "))
}
