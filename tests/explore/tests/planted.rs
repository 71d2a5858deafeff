//! Every planted bug is found, and no correct copy is blamed.

use effect::simulation::{Explored, Sim, Violation};
use explore::planted::{BUGS, CORRECT, Net, Planted};

/// How many runs chance has for each bug, and for each correct copy. The rarest bug took a fifth of it.
const BUDGET: u64 = 50_000;

/// In how many orders each single fault is tried.
const SEEDS: u64 = 5;

/// After how many steps a run is said to never end. Those of the correct copies have some dozens.
const MAX_STEPS: u32 = 5_000;

fn sim() -> Sim {
    Sim::new().runs(BUDGET).max_steps(MAX_STEPS).on_all_cores()
}

/// Looks for a bug by one of the nets. Each single fault is tried in the orders of several seeds.
fn look(planted: &Planted, net: Net) -> Result<Explored, Box<Violation>> {
    let seeds = match net {
        Net::Explore => 1,
        _ => SEEDS,
    };
    let mut explored = Explored::default();
    for seed in 0..seeds {
        match (planted.look)(sim().seed(seed), net) {
            Ok(more) => explored += more,
            Err(mut violation) => {
                violation.runs += explored.runs;
                return Err(violation);
            }
        }
    }
    Ok(explored)
}

/// Looks for a bug in all ways, prints one line of it, and has what was found in the fewest runs.
fn find(planted: &Planted) -> Option<Box<Violation>> {
    let found = Net::ALL.map(|net| look(planted, net).err());
    let runs = found.each_ref().map(|found| {
        let runs = found.as_ref().map(|violation| violation.runs.to_string());
        format!("{:>6}", runs.as_deref().unwrap_or("-"))
    });
    let name = format!("{}::{}", planted.mechanism, planted.program);
    let bug = planted.bug.unwrap_or_default();
    let best = found.into_iter().flatten().min_by_key(|found| found.runs);
    let reported = best.as_ref().map_or("NOT FOUND".to_owned(), |best| {
        let what = best.what.lines().next().unwrap_or_default();
        format!("{what} [{}]", best.plan)
    });
    println!("{name:<20} {bug:<24}{}  {reported}", runs.join(""));
    best
}

#[test]
fn every_planted_bug_is_found() {
    println!("runs needed by {:?}", Net::ALL);
    let mut missed = Vec::new();
    for planted in BUGS {
        let Some(violation) = find(planted) else {
            missed.push(planted.bug.unwrap_or_default());
            continue;
        };
        assert!(violation.runs <= BUDGET);
        for plan in [&violation.plan, &violation.first] {
            let replayed = (planted.replay)(sim(), plan);
            assert!(replayed.wrong.is_some(), "{plan} replays to nothing wrong");
        }
        let replayed = (planted.replay)(sim(), &violation.plan);
        assert_eq!(replayed.wrong.as_ref(), Some(&violation.what));
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn no_correct_copy_is_blamed() {
    for planted in CORRECT {
        for net in Net::ALL {
            match look(planted, net) {
                Ok(explored) => println!(
                    "{}::{} {net:?}: {explored}",
                    planted.mechanism, planted.program
                ),
                Err(violation) => panic!(
                    "{}::{} {net:?}: {violation}",
                    planted.mechanism, planted.program
                ),
            }
        }
    }
}
