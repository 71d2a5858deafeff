//! Counts instructions: this program under callgrind, once a contender and size.

use std::io::ErrorKind;
use std::process::Command;

use crate::workload::{Contender, Target, Workload};

/// Counts every contender of the workloads and prints instructions an operation.
pub(crate) fn count(workloads: &[&Workload]) -> Result<(), String> {
    println!(
        "{:<24}{:<12}{:>12}{:>10}  target",
        "workload", "contender", "instr/op", "vs hand"
    );
    for workload in workloads {
        let mut hand = f64::NAN;
        // `hand` comes first everywhere.
        for contender in workload.contenders {
            let cost = instructions_per_op(workload, contender)?;
            if contender.name == "hand" {
                hand = cost;
            }
            let verdict = match workload.target {
                Some(target) if contender.name == "ours" => verdict(target, cost, hand),
                _ => String::new(),
            };
            println!(
                "{:<24}{:<12}{cost:>12.1}{:>10.2}{verdict}",
                workload.name,
                contender.name,
                cost / hand
            );
        }
    }
    Ok(())
}

fn verdict(target: Target, cost: f64, hand: f64) -> String {
    let (limit, met) = match target {
        Target::TimesHand(times) => (format!("{times} times hand"), cost <= hand * times),
        Target::Instructions(limit) => (format!("{limit} instructions"), cost <= limit),
    };
    let verdict = if met { "met" } else { "MISSED" };
    format!("  {limit}: {verdict}")
}

/// What N more operations cost, so that starting up is not counted.
fn instructions_per_op(workload: &Workload, contender: &Contender) -> Result<f64, String> {
    let size = workload.counted;
    let once = instructions(workload, contender, size)?;
    let twice = instructions(workload, contender, 2 * size)?;
    Ok((twice as f64 - once as f64) / size as f64)
}

fn instructions(workload: &Workload, contender: &Contender, size: u64) -> Result<u64, String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("the program cannot find itself: {error}"))?;
    let output = Command::new("valgrind")
        // Threads take turns, or one that spins would be counted for as long as it likes.
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--fair-sched=try")
        .arg(program)
        .args(["run", workload.name, contender.name])
        .arg(size.to_string())
        .output()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => "`count` needs valgrind, and there is none in PATH".to_owned(),
            _ => format!("valgrind cannot be started: {error}"),
        })?;
    let printed = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!(
            "{} of {} failed under valgrind:\n{printed}",
            contender.name, workload.name
        ));
    }
    printed
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok())
        .ok_or_else(|| format!("valgrind printed no count:\n{printed}"))
}
