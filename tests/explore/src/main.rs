//! Simulates the reference programs: a million plans that chance makes, each single fault, and each pair of interrupts.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use effect::simulation::{Explored, Sim};
use explore::programs::{ALL, Reference};

/// How many plans chance makes, unless an argument says otherwise.
const PLANS: u64 = 1_000_000;

/// How many seeds each single fault is tried under.
const SEEDS_OF_FAULTS: u64 = 100;

/// How many seeds each pair of interrupts is tried under.
const SEEDS_OF_PAIRS: u64 = 20;

fn main() -> ExitCode {
    let plans = std::env::args()
        .nth(1)
        .map_or(Ok(PLANS), |plans| plans.parse());
    let Ok(plans) = plans else {
        eprintln!("usage: explore [plans]");
        return ExitCode::from(2);
    };
    let mut total = Explored::default();
    let mut wrong = 0;
    let each = plans.div_ceil(ALL.len() as u64);
    println!(
        "{:<14}{:>12}{:>14}{:>14}",
        "program", "plans", "each fault", "each pair"
    );
    for reference in ALL {
        match simulate(reference, each) {
            Ok(explored) => explored.into_iter().for_each(|more| total += more),
            Err(violation) => {
                wrong += 1;
                println!("{}: {violation}", reference.name);
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
) -> Result<[Explored; 3], Box<effect::simulation::Violation>> {
    let sim = Sim::new().on_all_cores();
    let explored = (reference.explore)(sim.runs(plans))?;
    let each_fault = (reference.each_fault)(sim.seeds(SEEDS_OF_FAULTS))?;
    let each_pair = (reference.each_pair)(sim.seeds(SEEDS_OF_PAIRS))?;
    println!(
        "{:<14}{:>12}{:>14}{:>14}",
        reference.name, explored.runs, each_fault.runs, each_pair.runs
    );
    Ok([explored, each_fault, each_pair])
}
