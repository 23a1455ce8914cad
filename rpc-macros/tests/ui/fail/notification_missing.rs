use rpc_macros::Notification;

#[derive(Notification)]
struct PowerSet;

fn main() {}
