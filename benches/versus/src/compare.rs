//! Times contenders, interleaved, so that whatever else the machine does hits all of them alike.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark measures the time that really passes"
)]

use std::time::Instant;

use crate::verdict::{Measure, cost_of, ratio, verdict};
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

/// And how often where a target depends on it.
const ROUNDS_FOR_TARGETS: usize = 21;

/// Times every contender of the workloads and prints medians.
pub(crate) fn compare(workloads: &[&Workload], format: Format) -> Result<(), String> {
    if format == Format::Table {
        println!(
            "{:<36}{:<18}{:>12}{:>10}  target",
            "workload", "contender", "ns/op", "vs hand"
        );
    }
    for workload in workloads {
        let medians = medians(workload)?;
        let hand = cost_of("hand", &medians);
        for (contender, nanos) in &medians {
            let ratio = ratio(*nanos, hand);
            match format {
                Format::Table => {
                    let verdict = verdict(workload, contender, Measure::Time, &medians);
                    let line = format!(
                        "{:<36}{:<18}{nanos:>12.1}{ratio:>10}  {verdict}",
                        workload.name, contender.name
                    );
                    println!("{}", line.trim_end());
                }
                Format::Json => println!(
                    "{{\"workload\":\"{}\",\"contender\":\"{}\",\"ns_per_op\":{nanos:.3},\"vs_hand\":{}}}",
                    workload.name,
                    contender.name,
                    if ratio.is_empty() { "null" } else { &ratio }
                ),
            }
        }
    }
    Ok(())
}

/// The median of each contender, in nanoseconds an operation.
fn medians(workload: &Workload) -> Result<Vec<(&Contender, f64)>, String> {
    let contenders = workload.contenders;
    let rounds = if workload.is_of_time() {
        ROUNDS_FOR_TARGETS
    } else {
        ROUNDS
    };
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    let mut checksum = None;
    // The first round warms up, and is dropped.
    for round in 0..=rounds {
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
        times[rounds / 2]
    });
    Ok(contenders.iter().zip(medians).collect())
}
