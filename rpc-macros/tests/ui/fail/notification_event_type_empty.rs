use rpc_macros::Notification;

#[derive(Notification)]
#[notification(event_type = "")]
struct Empty;

fn main() {}
