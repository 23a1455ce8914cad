//! What a file says.

use std::process::{Command, Stdio};

use tests::broker::Broker;

use crate::support::{Manager, connect, exchange, server};

fn rpc(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpc"));
    command.args(arguments).env_remove("RUST_LOG").env_remove("RPC_TRANSPORT_URL").stdin(Stdio::null());
    let ended = command.envs(variables.iter().copied()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_says_where_the_broker_is() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let url = Broker::shared().url();
    let text =
        format!("[rpc]\nexchange = {exchange:?}\n[rpc.transport]\nurl = {url:?}\noptions.heartbeat = 7\n");
    let path = std::env::temp_dir().join(format!("rpc-cli-{}.toml", std::process::id()));
    std::fs::write(&path, &text).unwrap();
    let path = path.to_str().unwrap();

    let (code, output, errors) = rpc(&["ls", "--config", path], &[]);
    assert!(code == Some(0) && output.contains("cell-1"), "{errors}");
    let (code, _, errors) = rpc(&["ls", "--config", path, "--exchange", "other", "--timeout", "200ms"], &[]);
    assert!(code == Some(4) && errors.contains("\"other\""), "the command line wins: {errors}");
    let nowhere = [("RPC_TRANSPORT_URL", "amqp://127.0.0.1:1")];
    assert_eq!(rpc(&["ls", "--config", path], &nowhere).0, Some(3), "a variable wins over the file");
    let (code, _, errors) = rpc(&["ls", "--config", path, "--transport-url", &url], &nowhere);
    assert_eq!(code, Some(0), "the command line wins over both: {errors}");

    std::fs::write(path, "[rpc.transport]\nurl = 'amqp://ann:hunter2@h'\noptions.colour = 'red'\n").unwrap();
    let (code, _, errors) = rpc(&["ls", "--config", path], &[]);
    assert!(code == Some(2) && errors.contains(&format!("{path}:2: unknown key \"colour\"")), "{errors}");
    std::fs::write(path, "[rpc.transport]\nurl = amqp://ann:hunter2@h\n").unwrap();
    let (code, _, errors) = rpc(&["ls", "--config", path], &[]);
    assert!(
        code == Some(2) && errors.contains(&format!("{path}:2: ")) && !errors.contains("hunter2"),
        "{errors}"
    );
    std::fs::remove_file(path).unwrap();
    let (code, _, errors) = rpc(&["ls", "--config", path], &[]);
    assert!(code == Some(2) && errors.contains("No such file"), "{errors}");
    assert_eq!(rpc(&["ls"], &[("RPC_CLIENT_TIMOUT", "1s")]).0, Some(2));
}
