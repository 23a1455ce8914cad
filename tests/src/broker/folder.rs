//! The folder of a node: its configuration, its data and its log.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::member::Member;
use super::ports::{self, Ports};
use super::tls::Certificates;

/// The lines of a log that an error shows.
const LINES_SHOWN: usize = 80;
/// The folder in the folder that has all that a node stores.
const DATA: &str = "data";

#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The name of the Erlang node.
    pub(super) node: String,
}

impl Folder {
    /// A new folder with all that a node reads. The supervising shell removes it.
    pub(super) fn create(
        member: &Member,
        ports: Ports,
        settings: &[String],
        plugins: &[String],
        certificates: Option<&Certificates>,
    ) -> Self {
        let name = format!("{}-{:08x}", member.name, ports::random() & 0xffff_ffff);
        let path = std::env::temp_dir().join(name);
        // Others must not read the cookie, and with it command the node.
        fs::DirBuilder::new().mode(0o700).create(&path).expect("a folder for the node");
        let folder = Self { path, node: member.node() };
        for inner in [DATA, "log", "tls"] {
            fs::create_dir(folder.path.join(inner)).expect("a folder for the node");
        }
        folder.write("rabbitmq.conf", &configuration(ports, settings));
        folder.write("enabled_plugins", &format!("[{}].\n", plugins.join(",")));
        folder.write(".erlang.cookie", &member.cookie);
        fs::set_permissions(folder.path.join(".erlang.cookie"), fs::Permissions::from_mode(0o400)).unwrap();
        if let Some(certificates) = certificates {
            folder.write("tls/authority.pem", &certificates.authority);
            folder.write("tls/server.pem", &certificates.server);
            folder.write("tls/server-key.pem", &certificates.server_key);
        }
        folder
    }

    /// The environment of the node and of `rabbitmqctl`.
    pub(super) fn environment(&self, member: &Member, ports: Ports) -> Vec<(String, String)> {
        let inside = |name: &str| self.path.join(name).to_string_lossy().into_owned();
        let variables = [
            // The cookie is read from the home folder.
            ("HOME", inside("")),
            ("LANG", "C.UTF-8".into()),
            // Otherwise a tool that fails writes it into the folder that the tests were started in.
            ("ERL_CRASH_DUMP", inside("erl_crash.dump")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
            ("RABBITMQ_NODENAME", self.node.clone()),
            ("RABBITMQ_NODE_PORT", ports.client.to_string()),
            ("RABBITMQ_DIST_PORT", ports.distribution.to_string()),
            ("RABBITMQ_MNESIA_BASE", inside(DATA)),
            ("RABBITMQ_LOG_BASE", inside("log")),
            ("RABBITMQ_PID_FILE", inside("pid")),
            ("RABBITMQ_CONFIG_FILE", inside("rabbitmq.conf")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", inside("enabled_plugins")),
            // Each running rabbitmqctl takes one port of this range; several test binaries may run at once.
            ("RABBITMQ_CTL_DIST_PORT_MIN", "35672".into()),
            ("RABBITMQ_CTL_DIST_PORT_MAX", "35871".into()),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", member.emulator.into()),
            ("BRINGS_NAME_SERVER", if member.brings_name_server { "yes" } else { "" }.into()),
            ("ERL_EPMD_PORT", ports.name_server.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Removes the data of a node that does not run.
    pub(super) fn wipe(&self) {
        let data = self.path.join(DATA);
        fs::remove_dir_all(&data).and_then(|()| fs::create_dir(&data)).expect("the data of the node is ours");
    }

    /// The end of what the node wrote.
    pub(super) fn log(&self) -> String {
        let node_log = self.path.join("log").join(format!("{}.log", self.node));
        let mut shown = format!("(RPC_TESTS_KEEP=1 keeps {})\n", self.path.display());
        for file in [self.path.join("log/output"), self.path.join("log/epmd"), node_log] {
            let Ok(bytes) = fs::read(&file) else { continue };
            let text = last_lines(&String::from_utf8_lossy(&bytes));
            if !text.is_empty() {
                shown.push_str(&format!("--- {}\n{text}\n", file_name(&file)));
            }
        }
        shown
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path.join(name), text).expect("a file for the node");
    }
}

fn configuration(ports: Ports, settings: &[String]) -> String {
    let mut lines = vec![
        format!("listeners.tcp.1 = 127.0.0.1:{}", ports.client),
        "distribution.listener.interface = 127.0.0.1".into(),
        "vm_memory_high_watermark.absolute = 512MB".into(),
        "disk_free_limit.absolute = 50MB".into(),
        "log.console = false".into(),
    ];
    lines.extend(settings.iter().map(|line| line.replace("{tls-port}", &ports.tls.to_string())));
    lines.join("\n") + "\n"
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
