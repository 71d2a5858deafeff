//! Failure is typed: an effect's signature says how it fails, and every way to handle that is a combinator.
//!
//! Run it: `cargo run --example 02_failing`
//!
//! You see errors transformed, recovered from, retried, cut off by a time limit, and looked at from outside.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use effect::prelude::*;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), String> {
    // `map_error` changes the error; `recover` goes on from it with another effect.
    let port = from_result("http".parse::<u16>())
        .map_error(|error| format!("bad port: {error}"))
        .recover(|error| {
            println!("{error}");
            succeed(80)
        });
    let port: Result<u16, Never> = cx.run(port).await;
    assert_eq!(port, Ok(80));

    // `retry` runs the description again: at most three extra times here, and two are needed.
    let calls = Arc::new(AtomicU32::new(0));
    let call = async move |_: Cx<()>| match calls.fetch_add(1, Ordering::Relaxed) {
        n @ 0..2 => Err(format!("call {n} failed")),
        n => Ok(n),
    };
    let patient = effect(call).retry(Schedule::spaced(Duration::from_millis(10)).times(3));
    let answered = cx.run(patient).await?;
    assert_eq!(answered, 2);
    println!("call {answered} succeeded");

    // `timeout` interrupts what takes too long, and says so in the error type.
    let limit = Duration::from_millis(20);
    let late: Result<(), TimeoutError<String>> = cx.run(never().timeout(limit)).await;
    assert_eq!(late, Err(TimeoutError::Elapsed(limit)));
    println!("{}", late.unwrap_err());

    // `exit` shows defects too. A defect is a bug, and no failure: `recover` does not hide it.
    let bug = die::<_, String, ()>("out of step").recover(|_| succeed::<_, Never, _>(()));
    let Ok(exit) = cx.run(bug.exit()).await;
    let defect = exit.cause().and_then(Cause::defect).map(Defect::message);
    assert_eq!(defect, Some("out of step"));
    println!("died: out of step");
    Ok(())
}
