//! `rpc schema`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Schema {
    /// Writes the interfaces of a topic to standard output, as its servers describe them
    Export(Export),
    /// Says which changes of interfaces break whom; exit code 7 when somebody breaks and no new major version says so
    Diff {
        /// A file that `rpc schema export --format interface` or `rpc_core::contract::check` wrote
        old: PathBuf,
        /// Another one, that is newer
        new: PathBuf,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Export {
    /// The topic
    pub(crate) topic: String,
    /// The server of this name only
    #[arg(short, long, value_name = "NAME", conflicts_with = "from")]
    pub(crate) server: Option<String>,
    /// The interfaces of this namespace only
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    /// Take the interfaces from this file instead of asking servers: one that `--format interface` wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// What is written
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// How interfaces are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// A document of AsyncAPI 3.0: operations, messages and their schemas
    #[default]
    Asyncapi,
    /// A document of JSON Schema (2020-12) with the arguments, results and errors of methods as definitions
    JsonSchema,
    /// As servers tell it, for `rpc schema diff` and `rpc_core::contract::check`
    Interface,
}
