//! Asking servers about themselves.

use std::time::Duration;

use rpc_core::introspection::{self, HealthReport, Info, IntrospectionClient, ServerIdentity, Stats};
use rpc_core::{Gather, NoError, SharedTransport};
use tokio::time::Instant;

use crate::arguments::Whom;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::Output;

/// How long servers have to answer when nothing is said.
const LIMIT: Duration = Duration::from_secs(1);
/// When nobody has answered for so long after somebody has, nobody else will: servers answer at once, and side by side.
const QUIET: Duration = Duration::from_millis(250);

/// Asks servers about themselves.
#[derive(Debug)]
pub(crate) struct Discovery {
    client: IntrospectionClient,
    limit: Duration,
    exchange: String,
    topic: Option<String>,
    server: Option<String>,
}

/// What one server answered, and how long it took.
#[derive(Debug)]
pub(crate) struct Found<T> {
    pub(crate) answer: T,
    pub(crate) after: Duration,
}

impl Discovery {
    pub(crate) fn new(transport: &SharedTransport, options: &Options, whom: Whom) -> Self {
        let target = introspection::target().exchange(options.exchange.as_str());
        let Whom { topic, server } = whom;
        let limit = options.timeout.unwrap_or(LIMIT);
        let client = IntrospectionClient::new(transport, target);
        Self { client, limit, exchange: options.exchange.clone(), topic, server }
    }

    pub(crate) fn ping(&self) -> Gather<ServerIdentity, NoError> {
        self.client.ping(self.topic.clone(), self.server.clone())
    }

    pub(crate) fn info(&self) -> Gather<Info, NoError> {
        self.client.info(self.topic.clone(), self.server.clone())
    }

    pub(crate) fn stats(&self) -> Gather<Stats, NoError> {
        self.client.stats(self.topic.clone(), self.server.clone())
    }

    pub(crate) fn health(&self) -> Gather<HealthReport, NoError> {
        self.client.health(self.topic.clone(), self.server.clone())
    }

    /// Gathers until `expected` have answered, until nobody has for a while, or until the time limit. A server that
    /// refuses to answer is named.
    pub(crate) async fn gather<T: 'static>(
        &self,
        question: Gather<T, NoError>,
        expected: Option<usize>,
        output: Output,
    ) -> Result<Vec<Found<T>>, Failure> {
        let question = question.timeout(self.limit);
        let question = expected.into_iter().fold(question, Gather::expected);
        let asked = Instant::now();
        let mut answers = question.await?;
        let mut found = Vec::new();
        loop {
            // Whoever says how many there are waits for them.
            let patience = if found.is_empty() || expected.is_some() { self.limit } else { QUIET };
            let Ok(Some(answer)) = tokio::time::timeout(patience, answers.next()).await else {
                return Ok(found);
            };
            match answer.result {
                Ok(answer) => found.push(Found { answer, after: asked.elapsed() }),
                Err(error) => {
                    output.note(format!(
                        "{} does not say: {error}",
                        answer.server.as_deref().unwrap_or("a server")
                    ));
                }
            }
        }
    }

    /// What all that answer say, sorted by server. Refuses to say nothing about nobody.
    pub(crate) async fn answers<T: 'static>(
        &self,
        question: Gather<T, NoError>,
        server: fn(&T) -> &ServerIdentity,
        output: Output,
    ) -> Result<Vec<T>, Failure> {
        let found = self.require(self.gather(question, None, output).await?, None)?;
        let mut answers: Vec<T> = found.into_iter().map(|found| found.answer).collect();
        answers.sort_by(|one, other| server(one).cmp(server(other)));
        Ok(answers)
    }

    /// Refuses to say nothing about nobody.
    pub(crate) fn require<T>(
        &self,
        found: Vec<Found<T>>,
        expected: Option<usize>,
    ) -> Result<Vec<Found<T>>, Failure> {
        let count = found.len();
        if count == 0 {
            return Err(Failure::Nobody(format!(
                "no server{} answered within {:?} in exchange {:?}",
                self.whom(),
                self.limit,
                self.exchange
            )));
        }
        match expected.filter(|expected| count < *expected) {
            Some(expected) => Err(Failure::Nobody(format!(
                "{count} of {expected} expected servers{} answered within {:?} in exchange {:?}",
                self.whom(),
                self.limit,
                self.exchange
            ))),
            None => Ok(found),
        }
    }

    fn whom(&self) -> String {
        let topic = self.topic.as_ref().map(|topic| format!(" of topic {topic:?}")).unwrap_or_default();
        let server = self.server.as_ref().map(|server| format!(" named {server:?}")).unwrap_or_default();
        format!("{topic}{server}")
    }
}
