//! A fiber is an effect that runs beside the one that forked it, and never outlives it.
//!
//! Run it: `cargo run --example 03_fibers`
//!
//! Two fibers are joined, one is interrupted, and one that is forgotten ends with its parent.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), String> {
    // `fork` starts both at once; `join` waits, and takes the result or the error for one's own.
    let left = cx.fork(slow_sum(1, 2));
    let right = cx.fork(slow_sum(3, 4));
    let sum = cx.run(left.join()).await? + cx.run(right.join()).await?;
    assert_eq!(sum, 10);
    println!("joined: {sum}");

    // `interrupt` ends a fiber, and waits until it has cleaned up after itself.
    let endless = cx.fork(never::<_, String, ()>());
    let Ok(exit) = cx.run(endless.interrupt()).await;
    assert!(exit.is_interrupt());
    println!("interrupted: {}", exit.is_interrupt());

    // A child that still runs when its parent ends is interrupted, and the parent waits for it.
    let started = Channel::bounded(0);
    let parent = effect(move |cx| forgetful(cx, started));
    cx.run(cx.fork(parent).join()).await?;
    println!("the parent has ended, and its child before it");
    Ok(())
}

/// Forks a child, and ends once that has started.
async fn forgetful(cx: Cx<()>, started: Channel<()>) -> Result<(), String> {
    let start = started.clone();
    let child = effect(async move |cx: Cx<()>| {
        let _ = start.send(()).await;
        cx.run(never::<_, Never, ()>()).await
    });
    drop(cx.fork(child.on_interrupt(sync(|| println!("the child is interrupted")))));
    started.receive().await.map_err(|closed| closed.to_string())
}

fn slow_sum(a: u32, b: u32) -> Effect<(), String, u32> {
    sleep(Duration::from_millis(20))
        .map(move |()| a + b)
        .erase()
}
