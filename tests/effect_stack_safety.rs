//! A million nested effects on a small stack: run, dropped, cloned, cut short.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::small_stack::on_small_stack;
use crate::common::{exit_of, in_turns, in_virtual_time, on_threads, secs};
use effect::prelude::*;
use effect::yield_now;

const MILLION: u64 = 1_000_000;

type Sum = Effect<(), Never, u64>;

/// Once wherever tests run, because each run is a million steps.
#[track_caller]
fn once_each<F, Fut>(body: F)
where
    F: FnOnce(Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    in_turns(body.clone());
    on_threads(1, body);
}

#[track_caller]
fn check(make: fn() -> Sum, expected: u64) {
    on_small_stack(move || {
        once_each(async move |cx: Cx<()>| assert_eq!(cx.run(make()).await, Ok(expected)));
    });
}

/// Adds one so often, each step in tail position of the one before.
fn right_nested(left: u64, sum: u64) -> Sum {
    if left == 0 {
        return succeed(sum).erase();
    }
    succeed(sum + 1)
        .flat_map(move |sum| right_nested(left - 1, sum))
        .erase()
}

/// The same, with a future in each step.
fn right_nested_async(left: u64, sum: u64) -> Sum {
    if left == 0 {
        return succeed(sum).erase();
    }
    effect(move |_| async move { Ok(sum + 1) })
        .flat_map(move |sum| right_nested_async(left - 1, sum))
        .erase()
}

/// Adds one so often, each step around the one before.
fn left_nested(depth: u64) -> Sum {
    left_nested_on(succeed(0).erase(), depth)
}

fn left_nested_on(mut innermost: Sum, depth: u64) -> Sum {
    for _ in 0..depth {
        innermost = innermost.flat_map(|sum| succeed(sum + 1)).erase();
    }
    innermost
}

/// Adds one so often, after the recursion has come back.
fn not_in_tail_position(depth: u64) -> Sum {
    if depth == 0 {
        return succeed(0).erase();
    }
    succeed(depth - 1)
        .flat_map(not_in_tail_position)
        .map(|sum| sum + 1)
        .erase()
}

/// The same, in the do-notation.
fn in_effect_bodies(depth: u64) -> Sum {
    effect(move |cx: Cx<()>| async move {
        if depth == 0 {
            return Ok(0);
        }
        Ok(cx.run(in_effect_bodies(depth - 1)).await? + 1)
    })
    .erase()
}

// T01, effect-rs bind_overflow
#[test]
fn a_million_tail_calls_are_stack_safe() {
    check(|| right_nested(MILLION, 0), MILLION);
    check(|| right_nested_async(MILLION, 0), MILLION);
}

// T01
#[test]
fn a_million_left_nested_binds_are_stack_safe() {
    check(|| left_nested(MILLION), MILLION);
}

// id_effect 3
#[test]
fn a_million_calls_that_come_back_are_stack_safe() {
    check(|| not_in_tail_position(MILLION), MILLION);
    check(|| in_effect_bodies(MILLION), MILLION);
}

// S2-49, stillwater left_right
#[test]
fn a_hundred_thousand_binds_either_way_are_stack_safe() {
    check(|| left_nested(100_000), 100_000);
    check(|| right_nested(100_000, 0), 100_000);
}

// id_effect 9
#[test]
fn a_deep_chain_can_be_dropped_before_it_runs() {
    on_small_stack(|| drop(left_nested(MILLION)));
}

/// Puts so many steps around an effect, or has it follow them.
fn nested(depth: u64, step: fn(Sum) -> Sum) -> Sum {
    (0..depth).fold(succeed(0).erase(), |sum, _| step(sum))
}

// id_effect 9
#[test]
fn deep_chains_of_any_step_can_be_dropped_before_they_run_and_run() {
    let steps: [fn(Sum) -> Sum; 14] = [
        |sum| sum.map(|sum| sum).erase(),
        |sum| sum.map_error(|error| error).erase(),
        |sum| sum.recover(fail).erase(),
        |sum| sum.tap(|_| succeed(())).erase(),
        |sum| sum.ensuring(succeed(())).erase(),
        |sum| sum.zip(succeed(())).map(|(sum, ())| sum).erase(),
        |sum| succeed(()).zip(sum).map(|((), sum)| sum).erase(),
        |sum| succeed(()).flat_map(move |()| sum).erase(),
        |sum| sum.race_first(never()).erase(),
        |sum| sum.zip_par(succeed(())).map(|(sum, ())| sum).erase(),
        |sum| sum.uninterruptible().erase(),
        |sum| sum.scoped().erase(),
        |sum| sum.provide(()).erase(),
        |sum| sum.named("step").erase(),
    ];
    for step in steps {
        on_small_stack(move || drop(nested(MILLION, step)));
        on_small_stack(move || {
            let run = effect(async move |cx: Cx<()>| cx.run(nested(100_000, step)).await);
            assert_eq!(VirtualTime::new().run(run), Ok(Exit::Success(0)));
        });
    }
}

// id_effect 9
#[test]
fn a_cause_of_a_million_reasons_can_be_cloned_printed_and_dropped() {
    on_small_stack(|| {
        let cause = (1..MILLION)
            .map(Cause::fail)
            .fold(Cause::fail(0), Cause::both);
        assert!(cause.clone().failures().copied().eq(0..MILLION));
        assert!(cause.to_string().ends_with("failed: 999999"));
        drop(cause);
    });
}

#[test]
fn a_deep_chain_can_be_cloned_and_both_run() {
    on_small_stack(|| {
        once_each(async |cx: Cx<()>| {
            let chain = left_nested(MILLION);
            let copy = chain.clone();
            let sums = (cx.run(chain).await, cx.run(copy).await);
            assert_eq!(sums, (Ok(MILLION), Ok(MILLION)));
        });
    });
}

#[test]
fn a_deep_chain_can_be_cut_short_while_it_waits() {
    on_small_stack(|| {
        once_each(async |cx: Cx<()>| {
            let late = left_nested_on(never().erase(), MILLION).timeout(secs(1));
            assert_eq!(cx.run(late).await, Err(TimeoutError::Elapsed(secs(1))));
            let fiber = cx.fork(left_nested_on(never().erase(), MILLION));
            cx.sleep(secs(1)).await;
            let Ok(exit) = cx.run(fiber.interrupt()).await;
            assert!(exit.is_interrupt());
        });
    });
}

#[test]
fn a_failure_and_a_defect_come_up_from_a_great_depth() {
    on_small_stack(|| {
        once_each(async |cx: Cx<()>| {
            let mut chain: Effect<(), &str, u64> = fail("deep down").erase();
            for _ in 0..MILLION {
                chain = chain.flat_map(|sum| succeed(sum + 1)).erase();
            }
            assert_eq!(cx.run(chain).await, Err("deep down"));
            let chain = left_nested_on(die("deep down").erase(), 100_000);
            let died = exit_of(&cx, chain).await;
            let defect = died.cause().unwrap().defect().unwrap();
            assert_eq!(defect.message(), "deep down");
        });
    });
}

#[test]
fn an_endless_loop_that_never_waits_can_be_stopped() {
    fn forever(turns: Arc<AtomicU64>) -> Effect<(), Never, ()> {
        sync(move || {
            turns.fetch_add(1, Ordering::Relaxed);
            turns
        })
        .flat_map(forever)
        .erase()
    }
    // On tokio alone: virtual time stands still while anything is ready to run, and only tokio's can be moved.
    let stopped = async {
        let turns = Arc::new(AtomicU64::new(0));
        let stopper = effect(async |_: Cx<()>| {
            for _ in 0..10 {
                yield_now().await;
            }
            tokio::time::advance(secs(2)).await;
            Ok::<_, Never>(())
        });
        let endless = forever(Arc::clone(&turns)).timeout(secs(1));
        let both = endless.zip_par(stopper.widen_error().map_error(TimeoutError::Failed));
        assert_eq!(both.await, Err(TimeoutError::Elapsed(secs(1))));
        turns.load(Ordering::Relaxed)
    };
    let turns = on_small_stack(|| in_virtual_time(stopped));
    assert!(turns > 1000, "only {turns} turns");
}
