//! `rpc schema`: interfaces as documents, and what becomes of who has another version.

mod asyncapi;
mod definitions;
mod diff;

use std::path::Path;

use rpc_core::Version;
use rpc_core::introspection::InterfaceDescription;

use self::definitions::Labelled;
use crate::arguments::{Export, Format, Schema, Whom};
use crate::connection::connected;
use crate::discovery::Discovery;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{self, Output};

pub(super) async fn run(options: &Options, command: Schema, output: Output) -> Result<(), Failure> {
    match command {
        Schema::Export(export) => {
            let interfaces = match &export.from {
                Some(file) => read(file)?,
                None => asked(options, &export, output).await?,
            };
            write(interfaces, &export)
        }
        Schema::Diff { old, new } => diff::show(&read(&old)?, &read(&new)?, output),
    }
}

/// Of all servers of the topic: while one version takes the place of another, they differ.
async fn asked(
    options: &Options,
    export: &Export,
    output: Output,
) -> Result<Vec<InterfaceDescription>, Failure> {
    let whom = Whom { topic: Some(export.topic.clone()), server: export.server.clone() };
    connected(options, async |transport| {
        let discovery = Discovery::new(transport, options, whom);
        let infos = discovery.answers(discovery.info(), |info| &info.server, output).await?;
        let mut interfaces: Vec<InterfaceDescription> = Vec::new();
        for interface in infos.into_iter().flat_map(|info| info.interfaces) {
            let is_known = |other: &InterfaceDescription| {
                (&other.namespace, &other.name, major(other))
                    == (&interface.namespace, &interface.name, major(&interface))
            };
            match interfaces.iter_mut().find(|other| is_known(other)) {
                None => interfaces.push(interface),
                Some(other) if *other == interface => {}
                Some(other) => {
                    output.note(format!(
                        "servers differ about {} {}: the latest is taken",
                        other.name, other.version
                    ));
                    if version(&interface) > version(other) {
                        *other = interface;
                    }
                }
            }
        }
        Ok(interfaces)
    })
    .await
}

fn write(interfaces: Vec<InterfaceDescription>, export: &Export) -> Result<(), Failure> {
    let is_wanted = |interface: &InterfaceDescription| {
        export.namespace.is_none() || export.namespace == interface.namespace
    };
    let interfaces: Vec<_> = interfaces.into_iter().filter(is_wanted).collect();
    if interfaces.is_empty() {
        return Err(Failure::Nobody(format!("topic {:?} has no such interface", export.topic)));
    }
    let document = match (export.format, &interfaces[..]) {
        (Format::Asyncapi, _) => {
            output::json(&asyncapi::document(&export.topic, &Labelled::all(&interfaces)))
        }
        (Format::JsonSchema, _) => {
            output::json(&definitions::document(&export.topic, &Labelled::all(&interfaces)))
        }
        (Format::Interface, [only]) => output::json(only),
        (Format::Interface, several) => output::json(several),
    };
    output::print(&document?)
}

/// One interface, or a list.
fn read(file: &Path) -> Result<Vec<InterfaceDescription>, Failure> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum File {
        One(Box<InterfaceDescription>),
        Several(Vec<InterfaceDescription>),
    }
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
    match serde_json::from_str(&text) {
        Ok(File::One(only)) => Ok(vec![*only]),
        Ok(File::Several(several)) => Ok(several),
        Err(_) => Err(Failure::Usage(format!(
            "{shown}: this is no description of interfaces: `rpc schema export --format interface` writes one"
        ))),
    }
}

fn version(interface: &InterfaceDescription) -> Option<Version> {
    interface.version.parse().ok()
}

fn major(interface: &InterfaceDescription) -> Option<u32> {
    version(interface).map(Version::major)
}
