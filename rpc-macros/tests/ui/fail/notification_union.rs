use rpc_macros::Notification;

#[derive(Notification)]
#[notification(event_type = "power_set")]
union PowerSet {
    node: u64,
}

fn main() {}
