//! `rpc topology`.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Topology {
    /// Shows which exchanges and queues a program declares, by the URL alone: asks no broker
    Show(Declaring),
    /// Compares them with the broker; exit code 1 when something lacks or differs. Makes nothing
    Check(Declaring),
    /// Makes them: all but what each process makes for itself
    Apply(Declaring),
}

/// Whose exchanges and queues are meant.
#[derive(Args, Clone, Debug)]
pub(crate) struct Declaring {
    /// The topics
    #[arg(required = true)]
    pub(crate) topics: Vec<String>,
    /// What the program is
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) role: Role,
    /// The name of the server, for what it declares under that
    #[arg(short, long, value_name = "NAME")]
    pub(crate) server: Option<String>,
    /// The pool of the listener; by default the one without a name
    #[arg(short = 'P', long, value_name = "NAME")]
    pub(crate) pool: Option<String>,
    /// Events of this priority only; may be given several times
    #[arg(short, long)]
    pub(crate) priority: Vec<rpc_core::Priority>,
}

/// What a program is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Role {
    /// Serves the topics
    #[default]
    Server,
    /// Calls their servers
    Client,
    /// Listens to events
    Listener,
    /// Emits events
    Notifier,
}
