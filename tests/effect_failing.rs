//! Typed failures are part of the contract; defects are bugs, and are never taken for the former.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{Log, Task, everywhere, exit_of, heavily, on_both, reasons, secs, timed};
use effect::prelude::*;

fn bug() -> Task {
    sync(|| panic!("a bug")).erase()
}

// S2-51
#[test]
fn recover_recovers_from_a_failure() {
    on_both(async |cx: Cx<()>| {
        let recovered = fail("x").recover(|error: &str| succeed::<(), Never, _>(error.len()));
        assert_eq!(cx.run(recovered).await, Ok(1));
        let other = fail::<(), _, ()>("x").recover(|_| fail(2));
        assert_eq!(cx.run(other).await, Err(2));
    });
}

#[test]
fn recover_leaves_success_alone() {
    on_both(async |cx: Cx<()>| {
        let untouched = succeed::<(), &str, _>(1).recover(|_| succeed::<_, Never, _>(2));
        assert_eq!(cx.run(untouched).await, Ok(1));
    });
}

// S2-51
#[test]
fn a_defect_is_not_recovered_from() {
    #[track_caller]
    fn check<E: effect::Value + std::fmt::Debug, A: effect::Value + std::fmt::Debug>(
        effect: Effect<(), E, A>,
    ) {
        // Each run panics, and prints it.
        heavily(async move |cx: Cx<()>| {
            let exit = exit_of(&cx, effect).await;
            let cause = exit.cause().expect("a defect is no success");
            assert!(cause.is_die() && cause.failure().is_none(), "{exit:?}");
            let defect = cause.defect().unwrap();
            assert_eq!(defect.message(), "a bug");
            let (file, line) = defect.location().expect("the place is known");
            assert!(file.ends_with("effect_failing.rs") && line < 20, "{defect}");
        });
    }
    check(bug());
    check(bug().recover(|_| succeed::<_, Never, _>(())).erase());
    check(bug().fold(|_| (), |()| ()).erase());
    check(bug().map_error(str::len).erase());
    check(bug().or_die().erase());
    check(bug().retry(Schedule::recurs(3)).erase());
    check(bug().timeout(secs(1)).erase());
    check(bug().race_ok(never::<_, &str, _>()).erase());
    check(bug().zip_par(never::<_, _, ()>()).erase());
    check(bug().fork().flat_map(|fiber| fiber.join()).erase());
}

#[test]
fn fold_has_one_value_for_either_outcome() {
    on_both(async |cx: Cx<()>| {
        let length = |error: &str| error.len();
        let failed = fail::<(), _, usize>("four").fold(length, |n| n);
        assert_eq!(cx.run(failed).await, Ok(4));
        assert_eq!(
            cx.run(succeed::<(), &str, _>(7).fold(length, |n| n)).await,
            Ok(7)
        );
    });
}

#[test]
fn map_error_changes_failures_only() {
    on_both(async |cx: Cx<()>| {
        let failed = fail::<(), _, ()>("four").map_error(str::len);
        assert_eq!(cx.run(failed).await, Err(4));
        let succeeded = succeed::<(), &str, _>(1).map_error(str::len);
        assert_eq!(cx.run(succeeded).await, Ok(1));
    });
}

#[test]
fn or_die_makes_a_failure_a_defect_with_its_place() {
    on_both(async |cx: Cx<()>| {
        let (line, effect) = (line!(), fail::<(), _, ()>("no route").or_die());
        let exit = exit_of(&cx, effect).await;
        let defect = exit.cause().unwrap().defect().unwrap();
        assert_eq!(defect.message(), "no route");
        assert_eq!(defect.location(), Some((file!(), line)));
    });
}

#[test]
fn die_has_its_message_and_its_place() {
    on_both(async |cx: Cx<()>| {
        let (line, effect) = (line!(), die::<(), Never, ()>("out of step"));
        let exit = exit_of(&cx, effect).await;
        let defect = exit.cause().unwrap().defect().unwrap();
        assert_eq!(defect.location(), Some((file!(), line)));
        let text = exit.cause().unwrap().to_string();
        assert_eq!(text, format!("died: out of step at {}:{line}", file!()));
    });
}

#[test]
fn exit_shows_every_outcome_as_a_value() {
    on_both(async |cx: Cx<()>| {
        let Ok(exit) = cx.run(succeed::<(), &str, _>(1).exit()).await;
        assert_eq!(exit, Exit::Success(1));
        let Ok(exit) = cx.run(fail::<(), _, ()>("no").exit()).await;
        assert_eq!(exit, Exit::Failure(Cause::fail("no")));
        let Ok(exit) = cx.run(bug().exit()).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
    });
}

#[test]
fn exit_waits_for_what_a_panic_left_to_be_done() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let (after, released) = (log.note("after"), log.note_after(secs(1), "released"));
        let task = bug()
            .ensuring(released)
            .ensuring(sync(|| panic!("another")));
        let Ok((exit, ())) = cx.run(task.exit().zip(after)).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug", "die another"]);
        assert_eq!(log.lines(), ["released", "after"]);
    });
}

#[test]
fn a_finalizer_that_panics_makes_a_success_a_failure() {
    on_both(async |cx: Cx<()>| {
        let task = succeed::<(), &str, _>(1).ensuring(sync(|| panic!("late")));
        let exit = exit_of(&cx, task).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die late"]);
    });
}

#[test]
fn a_cause_prints_its_reasons_in_order() {
    let defect = Defect::new("bug");
    let printed = defect.to_string();
    let cause = Cause::fail("no")
        .and(Cause::die(defect))
        .and(Cause::interrupt(None));
    let text = format!("failed: no; then died: {printed}; then interrupted");
    assert_eq!(cause.to_string(), text);
}

#[test]
fn tap_and_zip_stop_at_the_first_failure() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let (one, two) = (log.clone(), log.note("two").widen_error::<&str>());
        let tapped = succeed::<(), _, _>(1).tap(move |_| {
            one.write("one");
            fail::<_, _, ()>("no")
        });
        assert_eq!(cx.run(tapped.zip(two.clone())).await, Err("no"));
        assert_eq!(
            cx.run(fail::<(), _, ()>("no").zip(two.clone())).await,
            Err("no")
        );
        let unseen = fail::<(), _, ()>("no").tap(move |()| two);
        assert_eq!(cx.run(unseen).await, Err("no"));
        assert_eq!(log.lines(), ["one"]);
    });
}

/// An effect that fails so many times, and how often it has run.
fn flaky(failures: u32) -> (Arc<AtomicU32>, Effect<(), u32, u32>) {
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    let effect = sync(move || seen.fetch_add(1, Ordering::Relaxed) + 1);
    let effect = effect
        .flat_map(move |run| effect::from_result(if run <= failures { Err(run) } else { Ok(run) }));
    (runs, effect.erase())
}

// stillwater retry_zero_delay
#[test]
fn a_retry_runs_so_many_extra_times() {
    #[track_caller]
    fn check(failures: u32, schedule: Schedule, expected: Result<u32, u32>, seconds: u64) {
        on_both(async move |cx: Cx<()>| {
            let (runs, effect) = flaky(failures);
            let (took, result) = timed(&cx, cx.run(effect.retry(schedule))).await;
            assert_eq!((took, result), (seconds, expected));
            let (Ok(last) | Err(last)) = expected;
            assert_eq!(runs.load(Ordering::Relaxed), last);
        });
    }
    check(u32::MAX, Schedule::recurs(3).erase(), Err(4), 0);
    check(u32::MAX, Schedule::recurs(0).erase(), Err(1), 0);
    check(2, Schedule::recurs(3).erase(), Ok(3), 0);
    check(0, Schedule::spaced(secs(10)).times(3).erase(), Ok(1), 0);
    check(
        u32::MAX,
        Schedule::spaced(secs(10)).times(3).erase(),
        Err(4),
        30,
    );
    check(2, Schedule::spaced(secs(10)).times(3).erase(), Ok(3), 20);
    check(5000, Schedule::recurs(u64::MAX).erase(), Ok(5001), 0);
}

#[test]
fn a_defect_is_not_retried() {
    on_both(async |cx: Cx<()>| {
        let runs = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&runs);
        let task = sync::<(), &str, (), _>(move || {
            seen.fetch_add(1, Ordering::Relaxed);
            panic!("a bug")
        });
        let exit = exit_of(&cx, task.retry(Schedule::recurs(3))).await;
        assert!(exit.cause().unwrap().is_die());
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_one_shot_effect_dies_when_it_is_run_again() {
    on_both(async |cx: Cx<()>| {
        struct Socket;
        let socket = Socket;
        let once = effect(move |_: Cx<()>| async move {
            let Socket = socket;
            Err::<(), _>("busy")
        });
        let exit = exit_of(&cx, once.erase_once().retry(Schedule::recurs(1))).await;
        assert!(exit.cause().unwrap().is_die());
    });
}

#[test]
fn each_of_two_branches_under_exit_has_its_own_defects() {
    everywhere(async |cx: Cx<()>| {
        let quick = sleep::<(), Never>(secs(1));
        let slow = sleep::<(), Never>(secs(2)).ensuring(sync(|| panic!("of the slow one")));
        // The finalizer of the slow branch runs while the other waits for a second longer still.
        let last = sleep::<(), Never>(secs(3));
        let both = quick.zip(last).exit().zip_par(slow.exit());
        let Ok((clean, broken)) = cx.run(both).await;
        assert!(clean.is_success(), "{clean:?}");
        let defect = broken.cause().and_then(Cause::defect).map(Defect::message);
        assert_eq!(defect, Some("of the slow one"));
    });
}

#[test]
fn the_defects_under_an_exit_that_is_cut_short_are_the_fibers() {
    everywhere(async |cx: Cx<()>| {
        let broken = sleep::<(), Never>(secs(1)).ensuring(sync(|| panic!("a finalizer")));
        let endless = broken
            .flat_map(|()| never::<_, Never, ()>())
            .exit()
            .map(drop);
        let exit = exit_of(&cx, endless.timeout(secs(2))).await;
        let cause = exit.cause().unwrap();
        assert_eq!(cause.failure(), Some(&TimeoutError::Elapsed(secs(2))));
        assert_eq!(cause.defect().map(Defect::message), Some("a finalizer"));
    });
}
