use rpc_macros::Notification;

#[derive(Notification)]
#[notification(event_type = "power_set")]
#[notification(priority = "info")]
struct PowerSet;

fn main() {}
