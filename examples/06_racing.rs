//! Several effects at once: the first that settles, the first that succeeds, or both.
//!
//! Run it: `cargo run --example 06_racing`
//!
//! A loser is interrupted, and has cleaned up before the winner's result is seen.

use std::process::ExitCode;
use std::time::Duration;

use effect::prelude::*;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), String> {
    // `race_first`: whoever settles first, be it by a failure.
    let cancelled = never::<_, String, &str>().ensuring(sync(|| println!("the loser cleans up")));
    let first = cancelled.race_first(answer("near", 10));
    let first = cx.run(first).await?;
    assert_eq!(first, "near");
    println!("first: {first}");

    // `race_ok`: whoever succeeds first. A failure leaves the race to the other.
    let sure = fail("no route".to_owned()).race_ok(answer("far", 20));
    let sure: Result<_, (String, String)> = cx.run(sure).await;
    assert_eq!(sure, Ok("far"));
    println!("sure: far");

    // `race_ok` fails when nobody is left, with both errors.
    let lost = fail::<_, _, ()>("no route").race_ok(fail("no name"));
    let lost = cx.run(lost).await;
    assert_eq!(lost, Err(("no route", "no name")));
    println!("lost: no route, no name");

    // `zip_par`: both results, in the time of the slower.
    let both = cx
        .run(answer("left", 20).zip_par(answer("right", 10)))
        .await?;
    assert_eq!(both, ("left", "right"));
    println!("both: {} and {}", both.0, both.1);
    Ok(())
}

fn answer(name: &'static str, after_ms: u64) -> Effect<(), String, &'static str> {
    sleep(Duration::from_millis(after_ms))
        .map(move |()| name)
        .erase()
}
