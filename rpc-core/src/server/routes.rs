//! Which endpoint runs a request.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::builder::refused;
use crate::error::{Code, Error};
use crate::interface::Interface;
use crate::message::Failure;
use crate::version::Version;

/// Which endpoint runs a request, by namespace, version and method.
///
/// The rule is oslo.messaging's: among the endpoints of the namespace, those whose version serves the request
/// are asked for the method. No such endpoint is an unsupported version, no such method a missing method.
#[derive(Debug)]
pub(super) struct Routes {
    interfaces: Vec<Interface>,
    methods: Vec<Methods>,
}

/// Indices by name. A peer asks for names, but adds none.
type Methods = HashMap<&'static str, usize, FixedState>;

/// Endpoint and method, as indices.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Route {
    pub(super) endpoint: usize,
    pub(super) method: usize,
}

impl Routes {
    /// Checks that no endpoint hides another.
    pub(super) fn new(interfaces: Vec<Interface>) -> Result<Self, Error> {
        if interfaces.is_empty() {
            return Err(refused("a server needs an endpoint: add one with .endpoint(…)".to_owned()));
        }
        for (position, interface) in interfaces.iter().enumerate() {
            let hidden = interfaces[..position].iter().find(|earlier| {
                earlier.namespace == interface.namespace
                    && earlier.version.major() == interface.version.major()
            });
            if let Some(earlier) = hidden {
                return Err(refused(format!(
                    "the endpoints {} and {} both serve {} in version {}: give one another namespace or major version",
                    earlier.name,
                    interface.name,
                    shown(interface.namespace),
                    interface.version.major(),
                )));
            }
        }
        let methods = interfaces.iter().map(by_name).collect();
        Ok(Self { interfaces, methods })
    }

    /// Adds an interface that is asked after all others, unless one of them has a method of the same name. Says whether it
    /// was added.
    pub(super) fn add_ping(&mut self, ping: Interface) -> bool {
        let has_own = |methods: &Methods| ping.methods.iter().any(|it| methods.contains_key(it.name));
        if self.methods.iter().any(has_own) {
            return false;
        }
        self.methods.push(by_name(&ping));
        self.interfaces.push(ping);
        true
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    pub(super) fn interface(&self, route: Route) -> &Interface {
        &self.interfaces[route.endpoint]
    }

    /// Finds the method, or says why there is none.
    pub(super) fn find(
        &self,
        namespace: Option<&str>,
        version: Version,
        method: &str,
    ) -> Result<Route, Failure> {
        let fits =
            |interface: &Interface| interface.namespace == namespace && interface.version.serves(version);
        // No two endpoints of one namespace share a major version, so at most one fits, and the ping.
        let mut fitting = (0..self.interfaces.len()).filter(|&endpoint| fits(&self.interfaces[endpoint]));
        let Some(first) = fitting.next() else {
            return Err(self.unsupported(namespace, version));
        };
        let find = |endpoint: usize| Some(Route { endpoint, method: *self.methods[endpoint].get(method)? });
        find(first).or_else(|| fitting.find_map(find)).ok_or_else(|| {
            let message = format!(
                "{} {} has no method {}",
                shown(namespace),
                self.interfaces[first].version,
                cut(method)
            );
            Failure::new(Code::NoSuchMethod, message)
        })
    }

    fn unsupported(&self, namespace: Option<&str>, version: Version) -> Failure {
        let served: Vec<String> = self
            .interfaces
            .iter()
            .map(|interface| format!("{} {}", shown(interface.namespace), interface.version))
            .collect();
        let message =
            format!("no endpoint serves {} {version}; here are: {}", shown(namespace), served.join(", "));
        Failure::new(Code::UnsupportedVersion, message)
    }
}

fn by_name(interface: &Interface) -> Methods {
    interface.methods.iter().enumerate().map(|(index, method)| (method.name, index)).collect()
}

fn shown(namespace: Option<&str>) -> String {
    namespace
        .map_or_else(|| "the namespace without a name".to_owned(), |name| format!("namespace {}", cut(name)))
}

/// A name from a peer, quoted and short.
fn cut(name: &str) -> String {
    format!("{:?}", name.chars().take(64).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::{Method, MethodKind};

    const METHODS: &[Method] = &[Method::new("a", MethodKind::Call), Method::new("b", MethodKind::Cast)];

    fn routes() -> Routes {
        let plain = Interface::new("Plain").with_version(Version::new(1, 5)).with_methods(METHODS);
        let next = Interface::new("Next").with_version(Version::new(2, 0)).with_methods(&METHODS[1..]);
        let extra = Interface::new("Extra").with_namespace("extra").with_methods(&METHODS[..1]);
        Routes::new(vec![plain, next, extra]).unwrap()
    }

    #[test]
    fn namespace_then_version_then_method() {
        let found = |namespace, version: &str, method| {
            let route = routes().find(namespace, version.parse().unwrap(), method);
            route.map(|route| (route.endpoint, route.method)).map_err(|failure| failure.code)
        };
        assert_eq!(found(None, "1.0", "a"), Ok((0, 0)));
        assert_eq!(found(None, "1.5", "b"), Ok((0, 1)));
        assert_eq!(found(None, "2.0", "b"), Ok((1, 0)));
        assert_eq!(found(Some("extra"), "1.0", "a"), Ok((2, 0)));
        assert_eq!(found(None, "1.6", "a"), Err(Code::UnsupportedVersion));
        assert_eq!(found(None, "3.0", "a"), Err(Code::UnsupportedVersion));
        assert_eq!(found(Some("unknown"), "1.0", "a"), Err(Code::UnsupportedVersion));
        assert_eq!(found(Some(""), "1.0", "a"), Err(Code::UnsupportedVersion));
        assert_eq!(found(None, "2.0", "a"), Err(Code::NoSuchMethod));
        assert_eq!(found(Some("extra"), "1.0", "b"), Err(Code::NoSuchMethod));
    }

    #[test]
    fn an_endpoint_cannot_hide_another() {
        let older = Interface::new("Older").with_version(Version::new(1, 0));
        let newer = Interface::new("Newer").with_version(Version::new(1, 3));
        let error = Routes::new(vec![older, newer]).unwrap_err();
        assert!(error.message().contains("Older") && error.message().contains("Newer"), "{error}");
        assert!(Routes::new(Vec::new()).is_err());
    }

    #[test]
    fn rd_17_18_a_ping_is_asked_last_and_only_where_nobody_has_one() {
        const PING: Interface = Interface::new("Ping").with_methods(&[Method::new("ping", MethodKind::Call)]);
        let mut routes = routes();
        assert!(routes.find(None, Version::DEFAULT, "ping").is_err());
        assert!(routes.add_ping(PING));
        assert_eq!(routes.find(None, Version::DEFAULT, "ping").unwrap(), Route { endpoint: 3, method: 0 });
        assert_eq!(routes.find(None, Version::DEFAULT, "a").unwrap(), Route { endpoint: 0, method: 0 });
        let failed = |namespace, version| routes.find(namespace, version, "ping").unwrap_err().code;
        assert_eq!(failed(Some("extra"), Version::DEFAULT), Code::NoSuchMethod);
        assert_eq!(failed(None, Version::new(1, 5)), Code::NoSuchMethod);
        assert!(!routes.add_ping(PING), "there is one");

        let own = Interface::new("Own").with_namespace("own").with_methods(PING.methods);
        assert!(!Routes::new(vec![own]).unwrap().add_ping(PING));
    }

    #[test]
    fn names_from_peers_are_cut_and_escaped() {
        let failure = routes().find(Some(&"\u{1b}x".repeat(1_000)), Version::DEFAULT, "a").unwrap_err();
        assert!(failure.message.len() < 700 && !failure.message.contains('\u{1b}'), "{}", failure.message);
    }
}
