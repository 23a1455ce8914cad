use rpc_macros::Notification;

#[derive(Notification)]
#[notification(event = "power_set")]
struct PowerSet;

fn main() {}
