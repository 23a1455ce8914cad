use std::ffi::OsString;

use super::*;
use crate::MemoryConnector;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(*name), OsString::from(*value)));
    ConfigLoader::new().text("s.toml", text)?.variables(variables)?.load()
}

fn complaint(text: &str, variables: &[(&str, &str)]) -> String {
    load(text, variables).map(|config| panic!("{config:?}")).unwrap_err().to_string()
}

#[test]
fn nothing_said_is_what_builders_do_by_themselves() {
    let config = load("[other]\nrpc = 1", &[("RPC_TESTS", "x"), ("PATH", "/bin")]).unwrap();
    assert_eq!((config.exchange.as_str(), config.transport.url()), (Target::DEFAULT_EXCHANGE, None));
    assert_eq!((config.client.timeout, config.client.call_monitor), (Client::DEFAULT_TIMEOUT, None));
    assert_eq!(config.server.workers, ServerBuilder::DEFAULT_WORKERS);
    assert_eq!(config.server.dedupe_window, ServerBuilder::DEFAULT_DEDUPE_WINDOW);
    assert_eq!(config.server.delivery_limit, ServerBuilder::DEFAULT_DELIVERY_LIMIT);
    let (notifier, default) = (format!("{:?}", config.notifier), format!("{:?}", NotifierConfig::default()));
    assert_eq!(notifier, default);
}

#[test]
fn every_name_is_read_from_a_file_and_from_variables() {
    let text = "
        [rpc]
        exchange = 'cell'
        transport.url = 'amqp://h/v?heartbeat=1'
        transport.options = { heartbeat = 5, queue_type = 'quorum', user_id = false }
        client = { timeout = '5s', call_monitor = '2s', fail_fast_no_consumers = true }
        [rpc.server]
        name = 's'
        workers = 8
        delivery_limit = 2
        dedupe_time = '0s'
        dedupe_count = 0
        introspection = false
        shutdown_grace = '1m'
        [rpc.notifier]
        drivers = ['log']
        topics = ['a', 'b']
        timeout = '3s'
        content_type = 'application/json'
        attempts = 2
        context_fields = ['user']
        routing_rules = 'rules.toml'
    ";
    let variables = [
        ("RPC_EXCHANGE", "cell"),
        ("RPC_TRANSPORT_URL", "amqp://h/v?heartbeat=1"),
        ("RPC_TRANSPORT_OPTIONS_HEARTBEAT", "5"),
        ("RPC_TRANSPORT_OPTIONS_QUEUE_TYPE", "quorum"),
        ("RPC_TRANSPORT_OPTIONS_USER_ID", "false"),
        ("RPC_CLIENT_TIMEOUT", "5s"),
        ("RPC_CLIENT_CALL_MONITOR", "2s"),
        ("RPC_CLIENT_FAIL_FAST_NO_CONSUMERS", "true"),
        ("RPC_SERVER_NAME", "s"),
        ("RPC_SERVER_WORKERS", "8"),
        ("RPC_SERVER_DELIVERY_LIMIT", "2"),
        ("RPC_SERVER_DEDUPE_TIME", "0s"),
        ("RPC_SERVER_DEDUPE_COUNT", "0"),
        ("RPC_SERVER_INTROSPECTION", "false"),
        ("RPC_SERVER_SHUTDOWN_GRACE", "1m"),
        ("RPC_NOTIFIER_DRIVERS", "log"),
        ("RPC_NOTIFIER_TOPICS", "a, b"),
        ("RPC_NOTIFIER_TIMEOUT", "3s"),
        ("RPC_NOTIFIER_CONTENT_TYPE", "application/json"),
        ("RPC_NOTIFIER_ATTEMPTS", "2"),
        ("RPC_NOTIFIER_CONTEXT_FIELDS", "user"),
        ("RPC_NOTIFIER_ROUTING_RULES", "rules.toml"),
    ];
    let (file, environment) = (load(text, &[]).unwrap(), load("", &variables).unwrap());
    let shown = |config: &Config| {
        let Config { exchange, client, server, notifier, transport } = config;
        format!("{exchange} {client:#?} {server:#?} {notifier:#?} {:?}", transport.url())
    };
    assert_eq!(shown(&file), shown(&environment));
    assert_eq!((file.server.workers, file.client.timeout), (8, Duration::from_secs(5)));
    assert_eq!(
        file.transport.url().as_deref(),
        Some("amqp://h/v?heartbeat=1&queue_type=quorum&user_id=false")
    );
    assert_eq!(file.target("t").exchange_name(), "cell");
}

#[test]
fn what_comes_later_wins() {
    let text = "[rpc]\nexchange = 'file'\nserver.workers = 1";
    let config = load(text, &[("RPC_EXCHANGE", "variable")]).unwrap();
    assert_eq!((config.exchange.as_str(), config.server.workers), ("variable", 1));
    let config = ConfigLoader::new().text("s.toml", text).unwrap().set("exchange", "program", "--exchange");
    assert_eq!(config.load().unwrap().exchange, "program");
    let file = "[rpc.transport]\nurl_file = '/no/such/file'";
    let config = load(file, &[("RPC_TRANSPORT_URL", "memory://")]).unwrap();
    assert_eq!(config.transport.url().as_deref(), Some("memory://"), "the file is not read");
}

#[test]
fn the_place_of_a_mistake_is_said() {
    for (text, variables, expected) in [
        (
            "[rpc.client]\n\ntimeout = 'soon'",
            &[][..],
            "s.toml:3: rpc.client.timeout has to be a time such as \"500ms\", \"30s\", \"5m\" or \"1h\", and is \"soon\"",
        ),
        ("[rpc.client]\ntimeout = '0s'", &[], "s.toml:2: rpc.client.timeout has to be a time"),
        ("[rpc.client]\ntimeout = 30", &[], "s.toml:2: rpc.client.timeout has to be a time"),
        (
            "[rpc.server]\nworkers = 0",
            &[],
            "s.toml:2: rpc.server.workers has to be a whole number from 1 to 65535, and is \"0\"",
        ),
        ("[rpc.server]\nworkers = '8'", &[], "s.toml:2: rpc.server.workers has to be a whole number"),
        ("[rpc]\nexchange = ''", &[], "s.toml:2: rpc.exchange has to be text"),
        ("rpc = 1", &[], "s.toml:1: there is no rpc; there are "),
        (
            "[rpc.server]\nworker = 8",
            &[],
            "s.toml:2: there is no rpc.server.worker; there are rpc.server.dedupe_count, rpc.server.dedupe_time, ",
        ),
        (
            "[rpc.servers]\nworkers = 8",
            &[],
            "s.toml:2: there is no rpc.servers.workers; there are rpc.client.call_monitor, ",
        ),
        ("[rpc.server]\nworkers = 1\nworkers = 2", &[], "s.toml:3: duplicate key"),
        (
            "[rpc.server]\nworkers = 1",
            &[("RPC_SERVER_WORKERS", "many")],
            "the variable RPC_SERVER_WORKERS: rpc.server.workers has to be a whole number from 1 to 65535, and is \"many\"",
        ),
        (
            "",
            &[("RPC_CLIENT_TIMOUT", "1s")],
            "the variable RPC_CLIENT_TIMOUT: there is no rpc.client.timout; there are ",
        ),
        (
            "[rpc.transport]\nurl_file = '/no/such/file'",
            &[],
            "/no/such/file, which s.toml:2 names: No such file",
        ),
        (
            "[rpc.transport]\nurl = 'memory://'\nurl_file = '/no/such/file'",
            &[],
            "s.toml:3: rpc.transport.url_file says what rpc.transport.url says already, at s.toml:2",
        ),
    ] {
        let complaint = complaint(text, variables);
        assert!(complaint.starts_with(expected), "{complaint}\n{expected}");
    }
    let missing = ConfigLoader::new().file("/no/such/file").unwrap_err().to_string();
    assert!(missing.starts_with("/no/such/file: No such file"), "{missing}");
}

#[tokio::test]
async fn what_may_be_secret_is_not_shown() {
    let texts = [
        "[rpc.transport]\nurl = amqp://ann:hunter2@h",
        "[rpc.transport]\nurl = 'amqp://ann:hunter2@h",
        "[rpc.transport]\nurl = ['amqp://ann:hunter2@h']",
        "[rpc.transport]\nurl.x = 'amqp://ann:hunter2@h'",
        "[rpc.transport]\noptions.password = ['hunter2']",
        "[rpc.transport]\noptions = 'hunter2'",
    ];
    for text in texts {
        let error = load(text, &[]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    let text = "[rpc.transport]\nurl = 'pigeon://ann:hunter2@h'\noptions = { x = 'hunter2' }";
    let loader = ConfigLoader::new().text("s.toml", text).unwrap();
    assert!(!format!("{loader:?}").contains("hunter2"));
    let config = loader.load().unwrap();
    assert!(!format!("{config:?} {config:#?}").contains("hunter2"));
    let registry = Registry::new().with(["memory"], MemoryConnector::default());
    let error = config.transport.connect(&registry).await.unwrap_err().to_string();
    assert!(error.contains("s.toml:2: unknown transport pigeon://") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_url_may_be_in_a_file_of_its_own() {
    let path = std::env::temp_dir().join(format!("rpc-config-{}", std::process::id()));
    std::fs::write(&path, "memory://\n").unwrap();
    let text = format!("[rpc.transport]\nurl_file = {:?}", path.to_str().unwrap());
    let config = load(&text, &[]).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(config.transport.url().as_deref(), Some("memory://"));
    assert!(
        config.transport.connect(&Registry::new().with(["memory"], MemoryConnector::default())).await.is_ok()
    );
}

#[test]
fn options_have_their_place_in_a_url() {
    for (url, expected) in [
        ("amqp://h", "amqp://h?a=1&b=%26%20%C3%A9"),
        ("amqp://h/v?", "amqp://h/v?a=1&b=%26%20%C3%A9"),
        ("amqp://h/v?c=2", "amqp://h/v?c=2&a=1&b=%26%20%C3%A9"),
        ("amqp://h/v?a=2&b", "amqp://h/v?a=2&b"),
    ] {
        let text = format!("[rpc.transport]\nurl = '{url}'\noptions = {{ a = 1, b = '& é' }}");
        assert_eq!(load(&text, &[]).unwrap().transport.url().as_deref(), Some(expected));
    }
}
