//! The command line.

mod bench;
mod schema;
mod topology;

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::bench::Bench;
pub(crate) use self::schema::{Export, Format, Schema};
pub(crate) use self::topology::{Declaring, Role, Topology};

/// See and steer what runs on a broker.
#[derive(Debug, Parser)]
#[command(name = "rpc", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the service answered with an error, or a check found something wrong
  2  the command line or an argument of a method is wrong; nothing was sent
  3  the broker cannot be reached, or refuses
  4  nobody is there: no server answered, or no queue exists
  5  no answer before the deadline
  6  the system refuses what the program needs, such as a place to write to
  7  a change of an interface breaks somebody, and no new major version says so";

/// What every command understands, before or after its name.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalOptions {
    /// Where the broker is: amqp://USER:PASSWORD@HOST:PORT/VHOST, by default amqp://guest:guest@localhost:5672
    /// [env: RPC_TRANSPORT_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) transport_url: Option<String>,
    /// The exchange, which keeps deployments apart on one broker; by default `default` [env: RPC_EXCHANGE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) exchange: Option<String>,
    /// A file that says both, as services have it: the table `rpc` of a TOML file. Variables and options win over it
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<std::path::PathBuf>,
    /// How results are written
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub(crate) output: OutputForm,
    /// How long to wait, such as 500ms or 1m; by default 1s for questions about servers, and for calls what the method says
    #[arg(short, long, global = true, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum OutputForm {
    /// For people
    #[default]
    Table,
    /// For programs: one JSON value
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the servers that run: what they serve, where, and how busy they are
    Ls(Whom),
    /// Asks servers whether they are there, and how long that takes
    Ping(Expecting),
    /// Shows what servers serve: interfaces, methods and their types
    Info(Whom),
    /// Shows how much servers did, and how long it took
    Stats(Stats),
    /// Shows what servers do now, again and again
    Top(Top),
    /// Asks servers whether they do their work; exit code 1 when one does not
    Health(Expecting),
    /// Calls a method of any one server, or of the one that is named, and prints the result
    Call(Request),
    /// Casts a method: one server runs it, and nobody waits
    Cast(Request),
    /// Casts a method to every server of the topic
    Fanout(Request),
    /// Sends a method to every server of the topic, and prints what each answers
    Gather(Gather),
    /// Emits an event
    Notify(Notify),
    /// Shows events as they come
    Listen(Listen),
    /// Looks after what could not be handled
    #[command(subcommand)]
    Dlq(Dlq),
    /// Looks whether what every program needs can be had here, and says what to do if not; exit code 1 then
    Doctor,
    /// Writes interfaces as documents, and compares them
    #[command(subcommand)]
    Schema(Schema),
    /// Shows which exchanges and queues programs declare, compares them with the broker, and makes them
    #[command(subcommand)]
    Topology(Topology),
    /// Puts a load on a method, or on an echo server that it starts, and shows how long calls took
    Bench(Bench),
    /// Serves what `bench` calls, until its standard input ends
    #[command(hide = true)]
    BenchServer,
    /// Writes a completion script for a shell to standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Which servers are meant.
#[derive(Args, Clone, Debug)]
pub(crate) struct Whom {
    /// Servers of this topic only
    pub(crate) topic: Option<String>,
    /// The server of this name only
    #[arg(short, long, value_name = "NAME")]
    pub(crate) server: Option<String>,
}

/// Which servers are meant, and how many there have to be.
#[derive(Args, Clone, Debug)]
pub(crate) struct Expecting {
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// How many servers have to answer: ends as soon as they have, and with exit code 4 when fewer do
    #[arg(short, long, value_name = "NUMBER")]
    pub(crate) expect: Option<usize>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// Show methods that nobody has called, too
    #[arg(short, long)]
    pub(crate) all: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// How long to wait between two looks
    #[arg(short, long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "2s")]
    pub(crate) interval: Duration,
    /// Ends after so many
    #[arg(short = 'c', long = "count", value_name = "NUMBER")]
    pub(crate) frames: Option<u64>,
    /// How many methods are shown at most
    #[arg(long, value_name = "NUMBER", default_value_t = 40)]
    pub(crate) rows: usize,
}

/// Which method runs where, with which arguments.
#[derive(Args, Clone, Debug)]
pub(crate) struct Request {
    /// The topic
    pub(crate) topic: String,
    /// The method
    pub(crate) method: String,
    /// Arguments by name; text that is read as the type that the server describes
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) arguments: Vec<String>,
    /// All arguments as one JSON object; KEY=VALUE adds to them
    #[arg(long, value_name = "OBJECT")]
    pub(crate) json: Option<String>,
    /// The server of this name, instead of any one
    #[arg(short, long, value_name = "NAME")]
    pub(crate) server: Option<String>,
    /// The namespace of the interface; needed when several have the method
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    /// The version to ask for; by default the one that brought the method
    #[arg(long = "interface-version", value_name = "MAJOR.MINOR")]
    pub(crate) version: Option<rpc_core::Version>,
    /// Do not ask servers for the types: a value is sent as JSON if it is JSON, and as text otherwise
    #[arg(short, long)]
    pub(crate) untyped: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Gather {
    #[command(flatten)]
    pub(crate) request: Request,
    /// How many servers have to answer: ends as soon as they have, and with exit code 4 when fewer do
    #[arg(short, long, value_name = "NUMBER")]
    pub(crate) expect: Option<usize>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Notify {
    /// What happened, such as node.power_set
    pub(crate) event_type: String,
    /// The event's data by name: a value is sent as JSON if it is JSON, and as text otherwise
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) payload: Vec<String>,
    /// The event's data as one JSON object; KEY=VALUE adds to it
    #[arg(long, value_name = "OBJECT")]
    pub(crate) json: Option<String>,
    /// The topic
    #[arg(long, default_value = rpc_core::Notifier::DEFAULT_TOPIC)]
    pub(crate) topic: String,
    /// How urgent it is: audit, debug, info, warn, error, critical or sample
    #[arg(short, long, default_value = "info")]
    pub(crate) priority: rpc_core::Priority,
    /// Who emits it
    #[arg(long, value_name = "NAME", default_value = "rpc-cli")]
    pub(crate) publisher: String,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Listen {
    /// The topics
    #[arg(default_value = rpc_core::Notifier::DEFAULT_TOPIC)]
    pub(crate) topics: Vec<String>,
    /// The pool, whose queues stay when this ends and keep what comes meanwhile: delete them when nobody listens again. In a
    /// pool that others listen to, each event is shown here or goes to them
    #[arg(short = 'P', long, value_name = "NAME")]
    pub(crate) pool: String,
    /// Events of this priority only; may be given several times
    #[arg(short, long)]
    pub(crate) priority: Vec<rpc_core::Priority>,
    /// Events whose type begins like this regular expression; others are taken and not shown, here and below
    #[arg(short, long, value_name = "EXPRESSION")]
    pub(crate) event_type: Option<String>,
    /// Events of publishers whose name begins like this regular expression
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) publisher: Option<String>,
    /// Events with a text in their data that begins like this; may be given several times
    #[arg(long, value_name = "KEY=EXPRESSION")]
    pub(crate) payload: Vec<String>,
    /// Ends after so many events, and with exit code 4 when none came for the --timeout before
    #[arg(short, long, value_name = "NUMBER")]
    pub(crate) count: Option<usize>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Dlq {
    /// Counts the dead letters of topics
    Ls {
        /// The topics; by default those of all servers that run, and that of notifications
        topics: Vec<String>,
    },
    /// Shows dead letters, and takes none away
    Show(Letters),
    /// Sends dead letters back to the queue that they were rejected from
    Replay(Letters),
    /// Takes dead letters away for good
    Drop {
        #[command(flatten)]
        which: Letters,
        /// All of the topic; needed when nothing else says which
        #[arg(short, long)]
        all: bool,
    },
}

/// Which dead letters are meant.
#[derive(Args, Clone, Debug)]
pub(crate) struct Letters {
    /// The topic
    pub(crate) topic: String,
    /// The message with this id; this and the others may be given several times
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// What was rejected with this code, such as invalid_arguments
    #[arg(long = "code", value_name = "CODE")]
    pub(crate) codes: Vec<rpc_core::Code>,
    /// Requests for this method
    #[arg(long = "method", value_name = "NAME")]
    pub(crate) methods: Vec<String>,
    /// Events of this type
    #[arg(long = "event-type", value_name = "TYPE")]
    pub(crate) event_types: Vec<String>,
    /// No more than so many
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    pub(crate) limit: usize,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_shows_the_options_of_a_command_before_those_of_every_command() {
        let mut cli = Cli::command();
        cli.build();
        let listen = cli.find_subcommand_mut("listen").unwrap();
        let help = listen.render_help().to_string();
        let place = |text: &str| help.find(text).unwrap_or_else(|| panic!("no {text}: {help}"));
        assert!(place("--pool") < place("--count") && place("--count") < place("Options of every command"));
        assert!(place("Options of every command") < place("--transport-url"), "{help}");
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in ["rpc --output json --timeout 2s ls", "rpc ls --timeout 2s --output json"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(
                (cli.options.output, cli.options.timeout),
                (OutputForm::Json, Some(Duration::from_secs(2)))
            );
        }
    }
}
