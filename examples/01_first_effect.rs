//! An effect is a description: a value that says what to do, and does it when it is run.
//!
//! Run it: `cargo run --example 01_first_effect`
//!
//! The same program is written twice, as a chain of combinators and as a body with `?`. Both give 42.

use std::process::ExitCode;

use effect::prelude::*;

fn main() -> ExitCode {
    // Runs the effect as the whole program: an error would be printed, and the exit code would be 1.
    run_main(effect(program))
}

/// An async function that takes a `Cx` is the body of an effect. `cx.run(..)` runs others inside it.
async fn program(cx: Cx<()>) -> Result<(), String> {
    // Its types say: it needs nothing, `()`, and fails with a `String` or succeeds with a `u32`.
    let six: Effect<(), String, u32> = succeed(6).erase();

    // A chain: `map` transforms the value, `flat_map` goes on with another effect.
    let chain = six.clone().map(|n| n + 1).flat_map(|n| multiply(6, n));

    // The same as a body: plain Rust, with the plain `?`.
    let body = effect(async move |cx: Cx<()>| {
        let n = cx.run(six).await?;
        cx.run(multiply(6, n + 1)).await
    });

    println!("nothing has happened yet");
    let (first, second) = cx.run(chain.zip(body)).await?;
    assert_eq!((first, second), (42, 42));
    println!("by combinators: {first}");
    println!("by a body:      {second}");
    Ok(())
}

fn multiply(a: u32, b: u32) -> Effect<(), String, u32> {
    let product = a.checked_mul(b);
    from_result(product.ok_or_else(|| format!("{a} * {b} is too large"))).erase()
}
