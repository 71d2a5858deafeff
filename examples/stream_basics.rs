//! A stream describes many values: operators transform it, and a `run_` method makes an effect of it.
//!
//! Run it: `cargo run --example stream_basics`
//!
//! One description runs twice: all results at once, and then one by one.

use std::process::ExitCode;

use effect::prelude::*;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    // Nothing happens here: no number is made before somebody wants one.
    let results = Stream::range(1..6)
        .map(|n| n * 2)
        .filter(|n| *n > 5)
        .map(|n| format!("result {n}"));

    let all = cx.run(results.clone().run_collect()).await?;
    assert_eq!(all, ["result 6", "result 8", "result 10"]);
    println!("all at once: {all:?}");

    let print = |result| sync(move || println!("one by one: {result}"));
    cx.run(results.run_for_each(print)).await
}
