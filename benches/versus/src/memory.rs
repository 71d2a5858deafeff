//! Weighs fibers: the heap that one holds which waits and has nothing to do.

#![allow(
    clippy::disallowed_methods,
    reason = "tasks of plain tokio are what this is measured against"
)]

use std::future::pending;
use std::process;

use effect::{never, yield_now};

use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::valgrind;

/// How many bytes an idle fiber of ours may hold.
const LIMIT: f64 = 1024.0;

/// How many fibers are weighed. With twice as many, whatever grows by doubling has doubled.
const FIBERS: u64 = 4096;

/// Somebody who has fibers.
struct Holder {
    name: &'static str,
    about: &'static str,
    /// Starts so many fibers, lets each of them wait, and ends the process with all of them alive.
    hold: fn(u64) -> !,
}

/// `hand` comes first.
const HOLDERS: &[Holder] = &[
    Holder {
        name: "hand",
        about: "tokio::spawn of pending",
        hold: hand,
    },
    Holder {
        name: "ours",
        about: "Cx::fork of never",
        hold: ours,
    },
    Holder {
        name: "id_effect",
        about: "fork of an async step that is pending",
        hold: id_effect,
    },
];

/// Weighs an idle fiber of everybody and prints the bytes that it holds, its handle included.
pub(crate) fn weigh() -> Result<(), String> {
    println!(
        "{:<24}{:<12}{:>12}{:>10}  target",
        "memory", "contender", "bytes", "vs hand"
    );
    let mut hand = f64::NAN;
    for holder in HOLDERS {
        let bytes = bytes_per_fiber(holder)?;
        if holder.name == "hand" {
            hand = bytes;
        }
        let verdict = match holder.name {
            "ours" if bytes <= LIMIT => format!("  {LIMIT} bytes: met"),
            "ours" => format!("  {LIMIT} bytes: MISSED"),
            _ => String::new(),
        };
        println!(
            "{:<24}{:<12}{bytes:>12.1}{:>10.2}{verdict}",
            "fiber_idle_bytes",
            holder.name,
            bytes / hand
        );
    }
    Ok(())
}

/// Prints who is weighed.
pub(crate) fn list() {
    println!("fiber_idle_bytes: the heap that an idle fiber holds; for `memory` alone");
    for holder in HOLDERS {
        println!("  {:<10} {}", holder.name, holder.about);
    }
}

/// The one of this name, who ends the process when it holds so many fibers.
pub(crate) fn holder(name: &str) -> Option<fn(u64) -> !> {
    let holder = HOLDERS.iter().find(|holder| holder.name == name);
    holder.map(|holder| holder.hold)
}

/// What N more fibers hold, so that what a runtime holds is not weighed.
fn bytes_per_fiber(holder: &Holder) -> Result<f64, String> {
    let once = bytes_at_exit(holder, FIBERS)?;
    let twice = bytes_at_exit(holder, 2 * FIBERS)?;
    Ok((twice as f64 - once as f64) / FIBERS as f64)
}

fn bytes_at_exit(holder: &Holder, fibers: u64) -> Result<u64, String> {
    let printed = valgrind::run(
        // All that counts is what has been allocated and not freed.
        &[
            "--tool=memcheck",
            "--leak-check=no",
            "--undef-value-errors=no",
        ],
        &["hold", holder.name, &fibers.to_string()],
    )?;
    printed
        .lines()
        .find_map(|line| line.split_once("in use at exit:"))
        .and_then(|(_, rest)| rest.trim().split_once(" bytes"))
        .and_then(|(bytes, _)| bytes.replace(',', "").parse().ok())
        .ok_or_else(|| format!("valgrind printed no summary of the heap:\n{printed}"))
}

/// Ends the process when every fiber has had its turn.
async fn idle(fibers: u64) -> ! {
    for _ in 0..fibers {
        yield_now().await;
    }
    process::exit(0)
}

fn hand(fibers: u64) -> ! {
    in_tokio(async move {
        let mut handles = Vec::with_capacity(fibers as usize);
        for _ in 0..fibers {
            handles.push(tokio::spawn(pending::<Result<u64, Failed>>()));
        }
        idle(fibers).await
    })
}

fn ours(fibers: u64) -> ! {
    in_effect(async move |cx| {
        let mut handles = Vec::with_capacity(fibers as usize);
        for _ in 0..fibers {
            handles.push(cx.fork(never::<(), Failed, u64>()));
        }
        idle(fibers).await
    });
    unreachable!("the process has ended")
}

fn id_effect(fibers: u64) -> ! {
    in_id_effect(async move |ctx| {
        let mut handles = Vec::with_capacity(fibers as usize);
        for _ in 0..fibers {
            let waiting = id_effect::from_async::<u64, Failed, id_effect::HNil, _, _>(pending);
            handles.push(ctx.bind(waiting.fork().widen::<Failed>()).await?);
        }
        idle(fibers).await
    });
    unreachable!("the process has ended")
}
