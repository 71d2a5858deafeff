//! Simulates the reference programs: a million plans that chance makes, and another over the reference pipelines, each
//! single fault, and each pair of interrupts.
//!
//! `explore [plans] [name]`: so many plans for each of both, and only the programs of that name. `EXPLORE_SCALE` multiplies
//! the plans and the seeds.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "it says how long the machine took, which no virtual clock knows"
)]

use std::process::ExitCode;
use std::time::Instant;

use effect::simulation::{Explored, Sim};
use explore::programs::{ALL, PIPELINES, Reference};

/// How many plans chance makes for each list, unless an argument says otherwise.
const PLANS: u64 = 1_000_000;

/// How many seeds each single fault is tried under.
const SEEDS_OF_FAULTS: u64 = 200;

/// And each pair of interrupts.
const SEEDS_OF_PAIRS: u64 = 20;

struct Seeds {
    faults: u64,
    pairs: u64,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let plans = arguments.next().map_or(Ok(PLANS), |plans| plans.parse());
    let scale = std::env::var("EXPLORE_SCALE").map_or(Ok(1.0), |scale| scale.parse::<f64>());
    let (Ok(plans), Ok(scale)) = (plans, scale) else {
        eprintln!("usage: [EXPLORE_SCALE=1] explore [plans] [name]");
        return ExitCode::from(2);
    };
    let name = arguments.next();
    let scaled = |count: u64| ((count as f64 * scale) as u64).max(1);
    let mut total = Explored::default();
    let mut wrong = 0;
    println!(
        "{:<14}{:>12}{:>14}{:>14}{:>10}",
        "program", "plans", "each fault", "each pair", "seconds"
    );
    let seeds = Seeds {
        faults: scaled(SEEDS_OF_FAULTS),
        pairs: scaled(SEEDS_OF_PAIRS),
    };
    for list in [ALL, PIPELINES] {
        let each = scaled(plans).div_ceil(list.len() as u64);
        let named =
            |reference: &&Reference| name.as_ref().is_none_or(|name| name == reference.name);
        for reference in list.iter().filter(named) {
            match simulate(reference, each, &seeds) {
                Ok(explored) => explored.into_iter().for_each(|more| total += more),
                Err(violation) => {
                    wrong += 1;
                    println!("{}: {violation}", reference.name);
                }
            }
        }
    }
    println!("{total}");
    ExitCode::from(u8::from(wrong > 0))
}

/// Simulates one program, and prints how often.
fn simulate(
    reference: &Reference,
    plans: u64,
    seeds: &Seeds,
) -> Result<[Explored; 3], Box<effect::simulation::Violation>> {
    let sim = Sim::new().on_all_cores();
    let begin = Instant::now();
    let explored = (reference.explore)(sim.runs(plans))?;
    let each_fault = (reference.each_fault)(sim.seeds(seeds.faults))?;
    let each_pair = (reference.each_pair)(sim.seeds(seeds.pairs))?;
    println!(
        "{:<14}{:>12}{:>14}{:>14}{:>10.1}",
        reference.name,
        explored.runs,
        each_fault.runs,
        each_pair.runs,
        begin.elapsed().as_secs_f64(),
    );
    Ok([explored, each_fault, each_pair])
}
