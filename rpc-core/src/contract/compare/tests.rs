//! The rules beside callers and servers that are so simple that one sees what they do.

use super::*;
use crate::introspection::schema_of;

const TYPES: [(&str, &[u32]); 2] = [("u8", &[0, 255]), ("u16", &[0, 255, 256])];

/// An argument that is not there, or has this type and may be left out or not.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Argument(Option<(usize, bool)>);

/// A method `m` with two arguments and a result.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Method {
    arguments: [Argument; 2],
    result: usize,
}

/// What a caller sends: a value, or none, for each argument.
type Request = [Option<u32>; 2];

impl Method {
    fn all() -> Vec<Self> {
        let argument = || {
            let there = (0..TYPES.len())
                .flat_map(|of_type| [Argument(Some((of_type, true))), Argument(Some((of_type, false)))]);
            there.chain([Argument(None)])
        };
        let arguments = argument().flat_map(|one| argument().map(move |other| [one, other]));
        arguments
            .flat_map(|arguments| (0..TYPES.len()).map(move |result| Self { arguments, result }))
            .collect()
    }

    /// Every request that a caller can send.
    fn requests(self) -> Vec<Request> {
        let choices = |Argument(argument): Argument| -> Vec<Option<u32>> {
            let Some((of_type, required)) = argument else { return vec![None] };
            let values = TYPES[of_type].1.iter().copied().map(Some);
            if required { values.collect() } else { values.chain([None]).collect() }
        };
        let [one, other] = self.arguments.map(choices);
        one.iter().flat_map(|first| other.iter().map(move |second| [*first, *second])).collect()
    }

    /// Whether a server reads it: nothing is missing, unknown, or of another type.
    fn reads(self, request: Request) -> bool {
        let fits = |(Argument(argument), value): (&Argument, &Option<u32>)| match (argument, value) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some((_, required)), None) => !required,
            (Some((of_type, _)), Some(value)) => TYPES[*of_type].1.contains(value),
        };
        self.arguments.iter().zip(&request).all(fits)
    }

    /// Whether a caller of this and a server of `other` understand each other, whatever is sent.
    fn is_served_by(self, other: Self) -> bool {
        let results = |method: Self| TYPES[method.result].1;
        self.requests().into_iter().all(|request| other.reads(request))
            && results(other).iter().all(|value| results(self).contains(value))
    }

    fn describe(self, since: &str) -> MethodDescription {
        let described = |of_type: usize| {
            let name = TYPES[of_type].0;
            TypeDescription { type_name: name.to_owned(), schema: schema_of(name) }
        };
        let argument = |(name, Argument(argument)): (&str, Argument)| {
            let (of_type, required) = argument?;
            Some(ArgumentDescription { name: name.to_owned(), required, value: described(of_type) })
        };
        MethodDescription {
            name: "m".to_owned(),
            kind: "call".to_owned(),
            since: since.to_owned(),
            timeout_ms: None,
            call_monitor_ms: None,
            idempotent: false,
            at_most_once: false,
            uncancellable: false,
            arguments: ["a", "b"].into_iter().zip(self.arguments).filter_map(argument).collect(),
            result: described(self.result),
            error: None,
            progress: None,
            docs: String::new(),
        }
    }
}

fn interface(version: &str, methods: Vec<MethodDescription>) -> InterfaceDescription {
    let (name, docs) = ("Service".to_owned(), String::new());
    InterfaceDescription { name, namespace: None, version: version.to_owned(), docs, methods }
}

/// All pairs of methods with two arguments: who breaks is who would not be understood.
#[test]
fn whom_a_change_breaks_is_who_is_not_understood() {
    let (mut pairs, mut breaking) = (0, 0);
    for old in Method::all() {
        for new in Method::all() {
            let before = interface("1.3", vec![old.describe("1.0")]);
            let compared = compare(&before, &interface("1.4", vec![new.describe("1.0")]));
            let expected = Breaks { callers: !old.is_served_by(new), servers: !new.is_served_by(old) };
            assert_eq!(compared.breaks(), expected, "{old:?} {new:?}: {:?}", compared.changes());
            assert_eq!(compared.is_allowed(), !expected.anybody());
            assert_eq!(compared.changes().is_empty(), old == new);

            // Who asks for 1.4 is refused by a server of 1.3, and not misunderstood.
            let raised = compare(&before, &interface("1.4", vec![new.describe("1.4")]));
            assert_eq!(raised.breaks(), Breaks { servers: false, ..expected });
            let major = compare(&before, &interface("2.0", vec![new.describe("2.0")]));
            assert!(major.is_allowed() && major.breaks() == Breaks::CALLERS, "{:?}", major.changes());
            pairs += 1;
            breaking += u32::from(expected.anybody());
        }
    }
    assert_eq!(pairs, 2_500);
    assert!((1..pairs).contains(&breaking), "{breaking}");
}

fn method(name: &str, since: &str) -> MethodDescription {
    let plain = Method { arguments: [Argument(None); 2], result: 0 };
    MethodDescription { name: name.to_owned(), ..plain.describe(since) }
}

fn changes(old: &InterfaceDescription, new: &InterfaceDescription) -> Vec<(String, Breaks)> {
    compare(old, new).changes().iter().map(|change| (change.to_string(), change.breaks)).collect()
}

fn only(text: &str, breaks: Breaks) -> Vec<(String, Breaks)> {
    vec![(text.to_owned(), breaks)]
}

#[test]
fn methods_come_and_go() {
    let old = interface("1.3", vec![method("m", "1.0")]);
    let with = |since| interface("1.4", vec![method("m", "1.0"), method("n", since)]);
    assert_eq!(changes(&old, &with("1.4")), only("n: added, since 1.4", Breaks::NOBODY));
    assert_eq!(changes(&old, &with("1.3")), only("n: added, since 1.3", Breaks::SERVERS));
    assert_eq!(
        changes(&with("1.4"), &interface("1.5", vec![method("m", "1.0")])),
        only("n: removed", Breaks::CALLERS)
    );
}

#[test]
fn kinds_errors_and_namespaces_are_compared() {
    let old = interface("1.0", vec![method("m", "1.0")]);
    let with = |change: &dyn Fn(&mut InterfaceDescription)| {
        let mut new = old.clone();
        change(&mut new);
        new
    };
    let cast = with(&|new| new.methods[0].kind = "cast".to_owned());
    assert_eq!(changes(&old, &cast), only("m: was a call and is a cast", Breaks::BOTH));
    let error = |name: &str| Some(TypeDescription { type_name: name.to_owned(), schema: schema_of(name) });
    let failing = with(&|new| new.methods[0].error = error("PowerError"));
    assert_eq!(changes(&old, &failing), only("m: the error was none and is PowerError", Breaks::NOBODY));
    let otherwise = with(&|new| new.methods[0].error = error("BootError"));
    assert_eq!(
        changes(&failing, &otherwise),
        only("m: the error was PowerError and is BootError", Breaks::BOTH)
    );
    let moved = with(&|new| new.namespace = Some("n".to_owned()));
    assert_eq!(changes(&old, &moved), only("the namespace was none and is n", Breaks::BOTH));
    let quiet = with(&|new| {
        (new.name, new.docs) = ("Other".to_owned(), "More.".to_owned());
        let method = &mut new.methods[0];
        (method.timeout_ms, method.idempotent, method.at_most_once) = (Some(1), true, true);
    });
    assert_eq!(changes(&old, &quiet), []);
}

#[test]
fn a_version_that_goes_back_serves_fewer() {
    let at = |version| interface(version, Vec::new());
    assert_eq!(changes(&at("1.3"), &at("1.2")), only("the version was 1.3 and is 1.2", Breaks::CALLERS));
    assert_eq!(changes(&at("1.3"), &at("1.3")), []);
    assert!(!compare(&at("2.0"), &at("1.9")).is_allowed());
    assert!(!compare(&at("1.3"), &at("1.2")).is_allowed());
    assert!(compare(&at("1.3"), &at("2.0")).is_allowed());
    let _ = compare(&at("strange"), &at(""));
}
