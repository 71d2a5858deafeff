//! Virtual time: nothing waits for a machine, a seed is one order of events, and a deadlock is told at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use effect::prelude::*;
use effect::yield_now;

const HOUR: Duration = Duration::from_secs(3600);

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Runs an effect that cannot fail to its value.
#[track_caller]
fn value<A: effect::Value, P>(time: VirtualTime, effect: Effect<(), Never, A, P>) -> A
where
    P: effect::Program<(), Error = Never, Value = A>,
{
    let exit = time
        .run(effect)
        .unwrap_or_else(|deadlock| panic!("{deadlock}"));
    exit.into_result().unwrap_or_else(|cause| panic!("{cause}"))
}

#[test]
fn time_moves_from_timer_to_timer_and_not_otherwise() {
    let program = effect(async |cx: Cx<()>| {
        let begun = cx.now();
        let mut passed = Vec::new();
        for _ in 0..3 {
            for _ in 0..10 {
                yield_now().await;
            }
            cx.sleep(HOUR).await;
            passed.push(cx.now() - begun);
        }
        Ok(passed)
    });
    assert_eq!(
        value(VirtualTime::new(), program),
        [HOUR, 2 * HOUR, 3 * HOUR]
    );
}

#[test]
fn sleepers_wake_in_the_order_of_their_times_and_ties_in_the_order_in_which_they_slept() {
    let woken = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&woken);
    let program = effect(async move |cx: Cx<()>| {
        let sleepers = [(3, "d"), (1, "a"), (2, "b"), (2, "c")].map(|(after, name)| {
            let log = Arc::clone(&log);
            cx.fork(sleep::<_, Never>(secs(after)).map(move |()| log.lock().unwrap().push(name)))
        });
        for sleeper in sleepers {
            cx.run(sleeper.join()).await?;
        }
        Ok(())
    });
    value(VirtualTime::new(), program);
    assert_eq!(*woken.lock().unwrap(), ["a", "b", "c", "d"]);
}

#[test]
fn a_time_limit_a_race_and_a_retry_keep_their_times() {
    let limited = sleep::<(), Never>(secs(5)).timeout(secs(2)).exit();
    let raced = sleep::<(), Never>(secs(9))
        .race_first(sleep(secs(4)))
        .exit();
    let retried = fail::<_, &str, ()>("no")
        .retry(Schedule::spaced(secs(1)).times(3))
        .exit();
    let program = effect(async move |cx: Cx<()>| {
        let begun = cx.now();
        let limited = cx.run(limited).await?;
        let after_limit = cx.now() - begun;
        assert!(cx.run(raced).await?.is_success());
        let after_race = cx.now() - begun;
        assert!(!cx.run(retried).await?.is_success());
        Ok((
            limited.is_success(),
            after_limit,
            after_race,
            cx.now() - begun,
        ))
    });
    let times = value(VirtualTime::new(), program);
    assert_eq!(times, (false, secs(2), secs(6), secs(9)));
}

/// In which order ten fibers go on that can all go on at once, and what chance says.
fn trace(time: VirtualTime) -> (Vec<usize>, u64) {
    let order = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&order);
    let program = effect(async move |cx: Cx<()>| {
        let fibers = [(); 10].map(|()| {
            let log = Arc::clone(&log);
            cx.fork(effect(async move |cx: Cx<()>| {
                for _ in 0..3 {
                    log.lock().unwrap().push(cx.fiber_id());
                    yield_now().await;
                }
                Ok::<_, Never>(())
            }))
        });
        let ids = fibers.each_ref().map(Fiber::id);
        for fiber in fibers {
            cx.run(fiber.join()).await?;
        }
        Ok((ids, cx.random()))
    });
    let (ids, random) = value(time, program);
    let order = order.lock().unwrap();
    let places = order
        .iter()
        .map(|id| ids.iter().position(|other| other == id));
    (places.map(Option::unwrap).collect(), random)
}

#[test]
fn the_same_seed_is_the_same_run_and_other_seeds_are_other_runs() {
    let runs: Vec<_> = (0..20)
        .map(|seed| trace(VirtualTime::new().seed(seed)))
        .collect();
    for (seed, run) in (0..).zip(&runs) {
        assert_eq!(&trace(VirtualTime::new().seed(seed)), run);
    }
    let orders: HashSet<_> = runs.iter().map(|(order, _)| order).collect();
    assert_eq!(orders.len(), runs.len());
}

#[test]
fn without_a_seed_fibers_take_turns() {
    let (order, _) = trace(VirtualTime::new());
    let turn: Vec<_> = (0..10).collect();
    assert_eq!(order, [&turn[..], &turn[..], &turn[..]].concat());
}

#[test]
fn two_fibers_that_wait_for_each_other_are_named_with_what_they_wait_for() {
    let (there, back) = (Channel::<u32>::bounded(1), Channel::<u32>::bounded(1));
    let line = line!();
    let program = effect(async move |cx: Cx<()>| {
        let (from, to) = (there.clone(), back.clone());
        let one = cx.fork_named(
            "one",
            effect(async move |cx: Cx<()>| {
                cx.sleep(secs(3)).await;
                let got = from.receive().await;
                let _ = to.send(1).await;
                Ok::<_, Never>(got.is_ok())
            }),
        );
        let other = cx.fork_named(
            "other",
            effect(async move |_: Cx<()>| {
                let got = back.receive().await;
                let _ = there.send(1).await;
                Ok::<_, Never>(got.is_ok())
            }),
        );
        Ok::<_, Never>((cx.run(one.join()).await?, cx.run(other.join()).await?))
    });
    let deadlock = VirtualTime::new().run(program).unwrap_err();
    assert_eq!(deadlock.after(), secs(3));
    let report = deadlock.to_string();
    let file = file!();
    for expected in [
        format!("a fiber to join at {file}:{}, since 0ns", line + 20),
        format!(
            "(one) waits for an item from a channel at {file}:{}, since 3s",
            line + 7
        ),
        format!(
            "(other) waits for an item from a channel at {file}:{}, since 0ns",
            line + 15
        ),
    ] {
        assert!(report.contains(&expected), "{expected:?} in {report}");
    }
}

#[test]
fn one_that_waits_for_something_unknown_is_named_as_well() {
    let program = effect(async |_: Cx<()>| {
        std::future::pending::<()>().await;
        Ok::<_, Never>(())
    });
    let report = VirtualTime::new().run(program).unwrap_err().to_string();
    assert!(report.contains("something that does not say"), "{report}");
}

#[test]
fn what_one_fiber_waited_for_is_not_said_of_another() {
    let channel = Channel::<u32>::bounded(1);
    let program = effect(async move |cx: Cx<()>| {
        let unknown = cx.fork_named(
            "unknown",
            effect(async |_: Cx<()>| {
                std::future::pending::<()>().await;
                Ok::<_, Never>(())
            }),
        );
        // Waits for the channel in a poll in which it ends, so that nobody asks what for.
        let receive = async move { Ok::<_, Never>(channel.receive().await.is_ok()) };
        drop(cx.fork(receive.into_effect().race_first(succeed(true))));
        yield_now().await;
        cx.run(unknown.join()).await
    });
    for seed in 0..50 {
        let deadlock = VirtualTime::new()
            .seed(seed)
            .run(program.clone())
            .unwrap_err();
        let report = deadlock.to_string();
        assert!(
            report.contains("(unknown) waits for something that does not say"),
            "{report}"
        );
    }
}

#[test]
fn one_that_has_ended_but_for_its_finalizers_is_told_so() {
    let program = effect(async |cx: Cx<()>| {
        let stuck = never::<(), Never, ()>().ensuring(never::<_, _, ()>());
        let stuck = cx.fork_named("stuck", stuck);
        yield_now().await;
        cx.run(stuck.interrupt()).await
    });
    let report = VirtualTime::new().run(program).unwrap_err().to_string();
    assert!(
        report.contains("waits for its finalizers and its children"),
        "{report}"
    );
}

#[test]
fn a_blocking_closure_has_its_result() {
    let program = blocking(|| Ok::<_, Never>(6 * 7));
    assert_eq!(value(VirtualTime::new().seed(1), program), 42);
}

#[test]
fn the_time_of_day_begins_where_it_is_said_to_and_goes_with_the_clock() {
    let start = SystemTime::UNIX_EPOCH + secs(1_000_000);
    let program = effect(async |cx: Cx<()>| {
        cx.sleep(HOUR).await;
        Ok(cx.wall_now())
    });
    assert_eq!(
        value(VirtualTime::new().start(start), program),
        start + HOUR
    );
}

#[tokio::test]
async fn a_run_is_a_future_inside_of_whatever_polls_it() {
    let runs = (0..10).map(|seed| {
        let program = effect(async |cx: Cx<()>| {
            for _ in 0..5_000 {
                yield_now().await;
            }
            cx.sleep(HOUR).await;
            Ok::<_, Never>(1)
        });
        VirtualTime::new().seed(seed).drive(program)
    });
    for exit in futures::future::join_all(runs).await {
        assert_eq!(exit.unwrap(), Exit::Success(1));
    }
}

#[test]
fn a_pipeline_loses_nothing_under_any_of_a_thousand_orders() {
    for seed in 0..1_000 {
        let input = Channel::bounded(20);
        let (output, errors) = (Channel::bounded(2), Channel::bounded(1));
        let run = Pipeline::from_channel(input.clone())
            .via(
                stage("halve", |n: u32| async move {
                    if n.is_multiple_of(2) {
                        Ok(n / 2)
                    } else {
                        Err(n)
                    }
                })
                .workers(2),
            )
            .via(stage("wait", |n: u32| sleep(secs(1)).map(move |()| n)).workers(3))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let program = effect(async move |cx: Cx<()>| {
            let run = cx.fork(run);
            let outputs = cx.fork(Stream::from_channel(output).run_collect());
            let failures = cx.fork(Stream::from_channel(errors).run_collect());
            let sent = input.send_many(0..20).await;
            assert!(sent.is_ok());
            input.close();
            let Ok(mut outputs) = cx.run(outputs.join()).await;
            let Ok(failures) = cx.run(failures.join()).await;
            outputs.sort_unstable();
            Ok((cx.run(run.join()).await, outputs, failures.len()))
        });
        let (report, outputs, failures) = value(VirtualTime::new().seed(seed), program);
        let report = report.unwrap();
        assert_eq!(
            (report.received, report.delivered, report.failed),
            (20, 10, 10),
            "seed {seed}"
        );
        assert_eq!(outputs, (0..10).collect::<Vec<_>>(), "seed {seed}");
        assert_eq!(failures, 10, "seed {seed}");
    }
}

#[test]
fn a_hundred_thousand_timers_are_no_trouble() {
    let program = effect(async |cx: Cx<()>| {
        let mut fibers = Vec::new();
        for n in 0..100_000_u64 {
            // In an order that is neither theirs nor its reverse.
            fibers.push(cx.fork(sleep::<_, Never>(secs(n * 7919 % 100_003))));
        }
        let begun = cx.now();
        for fiber in fibers {
            cx.run(fiber.join()).await?;
        }
        Ok(cx.now() - begun)
    });
    assert_eq!(value(VirtualTime::new(), program), secs(100_002));
}

#[test]
fn a_run_that_is_dropped_drops_its_fibers() {
    let held = Arc::new(());
    let holds = Arc::clone(&held);
    let program = effect(async move |cx: Cx<()>| {
        let child = Arc::clone(&holds);
        drop(cx.fork(never::<_, Never, ()>().map(move |()| drop(child))));
        while Arc::strong_count(&holds) > 0 {
            yield_now().await;
        }
        Ok::<_, Never>(())
    });
    let mut run = Box::pin(VirtualTime::new().drive(program));
    assert!(futures::FutureExt::now_or_never(run.as_mut()).is_none());
    assert_eq!(Arc::strong_count(&held), 3);
    drop(run);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn what_a_foreign_drop_owes_at_the_end_still_runs() {
    let closed = Arc::new(Mutex::new(false));
    let close = Arc::clone(&closed);
    let program = effect(async move |cx: Cx<()>| {
        let finalizer = sleep(HOUR).map(move |()| *close.lock().unwrap() = true);
        let late = never::<(), Never, ()>().ensuring(finalizer);
        // A root of its own on the same runtime, which is dropped half-way.
        let mut root = Box::pin(late.run_on(Arc::clone(cx.runtime())));
        assert!(futures::poll!(root.as_mut()).is_pending());
        Ok(())
    });
    value(VirtualTime::new(), program);
    assert!(*closed.lock().unwrap());
}

#[test]
fn centuries_of_sleep_are_within_a_limit_that_is_beyond_all_time() {
    const A_CENTURY: Duration = secs(100 * 365 * 24 * 3_600);
    let program = effect(async |cx: Cx<()>| {
        let begun = cx.now();
        let slept = sleep::<_, Never>(2 * A_CENTURY).timeout(Duration::MAX);
        let slept = cx.run(slept.exit()).await?;
        Ok((slept.is_success(), cx.now() - begun))
    });
    assert_eq!(value(VirtualTime::new(), program), (true, 2 * A_CENTURY));
}
