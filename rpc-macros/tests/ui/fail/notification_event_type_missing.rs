use rpc_macros::Notification;

#[derive(Notification)]
#[notification(priority = "info")]
struct PowerSet;

#[derive(Notification)]
#[notification]
struct PowerLost;

fn main() {}
