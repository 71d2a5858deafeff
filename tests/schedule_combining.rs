//! Schedules that are made of others: when they go on, and what they yield.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::{Log, everywhere, on_both, secs, timed};
use effect::prelude::*;
use effect::{Decision, Moment};

/// An effect that counts its runs, from 0, and succeeds with the count.
fn counter() -> (
    Arc<AtomicU64>,
    Effect<(), Never, u64, impl effect::Program<(), Error = Never, Value = u64> + Clone>,
) {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let count = sync(move || counted.fetch_add(1, Ordering::Relaxed));
    (runs, count)
}

#[test]
fn both_go_on_together_and_wait_longer() {
    let both = Schedule::linear(secs(2)).both(Schedule::spaced(secs(3)).times(3));
    assert_eq!(both.preview(10), [3, 4, 6].map(secs));
}

#[test]
fn either_goes_on_alone_and_waits_shorter() {
    let either = Schedule::linear(secs(2))
        .times(2)
        .either(Schedule::spaced(secs(3)).times(4));
    assert_eq!(either.preview(10), [2, 3, 3, 3].map(secs));
}

// T58
#[test]
fn either_of_two_that_stop_does_not_wait() {
    let stopped = Schedule::spaced(secs(2)).both(Schedule::stop());
    let neither = Schedule::stop().either(stopped);
    assert!(neither.preview(10).is_empty());
    on_both(async move |cx: Cx<()>| {
        let (runs, count) = counter();
        let (took, _) = timed(&cx, cx.run(count.repeat(neither))).await;
        assert_eq!((took, runs.load(Ordering::Relaxed)), (0, 1));
    });
}

#[test]
fn then_goes_on_where_the_first_stops() {
    let tiers = Schedule::recurs(2)
        .then(Schedule::spaced(secs(1)).times(2))
        .then(Schedule::exponential(secs(10)));
    assert_eq!(tiers.preview(7), [0, 0, 1, 1, 10, 20, 40].map(secs));
}

#[test]
fn what_has_stopped_is_asked_again_by_either() {
    // It goes on whenever the error is a small one, however often it has not been before.
    let small = Schedule::recur_while(|error: &u8| *error < 10);
    let mut driver = small.either(Schedule::recurs(2)).start();
    let mut goes_on = |error: u8| {
        let decision = driver.decide(Moment::at(Duration::ZERO), &error);
        decision.delay.is_some()
    };
    let seen = [50, 50, 50, 1, 50].map(&mut goes_on);
    assert_eq!(seen, [true, true, false, true, false]);
}

// T59
#[test]
fn a_schedule_begins_anew_after_a_time_of_quiet() {
    everywhere(async |cx: Cx<()>| {
        let runs = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&runs);
        let service = effect(async move |cx: Cx<()>| {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            match run {
                5 => cx.sleep(secs(10)).await,
                10 => return Ok(()),
                _ => {}
            }
            Err("down")
        });
        let kept = service.retry(Schedule::recurs(5).reset_after(secs(5)));
        assert_eq!(cx.run(kept).await, Ok(()));
        assert_eq!(runs.load(Ordering::Relaxed), 11);
    });
}

#[test]
fn the_schedules_own_delays_are_no_quiet() {
    let steady = Schedule::spaced(secs(10)).times(3).reset_after(secs(5));
    assert_eq!(steady.preview(10).len(), 3);
}

#[test]
fn no_run_begins_later_than_the_total() {
    let limited = |total| Schedule::linear(secs(1)).up_to(secs(total)).preview(10);
    assert_eq!(limited(5), [1, 2].map(secs));
    assert_eq!(limited(6), [1, 2, 3].map(secs));
    assert!(limited(0).is_empty());
    on_both(async |cx: Cx<()>| {
        let slow = sleep::<_, Never>(secs(4));
        let (took, runs) = timed(
            &cx,
            cx.run(slow.repeat(Schedule::spaced(secs(1)).up_to(secs(10)))),
        )
        .await;
        // The total counts from the first decision, at 4: runs begin at 5 and at 10, and the next would at 15.
        assert_eq!((took, runs), (14, Ok(2)));
    });
}

// T60
#[test]
fn a_passthrough_has_the_last_value() {
    on_both(async |cx: Cx<()>| {
        let (_, count) = counter();
        let repeated = count.repeat(Schedule::recurs(10).passthrough());
        assert_eq!(cx.run(repeated).await, Ok(10));
    });
}

// T60
#[test]
fn collect_all_has_every_output_to_go_on_with() {
    on_both(async |cx: Cx<()>| {
        let (_, count) = counter();
        let outputs = cx
            .run(count.clone().repeat(Schedule::recurs(5).collect_all()))
            .await;
        assert_eq!(*outputs.unwrap(), [0, 1, 2, 3, 4]);
        // Also where it is not that schedule which stops.
        let values = Schedule::forever().passthrough().collect_all().times(2);
        let values = cx.run(count.repeat(values)).await;
        assert_eq!(*values.unwrap(), [6, 7, 8]);
    });
}

// T60
#[test]
fn each_decision_is_told_the_last_included() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let lines = log.clone();
        let told =
            Schedule::spaced(secs(2))
                .times(2)
                .on_decision(move |decision: &Decision<u64>| {
                    lines.write(format!("{} {:?}", decision.output, decision.delay));
                });
        let (_, count) = counter();
        assert_eq!(cx.run(count.repeat(told)).await, Ok(2));
        assert_eq!(log.lines(), ["0 Some(2s)", "1 Some(2s)", "2 None"]);
    });
}

#[test]
fn each_input_is_told() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let lines = log.clone();
        let told = Schedule::recurs(2).tap_input(move |value: &u64| lines.write(value.to_string()));
        let (_, count) = counter();
        assert_eq!(cx.run(count.repeat(told)).await, Ok(2));
        assert_eq!(log.lines(), ["0", "1", "2"]);
    });
}

#[test]
fn conditions_stop_a_schedule() {
    on_both(async |cx: Cx<()>| {
        let check = async |schedule: effect::ScheduleFor<u64>, expected: u64| {
            let (runs, count) = counter();
            let Ok(_) = cx.run(count.repeat(schedule)).await;
            assert_eq!(runs.load(Ordering::Relaxed), expected);
        };
        // The values are counted from 0.
        check(Schedule::recur_while(|n: &u64| *n < 3).erase_for(), 4).await;
        check(Schedule::recur_until(|n: &u64| *n == 3).erase_for(), 4).await;
        let forever = Schedule::forever;
        check(forever().while_input(|n: &u64| *n < 3).erase_for(), 4).await;
        check(forever().until_input(|n: &u64| *n == 3).erase_for(), 4).await;
        check(forever().while_output(|n| *n < 3).erase_for(), 4).await;
        check(forever().until_output(|n| *n == 3).erase_for(), 4).await;
        // Whichever says so first.
        check(forever().until_output(|n| *n == 3).times(1).erase_for(), 2).await;
    });
}

#[test]
fn outputs_are_counts_and_delays_and_what_they_are_mapped_to() {
    on_both(async |cx: Cx<()>| {
        let unit = || succeed::<(), Never, _>(());
        let schedule = Schedule::linear(secs(1)).times(3);
        assert_eq!(cx.run(unit().repeat(schedule)).await, Ok(3));
        let delays = schedule.delays().map(|delay| delay.as_secs()).collect_all();
        let delays = cx.run(unit().repeat(delays)).await;
        assert_eq!(*delays.unwrap(), [1, 2, 3]);
        let named = schedule.map(|_| "whatever").repetitions();
        assert_eq!(cx.run(unit().repeat(named)).await, Ok(3));
    });
}

#[test]
fn delays_can_be_others() {
    let schedule = Schedule::linear(secs(1));
    let added = schedule.add_delay(secs(5)).preview(3);
    assert_eq!(added, [6, 7, 8].map(secs));
    let doubled = schedule.modify_delay(|_, delay| delay * 2).preview(3);
    assert_eq!(doubled, [2, 4, 6].map(secs));
    let by_output = schedule.modify_delay(|n, _| secs(*n)).preview(3);
    assert_eq!(by_output, [0, 1, 2].map(secs));
}
