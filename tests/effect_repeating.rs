//! Running again after a success, and by a schedule after a failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::processes::{again, is_child, printed};
use crate::common::{everywhere, exit_of, on_both, secs, timed};
use effect::prelude::*;
use effect::{Program, Value};

/// An effect that counts its runs, and what comes of the count.
fn counting<E: Value, A: Value>(
    outcome: impl Fn(u64) -> Result<A, E> + Clone + Send + 'static,
) -> (
    Arc<AtomicU64>,
    Effect<(), E, A, impl Program<(), Error = E, Value = A> + Clone>,
) {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let count = sync(move || counted.fetch_add(1, Ordering::Relaxed));
    (runs, count.flat_map(move |run| from_result(outcome(run))))
}

#[track_caller]
fn check_runs<S>(schedule: Schedule<u64, S>, expected: u64)
where
    S: effect::Recurrence<u64, Output = u64>,
{
    on_both(async move |cx: Cx<()>| {
        let (runs, count) = counting(Ok::<_, Never>);
        assert_eq!(cx.run(count.repeat(schedule)).await, Ok(expected - 1));
        assert_eq!(runs.load(Ordering::Relaxed), expected);
    });
}

// T54; the count has no sign, so it cannot be negative.
#[test]
fn a_repeat_runs_so_many_extra_times() {
    check_runs(Schedule::recurs(0), 1);
    check_runs(Schedule::stop(), 1);
    check_runs(Schedule::recurs(1), 2);
    check_runs(Schedule::once(), 2);
    check_runs(Schedule::recurs(42), 43);
    check_runs(Schedule::recurs(5000), 5001);
}

// T54
#[test]
fn a_failure_is_not_repeated() {
    on_both(async |cx: Cx<()>| {
        let (runs, failing) = counting(|run| if run == 2 { Err("full") } else { Ok(()) });
        let result = cx.run(failing.repeat(Schedule::recurs(42))).await;
        assert_eq!((result, runs.load(Ordering::Relaxed)), (Err("full"), 3));

        let (runs, failing) = counting(|_| Err::<(), _>("full"));
        let result = cx.run(failing.repeat(Schedule::forever())).await;
        assert_eq!((result, runs.load(Ordering::Relaxed)), (Err("full"), 1));
    });
}

// T54
#[test]
fn a_repeat_of_a_repeat_runs_the_product() {
    on_both(async |cx: Cx<()>| {
        let (runs, count) = counting(Ok::<_, Never>);
        let twice = count
            .repeat(Schedule::recurs(42))
            .repeat(Schedule::recurs(1));
        assert_eq!(cx.run(twice).await, Ok(1));
        assert_eq!(runs.load(Ordering::Relaxed), 86);
    });
}

// S2-56
#[test]
fn a_retry_waits_as_its_schedule_says() {
    on_both(async |cx: Cx<()>| {
        let (runs, failing) = counting(|_| Err::<(), _>("no answer"));
        let result = cx.run(failing.clone().retry(Schedule::recurs(3))).await;
        assert_eq!(
            (result, runs.load(Ordering::Relaxed)),
            (Err("no answer"), 4)
        );

        let capped = Schedule::exponential(Duration::from_millis(100))
            .max_delay(Duration::from_millis(400))
            .times(4);
        let begun = cx.now();
        assert_eq!(cx.run(failing.retry(capped)).await, Err("no answer"));
        assert_eq!(
            cx.now() - begun,
            Duration::from_millis(100 + 200 + 400 + 400)
        );
    });
}

// S2-56
#[test]
fn a_defect_is_neither_retried_nor_repeated() {
    #[track_caller]
    fn check(again: impl Fn(crate::common::Task) -> crate::common::Task + Clone + Send + 'static) {
        on_both(async move |cx: Cx<()>| {
            let (runs, bug) = counting(|_| -> Result<(), &'static str> { panic!("a bug") });
            let exit = exit_of(&cx, again(bug.erase())).await;
            assert!(exit.cause().unwrap().is_die());
            assert_eq!(runs.load(Ordering::Relaxed), 1);
        });
    }
    check(|bug| bug.retry(Schedule::recurs(3)).erase());
    check(|bug| bug.retry_while(|_| true).erase());
    check(|bug| {
        bug.retry_or_else(Schedule::recurs(3), |_, _| succeed(()))
            .erase()
    });
    check(|bug| bug.repeat(Schedule::recurs(3)).map(drop).erase());
    check(|bug| bug.repeat_while(|()| true).erase());
    check(|bug| bug.forever().map(|never| match never {}).erase());
}

// Seed 002, 10: shared by concurrent retries, a schedule with a state gave 2, 2, 2, 1 and 1 runs instead of 4 each.
#[test]
fn those_who_share_a_schedule_do_not_notice() {
    everywhere(async |cx: Cx<()>| {
        let shared = Schedule::linear(secs(1)).jittered().times(3).erase();
        let mut fibers = Vec::new();
        for _ in 0..5 {
            let (runs, failing) = counting(|_| Err::<(), _>("busy"));
            fibers.push((runs, cx.fork(failing.retry(shared.clone()))));
        }
        for (runs, fiber) in fibers {
            assert_eq!(cx.run(fiber.join()).await, Err("busy"));
            assert_eq!(runs.load(Ordering::Relaxed), 4);
        }
    });
}

// id_effect 18
#[test]
fn an_effect_with_its_schedule_runs_the_same_again() {
    on_both(async |cx: Cx<()>| {
        let (runs, failing) = counting(|_| Err::<(), _>("busy"));
        let patient = failing.retry(Schedule::fibonacci(secs(1)).times(4));
        for round in 1..=3 {
            let (took, result) = timed(&cx, cx.run(patient.clone())).await;
            assert_eq!((took, result), (1 + 1 + 2 + 3, Err("busy")));
            assert_eq!(runs.load(Ordering::Relaxed), 5 * round);
        }
    });
}

#[test]
fn retry_or_else_has_the_last_error_and_output() {
    on_both(async |cx: Cx<()>| {
        let (_, failing) = counting(Err::<String, _>);
        let or_else = failing
            .clone()
            .retry_or_else(Schedule::recurs(3), |error, output| {
                succeed::<_, Never, _>(format!("{error} after {output}"))
            });
        assert_eq!(cx.run(or_else).await, Ok("3 after 3".to_owned()));

        let (_, late) = counting(|run| if run < 2 { Err("busy") } else { Ok("done") });
        let or_else = late.retry_or_else(Schedule::recurs(3), |_, _| fail::<_, Never, _>(todo()));
        assert_eq!(cx.run(or_else).await, Ok("done"));
    });
}

fn todo() -> Never {
    panic!("nobody comes here")
}

#[test]
fn conditions_decide_who_runs_again() {
    on_both(async |cx: Cx<()>| {
        let values = || counting(Ok::<_, Never>).1;
        assert_eq!(cx.run(values().repeat_while(|n| *n < 3)).await, Ok(3));
        assert_eq!(cx.run(values().repeat_until(|n| *n == 5)).await, Ok(5));
        let errors = || counting(Err::<(), _>).1;
        assert_eq!(cx.run(errors().retry_while(|n| *n < 3)).await, Err(3));
        assert_eq!(cx.run(errors().retry_until(|n| *n == 5)).await, Err(5));
    });
}

#[test]
fn a_retry_is_asked_with_each_error() {
    on_both(async |cx: Cx<()>| {
        let (runs, failing) = counting(|run| Err::<(), _>(if run < 2 { "busy" } else { "gone" }));
        let busy = Schedule::spaced(secs(1)).while_input(|error: &&str| *error == "busy");
        let (took, result) = timed(&cx, cx.run(failing.retry(busy))).await;
        assert_eq!((took, result), (2, Err("gone")));
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn forever_ends_with_the_first_failure() {
    on_both(async |cx: Cx<()>| {
        let (runs, failing) = counting(|run| if run == 5000 { Err("full") } else { Ok(()) });
        let Err(error) = cx.run(failing.forever()).await;
        assert_eq!((error, runs.load(Ordering::Relaxed)), ("full", 5001));
    });
}

// T14
#[test]
fn what_runs_for_ever_and_never_waits_is_interrupted() {
    #[track_caller]
    fn check(busy: Effect<(), &'static str, Never>) {
        everywhere(async move |cx: Cx<()>| {
            let fiber = cx.fork(busy);
            effect::yield_now().await;
            assert!(cx.run(fiber.interrupt()).await.unwrap().is_interrupt());
        });
    }
    let unit = succeed::<(), &str, _>(());
    check(unit.clone().forever().erase());
    check(unit.clone().erase().forever().erase());
    let yielding = effect(async |_: Cx<()>| {
        effect::yield_now().await;
        Ok::<_, &str>(())
    });
    check(yielding.forever().erase());
    check(unit.clone().uninterruptible().forever().erase());
    check(unit.clone().repeat_while(|()| true).forever().erase());
    let repeated = unit.repeat(Schedule::forever()).flat_map(|_| never());
    check(repeated.erase());
    let retried = fail::<(), &str, _>("busy").retry(Schedule::forever());
    check(retried.erase());
}

// id_effect 5
#[test]
fn what_a_body_runs_and_never_waits_is_interrupted() {
    fn spin(n: u64) -> Effect<(), Never, Never> {
        sync(move || n + 1).flat_map(spin).erase()
    }
    #[track_caller]
    fn check(busy: Effect<(), Never, Never>) {
        everywhere(async move |cx: Cx<()>| {
            let fiber = cx.fork(effect(async move |cx: Cx<()>| cx.run(busy).await));
            effect::yield_now().await;
            assert!(cx.run(fiber.interrupt()).await.unwrap().is_interrupt());
        });
    }
    check(spin(0));
    check(succeed(()).forever().erase());
    let numbers = Stream::from_iter(0_u64..);
    let fold = numbers.clone().run_fold(0, u64::wrapping_add);
    check(fold.flat_map(|_| never()).erase());
    let each = numbers.run_for_each(|_| succeed(()));
    check(each.flat_map(|()| never()).erase());
}

#[test]
fn others_run_beside_what_never_waits() {
    everywhere(async |cx: Cx<()>| {
        let _busy = cx.fork(succeed::<(), Never, _>(()).forever());
        for _ in 0..10 {
            effect::yield_now().await;
        }
    });
}

#[test]
fn an_interrupted_delay_leaves_nothing() {
    use effect::simulation::{Case, Sim, Trial};

    fn patient(trial: &Trial) -> Case<Never, ()> {
        let (probe, kept) = (trial.probe(), trial.probe());
        let failing = effect(async move |_: Cx<()>| {
            let _probe = probe.clone();
            Err::<(), _>("busy")
        });
        let told = Schedule::spaced(secs(1)).times(3).on_decision(move |_| {
            let _kept = &kept;
        });
        Case::new(failing.retry(told).fold(drop, drop))
    }
    Sim::new().each_interrupt(patient).unwrap();
    Sim::new().runs(200).test(patient);
}

/// The resident memory of this process, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

// T61
#[cfg(target_os = "linux")]
#[test]
fn ten_million_steps_take_no_memory() {
    /// Less than a byte a step.
    const GROWTH: u64 = 8 << 20;
    const STEPS: u64 = 10_000_000;

    fn check(what: &str, run: impl FnOnce() -> u64) {
        let before = resident();
        assert_eq!(run(), STEPS, "{what}");
        let growth = resident().saturating_sub(before);
        assert!(growth < GROWTH, "{what} took {growth} bytes");
    }

    // A process that runs nothing else meanwhile.
    if !is_child() {
        let output = again("effect_repeating::ten_million_steps_take_no_memory", &[]);
        assert!(output.status.success(), "{output:?}");
        assert!(printed(&output).contains("1 passed"), "{output:?}");
        return;
    }

    let composed = || {
        Schedule::forever()
            .both(Schedule::recurs(STEPS))
            .then(Schedule::stop())
    };
    check("a driver", || {
        let mut driver = composed().start();
        let now = || effect::Moment::at(Duration::ZERO);
        let mut steps = 0;
        while driver.decide(now(), &()).delay.is_some() {
            steps += 1;
        }
        steps
    });
    check("an erased driver", || {
        let mut driver = composed().repetitions().erase().start();
        loop {
            let decision = driver.decide(effect::Moment::at(Duration::ZERO), &());
            if decision.delay.is_none() {
                return decision.output;
            }
        }
    });
    check("a repeat", || {
        let repeat = succeed::<_, Never, _>(()).repeat(composed().repetitions());
        let exit = VirtualTime::new().run(repeat).unwrap();
        exit.into_result().unwrap()
    });
    check("a retry", || {
        let counted = composed().repetitions();
        let retry = fail("busy").retry_or_else(counted, |_, n| succeed::<_, Never, _>(n));
        let exit = VirtualTime::new().run(retry).unwrap();
        exit.into_result().unwrap()
    });
}
