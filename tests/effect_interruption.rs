//! What interruption waits for, what it may not cut through, and who hears of it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use crate::common::{Log, Task, everywhere, exit_of, in_turns, on_one_thread, secs, timed};
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

// T11
#[test]
fn whoever_interrupts_waits_for_async_finalizers() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let task = never().ensuring(log.note_after(secs(5), "released"));
        let (took, exit) = timed(&cx, cx.run(interrupted_after(1, task.erase()))).await;
        assert_eq!(took, 6);
        assert!(exit.unwrap().is_interrupt());
        assert_eq!(log.lines(), ["released"]);
    });
}

#[test]
fn a_second_interrupt_waits_as_well() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let task = never::<_, &str, ()>().ensuring(log.note_after(secs(5), "released"));
        let body = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(task);
            cx.sleep(secs(1)).await;
            fiber.interrupt_fork();
            cx.sleep(secs(1)).await;
            cx.run(fiber.interrupt()).await
        });
        let (took, exit) = timed(&cx, exit_of(&cx, body)).await;
        assert_eq!(took, 6);
        assert!(exit.value().unwrap().is_interrupt());
        assert_eq!(log.lines(), ["released"]);
    });
}

#[test]
fn an_interrupt_waits_for_a_finalizer_that_runs_already() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let task = succeed(()).ensuring(log.note_after(secs(5), "released"));
        let (took, exit) = timed(&cx, cx.run(interrupted_after(1, task.erase()))).await;
        assert_eq!(took, 5);
        assert!(exit.unwrap().is_interrupt());
        assert_eq!(log.lines(), ["released"]);
    });
}

#[test]
fn a_race_cut_short_while_it_waits_for_its_loser_leaves_nothing_behind() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let loser = never()
            .ensuring(log.note_after(secs(5), "1"))
            .ensuring(log.note_after(secs(1), "2"));
        let race = loser
            .race_first(succeed(()))
            .ensuring(log.note("3"))
            .erase();
        let (took, exit) = timed(&cx, cx.run(interrupted_after(2, race))).await;
        assert_eq!((took, log.lines().join(" ")), (6, "1 2 3".to_owned()));
        assert!(exit.unwrap().is_interrupt());
    });
}

// id_effect 1
#[test]
fn what_a_dropped_race_owes_survives_its_driver() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let loser = never::<(), &str, ()>().ensuring(log.note_after(secs(5), "released"));
        let mut exit = Box::pin(exit_of(&cx, loser.race_first(succeed(()))));
        assert!(exit.as_mut().now_or_never().is_none());
        drop(exit);
        cx.sleep(secs(10)).await;
        assert_eq!(log.lines(), ["released"]);
    });
}

/// What an acquisition of so many steps logs when it is interrupted at one of them.
async fn interrupted_acquisition(cx: &Cx<()>, steps: usize, interrupt_at: usize) -> Log {
    let log = Log::new();
    let (acquiring, releasing) = (log.clone(), log.clone());
    let acquire = effect(move |_: Cx<()>| async move {
        for _ in 0..steps {
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
    let exit = exit_of(cx, body).await;
    assert!(exit.value().unwrap().is_interrupt());
    log
}

#[test]
fn an_acquisition_is_never_half_done() {
    const STEPS: usize = 6;
    // By turns it has made one step for each turn of ours; elsewhere nobody knows how many.
    in_turns(async |cx: Cx<()>| {
        for interrupt_at in 0..STEPS + 4 {
            let log = interrupted_acquisition(&cx, STEPS, interrupt_at).await;
            if interrupt_at == 0 {
                assert_eq!(log.count(), 0, "it had not started");
            } else {
                assert_eq!(log.lines(), ["acquired", "released"], "at {interrupt_at}");
            }
        }
    });
    // Where chance or a machine says who is next, it says whether the acquisition had started, too.
    everywhere(async |cx: Cx<()>| {
        for interrupt_at in 0..STEPS + 4 {
            let log = interrupted_acquisition(&cx, STEPS, interrupt_at).await;
            if log.count() > 0 {
                assert_eq!(log.lines(), ["acquired", "released"], "at {interrupt_at}");
            }
        }
    });
}

#[test]
fn a_failed_acquisition_releases_nothing() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let release = log.note("released");
        let task = acquire_release(fail::<(), _, ()>("no"), move |()| release).scoped();
        assert_eq!(cx.run(task).await, Err("no"));
        assert_eq!(log.count(), 0);
    });
}

#[test]
fn on_interrupt_runs_on_interruption_and_only_then() {
    #[track_caller]
    fn check(body: Task, expected: &[&'static str]) {
        let expected = expected.to_vec();
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let task = body.on_interrupt(log.note_after(secs(1), "interrupted"));
            drop(exit_of(&cx, interrupted_after(5, task.erase())).await);
            assert_eq!(log.lines(), expected);
        });
    }
    check(succeed(()).erase(), &[]);
    check(sleep(secs(1)).erase(), &[]);
    check(fail("no").erase(), &[]);
    check(sync(|| panic!("a bug")).erase(), &[]);
    check(sleep(secs(1)).map(|()| panic!("a late bug")).erase(), &[]);
    check(never().erase(), &["interrupted"]);
}

#[test]
fn an_uninterruptible_effect_runs_to_its_end() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let task = sleep(secs(5)).flat_map({
            let done = log.note("done").widen_error();
            move |()| done
        });
        let (took, exit) = timed(
            &cx,
            cx.run(interrupted_after(1, task.uninterruptible().erase())),
        )
        .await;
        assert_eq!(took, 5);
        // It has never seen the interruption.
        assert!(exit.unwrap().is_success());
        assert_eq!(log.lines(), ["done"]);
    });
}

#[test]
fn interrupted_before_it_starts_nothing_starts() {
    // On another thread it may start as soon as it is forked.
    on_one_thread(async |cx: Cx<()>| {
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
            let exit = exit_of(&cx, body).await;
            assert!(exit.value().unwrap().is_interrupt());
            assert_eq!(log.count(), 0);
        }
    });
}

#[test]
fn a_dropped_effect_that_never_ran_owes_nothing() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        drop(succeed::<(), Never, _>(()).ensuring(log.note("released")));
        drop(exit_of(&cx, log.note("ran").ensuring(log.note("released"))));
        cx.sleep(secs(1)).await;
        assert_eq!(log.count(), 0);
    });
}

#[test]
fn joining_an_interrupted_fiber_inside_an_uninterruptible_effect_ends_it() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let child = cx.fork(never::<_, Never, ()>());
            child.interrupt_fork();
            cx.run(child.join().uninterruptible()).await
        });
        let exit = exit_of(&cx, body).await;
        assert!(exit.is_interrupt(), "{exit:?}");
    });
}

#[test]
fn on_interrupt_runs_for_the_side_of_a_race_whose_sibling_panics_and_not_for_the_sibling() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let cut = never::<(), &str, ()>().on_interrupt(log.note("cut"));
        let bug = sleep(secs(1))
            .flat_map(|()| die("bug"))
            .on_interrupt(log.note("bug"));
        let exit = exit_of(&cx, cut.race_first(bug)).await;
        assert!(exit.cause().is_some_and(Cause::is_die));
        assert_eq!(log.lines(), ["cut"]);
    });
}

#[test]
fn whoever_finds_a_channel_ready_each_time_lets_others_run_and_can_be_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        let greedy = cx.fork(effect(async move |_: Cx<()>| {
            for n in 0..u64::MAX {
                channel.send(n).await.unwrap();
                assert_eq!(channel.receive().await, Ok(n));
            }
            Ok::<_, Never>(())
        }));
        yield_now().await;
        let Ok(exit) = cx.run(greedy.interrupt()).await;
        assert!(exit.is_interrupt(), "{exit:?}");
    });
}

/// Waits for ever, deep inside of bodies that run bodies, and says how each of them was dropped.
fn deep(depth: u32, log: &Log) -> Effect<(), Never, ()> {
    /// Says whether a panic dropped it.
    struct Told(Log);

    impl Drop for Told {
        fn drop(&mut self) {
            self.0.write(match std::thread::panicking() {
                true => "unwound",
                false => "dropped",
            });
        }
    }

    let log = log.clone();
    effect(move |cx: Cx<()>| async move {
        let _told = Told(log.clone());
        match depth {
            0 => cx.run(never()).await,
            _ => cx.run(deep(depth - 1, &log)).await,
        }
    })
    .erase()
}

// id_effect 4
#[test]
fn interruption_is_no_panic() {
    #[track_caller]
    fn check(cut: impl Fn(Effect<(), Never, ()>) -> Task + Clone + Send + 'static) {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            drop(exit_of(&cx, interrupted_after(1, cut(deep(9, &log)))).await);
            assert_eq!(log.lines(), ["dropped"; 10]);
        });
    }
    check(|deep| deep.widen_error().erase());
    check(|deep| deep.race_first(sleep(secs(1))).widen_error().erase());
    check(|deep| deep.timeout(secs(1)).map_error(|_| "late").erase());
    // One that interrupts itself.
    check(|deep| {
        effect(async move |cx: Cx<()>| {
            let child = cx.fork(deep);
            cx.sleep(secs(1)).await;
            child.interrupt_fork();
            cx.run(child.join()).await.map_err(|never| match never {})
        })
        .erase_once()
    });
}

// id_effect 6
#[test]
fn whoever_catches_panics_in_a_body_catches_no_interruption() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (inner, after) = (log.note("finalized"), log.clone());
        let body = effect(async move |cx: Cx<()>| {
            let waiting = cx.run(never::<_, Never, ()>().ensuring(inner));
            let caught = AssertUnwindSafe(waiting).catch_unwind().await;
            after.write(format!("went on with {}", caught.is_err()));
            Ok(())
        });
        let Ok(exit) = cx.run(interrupted_after(1, body.erase_once())).await;
        assert!(exit.is_interrupt());

        // One that interrupts itself.
        let after = log.clone();
        let body = effect(async move |cx: Cx<()>| {
            let child = cx.fork(never::<_, Never, ()>());
            child.interrupt_fork();
            let caught = AssertUnwindSafe(cx.run(child.join())).catch_unwind().await;
            after.write(format!("went on with {}", caught.is_err()));
            Ok::<_, Never>(())
        });
        assert!(exit_of(&cx, body).await.is_interrupt());
        assert_eq!(log.lines(), ["finalized"]);
    });
}

// id_effect 2
#[test]
fn children_of_a_run_that_is_dropped_end() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let beat = log.note_after(secs(1), "beat").forever();
        let child = beat.ensuring(log.note_after(secs(1), "ended"));
        let root = effect(async move |cx: Cx<()>| {
            drop(cx.fork(child));
            cx.run(never::<_, Never, ()>()).await
        });
        let run = Box::pin(exit_of(&cx, root));
        let late = Box::pin(cx.sleep(Duration::from_millis(2_500)));
        drop(futures::future::select(run, late).await);
        cx.sleep(secs(100)).await;
        assert_eq!(log.lines(), ["beat", "beat", "ended"]);
    });
}
