//! What `rabbitmqctl` lists, as records.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A queue as the broker counts it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Messages in it, delivered but unacknowledged ones included.
    pub messages: u64,
    /// Messages that are delivered and not acknowledged.
    #[serde(rename = "messages_unacknowledged")]
    pub unacknowledged: u64,
    /// Consumers.
    pub consumers: u64,
}

/// A connection of a client.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Connection {
    /// The name the client gave it; empty if none.
    #[serde(rename = "client_properties", deserialize_with = "connection_name")]
    pub name: String,
    /// The user.
    pub user: String,
    /// `running`, `blocked`, ….
    pub state: String,
    /// Open channels.
    pub channels: u64,
    /// Whether it is encrypted.
    pub ssl: bool,
}

impl Queue {
    pub(super) const COMMAND: &[&str] =
        &["list_queues", "--formatter=json", "name", "messages", "messages_unacknowledged", "consumers"];
}

impl Connection {
    pub(super) const COMMAND: &[&str] =
        &["list_connections", "--formatter=json", "client_properties", "user", "state", "channels", "ssl"];
}

pub(super) fn queues(json: &str) -> Vec<Queue> {
    let mut queues: Vec<Queue> = serde_json::from_str(json).expect(json);
    queues.sort_by(|a, b| a.name.cmp(&b.name));
    queues
}

pub(super) fn connections(json: &str) -> Vec<Connection> {
    serde_json::from_str(json).expect(json)
}

/// The nodes that run, from `cluster_status`.
pub(super) fn running_nodes(json: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Status {
        running_nodes: Vec<String>,
    }
    serde_json::from_str::<Status>(json).expect(json).running_nodes
}

/// The leader of a queue, from `list_queues name leader`.
pub(super) fn leader(json: &str, queue: &str) -> Option<String> {
    let queues: Vec<Value> = serde_json::from_str(json).expect(json);
    let found = queues.iter().find(|it| it["name"] == queue)?;
    found["leader"].as_str().map(ToOwned::to_owned)
}

/// Finds `["connection_name", "longstr", NAME]` in a list of such triples.
fn connection_name<'de, D: Deserializer<'de>>(properties: D) -> Result<String, D::Error> {
    let properties = Value::deserialize(properties)?;
    let named = properties.as_array().into_iter().flatten().find(|it| it[0] == "connection_name");
    Ok(named.and_then(|property| property[2].as_str()).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_without_a_name_is_listed_too() {
        let rest = r#""user":"guest","state":"running","channels":1,"ssl":false"#;
        let json = format!(
            r#"[{{"client_properties":[["product","longstr","x"],["connection_name","longstr","one"]],{rest}}},
                {{"client_properties":[],{rest}}}]"#
        );
        let names: Vec<_> = connections(&json).into_iter().map(|connection| connection.name).collect();
        assert_eq!(names, ["one", ""]);
    }

    #[test]
    fn the_leader_of_a_queue_is_found_by_name() {
        let json = r#"[{"name":"one","leader":"a@localhost"},{"name":"two","leader":"b@localhost"},
            {"name":"classic","leader":""}]"#;
        assert_eq!(leader(json, "two").as_deref(), Some("b@localhost"));
        assert_eq!(leader(json, "three"), None);
    }
}
