//! What grows, and how far.

use super::measure::{Effort, measure};
use super::place::Place;
use super::stage::{Scale, Stage};

/// Something that grows.
struct Setting {
    /// Without blanks; figures are named after it.
    name: &'static str,
    scales: &'static [usize],
    grow: fn(&mut Scale, usize),
}

const SMALLEST: Scale = Scale { pending: 1, methods: 1, servers: 1, queues: 1, body: 64 };

/// What fits into the largest message, 4 MiB, with the name of the argument.
const LARGEST_BODY: usize = (4 << 20) - 64;

const SETTINGS: &[Setting] = &[
    Setting {
        name: "pending",
        scales: &[1, 10, 100, 1_000, 10_000, 100_000],
        grow: |sizes, scale| sizes.pending = scale,
    },
    Setting { name: "methods", scales: &[1, 10, 100, 1_000], grow: |sizes, scale| sizes.methods = scale },
    Setting { name: "servers", scales: &[1, 10, 50, 200], grow: |sizes, scale| sizes.servers = scale },
    Setting { name: "queues", scales: &[1, 10, 100, 1_000], grow: |sizes, scale| sizes.queues = scale },
    Setting {
        name: "body",
        scales: &[64, 1_024, 16_384, 262_144, LARGEST_BODY],
        grow: |sizes, scale| sizes.body = scale,
    },
];

/// Prints a table, and the figures.
pub(crate) async fn measure_all(place: &Place, effort: Effort) {
    println!("{:<10} {:<8} {:>8} {:>14} {:>14}", "place", "what", "scale", "CPU µs", "time µs");
    let mut figures = Vec::new();
    for Setting { name, scales, grow } in SETTINGS {
        let mut stages = Vec::new();
        for &scale in *scales {
            let mut sizes = SMALLEST;
            grow(&mut sizes, scale);
            stages.push(Stage::start(place, name, scale, sizes).await);
        }
        let costs = measure(&mut stages, effort).await;
        for (scale, cost) in scales.iter().zip(&costs) {
            println!("{:<10} {name:<8} {scale:>8} {:>14.2} {:>14.2}", place.as_str(), cost.cpu, cost.time);
        }
        let ([least, .., most], [small, .., large]) = (scales, &costs[..]) else { continue };
        let figure = format!("figure growth_{}_{name}_{most}_vs_{least}", place.as_str());
        figures.push(format!("{figure} cpu {:.3}", large.cpu / small.cpu));
        figures.push(format!("{figure} time {:.3}", large.time / small.time));
    }
    println!("\n{}\n", figures.join("\n"));
}
