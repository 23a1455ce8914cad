//! Names that generated code uses as well.

#![deny(warnings)]

mod types {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Deserialize, Serialize)]
    pub struct S;
    #[derive(Debug, Deserialize, Serialize)]
    pub struct Arguments;
    #[derive(Debug, Deserialize, Serialize)]
    pub struct Interface;
    #[derive(Debug, Deserialize, Serialize)]
    pub struct Service;
    #[derive(Debug, Deserialize, Serialize)]
    pub struct Send;
    #[derive(Debug, Deserialize, Serialize)]
    pub struct Ok;
}

mod shadows {
    use rpc_macros::service;

    #[allow(unused_imports)]
    use super::types::{Arguments, Interface, Ok, S, Send, Service};

    #[allow(dead_code)]
    pub trait Clone {}
    #[allow(dead_code)]
    pub trait Future {}

    #[service]
    pub trait Names {
        #[call]
        async fn take(&self, s: S, arguments: Arguments, interface: Interface, send: Send) -> Ok;
        #[call]
        async fn dispatch(&self, client: Service, #[default(take())] outcome: u8) -> u8;
        #[cast]
        async fn interface(&self, context: u8, value: u8, error: u8);
        #[cast]
        async fn clone(&self, transport: u8, target: u8);
    }

    fn take() -> u8 {
        1
    }
}

mod short {
    #[rpc_macros::service]
    pub trait S {
        #[call]
        async fn s(&self, s: u8) -> u8;
    }
}

struct Manager;

impl short::S for Manager {
    async fn s(&self, s: u8) -> u8 {
        s
    }
}

fn main() {
    let _ = short::SEndpoint::new(Manager);
    let _ = short::SClient::INTERFACE;
    let _ = shadows::NamesClient::INTERFACE;
}
