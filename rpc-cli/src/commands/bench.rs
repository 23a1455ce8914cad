//! `rpc bench`: a load on a method, and how long calls took.

mod echo;
mod load;
mod measured;
mod plot;
mod progress;
mod report;
mod schedule;
mod sizes;

use rpc_core::{Call, CallError, Cast, SharedTransport};

pub(super) use self::echo::serve;
use self::echo::{EchoClient, EchoServer};
use self::load::Put;
use self::progress::Progress;
use self::report::Report;
use self::schedule::{Limits, Pace};
use crate::arguments::Bench;
use crate::described::{Prepared, prepare};
use crate::failure::Failure;
use crate::options::Options;
use crate::output::Output;

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    bench: Bench,
    output: Output,
) -> Result<(), Failure> {
    let in_flight = |default: u16| usize::from(bench.in_flight.unwrap_or(default));
    let pace = match bench.rate {
        None => Pace::Closed { in_flight: in_flight(16) },
        Some(rate) => Pace::Open { rate, most_in_flight: in_flight(1_000) },
    };
    let limits =
        Limits { warm_up: bench.warm_up, duration: bench.duration(), count: bench.count.unwrap_or(u64::MAX) };
    if limits.duration.is_zero() {
        return Err(Failure::Usage("--duration has to be longer than nothing".to_owned()));
    }
    let (called, put) = if let Some(request) = bench.request() {
        let called = format!("{} of {}", request.method, request.topic);
        let prepared = prepare(transport, options, request, output).await?;
        (called, of_service(&prepared, options, pace, limits).await?)
    } else {
        let letters = bench.size.map_or_else(|| "501 to 11500".to_owned(), |size| size.to_string());
        let put = of_echo(transport, options, bench.size, pace, limits).await?;
        (format!("echo of {letters} letters"), put)
    };
    let report = Report::new(called, pace, limits, &put);
    if let Some(file) = &bench.svg {
        std::fs::write(file, plot::svg(&put.measured, &report.title()))?;
    }
    output.show(&report, |report| report.text(&put.measured))?;
    report.complaint().map_or(Ok(()), |complaint| Err(Failure::Check(complaint)))
}

async fn of_service(
    prepared: &Prepared,
    options: &Options,
    pace: Pace,
    limits: Limits,
) -> Result<Put, Failure> {
    let Prepared { client, method, arguments, kind } = prepared;
    match kind.as_deref() {
        None | Some("call") => {
            let send = async |_| {
                let call = options.timeout.into_iter().fold(client.call(method, arguments), Call::timeout);
                call.await.map(drop).map_err(code)
            };
            Ok(load::put(pace, limits, send, Progress::new()).await)
        }
        Some("cast") => {
            let send = async |_| {
                let cast = options.timeout.into_iter().fold(client.cast(method, arguments), Cast::timeout);
                cast.await.map_err(|error| error.code().as_str().to_owned())
            };
            Ok(load::put(pace, limits, send, Progress::new()).await)
        }
        Some(other) => {
            Err(Failure::Usage(format!("{method} is a {other}: a load is made of calls or casts")))
        }
    }
}

/// A load on an echo server that is there for it alone.
async fn of_echo(
    transport: &SharedTransport,
    options: &Options,
    size: Option<u32>,
    pace: Pace,
    limits: Limits,
) -> Result<Put, Failure> {
    let server = EchoServer::start(transport, options).await?;
    let (client, messages) = (EchoClient::new(transport, echo::target(options)), sizes::messages(size));
    let send = async |number: u64| {
        // There is at least one.
        let cargo = messages[(number % messages.len() as u64) as usize].clone();
        let length = cargo.len();
        let call = options.timeout.into_iter().fold(client.echo(cargo), Call::timeout);
        match call.await {
            Ok(echo) if echo.len() == length => Ok(()),
            Ok(_) => Err("another echo".to_owned()),
            Err(error) => Err(code(error)),
        }
    };
    let put = load::put(pace, limits, send, Progress::new()).await;
    server.end().await;
    Ok(put)
}

/// The word for what went wrong.
fn code<E>(error: CallError<E>) -> String {
    match error {
        CallError::Service(_) => "service_error".to_owned(),
        CallError::Rpc(error) => error.code().as_str().to_owned(),
    }
}
