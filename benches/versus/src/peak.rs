//! Weighs long streams and pipelines: how much memory the process has held at most, which is not to grow with the items.

use std::fs;
use std::process::Command;

/// Those that are weighed.
const WORKLOADS: &[&str] = &[
    "stream_map_filter_fold",
    "stream_erased",
    "stream_erased_pulled",
    "map_effect_par16",
    "map_effect_par16_unordered",
    "merge",
    "chunks_within",
];

/// How many items there are in a short stream, and in a long one.
const ITEMS: [u64; 2] = [100_000, 10_000_000];

/// How much more a long one may take, in KiB: what the system gives a process differs by some hundred. A byte kept for each
/// item would be ten times as much.
const SLACK: u64 = 1024;

/// Pipelines that are weighed: how many items go through, and how many MiB they may take above a program that does nothing.
const PIPELINES: &[(&str, u64, u64)] = &[
    ("pipeline_records", 1_000_000, 16),
    ("pipeline_records", 5_000_000, 16),
    ("pipeline_documents", 1_000_000, 64),
];

/// Prints what streams of ours take, short and long, and pipelines before somebody slow.
pub(crate) fn weigh() -> Result<(), String> {
    weigh_streams()?;
    weigh_pipelines()
}

fn weigh_streams() -> Result<(), String> {
    let [short, long] = ITEMS;
    let (items, more) = (format!("KiB of {short}"), format!("of {long}"));
    println!("\n{:<28}{items:>16}{more:>16}  target", "streams");
    for workload in WORKLOADS {
        let [few, many] = [peak(workload, short)?, peak(workload, long)?];
        let verdict = if many <= few + SLACK { "met" } else { "MISSED" };
        println!("{workload:<28}{few:>16}{many:>16}  {SLACK} more: {verdict}");
    }
    Ok(())
}

fn weigh_pipelines() -> Result<(), String> {
    let nothing = peak_of(&["peak"])?;
    println!(
        "\n{:<28}{:>16}{:>16}  target",
        "pipelines", "items", "KiB above none"
    );
    for (workload, items, limit) in PIPELINES {
        let above = peak(workload, *items)?.saturating_sub(nothing);
        let verdict = if above <= limit * 1024 {
            "met"
        } else {
            "MISSED"
        };
        println!("{workload:<28}{items:>16}{above:>16}  {limit} MiB: {verdict}");
    }
    Ok(())
}

/// Prints what is weighed.
pub(crate) fn list() {
    println!("streams: what a process takes that runs a long one; for `memory` alone");
    println!("  {}", WORKLOADS.join(", "));
    println!("pipelines: what one takes that is read slowly; for `memory` alone");
    for (workload, items, _) in PIPELINES {
        println!("  {workload} of {items}");
    }
}

/// The KiB that a process of its own takes for so many items.
fn peak(workload: &str, items: u64) -> Result<u64, String> {
    peak_of(&["peak", workload, "ours", &items.to_string()])
}

/// The KiB that a process of its own prints for these arguments.
fn peak_of(arguments: &[&str]) -> Result<u64, String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("the program cannot find itself: {error}"))?;
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("the program cannot start itself: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    printed.trim().parse().map_err(|_| {
        let errors = String::from_utf8_lossy(&output.stderr);
        format!("`{}` failed:\n{errors}", arguments.join(" "))
    })
}

/// The KiB of memory that this process has held at most.
pub(crate) fn of_this_process() -> Result<u64, String> {
    let status = fs::read_to_string("/proc/self/status")
        .map_err(|error| format!("this needs Linux, which tells in /proc: {error}"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| "/proc/self/status does not tell".to_owned())
}
