//! Counts instructions: this program under callgrind, once a contender and size.

use crate::valgrind;
use crate::workload::{Contender, Target, Workload};

/// Counts every contender of the workloads and prints instructions an operation.
pub(crate) fn count(workloads: &[&Workload]) -> Result<(), String> {
    println!(
        "{:<36}{:<12}{:>12}{:>10}  target",
        "workload", "contender", "instr/op", "vs hand"
    );
    for workload in workloads {
        let mut costs = Vec::with_capacity(workload.contenders.len());
        for contender in workload.contenders {
            costs.push((contender, instructions_per_op(workload, contender)?));
        }
        let hand = cost_of("hand", &costs);
        for (contender, cost) in &costs {
            let verdict = if contender.name == "ours" {
                let targets = workload.targets.iter();
                let verdicts = targets.map(|target| on_target(*target, *cost, &costs));
                let verdicts = verdicts.chain(beside_peers(*cost, &costs));
                verdicts.collect::<Vec<_>>().join("; ")
            } else {
                String::new()
            };
            let line = format!(
                "{:<36}{:<12}{cost:>12.1}{:>10.2}  {verdict}",
                workload.name,
                contender.name,
                cost / hand
            );
            println!("{}", line.trim_end());
        }
    }
    Ok(())
}

fn cost_of(name: &str, costs: &[(&Contender, f64)]) -> f64 {
    let mut costs = costs.iter();
    let found = costs.find(|(contender, _)| contender.name == name);
    found.map_or(f64::NAN, |(_, cost)| *cost)
}

fn on_target(target: Target, cost: f64, costs: &[(&Contender, f64)]) -> String {
    let times = |times: f64, name| {
        let met = cost <= times * cost_of(name, costs);
        (format!("{times} times {name}"), met)
    };
    let (limit, met) = match target {
        Target::TimesHand(limit) => times(limit, "hand"),
        Target::Times(limit, name) => times(limit, name),
        Target::Instructions(limit) => (format!("{limit} instructions"), cost <= limit),
    };
    let verdict = if met { "met" } else { "MISSED" };
    format!("{limit}: {verdict}")
}

/// Whether ours costs less than each peer, if there are any.
fn beside_peers(cost: f64, costs: &[(&Contender, f64)]) -> Option<String> {
    let mut peers = costs
        .iter()
        .filter(|(contender, _)| contender.is_peer())
        .peekable();
    peers.peek()?;
    let cheaper: Vec<_> = peers
        .filter(|(_, theirs)| *theirs <= cost)
        .map(|(contender, _)| contender.name)
        .collect();
    Some(if cheaper.is_empty() {
        "below every peer".to_owned()
    } else {
        format!("NOT BELOW {}", cheaper.join(", "))
    })
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
