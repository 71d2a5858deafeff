//! Counts instructions: this program under callgrind, once a contender and size.

use crate::valgrind;
use crate::verdict::{Measure, cost_of, ratio, verdict};
use crate::workload::{Contender, Workload};

/// Counts every contender of the workloads and prints instructions an operation.
pub(crate) fn count(workloads: &[&Workload]) -> Result<(), String> {
    println!(
        "{:<36}{:<18}{:>12}{:>10}  target",
        "workload", "contender", "instr/op", "vs hand"
    );
    for workload in workloads {
        let mut costs = Vec::with_capacity(workload.contenders.len());
        for contender in workload.contenders {
            costs.push((contender, instructions_per_op(workload, contender)?));
        }
        let hand = cost_of("hand", &costs);
        for (contender, cost) in &costs {
            let verdict = verdict(workload, contender, Measure::Instructions, &costs);
            let line = format!(
                "{:<36}{:<18}{cost:>12.1}{:>10}  {verdict}",
                workload.name,
                contender.name,
                ratio(*cost, hand)
            );
            println!("{}", line.trim_end());
        }
    }
    Ok(())
}

/// What N more operations cost, so that starting up is not counted.
fn instructions_per_op(workload: &Workload, contender: &Contender) -> Result<f64, String> {
    let size = workload.counted;
    let once = instructions(workload, contender, size)?;
    let twice = instructions(workload, contender, 2 * size)?;
    Ok((twice as f64 - once as f64) / size as f64)
}

fn instructions(workload: &Workload, contender: &Contender, size: u64) -> Result<u64, String> {
    let printed = valgrind::run(
        // Threads take turns, or one that spins would be counted for as long as it likes.
        &[
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--fair-sched=try",
        ],
        &["run", workload.name, contender.name, &size.to_string()],
    )?;
    printed
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok())
        .ok_or_else(|| format!("valgrind printed no count:\n{printed}"))
}
