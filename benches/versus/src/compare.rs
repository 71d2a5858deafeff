//! Times contenders, interleaved, so that whatever else the machine does hits all of them alike.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark measures the time that really passes"
)]

use std::time::Instant;

use crate::workload::{Contender, Workload};

/// How the result is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// To be read.
    Table,
    /// One object a line, to be processed.
    Json,
}

/// How often each contender is timed. Odd, so that there is a median.
const ROUNDS: usize = 9;

/// Times every contender of the workloads and prints medians.
pub(crate) fn compare(workloads: &[&Workload], format: Format) -> Result<(), String> {
    if format == Format::Table {
        println!(
            "{:<36}{:<12}{:>12}{:>10}",
            "workload", "contender", "ns/op", "vs hand"
        );
    }
    for workload in workloads {
        let medians = medians(workload)?;
        let hand = medians
            .iter()
            .find(|(contender, _)| contender.name == "hand")
            .map(|(_, nanos)| *nanos);
        for (contender, nanos) in &medians {
            let ratio = hand.map_or(f64::NAN, |hand| nanos / hand);
            match format {
                Format::Table => println!(
                    "{:<36}{:<12}{nanos:>12.1}{ratio:>10.2}",
                    workload.name, contender.name
                ),
                Format::Json => println!(
                    "{{\"workload\":\"{}\",\"contender\":\"{}\",\"ns_per_op\":{nanos:.3},\"vs_hand\":{ratio:.3}}}",
                    workload.name, contender.name
                ),
            }
        }
    }
    Ok(())
}

/// The median of each contender, in nanoseconds an operation.
fn medians(workload: &Workload) -> Result<Vec<(&Contender, f64)>, String> {
    let contenders = workload.contenders;
    let mut times = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    let mut checksum = None;
    // The first round warms up, and is dropped.
    for round in 0..=ROUNDS {
        for place in 0..contenders.len() {
            // Nobody runs right after the same rival in every round.
            let index = (place + round) % contenders.len();
            let contender = &contenders[index];
            let start = Instant::now();
            let result = (contender.run)(workload.timed);
            let nanos = start.elapsed().as_nanos() as f64 / workload.timed as f64;
            if *checksum.get_or_insert(result) != result {
                return Err(format!(
                    "{} of {} did not do what the others did",
                    contender.name, workload.name
                ));
            }
            if round > 0 {
                times[index].push(nanos);
            }
        }
    }
    let medians = times.into_iter().map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    Ok(contenders.iter().zip(medians).collect())
}
