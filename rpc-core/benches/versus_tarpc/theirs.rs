//! The same service with tarpc, as its documentation starts one.

use futures_util::StreamExt;
use tarpc::server::{BaseChannel, Channel};
use tarpc::{client, context, transport};

use super::load::Requester;

#[tarpc::service]
trait Echo {
    async fn echo(text: String) -> String;
}

#[derive(Clone)]
struct Plain;

impl Echo for Plain {
    async fn echo(self, _: context::Context, text: String) -> String {
        text
    }
}

#[derive(Clone)]
pub(crate) struct Theirs(EchoClient);

impl Theirs {
    pub(crate) fn start() -> Self {
        let (client_end, server_end) = transport::channel::unbounded();
        let requests = BaseChannel::with_defaults(server_end).execute(Plain.serve());
        tokio::spawn(requests.for_each(|request| async {
            tokio::spawn(request);
        }));
        Self(EchoClient::new(client::Config::default(), client_end).spawn())
    }
}

impl Requester for Theirs {
    async fn echo(&self, text: String) -> String {
        self.0.echo(context::current(), text).await.unwrap()
    }
}
