//! Latencies, drawn.

use std::fmt::Write;

use super::measured::Measured;
use crate::output::microseconds;

/// How many lines a text has at most, and how wide its longest bar is.
const LINES: u32 = 20;
const WIDTH: f64 = 50.0;

/// Which times how many calls took, as bars over steps that grow by a constant factor.
pub(super) fn text(measured: &Measured) -> String {
    let times = measured.latency();
    let mut text = String::new();
    if times.count == 0 {
        return text;
    }
    let steps = steps(times.min_us, times.max_us);
    // Differences of sums, since times that are not told apart can lie on both sides of a bound.
    let sums: Vec<_> = steps.iter().map(|(_, high)| measured.up_to(*high)).collect();
    let counts: Vec<_> =
        sums.iter().scan(0, |before, sum| Some(sum - std::mem::replace(before, *sum))).collect();
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "     up to    calls     below");
    for (((_, high), count), sum) in steps.iter().zip(counts).zip(sums) {
        let part = |count: u64| count as f64 * 100.0 / times.count as f64;
        let bar = (count as f64 / most as f64 * WIDTH).ceil() as usize;
        let line = format!(
            "{:>10} {:>7.3}% {:>8.3}%  {}",
            microseconds(*high),
            part(count),
            part(sum),
            "#".repeat(bar)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Steps from `low` to `high`, both included, that have no gaps and do not overlap.
fn steps(low: u64, high: u64) -> Vec<(u64, u64)> {
    let (low, high) = (low.max(1), high.max(low).max(1));
    // No finer than an eighth more each time, which is what a person can tell apart.
    let factor = (high as f64 / low as f64).powf(1.0 / f64::from(LINES)).max(1.125);
    let mut steps = Vec::new();
    let (mut from, mut bound) = (low, low as f64);
    while from <= high {
        bound *= factor;
        let to = (bound as u64).clamp(from, high);
        // The last one may be a little wider, so that there are not too many.
        let to = if steps.len() + 1 == LINES as usize { high } else { to };
        steps.push((from, to));
        from = to + 1;
    }
    steps
}

/// The times that parts of the calls took at most: the parts by their distance from all, the times by powers of ten.
pub(super) fn svg(measured: &Measured, title: &str) -> String {
    const LEFT: f64 = 80.0;
    const RIGHT: f64 = 770.0;
    const TOP: f64 = 50.0;
    const BOTTOM: f64 = 360.0;
    let times = measured.latency();
    // As many nines as there are calls to tell them.
    let decades = (times.count.max(10) as f64).log10().floor();
    let (least, most) = (times.min_us.max(1) as f64, times.max_us.max(2) as f64);
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    let x = |distance: f64| LEFT + (RIGHT - LEFT) * distance / decades;
    let y = |time: f64| BOTTOM - (BOTTOM - TOP) * (time.max(1.0).log10() - low) / (high - low).max(1.0);

    let mut svg = String::from(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="800" height="420" font-family="sans-serif" font-size="12">
<rect width="800" height="420" fill="#fff"/>
"##,
    );
    // Writing to a string cannot fail.
    let _ = writeln!(svg, r#"<text x="{LEFT}" y="25" font-size="14">{}</text>"#, escaped(title));
    for power in low as i32..=high as i32 {
        let (place, time) =
            (y(10_f64.powi(power)), microseconds(10_u64.saturating_pow(power.unsigned_abs())));
        let _ = writeln!(svg, r##"<path d="M{LEFT} {place:.1}H{RIGHT}" stroke="#ddd"/>"##);
        let _ = writeln!(
            svg,
            r#"<text x="{}" y="{:.1}" text-anchor="end">{time}</text>"#,
            LEFT - 8.0,
            place + 4.0
        );
    }
    for decade in 0..=decades as usize {
        let place = x(decade as f64);
        let label = if decade == 0 { "0 %".to_owned() } else { nines(decade) };
        let _ = writeln!(svg, r##"<path d="M{place:.1} {TOP}V{BOTTOM}" stroke="#ddd"/>"##);
        let _ = writeln!(
            svg,
            r#"<text x="{place:.1}" y="{}" text-anchor="middle">{label}</text>"#,
            BOTTOM + 20.0
        );
    }
    let _ = writeln!(
        svg,
        r#"<text x="{}" y="{}" text-anchor="middle">part of the {} calls that succeeded</text>"#,
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 45.0,
        times.count
    );
    if times.count > 0 {
        let points = (0..=(decades * 40.0) as u32).map(|step| {
            let distance = f64::from(step) / 40.0;
            let time = measured.quantile(1.0 - 10_f64.powf(-distance));
            format!("{:.1},{:.1}", x(distance), y(time as f64))
        });
        let points = points.collect::<Vec<_>>().join(" ");
        let _ =
            writeln!(svg, r##"<polyline points="{points}" fill="none" stroke="#06c" stroke-width="2"/>"##);
    }
    svg.push_str("</svg>\n");
    svg
}

/// 90 %, 99 %, 99.9 % and so on.
fn nines(count: usize) -> String {
    match count {
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        more => format!("99.{} %", "9".repeat(more - 2)),
    }
}

/// Names come from strangers.
fn escaped(text: &str) -> String {
    let readable = crate::output::readable(text);
    readable.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::measured::Outcome;
    use super::*;

    fn measured(times: impl IntoIterator<Item = u64>) -> Measured {
        let mut measured = Measured::new();
        for time in times {
            let (latency, late) = (Duration::from_micros(time), Duration::ZERO);
            measured.record(Outcome { is_measured: true, latency, late, error: None });
        }
        measured
    }

    #[test]
    fn a_text_shows_where_calls_are() {
        let text = text(&measured([100, 100, 100, 150, 200]));
        let first = text.lines().nth(1).unwrap_or_default();
        assert!(first.contains("60.000%") && first.ends_with(&"#".repeat(50)), "{text}");
        assert!(text.lines().last().is_some_and(|line| line.contains("100.000%")), "{text}");
        assert_eq!(super::text(&Measured::new()), "");
    }

    #[test]
    fn a_drawing_is_xml_whatever_it_is_called() {
        let svg = svg(&measured(1..=10_000), "<script> & \u{1b}co");
        assert!(svg.contains("&lt;script&gt; &amp; \u{fffd}co") && svg.contains("99.99 %"), "{svg}");
        assert!(!super::svg(&Measured::new(), "").contains("NaN"));
    }

    proptest! {
        #[test]
        fn every_time_is_in_one_step(low in 0_u64..100_000, more in 0_u64..10_000_000) {
            let high = low.max(1) + more;
            let steps = steps(low, high);
            prop_assert!(steps.len() <= LINES as usize, "{steps:?}");
            prop_assert_eq!((steps[0].0, steps[steps.len() - 1].1), (low.max(1), high));
            prop_assert!(steps.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
        }

        #[test]
        fn nothing_is_drawn_outside(times in prop::collection::vec(0_u64..4_000_000_000, 1..200)) {
            let drawn = svg(&measured(times.clone()), "t");
            let points = drawn.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            for point in points.split(' ') {
                let (x, y) = point.split_once(',').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                prop_assert!((79.0..=771.0).contains(&x) && (49.0..=361.0).contains(&y), "{point}");
            }
            let text = text(&measured(times));
            prop_assert!(text.lines().count() <= LINES as usize + 1);
            prop_assert!(text.lines().last().is_some_and(|line| line.contains(" 100.000%")), "{text}");
        }
    }
}
