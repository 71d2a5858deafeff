//! Where effects come from: closures that fail, futures, and work that blocks or must not be dropped.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

use crate::common::{
    Log, everywhere, exit_of, in_turns, in_virtual_time, on_both, reasons, secs, timed,
};
use effect::prelude::*;
use effect::{Cancel, blocking_cancelable, from_future, shielded, try_sync, yield_now, yield_turn};

#[test]
fn a_closure_may_fail() {
    on_both(async |cx: Cx<()>| {
        assert_eq!(cx.run(try_sync(|| "12".parse::<u8>())).await, Ok(12));
        assert!(cx.run(try_sync(|| "many".parse::<u8>())).await.is_err());
        let panics = try_sync::<_, &str, (), _>(|| panic!("a bug"));
        let exit = exit_of(&cx, panics).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
        // Erased, it takes the way without a future.
        let erased = try_sync(|| Err::<(), _>("no")).erase();
        assert_eq!(cx.run(erased).await, Err("no"));
    });
}

#[test]
fn a_future_is_an_effect() {
    on_both(async |cx: Cx<()>| {
        let there = from_future(async { Ok::<_, &str>(1) }).map(|n| n + 1);
        assert_eq!(cx.run(there).await, Ok(2));
        let failed = from_future(async { Err::<(), _>("no") });
        assert_eq!(cx.run(failed).await, Err("no"));
    });
}

#[test]
fn an_effect_is_a_future() {
    let there = from_future(async { Ok::<_, &str>(1) });
    let and_back = from_future(there.into_future()).map(|n| n + 1);
    assert_eq!(in_virtual_time(and_back.into_future()), Ok(2));
}

#[test]
fn a_future_that_is_interrupted_is_dropped() {
    on_both(async |cx: Cx<()>| {
        let (held, dropped) = mpsc::channel::<Never>();
        let waiting = from_future(async move {
            let _held = held;
            std::future::pending::<Result<(), &str>>().await
        });
        assert!(cx.run(waiting.timeout(secs(1))).await.is_err());
        assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    });
}

/// A future that waits for two seconds and writes a line.
fn exchange(
    cx: &Cx<()>,
    log: &Log,
) -> impl Future<Output = Result<u8, &'static str>> + Send + use<> {
    let (wait, log) = (cx.sleep(secs(2)), log.clone());
    async move {
        wait.await;
        log.write("exchanged");
        Ok(1)
    }
}

#[test]
fn a_shielded_future_goes_on_after_an_interruption_that_does_not_wait() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let effect = shielded(exchange(&cx, &log)).timeout(secs(1));
        let (took, result) = timed(&cx, cx.run(effect)).await;
        assert_eq!((took, log.count()), (1, 0));
        assert!(result.is_err());
        cx.sleep(secs(2)).await;
        assert_eq!(log.lines(), ["exchanged"]);
    });
}

#[test]
fn a_shielded_future_has_its_result_its_error_and_its_defect() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        assert_eq!(cx.run(shielded(exchange(&cx, &log))).await, Ok(1));
        assert_eq!(
            cx.run(shielded(async { Err::<(), _>("no") })).await,
            Err("no")
        );
        let exit = exit_of(&cx, shielded(async { panic!("a bug") as Result<(), &str> })).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
    });
}

#[test]
fn a_shielded_future_that_was_not_begun_never_begins() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let never_begun = succeed(2).race_first(shielded(exchange(&cx, &log)));
        assert_eq!(cx.run(never_begun).await, Ok(2));
        cx.sleep(secs(5)).await;
        assert_eq!(log.count(), 0);
    });
}

#[test]
fn a_turn_is_given_to_every_other_fiber() {
    // On threads, there are no turns.
    in_turns(async |cx: Cx<()>| {
        let log = Log::new();
        let one = log.note("one").zip(yield_turn()).zip(log.note("three"));
        let two = log.note("two");
        let (one, two) = (cx.fork(one), cx.fork(two));
        let Ok(_) = cx.run(one.join().zip(two.join())).await;
        assert_eq!(log.lines(), ["one", "two", "three"]);
    });
}

/// Runs on threads, where closures do block.
fn on_threads<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

#[test]
fn a_blocking_closure_is_told_that_it_is_cancelled_and_waited_for() {
    let (log, lines) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    let polling = blocking_cancelable(move |cancel: Cancel| {
        begun.send(()).unwrap();
        while !cancel.is_cancelled() {
            std::hint::spin_loop();
        }
        log.send("seen").unwrap();
        Ok::<_, &str>(())
    });
    let program = effect(async move |cx: Cx<()>| {
        let fiber = cx.fork(polling);
        while begins.try_recv().is_err() {
            yield_now().await;
        }
        cx.run(fiber.interrupt()).await
    });
    let Ok(exit) = on_threads(program.into_future());
    assert!(exit.is_interrupt());
    assert_eq!(lines.try_recv(), Ok("seen"));
}

#[test]
fn a_blocking_closure_that_ends_is_not_cancelled() {
    everywhere(async |cx: Cx<()>| {
        let asked = blocking_cancelable(|cancel| Ok::<_, &str>(cancel.is_cancelled()));
        assert_eq!(cx.run(asked).await, Ok(false));
        let failed = blocking_cancelable(|_| Err::<(), _>("no"));
        assert_eq!(cx.run(failed).await, Err("no"));
        let panics = blocking_cancelable(|_| -> Result<(), &str> { panic!("a bug") });
        let exit = exit_of(&cx, panics).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
    });
}

#[test]
fn a_body_from_a_closure_can_be_run_again() {
    on_both(async |cx: Cx<()>| {
        let runs = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&runs);
        let flaky = effect(
            async move |_: Cx<()>| match seen.fetch_add(1, Ordering::Relaxed) {
                0 => Err("busy"),
                n => Ok(n),
            },
        );
        assert_eq!(cx.run(flaky.retry(Schedule::recurs(3))).await, Ok(1));
    });
}
