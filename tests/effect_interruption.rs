//! What interruption waits for, what it may not cut through, and who hears of it.

mod common;

use common::{Log, Task, in_virtual_time, secs, timed};
use effect::prelude::*;
use effect::yield_now;
use futures::FutureExt;

/// Interrupts a task after so many seconds, from another fiber.
fn interrupted_after(seconds: u64, task: Task) -> Effect<(), Never, Exit<&'static str, ()>> {
    effect(async move |cx: Cx<()>| {
        let fiber = cx.fork(task);
        cx.sleep(secs(seconds)).await;
        cx.run(fiber.interrupt()).await
    })
    .erase()
}

#[tokio::test(start_paused = true)]
async fn whoever_interrupts_waits_for_async_finalizers() {
    let log = Log::new();
    let task = never().ensuring(log.note_after(secs(5), "released"));
    let (took, exit) = timed(interrupted_after(1, task.erase())).await;
    assert_eq!(took, 6);
    assert!(exit.unwrap().is_interrupt());
    assert_eq!(log.lines(), ["released"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_interrupt_waits_as_well() {
    let log = Log::new();
    let task = never::<_, &str, ()>().ensuring(log.note_after(secs(5), "released"));
    let body = effect(async move |cx: Cx<()>| {
        let fiber = cx.fork(task);
        cx.sleep(secs(1)).await;
        fiber.interrupt_fork();
        cx.sleep(secs(1)).await;
        cx.run(fiber.interrupt()).await
    });
    let (took, exit) = timed(body.run_exit()).await;
    assert_eq!(took, 6);
    assert!(exit.value().unwrap().is_interrupt());
    assert_eq!(log.lines(), ["released"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_waits_for_a_finalizer_that_runs_already() {
    let log = Log::new();
    let task = succeed(()).ensuring(log.note_after(secs(5), "released"));
    let (took, exit) = timed(interrupted_after(1, task.erase())).await;
    assert_eq!(took, 5);
    assert!(exit.unwrap().is_interrupt());
    assert_eq!(log.lines(), ["released"]);
}

#[tokio::test(start_paused = true)]
async fn a_race_cut_short_while_it_waits_for_its_loser_leaves_nothing_behind() {
    let log = Log::new();
    let loser = never()
        .ensuring(log.note_after(secs(5), "1"))
        .ensuring(log.note_after(secs(1), "2"));
    let race = loser
        .race_first(succeed(()))
        .ensuring(log.note("3"))
        .erase();
    let (took, exit) = timed(interrupted_after(2, race)).await;
    assert_eq!((took, log.lines().join(" ")), (6, "1 2 3".to_owned()));
    assert!(exit.unwrap().is_interrupt());
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_race_owes_survives_its_driver() {
    let log = Log::new();
    let loser = never::<(), &str, ()>().ensuring(log.note_after(secs(5), "released"));
    let mut exit = Box::pin(loser.race_first(succeed(())).run_exit());
    assert!(exit.as_mut().now_or_never().is_none());
    drop(exit);
    sleep::<(), Never>(secs(10)).await.unwrap();
    assert_eq!(log.lines(), ["released"]);
}

#[test]
fn an_acquisition_is_never_half_done() {
    const STEPS: usize = 6;
    for interrupt_at in 0..STEPS + 4 {
        let log = Log::new();
        let (acquiring, releasing) = (log.clone(), log.clone());
        let acquire = effect(move |_: Cx<()>| async move {
            for _ in 0..STEPS {
                yield_now().await;
            }
            acquiring.write("acquired");
            Ok::<_, Never>(())
        });
        let task = acquire_release(acquire, move |()| sync(move || releasing.write("released")))
            .flat_map(|()| never::<_, Never, ()>());
        let body = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(task.scoped());
            for _ in 0..interrupt_at {
                yield_now().await;
            }
            cx.run(fiber.interrupt()).await
        });
        let exit = in_virtual_time(body.run_exit());
        assert!(exit.value().unwrap().is_interrupt());
        if interrupt_at == 0 {
            assert_eq!(log.count(), 0, "it had not started");
        } else {
            assert_eq!(log.lines(), ["acquired", "released"], "at {interrupt_at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_acquisition_releases_nothing() {
    let log = Log::new();
    let release = log.note("released");
    let task = acquire_release(fail::<(), _, ()>("no"), move |()| release).scoped();
    assert_eq!(task.await, Err("no"));
    assert_eq!(log.count(), 0);
}

#[test]
fn on_interrupt_runs_on_interruption_and_only_then() {
    #[track_caller]
    fn check(body: Task, expected: &[&str]) {
        let log = Log::new();
        let task = body.on_interrupt(log.note_after(secs(1), "interrupted"));
        drop(in_virtual_time(
            interrupted_after(5, task.erase()).run_exit(),
        ));
        assert_eq!(log.lines(), expected);
    }
    check(succeed(()).erase(), &[]);
    check(sleep(secs(1)).erase(), &[]);
    check(fail("no").erase(), &[]);
    check(sync(|| panic!("a bug")).erase(), &[]);
    check(sleep(secs(1)).map(|()| panic!("a late bug")).erase(), &[]);
    check(never().erase(), &["interrupted"]);
}

#[tokio::test(start_paused = true)]
async fn an_uninterruptible_effect_runs_to_its_end() {
    let log = Log::new();
    let task = sleep(secs(5)).flat_map({
        let done = log.note("done").widen_error();
        move |()| done
    });
    let (took, exit) = timed(interrupted_after(1, task.uninterruptible().erase())).await;
    assert_eq!(took, 5);
    assert!(exit.unwrap().is_interrupt());
    assert_eq!(log.lines(), ["done"]);
}

#[tokio::test(start_paused = true)]
async fn interrupted_before_it_starts_nothing_starts() {
    for promised in [false, true] {
        let log = Log::new();
        let task = log.note("started").widen_error();
        let task = if promised {
            task.ensuring(log.note("released")).erase()
        } else {
            task.uninterruptible().erase()
        };
        let body = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork::<Task>(task);
            cx.run(fiber.interrupt()).await
        });
        let exit = body.run_exit().await;
        assert!(exit.value().unwrap().is_interrupt());
        assert_eq!(log.count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_effect_that_never_ran_owes_nothing() {
    let log = Log::new();
    drop(succeed::<(), Never, _>(()).ensuring(log.note("released")));
    drop(log.note("ran").ensuring(log.note("released")).run_exit());
    sleep::<(), Never>(secs(1)).await.unwrap();
    assert_eq!(log.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn joining_an_interrupted_fiber_inside_an_uninterruptible_effect_is_a_defect() {
    let body = effect(async |cx: Cx<()>| {
        let child = cx.fork(never::<_, Never, ()>());
        child.interrupt_fork();
        cx.run(child.join().uninterruptible()).await
    });
    let exit = body.run_exit().await;
    assert!(exit.cause().unwrap().is_die(), "{exit:?}");
}

#[test]
fn on_interrupt_runs_for_the_side_of_a_race_whose_sibling_panics_and_not_for_the_sibling() {
    let log = Log::new();
    let cut = never::<(), &str, ()>().on_interrupt(log.note("cut"));
    let bug = sleep(secs(1))
        .flat_map(|()| die("bug"))
        .on_interrupt(log.note("bug"));
    let exit = in_virtual_time(cut.race_first(bug).run_exit());
    assert!(exit.cause().is_some_and(Cause::is_die));
    assert_eq!(log.lines(), ["cut"]);
}
