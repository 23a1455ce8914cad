//! Derived notifications.

use rpc_core::{Notification as _, Priority};
use rpc_macros::Notification;
use serde::Serialize;

#[derive(Notification, Serialize)]
#[notification(event_type = "baremetal.node.power_set", priority = "warn")]
struct PowerSet {
    node: u64,
}

#[derive(Notification, Serialize)]
#[notification(event_type = "baremetal.node.changed")]
enum Changed<'name, T: Clone, const N: usize>
where
    T: Copy,
{
    Name(&'name str),
    Values(Vec<T>),
    Nothing,
}

#[test]
fn the_attribute_becomes_constants() {
    assert_eq!(PowerSet::EVENT_TYPE, "baremetal.node.power_set");
    assert_eq!(PowerSet::PRIORITY, Priority::Warn);
    assert_eq!(serde_json::to_string(&PowerSet { node: 4 }).unwrap(), r#"{"node":4}"#);
}

#[test]
fn parameters_stay() {
    assert_eq!(Changed::<u8, 1>::EVENT_TYPE, "baremetal.node.changed");
    assert_eq!(Changed::<u8, 1>::PRIORITY, Priority::Info);
    let values = [Changed::<u8, 1>::Name("a"), Changed::Values(vec![1]), Changed::Nothing];
    assert_eq!(serde_json::to_string(&values).unwrap(), r#"[{"Name":"a"},{"Values":[1]},"Nothing"]"#);
}
