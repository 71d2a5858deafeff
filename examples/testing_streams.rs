//! A stream is tested with data that is known: run it, take both sides, compare.
//!
//! Run it: `cargo run --example testing_streams`
//!
//! Twelve inputs give ten results and two errors. Nothing is mocked: an effect is a value, and `effect::run`
//! runs it from a plain function.

use std::error::Error;

use effect::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let inputs = [1, 2, 3, 4, 5, -1, 6, 7, 0, 8, 9, 10];
    let halves = StreamE::from_iter(inputs)
        .map_effect(halve)
        .map(|half| (half * 10.0).round() / 10.0);

    let (results, errors) = run(halves.partition())?.into_result()?;
    println!("results: {results:?}");
    println!("errors:  {errors:?}");

    assert_eq!(results.len(), 10);
    assert_eq!(results[0], 0.5);
    assert_eq!(results[9], 5.0);
    assert_eq!(errors, ["-1 is negative", "0 cannot be halved"]);

    // One effect can be tested by itself, and its whole exit compared.
    assert_eq!(run(halve(3))?, Exit::Success(1.5));
    let refused = Exit::Failure(Cause::fail("-3 is negative".to_owned()));
    assert_eq!(run(halve(-3))?, refused);
    println!("all as expected");
    Ok(())
}

fn halve(n: i32) -> Effect<(), String, f64> {
    from_result(match n {
        0 => Err("0 cannot be halved".to_owned()),
        ..0 => Err(format!("{n} is negative")),
        _ => Ok(f64::from(n) / 2.0),
    })
    .erase()
}
