//! Interfaces as documents, and their changes.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Manager, connect, exchange, rpc, rpc_at, server};

/// A file of this test, which is removed with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rpc-schema-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Without a broker: a command that asked one would fail.
async fn alone(line: &[&str]) -> crate::support::Ran {
    rpc_at("amqp://127.0.0.1:1", "x", line).await
}

#[tokio::test(flavor = "multi_thread")]
async fn interfaces_are_written_as_documents() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _first = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let _second = server(&transport, &exchange, "cell-2", &manager).start().await.unwrap();
    let document = rpc(&exchange, &["schema", "export", "conductor"]).await;
    let asyncapi = document.json();
    assert_eq!((document.code, &asyncapi["asyncapi"]), (0, &"3.0.0".into()), "{document:?}");
    let operation = &asyncapi["operations"]["baremetal.change_power"];
    assert_eq!((&operation["action"], &operation["x-rpc"]["timeout-ms"]), (&"receive".into(), &5_000.into()));
    let arguments = &asyncapi["components"]["schemas"]["baremetal.change_power.arguments"];
    assert_eq!(arguments["required"], serde_json::json!(["node", "on"]), "{arguments}");
    assert_eq!(arguments["properties"]["node"]["maximum"], 255);

    let described = rpc(&exchange, &["schema", "export", "conductor", "--format", "interface"]).await;
    let file = File::new("described.json", &described.output);
    for format in ["asyncapi", "json-schema"] {
        let of_server = rpc(&exchange, &["schema", "export", "conductor", "--format", format]).await;
        let of_file =
            alone(&["schema", "export", "conductor", "--format", format, "--from", file.path()]).await;
        assert_eq!((of_file.code, of_file.output), (0, of_server.output), "{format}");
    }
    let other = rpc(&exchange, &["schema", "export", "conductor", "--namespace", "other"]).await;
    assert_eq!(other.code, 4, "{other:?}");
    let nobody = rpc(&exchange, &["schema", "export", "nobody", "--timeout", "300ms"]).await;
    assert_eq!(nobody.code, 4, "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_breaks_somebody_has_a_code_of_its_own() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let described = rpc(&exchange, &["schema", "export", "conductor", "--format", "interface"]).await.json();
    let old = File::new("old.json", &described.to_string());
    let change = |change: &dyn Fn(&mut Value), name: &str| {
        let mut changed = described.clone();
        change(&mut changed);
        File::new(name, &changed.to_string())
    };
    let same = alone(&["schema", "diff", old.path(), old.path()]).await;
    assert!(same.code == 0 && same.errors.contains("no difference"), "{same:?}");

    let as_text = |new: &mut Value| {
        new["methods"][0]["arguments"][0]["type"] = "String".into();
        new["methods"][0]["arguments"][0]["schema"] = serde_json::json!({ "type": "string" });
        new["version"] = "1.3".into();
    };
    let broken = change(&as_text, "broken.json");
    let ran = alone(&["schema", "diff", old.path(), broken.path()]).await;
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(
        ran.output.contains("change_power(node): the type was u8 and is String  callers and servers"),
        "{ran:?}"
    );
    assert!(ran.errors.contains("Conductor 1.3 breaks callers and servers of 1.2"), "{ran:?}");
    let ran = alone(&["schema", "diff", old.path(), broken.path(), "--output", "json"]).await;
    assert_eq!(ran.json()["compared"][0]["allowed"], false, "{ran:?}");

    let major = change(&|new| (as_text(new), new["version"] = "2.0".into()).0, "major.json");
    assert_eq!(alone(&["schema", "diff", old.path(), major.path()]).await.code, 0);
    // Served beside the new one, the old one breaks nobody; without it, its callers are gone.
    let both = File::new("both.json", &Value::Array(vec![described.clone(), described.clone()]).to_string());
    let none = File::new("none.json", "[]");
    assert_eq!(alone(&["schema", "diff", old.path(), both.path()]).await.code, 0);
    let ran = alone(&["schema", "diff", old.path(), none.path()]).await;
    assert!(ran.code == 7 && ran.errors.contains("Conductor is gone"), "{ran:?}");

    let odd = File::new("odd.json", "[1]");
    let ran = alone(&["schema", "diff", old.path(), odd.path()]).await;
    assert!(ran.code == 2 && ran.errors.contains("--format interface"), "{ran:?}");
    assert_eq!(alone(&["schema", "diff", old.path(), "/no/such/file"]).await.code, 2);
}
