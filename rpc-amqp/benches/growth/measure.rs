//! What a call costs in each stage.

use std::time::{Duration, Instant};

use super::process::cpu_time;
use super::stage::Stage;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    rounds: usize,
    /// Per stage and round.
    turn: Duration,
}

/// Per call, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) cpu: f64,
    pub(crate) time: f64,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 11, turn: Duration::from_millis(200) };
    pub(crate) const QUICK: Self = Self { rounds: 7, turn: Duration::from_millis(50) };
}

/// The median costs of the stages, which take turns.
pub(crate) async fn measure(stages: &mut [Stage], effort: Effort) -> Vec<Cost> {
    let mut costs = vec![Vec::new(); stages.len()];
    // Round 0 only warms up.
    for round in 0..=effort.rounds {
        for (stage, costs) in stages.iter_mut().zip(&mut costs) {
            let cost = turn(stage, effort.turn).await;
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let of = |costs: &[Cost], value: fn(&Cost) -> f64| median(costs.iter().map(value).collect());
    costs
        .iter()
        .map(|costs| Cost { cpu: of(costs, |cost| cost.cpu), time: of(costs, |cost| cost.time) })
        .collect()
}

async fn turn(stage: &mut Stage, time: Duration) -> Cost {
    // What the stage before has put in the way of the processor is not this one's.
    for _ in 0..WARM_UP {
        stage.call().await;
    }
    let (start, cpu) = (Instant::now(), cpu_time());
    let mut calls = 0.0;
    while start.elapsed() < time {
        stage.call().await;
        calls += 1.0;
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / calls;
    Cost { cpu: micros(cpu_time() - cpu), time: micros(start.elapsed()) }
}

const WARM_UP: usize = 10;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
