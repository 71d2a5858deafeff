//! Schedules: when to run again, as values that are combined, looked at, and shared.
//!
//! Run it: `cargo run --example 13_schedules`
//!
//! In virtual time: a policy of minutes is tried in no time.

use std::time::Duration;

use effect::prelude::*;
use effect::{CircuitBreaker, CircuitError};

const SECOND: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exit = VirtualTime::new().run(effect(program))?;
    assert_eq!(exit, Exit::Success(()));
    Ok(())
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    // Counts are of extra runs. A preview needs no clock.
    let policy = Schedule::exponential(SECOND).max_delay(4 * SECOND).times(4);
    println!("waits: {:?}", policy.preview(10));

    let begin = cx.now();
    let busy = fail::<_, _, ()>("busy").retry(policy);
    let failed = cx.run(busy).await;
    assert_eq!(failed, Err("busy"));
    println!("gave up after {:?}", cx.now() - begin);

    // A success is repeated, until a failure or the schedule ends it.
    let begin = cx.now();
    let tick = sync::<_, Never, _, _>(|| ()).repeat(Schedule::fixed(SECOND).times(9));
    cx.run(tick).await?;
    println!("ten ticks took {:?}", cx.now() - begin);

    // Who always fails is not asked for a while.
    let breaker = CircuitBreaker::consecutive(2).cool_down(60 * SECOND);
    for _ in 0..3 {
        let asked = cx.run(breaker.protect(fail::<_, _, ()>("down"))).await;
        match asked {
            Err(CircuitError::Open) => println!("not asked"),
            asked => println!("asked: {}", asked.is_ok()),
        }
    }
    Ok(())
}
