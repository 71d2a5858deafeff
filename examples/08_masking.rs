//! Masks: what must not be cut in half, and the parts of it that may.
//!
//! Run it: `cargo run --example 08_masking`
//!
//! A transfer waits for its turn, which may be interrupted; once it has begun to move money, it ends.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use effect::prelude::*;
use effect::uninterruptible_mask;

const STEP: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    let balance = Arc::new(AtomicI64::new(100));

    // Interrupted while it waits: nothing has moved.
    let early = cx.fork(transfer(&balance));
    cx.sleep(STEP / 2).await;
    let exit = cx.run(early.interrupt()).await?;
    assert!(exit.is_interrupt());
    println!(
        "interrupted while it waits: {}",
        balance.load(Ordering::Relaxed)
    );

    // Interrupted while it moves: it ends first, and whoever interrupts waits. It has a value, for it is masked to its end.
    let late = cx.fork(transfer(&balance));
    cx.sleep(STEP * 3 / 2).await;
    let exit = cx.run(late.interrupt()).await?;
    assert_eq!(exit, Exit::Success("moved"));
    assert_eq!(balance.load(Ordering::Relaxed), 70);
    println!(
        "interrupted while it moves: {}",
        balance.load(Ordering::Relaxed)
    );
    Ok(())
}

/// Waits for its turn, and then moves 30 in two steps.
fn transfer(balance: &Arc<AtomicI64>) -> Effect<(), Never, &'static str> {
    let balance = Arc::clone(balance);
    uninterruptible_mask(move |restore| {
        let turn = restore.apply(sleep(STEP));
        let first = Arc::clone(&balance);
        turn.flat_map(move |()| sync(move || first.fetch_sub(10, Ordering::Relaxed)))
            .flat_map(|_| sleep(STEP))
            .flat_map(move |()| sync(move || balance.fetch_sub(20, Ordering::Relaxed)))
            .map(|_| "moved")
    })
    .erase()
}
