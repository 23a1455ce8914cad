//! Two connections of one process in weather of every kind: what is promised of their attempts holds in all of it.

use proptest::prelude::*;

use super::*;

/// What one node does to whoever dials it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Weather {
    Fine,
    /// The system refuses connections.
    Refusing,
    /// Packets get lost; the attempt is given up after a second.
    Swallowing,
    /// Accepts and says nothing; an attempt that is under way when this ends succeeds.
    Silent,
    /// Accepts, and closes after so many milliseconds.
    Closing(u64),
    /// Takes us, and cuts the connection after so many milliseconds.
    Cutting(u64),
    /// Refuses the login.
    Locked,
    /// Has a bad certificate.
    Forged,
    /// Answers 541.
    Broken,
}

const TCP_LIMIT: Duration = Duration::from_secs(1);
const HANDSHAKE_LIMIT: Duration = Duration::from_millis(2_800);
const ROUND_TRIP: Duration = Duration::from_millis(5);

impl Weather {
    /// What comes of an attempt in it, and how long that takes.
    fn outcome(self) -> (Duration, Event) {
        let failed = |time, failure| (time, Event::Failed(failure));
        match self {
            Self::Fine | Self::Cutting(_) => (ROUND_TRIP, Event::Connected),
            Self::Refusing => failed(ROUND_TRIP, Failure::Unreached),
            Self::Swallowing => failed(TCP_LIMIT, Failure::Unreached),
            Self::Silent => failed(HANDSHAKE_LIMIT, Failure::Unanswered),
            Self::Closing(time) => failed(Duration::from_millis(time), Failure::Unanswered),
            Self::Locked => failed(ROUND_TRIP, Failure::Refused),
            Self::Forged => failed(ROUND_TRIP, Failure::Untrusted),
            Self::Broken => failed(ROUND_TRIP, Failure::BrokerError),
        }
    }

    fn is_seen(self) -> bool {
        !matches!(self, Self::Refusing | Self::Swallowing)
    }
}

/// The weather of every node from some time on.
#[derive(Clone, Debug)]
struct Forecast(Vec<(Duration, Vec<Weather>)>);

impl Forecast {
    fn at(&self, time: Duration, node: usize) -> Weather {
        self.0.iter().rev().find(|(start, _)| *start <= time).map_or(Weather::Fine, |(_, nodes)| nodes[node])
    }

    /// When the weather of `node` is first another than at `time`.
    fn change(&self, time: Duration, node: usize) -> Option<Duration> {
        let now = self.at(time, node);
        self.0
            .iter()
            .filter(|(start, nodes)| *start > time && nodes[node] != now)
            .map(|(start, _)| *start)
            .next()
    }

    fn end(&self) -> Duration {
        self.0.last().map_or(Duration::ZERO, |(start, _)| *start)
    }
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
struct Dial {
    start: Duration,
    node: usize,
    weather: Weather,
    /// How many times the other connection had been taken by then.
    others: usize,
    was_refused: bool,
}

struct Link {
    machine: Machine,
    node: usize,
    due: Duration,
    event: Event,
    dials: Vec<Dial>,
    ready: Option<Duration>,
    pausing: bool,
    taken: usize,
}

/// Runs both until `end`.
fn run(forecast: &Forecast, nodes: usize, seed: u64, end: Duration) -> [Link; 2] {
    let origin = Instant::now();
    let mut chance = seed;
    let mut random = move || {
        // A congruential generator with Knuth's numbers.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chance >> 11
    };
    let mut links = [0, 1].map(|first| Link {
        machine: Machine::new(origin, (0..nodes).map(|node| (node + first) % nodes).collect()),
        node: 0,
        due: Duration::ZERO,
        event: Event::Ended(Ending::Lost),
        dials: Vec::new(),
        ready: None,
        pausing: false,
        taken: 0,
    });
    loop {
        let index = usize::from(links[1].due < links[0].due);
        let now = links[index].due;
        if now > end {
            return links;
        }
        let others = links[1 - index].taken;
        if advance(&mut links[index], origin, now, others, forecast, random()) {
            let other = &mut links[1 - index];
            if other.pausing {
                other.event = Event::OtherReached;
                other.due = now;
            }
        }
    }
}

/// Whether the link was taken by a node.
fn advance(
    link: &mut Link,
    origin: Instant,
    now: Duration,
    others: usize,
    forecast: &Forecast,
    chance: u64,
) -> bool {
    let was_refused = link.machine.is_refused();
    let action = link.machine.step(origin + now, link.event, chance);
    link.pausing = matches!(action, Action::Pause(_));
    match action {
        Action::Pause(until) => (link.due, link.event) = (until - origin, Event::PauseOver),
        Action::Dial(node) => {
            let weather = forecast.at(now, node);
            let (time, event) = weather.outcome();
            (link.due, link.event, link.node) = (now + time, event, node);
            if weather == Weather::Silent
                && let Some(change) = forecast.change(now, node).filter(|change| *change < link.due)
            {
                (link.due, link.event) = (change + ROUND_TRIP, Event::Connected);
            }
            link.dials.push(Dial { start: now, node, weather, others, was_refused });
        }
        Action::Live => {
            link.ready = Some(now);
            link.taken += 1;
            let cut = match forecast.at(now, link.node) {
                Weather::Fine => forecast.change(now, link.node).unwrap_or(Duration::MAX),
                Weather::Cutting(time) => now + Duration::from_millis(time),
                _ => now + ROUND_TRIP,
            };
            (link.due, link.event) = (cut, Event::Ended(Ending::Lost));
            return true;
        }
        Action::Bury => {
            link.ready = None;
            (link.due, link.event) = (now + ROUND_TRIP, Event::Buried);
        }
        Action::Leave | Action::End => link.due = Duration::MAX,
    }
    false
}

fn any_weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        3 => Just(Weather::Fine),
        2 => Just(Weather::Refusing),
        2 => Just(Weather::Swallowing),
        2 => Just(Weather::Silent),
        2 => (0_u64..2_800).prop_map(Weather::Closing),
        4 => (0_u64..900).prop_map(Weather::Cutting),
        1 => Just(Weather::Locked),
        1 => Just(Weather::Forged),
        1 => Just(Weather::Broken),
    ]
}

/// Up to three nodes; at the end all are fine.
fn any_forecast() -> impl Strategy<Value = (usize, Forecast)> {
    (1_usize..4).prop_flat_map(|nodes| {
        let segment = (0_u64..40_000, prop::collection::vec(any_weather(), nodes));
        prop::collection::vec(segment, 1..8).prop_map(move |segments| {
            let mut start = Duration::ZERO;
            let mut forecast = Vec::new();
            for (length, weather) in segments {
                forecast.push((start, weather));
                start += Duration::from_millis(length);
            }
            forecast.push((start, vec![Weather::Fine; nodes]));
            (nodes, Forecast(forecast))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_broker_sees_at_most_two_attempts_a_second((nodes, forecast) in any_forecast(), seed: u64) {
        let links = run(&forecast, nodes, seed, forecast.end() + Duration::from_secs(40));
        let mut seen: Vec<_> = links
            .iter()
            .flat_map(|link| &link.dials)
            .filter(|dial| dial.weather.is_seen())
            .map(|dial| dial.start)
            .collect();
        seen.sort();
        for three in seen.windows(3) {
            prop_assert!(three[2] - three[0] >= Duration::from_secs(1), "{:?}", three);
        }
    }

    #[test]
    fn both_are_up_soon_after_the_weather_is_fine((nodes, forecast) in any_forecast(), seed: u64) {
        let fine = forecast.end();
        let before = run(&forecast, nodes, seed, fine);
        let links = run(&forecast, nodes, seed, fine + Duration::from_secs(40));
        let limit = if before.iter().any(|link| link.machine.is_refused()) {
            FINAL_PAUSE + FINAL_SPREAD
        } else if before.iter().any(|link| link.dials.last().is_some_and(|dial| dial.weather == Weather::Broken)) {
            BROKER_ERROR_PAUSE + LONGEST
        } else {
            // The attempt that is under way, and one more; each may meet a node in its way that was swallowing still.
            SPACING + LONGEST
        };
        for link in &links {
            let ready = link.ready.unwrap_or(Duration::MAX);
            prop_assert!(ready <= fine + limit + 4 * ROUND_TRIP + doomed(link, fine), "{:?} {:?}", fine, link.dials);
        }
    }

    #[test]
    fn what_only_a_person_can_change_is_left_alone((nodes, forecast) in any_forecast(), seed: u64) {
        let links = run(&forecast, nodes, seed, forecast.end() + Duration::from_secs(40));
        for dials in links.iter().flat_map(|link| link.dials.windows(2)) {
            let was_taken = dials[0].others != dials[1].others;
            if dials[0].weather == Weather::Locked && !was_taken {
                prop_assert!(dials[1].was_refused);
                prop_assert!(dials[1].start - dials[0].start >= FINAL_PAUSE, "{:?}", dials);
            }
        }
    }

    #[test]
    fn no_node_is_left_out((nodes, forecast) in any_forecast(), seed: u64) {
        for link in run(&forecast, nodes, seed, forecast.end() + Duration::from_secs(40)) {
            for some in link.dials.windows(nodes) {
                for node in 0..nodes {
                    prop_assert!(some.iter().any(|dial| dial.node == node), "{:?}", some);
                }
            }
        }
    }
}

/// How long after `fine` the last attempt that could not succeed any more was under way.
fn doomed(link: &Link, fine: Duration) -> Duration {
    link.dials
        .iter()
        .filter(|dial| dial.start <= fine && dial.weather != Weather::Silent)
        .map(|dial| (dial.start + dial.weather.outcome().0).saturating_sub(fine))
        .max()
        .unwrap_or_default()
        // A second of it was the distance that the next attempt has to keep anyway.
        .saturating_sub(ROUND_TRIP)
}

#[test]
fn a_good_epoch_makes_the_next_pause_short() {
    let start = Instant::now();
    let bound_after = |epoch: Duration| {
        let mut machine = Machine::new(start, vec![0]);
        let mut now = start;
        for _ in 0..10 {
            machine.step(now, Event::Failed(Failure::Unanswered), 0);
            now += SPACING;
        }
        assert_eq!(machine.step(now, Event::PauseOver, 0), Action::Dial(0));
        assert_eq!(machine.step(now, Event::Connected, 0), Action::Live);
        now += epoch;
        assert_eq!(machine.step(now, Event::Ended(Ending::Lost), 0), Action::Bury);
        match machine.step(now, Event::Buried, 1_499_999_999) {
            Action::Pause(until) => until - now,
            other => panic!("{other:?}"),
        }
    };
    assert!(bound_after(GOOD_EPOCH) < SHORTEST);
    assert!(bound_after(GOOD_EPOCH.mul_f64(0.99)) > SPACING);
}

#[test]
fn an_end_is_the_end() {
    let now = Instant::now();
    let mut machine = Machine::new(now, vec![0]);
    assert_eq!(machine.step(now, Event::Connected, 0), Action::Live);
    assert_eq!(machine.clone().step(now, Event::Stop, 0), Action::Leave);
    machine.step(now, Event::Ended(Ending::BrokerError), 0);
    let Action::Pause(until) = machine.step(now, Event::Buried, 0) else { panic!("a pause follows") };
    assert_eq!(until, now + BROKER_ERROR_PAUSE);
    assert_eq!(machine.step(now, Event::Stop, 0), Action::End);
}

#[test]
fn a_node_that_nobody_reached_costs_no_pause() {
    let now = Instant::now();
    let mut machine = Machine::new(now, vec![2, 0, 1]);
    assert_eq!(machine.step(now, Event::PauseOver, 0), Action::Dial(2));
    assert_eq!(machine.step(now, Event::Failed(Failure::Unreached), 0), Action::Dial(0));
    assert_eq!(machine.step(now, Event::Failed(Failure::Unreached), 0), Action::Dial(1));
    // All were asked: now it pauses, and starts over.
    assert_eq!(machine.step(now, Event::Failed(Failure::Unreached), 0), Action::Pause(now + SPACING));
    assert_eq!(machine.step(now + SPACING, Event::PauseOver, 0), Action::Dial(2));
    assert!(matches!(machine.step(now, Event::Failed(Failure::Unanswered), 0), Action::Pause(_)));
}

#[test]
fn one_bad_certificate_is_no_refusal_and_all_of_them_are() {
    let now = Instant::now();
    let mut machine = Machine::new(now, vec![0, 1]);
    machine.step(now, Event::PauseOver, 0);
    let Action::Pause(until) = machine.step(now, Event::Failed(Failure::Untrusted), 0) else { panic!() };
    assert!(until < now + SPACING * 2 && !machine.is_refused());
    assert_eq!(machine.step(until, Event::PauseOver, 0), Action::Dial(1));
    let Action::Pause(long) = machine.step(until, Event::Failed(Failure::Untrusted), 0) else { panic!() };
    assert!(long >= until + FINAL_PAUSE && machine.is_refused());
    // One that is away puts it in doubt.
    machine.step(long, Event::PauseOver, 0);
    machine.step(long, Event::Failed(Failure::Unanswered), 0);
    assert!(!machine.is_refused());
}

#[test]
fn a_crowd_comes_back_spread_and_soon() {
    const MINUTE: Duration = Duration::from_secs(60);
    let forecast = Forecast(vec![(Duration::ZERO, vec![Weather::Refusing]), (MINUTE, vec![Weather::Fine])]);
    let mut taken: Vec<_> = (0..200)
        .flat_map(|process: u64| run(&forecast, 1, process.wrapping_mul(0x9e37_79b9_7f4a_7c15), MINUTE * 2))
        .map(|link| link.ready.unwrap() - MINUTE)
        .collect();
    taken.sort();
    assert!(taken.last() < Some(&Duration::from_secs(3)), "{:?}", taken.last());
    let tenth = Duration::from_millis(100);
    let most = taken
        .iter()
        .map(|start| taken.iter().filter(|time| *time >= start && **time - *start < tenth).count());
    // Evenly over the two seconds and a half that the slowest take, it would be 16.
    assert!(most.max() < Some(80));
}
