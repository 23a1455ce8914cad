//! The configuration of a program that calls or serves: a transport by URL, time limits and other limits, from a file, from the
//! environment and from the command line.
//!
//! Nothing in this crate asks for it: whoever keeps a configuration of another form sets what builders have. Whoever uses it has
//! one form for all programs, which `rpc --config FILE` reads, too.
//!
//! ```toml
//! # Everything stands in the table `rpc`, so that a program can keep what is its own in the same file.
//! [rpc]
//! exchange = "default"                # apart from others on one broker
//!
//! [rpc.transport]
//! url = "amqp://ann:secret@rabbit-1,rabbit-2/cell-1"
//! # url_file = "/run/secrets/broker"  # or a file that holds it
//! options = { heartbeat = 5, queue_type = "quorum" }    # keys of its query; what the URL says itself wins
//!
//! [rpc.client]
//! timeout = "30s"                     # of calls whose method says nothing
//! call_monitor = "5s"                 # how long a call bears no sign of life; none by default
//! fail_fast_no_consumers = false
//!
//! [rpc.server]
//! name = "cell-1"                     # none by default
//! workers = 64                        # requests that run at a time
//! delivery_limit = 5                  # attempts of a cast or an idempotent call
//! dedupe_time = "60s"                 # how long requests that ended are remembered
//! dedupe_count = 65536                # and how many
//! introspection = true                # by default what the transport says
//! shutdown_grace = "30s"              # what runs may take at a stop
//!
//! [rpc.notifier]
//! drivers = ["messaging"]
//! topics = ["notifications"]
//! timeout = "30s"
//! attempts = 5
//! ```
//!
//! Every value has a variable of the same name in capital letters: `RPC_TRANSPORT_URL`, `RPC_CLIENT_TIMEOUT`,
//! `RPC_TRANSPORT_OPTIONS_HEARTBEAT`, and lists with commas between. A variable wins over the file, and what the program sets
//! ([`ConfigLoader::set`]) over both. A time is a whole number with a unit: `ms`, `s`, `m` or `h`.
//!
//! Names that are not known are errors, in the file and among variables that begin as these do, since nobody else would notice a
//! slip. Each error says where the value came from: the line of the file, the variable, or the option. The URL, which may hold a
//! password, and what stands in its options are in no error and in no `Debug`.
//!
//! ```
//! use rpc_core::config::ConfigLoader;
//! # use rpc_core::{MemoryConnector, Registry, Server, service};
//! # #[service] trait Conductor { #[call] async fn name(&self) -> String; }
//! # struct Manager; impl Conductor for Manager { async fn name(&self) -> String { "m".to_owned() } }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = "
//!     [rpc.transport]
//!     url = 'memory://'
//!     [rpc.server]
//!     workers = 8
//! ";
//! let variables = [("RPC_CLIENT_TIMEOUT".into(), "5s".into())];        // or std::env::vars_os()
//! let config = ConfigLoader::new().text("service.toml", text)?.variables(variables)?.load()?;
//!
//! let registry = Registry::new().with(["memory"], MemoryConnector::default());
//! let transport = config.transport.connect(&registry).await?;
//! let server = config.server.builder(&transport, config.target("conductor")).endpoint(Manager.into_endpoint());
//! let server = server.start().await?;
//! let conductor = ConductorClient::new(&transport, config.target("conductor"))
//!     .prepare(|settings| config.client.apply(settings));
//! assert_eq!(conductor.name().await?, "m");
//!
//! let slip = ConfigLoader::new().text("service.toml", "[rpc.server]\nworkers = 'many'")?.load().unwrap_err();
//! let expected = "service.toml:2: rpc.server.workers has to be a whole number from 1 to 65535, and is \"many\"";
//! assert_eq!(slip.to_string(), expected);
//! # server.shutdown(config.server.shutdown_grace).await; Ok(()) }
//! ```

mod error;
mod loader;
mod place;
mod reader;
mod sections;

pub use self::error::ConfigError;
pub use self::loader::ConfigLoader;
pub use self::place::ConfigPlace;
pub use self::sections::{ClientConfig, Config, ServerConfig, TransportConfig};
