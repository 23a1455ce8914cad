//! What is counted.

use std::hint::black_box;
use std::sync::Arc;

use rpc_amqp::benching::{read, write};
use rpc_core::{
    ContentType, Context, Endpoint, Invocation, Listener, MemoryTransport, Notifier, Server, Target, codec,
    service,
};
use tokio::runtime::{Builder, Runtime};

use super::hot_path::{Arguments, arguments, notification, payload, reply, request};

/// Does something so many times.
type Repeat = fn(usize);

/// By name. One thread does all of it: threads that take turns would make counts uneven.
pub(crate) const OPERATIONS: &[(&str, Repeat)] = &[
    ("codec_encode", codec_encode),
    ("codec_decode", codec_decode),
    ("dispatch", dispatch),
    ("wire_write_request", wire_write_request),
    ("wire_read_request", wire_read_request),
    ("wire_write_reply", wire_write_reply),
    ("wire_read_reply", wire_read_reply),
    ("wire_write_notification", wire_write_notification),
    ("wire_read_notification", wire_read_notification),
    ("call_memory", call_memory),
    ("cast_memory", cast_memory),
    ("event_memory", event_memory),
];

pub(crate) fn run(name: &str, count: usize) {
    let repeat = OPERATIONS.iter().find(|(known, _)| *known == name).expect("an operation of the list").1;
    repeat(count);
}

#[service]
trait Work {
    /// Returns what it got.
    #[call]
    async fn text(&self, text: String) -> String;
    /// Does nothing.
    #[cast]
    async fn note(&self, text: String);
}

struct Plain;

impl Work for Plain {
    async fn text(&self, text: String) -> String {
        text
    }

    async fn note(&self, _: String) {}
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn start() -> (WorkClient, Server) {
    let transport = MemoryTransport::new();
    let server = Server::builder(&transport, Target::topic("work")).endpoint(Plain.into_endpoint());
    (WorkClient::new(&transport, Target::topic("work")), server.start().await.unwrap())
}

fn codec_encode(count: usize) {
    let arguments = arguments();
    for _ in 0..count {
        drop(black_box(codec::encode(ContentType::MessagePack, black_box(&arguments)).unwrap()));
    }
}

fn codec_decode(count: usize) {
    let payload = payload();
    for _ in 0..count {
        drop(black_box(codec::decode::<Arguments>(black_box(&payload)).unwrap()));
    }
}

fn dispatch(count: usize) {
    let (endpoint, payload, context) = (Plain.into_endpoint(), payload(), Arc::new(Context::new()));
    let method = endpoint.interface().methods.iter().position(|method| method.name == "text").unwrap();
    runtime().block_on(async {
        for _ in 0..count {
            let invocation = Invocation::new(Arc::clone(&context), payload.clone());
            drop(black_box(endpoint.dispatch(method, invocation).await));
        }
    });
}

/// A copy of the message belongs to the operation: a client makes one, too.
macro_rules! on_the_wire {
    ($($write:ident, $read:ident => $message:ident;)*) => {
        $(
            fn $write(count: usize) {
                let message = $message();
                for _ in 0..count {
                    drop(black_box(write(black_box(&message).clone()).unwrap()));
                }
            }

            fn $read(count: usize) {
                let wired = write($message()).unwrap();
                for _ in 0..count {
                    drop(black_box(read(black_box(&wired)).unwrap()));
                }
            }
        )*
    };
}

on_the_wire! {
    wire_write_request, wire_read_request => request;
    wire_write_reply, wire_read_reply => reply;
    wire_write_notification, wire_read_notification => notification;
}

fn call_memory(count: usize) {
    runtime().block_on(async {
        let (client, _server) = start().await;
        for _ in 0..count {
            drop(black_box(client.text("x".repeat(64)).await.unwrap()));
        }
    });
}

fn cast_memory(count: usize) {
    runtime().block_on(async {
        let (client, _server) = start().await;
        for _ in 0..count {
            client.note("x".repeat(64)).await.unwrap();
        }
    });
}

fn event_memory(count: usize) {
    runtime().block_on(async {
        let transport = MemoryTransport::new();
        let notifier = Notifier::new(&transport, "bench");
        let mut listener = Listener::builder(&transport, ["notifications"]).start::<String>().await.unwrap();
        for _ in 0..count {
            notifier.info("bench.event", &"x".repeat(64)).await.unwrap();
            listener.next().await.unwrap().ack().await.unwrap();
        }
    });
}
