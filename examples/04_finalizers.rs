//! A finalizer runs exactly once, however an effect ends: by success, failure, a panic or interruption.
//!
//! Run it: `cargo run --example 04_finalizers`
//!
//! A finalizer runs after a failure and after a lost race. Two resources are released in reverse order.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), String> {
    // `ensuring` adds a finalizer to any effect. The failure is seen after it has run.
    let failing = fail::<_, _, ()>("disk full").ensuring(say("closed after a failure"));
    assert_eq!(cx.run(failing).await, Err("disk full"));

    // Interrupted half-way, here by a time limit, the effect still has its finalizer.
    let endless = never::<_, String, ()>().ensuring(say("closed after a time-out"));
    let late = cx.run(endless.timeout(Duration::from_millis(10))).await;
    assert!(late.is_err());

    let copied = cx.run(copy("input", "output")).await?;
    println!("copied {copied} bytes");
    assert_eq!(copied, 5);
    Ok(())
}

/// `scoped` says how long resources are kept: they are released, the last one first, when the copy ends.
fn copy(from: &'static str, to: &'static str) -> Effect<(), String, usize> {
    let copy = async move |cx: Cx<()>| {
        let source = cx.run(open(from)).await?;
        let target = cx.run(open(to)).await?;
        println!("copying from {source} to {target}");
        Ok(source.len())
    };
    effect(copy).scoped().erase()
}

/// There is no moment in which the file is open and its closing is not promised.
fn open(name: &'static str) -> Effect<(), String, &'static str> {
    let acquire = sync(move || {
        println!("opening {name}");
        name
    });
    acquire_release(acquire, |name| say(format!("closing {name}"))).erase()
}

fn say(line: impl Into<String>) -> Effect<(), Never, ()> {
    let line = line.into();
    sync(move || println!("{line}")).erase()
}
