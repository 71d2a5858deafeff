//! Interruption is no panic: it works where a panic ends the process.
//!
//! Run with `cargo run --example without_unwinding`, and where panics abort, with
//! `cargo run --profile abort --example without_unwinding`. Each prints the same: a race, a time limit and an interrupted
//! fiber, with whatever they leave cleaned up.

use std::time::Duration;

use effect::prelude::*;
use effect::uninterruptible_mask;

/// Waits for ever, deep inside of erased effects, and says so when it is closed.
fn connection(depth: u32, name: &'static str) -> Effect<(), String, u32> {
    if depth > 0 {
        return effect(async move |cx: Cx<()>| cx.run(connection(depth - 1, name)).await).erase();
    }
    let close = sleep(Duration::from_millis(5)).map(move |()| println!("{name} closed"));
    never().ensuring(close).erase()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let second = Duration::from_secs(1);
    let program = effect(async move |cx: Cx<()>| {
        let first = cx
            .run(connection(100, "loser").race_first(succeed(1)))
            .await?;
        let late = cx.run(connection(100, "slow").timeout(second)).await;
        let parts = for_each_par(["left", "right"], 2, |name| connection(10, name));
        let fiber = cx.fork(parts.map(|_| ()));
        let masked = cx.fork(uninterruptible_mask(|restore| {
            restore.apply(connection(10, "excepted")).exit()
        }));
        cx.sleep(second).await;
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        println!(
            "first: {first}, late: {}, fiber: {}",
            late.is_err(),
            exit.is_interrupt()
        );
        let Ok(exit) = cx.run(masked.interrupt()).await;
        let seen = exit
            .value()
            .expect("it is masked to its end")
            .is_interrupt();
        println!("seen under the mask: {seen}");
        Ok::<_, String>(())
    });
    let exit = VirtualTime::new().run(program)?;
    assert_eq!(exit, Exit::Success(()));
    Ok(())
}
