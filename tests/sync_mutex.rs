//! A mutex lets in one effect at a time, and whoever is inside already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::sync::Mutex;
use effect::yield_now;

#[test]
fn one_at_a_time() {
    everywhere(async |cx: Cx<()>| {
        let mutex = Mutex::new();
        let second = || mutex.with(sleep::<_, Never>(secs(1)));
        let fibers: Vec<_> = (0..3).map(|_| cx.fork(second())).collect();
        let all = async {
            for fiber in fibers {
                let Ok(()) = cx.run(fiber.join()).await;
            }
        };
        assert_eq!(timed(&cx, all).await.0, 3);
    });
}

#[test]
fn whoever_is_inside_comes_in_again() {
    everywhere(async |cx: Cx<()>| {
        let mutex = Mutex::new();
        let (inner, innermost) = (mutex.clone(), mutex.clone());
        // By the context of the body, and by one from outside.
        let outside = cx.clone();
        let nested = mutex.with(effect(async move |cx: Cx<()>| {
            let again = inner.with(async move {
                yield_now().await;
                outside
                    .run(innermost.with(succeed::<_, Never, _>("in")))
                    .await
            });
            cx.run(again).await
        }));
        assert_eq!(cx.run(nested).await, Ok("in"));
        assert!(!mutex.is_held());
    });
}

#[test]
fn whoever_comes_in_again_does_not_let_go_for_the_first() {
    everywhere(async |cx: Cx<()>| {
        let mutex = Mutex::new();
        let inner = mutex.clone();
        let nested = mutex.with(effect(async move |cx: Cx<()>| {
            cx.run(inner.with(yielding())).await?;
            Ok::<_, Never>(inner.is_held())
        }));
        assert_eq!(cx.run(nested).await, Ok(true));
        assert!(!mutex.is_held());
    });
}

fn yielding() -> Effect<(), Never, ()> {
    effect(async |_: Cx<()>| {
        yield_now().await;
        Ok(())
    })
    .erase()
}

#[test]
fn two_branches_of_one_fiber_are_not_inside_of_each_other() {
    everywhere(async |cx: Cx<()>| {
        let mutex = Mutex::new();
        let second = || mutex.with(sleep::<_, Never>(secs(1)));
        let both = second().zip_par(second());
        assert_eq!(timed(&cx, cx.run(both)).await.0, 2);
    });
}

#[test]
fn a_forked_fiber_is_not_inside() {
    everywhere(async |cx: Cx<()>| {
        let (mutex, log) = (Mutex::new(), Log::new());
        let (inner, lines) = (mutex.clone(), log.clone());
        let holder = mutex.with(effect(async move |cx: Cx<()>| {
            let child = cx.fork(inner.with(lines.note("child")));
            cx.sleep(secs(1)).await;
            lines.write("parent");
            Ok::<_, Never>(child)
        }));
        let Ok(child) = cx.run(holder).await;
        assert_eq!(cx.run(child.join()).await, Ok(()));
        assert_eq!(log.lines(), ["parent", "child"]);
    });
}

#[test]
fn to_join_a_child_that_waits_for_what_one_holds_is_a_deadlock_that_is_named() {
    let program = effect(async move |cx: Cx<()>| {
        let mutex = Mutex::new();
        let inner = mutex.clone();
        let holder = mutex.with(effect(async move |cx: Cx<()>| {
            cx.run(cx.fork(inner.with(yielding())).join()).await
        }));
        cx.run(holder).await
    });
    let deadlock = VirtualTime::new().run(program).unwrap_err().to_string();
    assert!(
        deadlock.contains("waits for a mutex at tests/sync_mutex.rs"),
        "{deadlock}"
    );
}

#[test]
fn finalizers_are_inside_and_others_wait_for_them() {
    everywhere(async |cx: Cx<()>| {
        let (mutex, log) = (Mutex::new(), Log::new());
        // The finalizer takes the mutex again.
        let cleaning = mutex.with(log.note_after(secs(5), "cleaned up"));
        let holder = cx.fork(mutex.with(never::<_, Never, ()>().ensuring(cleaning)));
        cx.sleep(secs(1)).await;
        let next = cx.fork(mutex.with(log.note("next")));
        cx.sleep(secs(1)).await;
        drop(cx.run(holder.interrupt()).await);
        assert_eq!(cx.run(next.join()).await, Ok(()));
        assert_eq!(log.lines(), ["cleaned up", "next"]);
        assert!(!mutex.is_held());
    });
}

#[test]
fn it_is_let_go_of_after_failure_and_panic() {
    everywhere(async |cx: Cx<()>| {
        let mutex = Mutex::new();
        assert_eq!(
            cx.run(mutex.with(fail::<_, _, ()>("no route"))).await,
            Err("no route")
        );
        assert!(!mutex.is_held());
        let exit = exit_of(&cx, mutex.with(die::<_, Never, ()>("a bug"))).await;
        assert!(exit.cause().is_some_and(Cause::is_die));
        assert!(!mutex.is_held());
        // Nothing of the panic is left on this thread either: another still waits.
        let held = cx.fork(mutex.with(sleep::<_, Never>(secs(2))));
        cx.sleep(secs(1)).await;
        let (waited, _) = timed(&cx, cx.run(mutex.with(yielding()))).await;
        assert_eq!(waited, 1);
        drop(held);
    });
}

/// Fibers that take a mutex, again inside, and in their finalizers, and may go at any moment.
fn storm(trial: &Trial) -> Case<Never, ()> {
    let mutex = Mutex::new();
    let (after, trial) = (mutex.clone(), trial.clone());
    let program = effect(async move |cx: Cx<()>| {
        let inside = Arc::new(AtomicUsize::new(0));
        let fibers: Vec<_> = (0..4)
            .map(|_| {
                let (trial, inside) = (trial.clone(), Arc::clone(&inside));
                let left = Arc::clone(&inside);
                let begin = sync(move || {
                    let alone = inside.fetch_add(1, Ordering::Relaxed) == 0;
                    trial.expect(alone, "two are inside");
                    trial
                });
                let work = begin.flat_map(async |trial: Trial| {
                    yield_now().await;
                    trial.fault_point();
                    Ok::<_, Never>(())
                });
                let end = sleep(Duration::from_micros(1)).map(move |()| {
                    left.fetch_sub(1, Ordering::Relaxed);
                });
                let work = work.ensuring(mutex.with(end)).zip(mutex.with(yielding()));
                cx.fork(mutex.with(work))
            })
            .collect();
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        cx.run(mutex.with(succeed::<_, Never, _>(()))).await
    });
    Case::new(program).check(move |_| assert!(!after.is_held(), "it is still held"))
}

// T72
#[test]
fn an_interrupt_storm_never_leaves_it_held() {
    Sim::new().runs(10_000).on_all_cores().test(storm);
    Sim::new().each_interrupt(storm).unwrap();
    Sim::new().each_panic(storm).unwrap();
}
