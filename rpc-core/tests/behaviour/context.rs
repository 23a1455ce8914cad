//! What requests inherit.

use std::time::Duration;

use rpc_core::{Context, MemoryTransport, Server, Target, TraceContext, service};

/// Calls another service.
#[service]
trait Front {
    /// Asks the back, by inheritance, by hand from another task, and from another task without a hand.
    #[call]
    async fn ask(&self) -> [Seen; 3];
}

/// Says what it sees.
#[service]
trait Back {
    /// What came with the request.
    #[call]
    async fn look(&self, ctx: &Context) -> Seen;
}

#[derive(Clone, Debug, serde::Deserialize, Eq, PartialEq, serde::Serialize)]
struct Seen {
    request_id: String,
    user: Option<String>,
    parent: Option<String>,
    milliseconds_left: u128,
}

struct FrontService(BackClient);
struct BackService;

impl Front for FrontService {
    async fn ask(&self) -> [Seen; 3] {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let inherited = self.0.look().await.unwrap();
        let context = Context::current().unwrap();
        let back = self.0.clone();
        let handed_on =
            tokio::spawn(async move { back.look().context(&context).await.unwrap() }).await.unwrap();
        let back = self.0.clone();
        let lost = tokio::spawn(async move { back.look().await.unwrap() }).await.unwrap();
        [inherited, handed_on, lost]
    }
}

impl Back for BackService {
    async fn look(&self, ctx: &Context) -> Seen {
        Seen {
            request_id: ctx.request_id.to_string(),
            user: ctx.metadata.get("user").map(str::to_owned),
            parent: ctx.trace.parent.clone(),
            milliseconds_left: ctx.deadline.unwrap().remaining().as_millis(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_nested_call_inherits_and_a_spawned_one_does_not() {
    let transport = MemoryTransport::new();
    let back = BackClient::new(&transport, Target::topic("back"));
    let _back =
        Server::builder(&transport, Target::topic("back")).endpoint(BackService.into_endpoint()).start();
    let _back = _back.await.unwrap();
    let front =
        Server::builder(&transport, Target::topic("front")).endpoint(FrontService(back).into_endpoint());
    let _front = front.start().await.unwrap();

    let mut context = Context::new();
    context.metadata.insert("user", "ada").unwrap();
    context.trace = TraceContext::from_headers(Some("00-trace-span-01".to_owned()), None, None);
    let front = FrontClient::new(&transport, Target::topic("front"));
    let [inherited, handed_on, lost] =
        front.ask().context(&context).timeout(Duration::from_secs(10)).await.unwrap();

    assert_eq!(inherited.request_id, context.request_id.to_string());
    assert_eq!(
        (inherited.user.as_deref(), inherited.parent.as_deref()),
        (Some("ada"), Some("00-trace-span-01"))
    );
    assert_eq!(inherited.milliseconds_left, 8_000, "2 of 10 seconds were gone");
    assert_eq!(handed_on, inherited);
    assert_ne!(lost.request_id, inherited.request_id);
    assert_eq!((lost.user, lost.milliseconds_left), (None, 30_000));
}
