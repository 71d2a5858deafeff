//! What this library costs beside hand-written tokio and its peers, in instructions and in time.
//!
//! Instructions first: `versus count` repeats to within a few in a thousand, on any machine. Times
//! (`versus compare`) are for the costs that instructions do not show.

#![forbid(unsafe_code)]
// Where `select!` is used, this lint looks no further than the root of the crate.
#![allow(
    clippy::disallowed_macros,
    reason = "hand-written tokio is what this is measured against"
)]
// The chain of `futures` nests too deep for the usual limit.
#![recursion_limit = "512"]

mod workload;
mod drive;
mod stages;
mod workloads;
mod verdict;
mod compare;
mod valgrind;
mod count;
mod memory;
mod peak;

use std::process::ExitCode;

use workload::Workload;

const USAGE: &str = "\
usage:
  versus list                           workloads and contenders
  versus run WORKLOAD CONTENDER N       runs one contender once, prints its checksum
  versus compare [--json] [WORKLOAD..]  times all contenders, interleaved
  versus count [WORKLOAD..]             counts their instructions, with valgrind
  versus memory                         weighs an idle fiber, with valgrind, and long streams and pipelines
  versus hold CONTENDER N               ends with so many idle fibers, to be weighed
  versus peak [WORKLOAD CONTENDER N]    runs one contender once, or nothing, prints how much memory it took";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match execute(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("versus: {message}\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Failure::Run(message)) => {
            eprintln!("versus: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Why nothing was measured.
enum Failure {
    /// The arguments make no sense.
    Usage(String),
    /// They do, and it went wrong.
    Run(String),
}

fn execute(arguments: &[&str]) -> Result<(), Failure> {
    match arguments {
        ["list"] => {
            list();
            Ok(())
        }
        ["run", workload, contender, size] => {
            println!("{}", run(workload, contender, size)?);
            Ok(())
        }
        ["peak", job @ ..] if matches!(job.len(), 0 | 3) => {
            if let [workload, contender, size] = job {
                run(workload, contender, size)?;
            }
            println!("{}", peak::of_this_process().map_err(Failure::Run)?);
            Ok(())
        }
        [command @ ("run" | "peak"), ..] => Err(Failure::Usage(format!(
            "`{command}` takes a workload, a contender and a size"
        ))),
        ["compare", "--json", names @ ..] => {
            compare::compare(&chosen(names)?, compare::Format::Json).map_err(Failure::Run)
        }
        ["compare", names @ ..] => {
            compare::compare(&chosen(names)?, compare::Format::Table).map_err(Failure::Run)
        }
        ["count", names @ ..] => count::count(&chosen(names)?).map_err(Failure::Run),
        ["memory"] => memory::weigh()
            .and_then(|()| peak::weigh())
            .map_err(Failure::Run),
        ["hold", contender, fibers] => hold(contender, fibers),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => Err(Failure::Usage("a command is missing".to_owned())),
        [other, ..] => Err(Failure::Usage(format!("`{other}` cannot be understood"))),
    }
}

fn list() {
    for workload in workloads::all() {
        println!("{}: {}", workload.name, workload.about);
        for contender in workload.contenders {
            println!("  {:<16} {}", contender.name, contender.about);
        }
    }
    memory::list();
    peak::list();
}

fn hold(contender: &str, fibers: &str) -> Result<(), Failure> {
    let fibers = fibers
        .parse()
        .map_err(|_| Failure::Usage(format!("`{fibers}` is no number of fibers")))?;
    match memory::holder(contender) {
        Some(hold) => hold(fibers),
        None => Err(Failure::Usage(format!("`{contender}` holds no fibers"))),
    }
}

fn run(workload: &str, contender: &str, size: &str) -> Result<u64, Failure> {
    let workload = find(workload)?;
    let contender = workload.contender(contender).ok_or_else(|| {
        let names: Vec<_> = workload.contenders.iter().map(|known| known.name).collect();
        Failure::Usage(format!(
            "`{}` has no contender `{contender}`, but {}",
            workload.name,
            names.join(", ")
        ))
    })?;
    let size = size
        .parse()
        .map_err(|_| Failure::Usage(format!("`{size}` is no size")))?;
    Ok((contender.run)(size))
}

/// The workloads of these names, or all if there are none.
fn chosen(names: &[&str]) -> Result<Vec<&'static Workload>, Failure> {
    if names.is_empty() {
        return Ok(workloads::all().collect());
    }
    names.iter().map(|name| find(name)).collect()
}

fn find(name: &str) -> Result<&'static Workload, Failure> {
    workloads::all()
        .find(|workload| workload.name == name)
        .ok_or_else(|| {
            let names: Vec<_> = workloads::all().map(|known| known.name).collect();
            Failure::Usage(format!(
                "there is no workload `{name}`, but {}",
                names.join(", ")
            ))
        })
}
