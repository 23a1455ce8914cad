//! Where a request goes: exchange, topic, server, fanout.

use std::fmt;
use std::sync::Arc;

/// Where a request goes, or what a server serves.
///
/// ```
/// use rpc_core::Target;
///
/// let anyone = Target::topic("conductor");
/// let cell_1 = Target::topic("conductor").server("cell-1");
/// let everyone = Target::topic("conductor").fanout();
/// assert_eq!(cell_1.to_string(), "conductor on cell-1");
/// # let _ = (anyone, everyone);
/// ```
///
/// The words are oslo.messaging's. Any text that is not empty may be used as a name; a transport says which
/// length it can carry and escapes what its broker would misread.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Target {
    exchange: Arc<str>,
    topic: Arc<str>,
    server: Option<Arc<str>>,
    fanout: bool,
}

/// Which servers of a topic a [`Target`] means.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "oslo.messaging's three ways to address a topic; a fourth would break every transport"
)]
pub enum Route<'a> {
    /// Any one server of the topic.
    Topic,
    /// The server of this name.
    Server(&'a str),
    /// Every server of the topic.
    Fanout,
}

impl Target {
    /// The exchange of a target that names none.
    pub const DEFAULT_EXCHANGE: &'static str = "default";

    /// Any one server of `topic`, in [`Target::DEFAULT_EXCHANGE`].
    #[must_use]
    pub fn topic(topic: impl Into<String>) -> Self {
        Self {
            exchange: Self::DEFAULT_EXCHANGE.into(),
            topic: topic.into().into(),
            server: None,
            fanout: false,
        }
    }

    /// Narrows the target to one server. A server uses this to say its own name.
    #[must_use]
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.server = Some(server.into().into());
        self.fanout = false;
        self
    }

    /// Sets the exchange, which keeps deployments apart on one broker. Default:
    /// [`Target::DEFAULT_EXCHANGE`].
    #[must_use]
    pub fn exchange(mut self, exchange: impl Into<String>) -> Self {
        self.exchange = exchange.into().into();
        self
    }

    /// Widens the target to every server of the topic. A server name stays known but is not addressed.
    #[must_use]
    pub const fn fanout(mut self) -> Self {
        self.fanout = true;
        self
    }

    /// The same topic and exchange, without a server name and without fanout.
    #[must_use]
    pub fn any(mut self) -> Self {
        self.server = None;
        self.fanout = false;
        self
    }

    /// The exchange.
    #[must_use]
    pub fn exchange_name(&self) -> &str {
        &self.exchange
    }

    /// The topic.
    #[must_use]
    pub fn topic_name(&self) -> &str {
        &self.topic
    }

    /// The server name, if there is one.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Which servers of the topic are meant. Fanout wins over a server name.
    #[must_use]
    pub fn route(&self) -> Route<'_> {
        match (&self.server, self.fanout) {
            (_, true) => Route::Fanout,
            (Some(server), false) => Route::Server(server),
            (None, false) => Route::Topic,
        }
    }

    /// The first name that is empty, if one is.
    pub(crate) fn empty_name(&self) -> Option<&'static str> {
        [("exchange", Some(&self.exchange)), ("topic", Some(&self.topic)), ("server", self.server.as_ref())]
            .into_iter()
            .find_map(|(which, name)| name.is_some_and(|name| name.is_empty()).then_some(which))
    }

    /// Exchange, topic and server, shared.
    pub(crate) fn names(&self) -> (Arc<str>, Arc<str>, Option<Arc<str>>) {
        (Arc::clone(&self.exchange), Arc::clone(&self.topic), self.server.clone())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self.exchange != *Self::DEFAULT_EXCHANGE {
            write!(formatter, "{}/", self.exchange)?;
        }
        formatter.write_str(&self.topic)?;
        match self.route() {
            Route::Topic => Ok(()),
            Route::Server(server) => write!(formatter, " on {server}"),
            Route::Fanout => formatter.write_str(" on every server"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fanout_wins_over_a_server_name_and_the_last_word_wins() {
        assert_eq!(Target::topic("t").route(), Route::Topic);
        assert_eq!(Target::topic("t").server("s").route(), Route::Server("s"));
        assert_eq!(Target::topic("t").server("s").fanout().route(), Route::Fanout);
        assert_eq!(Target::topic("t").fanout().server("s").route(), Route::Server("s"));
        assert_eq!(Target::topic("t").server("s").fanout().any().route(), Route::Topic);
    }

    /// Exchange, topic, server and whether it is a fanout.
    fn parts(target: &Target) -> (&str, &str, Option<&str>, bool) {
        let is_fanout = target.route() == Route::Fanout;
        (target.exchange_name(), target.topic_name(), target.server_name(), is_fanout)
    }

    #[test]
    fn tg_01_02_each_part_is_set_alone_and_the_others_stay() {
        let topic = Target::topic("t");
        assert_eq!(parts(&topic), ("default", "t", None, false));
        assert_eq!(parts(&topic.clone().exchange("e")), ("e", "t", None, false));
        assert_eq!(parts(&topic.clone().server("s")), ("default", "t", Some("s"), false));
        assert_eq!(parts(&topic.clone().fanout()), ("default", "t", None, true));
        let all = topic.exchange("e").server("s").fanout();
        assert_eq!(parts(&all), ("e", "t", Some("s"), true));
        assert_eq!(parts(&all.clone().exchange("f")), ("f", "t", Some("s"), true));
        assert_eq!(parts(&all.clone().server("r")), ("e", "t", Some("r"), false));
        assert_eq!(parts(&all.any()), ("e", "t", None, false));
    }

    #[test]
    fn tg_03_the_text_says_what_is_meant() {
        let topic = Target::topic("t");
        assert_eq!(topic.to_string(), "t");
        assert_eq!(topic.clone().exchange("e").to_string(), "e/t");
        assert_eq!(topic.clone().server("s").to_string(), "t on s");
        assert_eq!(topic.exchange("e").server("s").fanout().to_string(), "e/t on every server");
    }

    #[test]
    fn tg_04_targets_are_equal_when_all_of_their_parts_are() {
        let all = || Target::topic("t").exchange("e").server("s").fanout();
        assert_eq!(all(), all());
        let others = [
            Target::topic("u").exchange("e").server("s").fanout(),
            all().exchange("f"),
            all().server("r").fanout(),
            all().server("").fanout(),
            all().server("s"),
            all().any().fanout(),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(*other, all());
            assert!(others[..index].iter().all(|before| before != other), "{other}");
        }
    }

    #[test]
    fn empty_names_are_found() {
        assert_eq!(Target::topic("t").server("s").empty_name(), None);
        assert_eq!(Target::topic("").empty_name(), Some("topic"));
        assert_eq!(Target::topic("t").exchange("").empty_name(), Some("exchange"));
        assert_eq!(Target::topic("t").server("").empty_name(), Some("server"));
    }
}
