//! Where RabbitMQ is on this machine.

use std::path::{Path, PathBuf};

const MISSING: &str = "\
RabbitMQ is not installed, and these tests need it (they start a private node; no service has to run).
  tests/run             installs it on Debian and Ubuntu, then runs all tests
  RPC_TESTS_RABBITMQ    names the folder of its `rabbitmq-server` script when it is installed elsewhere";

/// RabbitMQ on this machine.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    /// The folder of `rabbitmq-server` and `rabbitmqctl` as RabbitMQ ships them. The scripts of the same names
    /// that Debian puts on the path insist on root or the user `rabbitmq`; these do not.
    pub(super) scripts: PathBuf,
}

impl Installation {
    pub(super) fn find() -> Self {
        if let Some(scripts) = std::env::var_os("RPC_TESTS_RABBITMQ") {
            let scripts = PathBuf::from(scripts);
            let named = scripts.display();
            assert!(is_complete(&scripts), "RPC_TESTS_RABBITMQ={named} contains no rabbitmq-server");
            return Self { scripts };
        }
        let scripts = candidates().into_iter().find(|scripts| is_complete(scripts)).expect(MISSING);
        Self { scripts }
    }
}

/// Debian and Ubuntu, generic archives and container images, Homebrew. The newest version comes first.
fn candidates() -> Vec<PathBuf> {
    let versions = Path::new("/usr/lib/rabbitmq/lib");
    let mut found: Vec<PathBuf> = std::fs::read_dir(versions)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("rabbitmq_server-"))
        .map(|entry| entry.path().join("sbin"))
        .collect();
    found.sort();
    found.reverse();
    found.extend(["/opt/rabbitmq/sbin", "/opt/homebrew/opt/rabbitmq/sbin"].map(PathBuf::from));
    found
}

fn is_complete(scripts: &Path) -> bool {
    ["rabbitmq-server", "rabbitmqctl"].iter().all(|script| scripts.join(script).is_file())
}
