//! Many effects at once: so many at a time, in the order of the items, and no failure forgotten where it counts.
//!
//! Run it: `cargo run --example 07_in_parallel`
//!
//! Three pages are fetched at a time; then one fails, and the others close their connections before it is seen.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;
use effect::{collect_all_par, for_each_par_forked, validate};

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), String> {
    // In one task: that is for what waits.
    let pages = cx.run(for_each_par(1..=6, 3, fetch)).await?;
    assert_eq!(pages, [10, 20, 30, 40, 50, 60]);
    println!("pages: {pages:?}");

    // On fibers of their own, on all cores: that is for what computes.
    let squares = for_each_par_forked(1..=4_u32, 2, |n| sync::<_, String, _, _>(move || n * n));
    println!("squares: {:?}", cx.run(squares).await?);

    // The first failure interrupts the rest, whose finalizers have run when it is seen.
    let waiting = never()
        .ensuring(sync(|| println!("a connection is closed")))
        .erase();
    let some_fail = [waiting.clone(), fetch(13), waiting];
    let failed = cx.run(collect_all_par(some_fail, 3)).await;
    assert_eq!(failed, Err("no page 13".to_owned()));
    println!("failed: no page 13");

    // Where every mistake counts, all are collected.
    let mistakes = cx.run(validate([1, 13, 2, 13], fetch)).await;
    assert_eq!(mistakes.unwrap_err().len(), 2);
    println!("mistakes: 2");
    Ok(())
}

fn fetch(n: u32) -> Effect<(), String, u32> {
    effect(async move |cx: Cx<()>| {
        cx.sleep(Duration::from_millis(u64::from(n))).await;
        if n == 13 {
            return Err(format!("no page {n}"));
        }
        Ok(10 * n)
    })
    .erase()
}
