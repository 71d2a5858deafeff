//! In a `StreamE` each element is a success or a failure. A failure is an element: it does not end the stream.
//!
//! Run it: `cargo run --example stream_errors`
//!
//! Of the numbers from 1 to 9, the multiples of 3 fail, each in its place, and the others go on.

use std::process::ExitCode;

use effect::prelude::*;

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    let doubled = StreamE::range(1..10).map_effect(double);

    for element in cx.run(doubled.clone().run_collect()).await? {
        match element {
            Ok(value) => println!("ok:  {value}"),
            Err(error) => println!("err: {error}"),
        }
    }

    let (successes, failures) = cx.run(doubled.partition()).await?;
    assert_eq!(successes, [2, 4, 8, 10, 14, 16]);
    assert_eq!(failures, ["3 is refused", "6 is refused", "9 is refused"]);
    println!("successes: {successes:?}");
    println!("failures:  {failures:?}");
    Ok(())
}

fn double(n: u32) -> Effect<(), String, u32> {
    if n.is_multiple_of(3) {
        fail(format!("{n} is refused")).erase()
    } else {
        succeed(n * 2).erase()
    }
}
