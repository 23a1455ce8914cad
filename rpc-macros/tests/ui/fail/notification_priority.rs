use rpc_macros::Notification;

#[derive(Notification)]
#[notification(event_type = "power_set", priority = "INFO")]
struct PowerSet;

fn main() {}
