//! Fibers that are not their parents' children, those of a scope and detached ones, and what can be asked of many.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::common::witness::Witness;
use crate::common::{Log, everywhere, exit_of, in_turns, in_virtual_time, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{Report, Scope, TokioRuntime, yield_now};

// T34
#[test]
fn fibers_forked_into_an_outer_scope_survive_whoever_forks_them() {
    everywhere(async |cx: Cx<()>| {
        let ended = Arc::new(AtomicI64::new(0));
        let count = Arc::clone(&ended);
        let body = effect(async move |cx: Cx<()>| {
            let scope = cx.scope();
            let forkers = (0..100).map(|_| {
                let (count, scope) = (Arc::clone(&count), scope.clone());
                cx.fork(effect(async move |cx: Cx<()>| {
                    let work = sleep(secs(1)).map(move |()| count.fetch_add(1, Ordering::Relaxed));
                    drop(cx.fork_in::<Effect<(), Never, i64, _>>(&scope, work));
                    Ok::<_, Never>(())
                }))
            });
            cx.run(Fiber::join_all(forkers.collect::<Vec<_>>())).await?;
            assert_eq!(cx.scope().pending(), 100);
            cx.sleep(secs(2)).await;
            assert_eq!(cx.scope().pending(), 0, "who has ended has left the scope");
            Ok::<_, Never>(())
        });
        assert!(exit_of(&cx, body.scoped()).await.is_success());
        assert_eq!(ended.load(Ordering::Relaxed), 100);
    });
}

// T35
#[test]
fn a_child_ends_with_its_parent_one_in_a_scope_with_that_and_a_detached_one_with_neither() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let scope = Scope::new();
        let job =
            |line: &'static str| never::<(), Never, ()>().ensuring(log.note_after(secs(1), line));
        let (child, scoped, detached, own) =
            (job("child"), job("scoped"), job("detached"), scope.clone());
        let parent = effect(async move |cx: Cx<()>| {
            drop(cx.fork(child));
            drop(cx.fork_in_named("scoped", &own, scoped));
            let detached = cx.detach_named("detached", detached);
            yield_now().await;
            cx.sleep(secs(1)).await;
            Ok::<_, Never>(detached)
        });
        let fiber = cx.fork(parent);
        let detached = cx.run(fiber.join()).await.unwrap();
        assert_eq!(log.lines(), ["child"]);
        assert_eq!(detached.name(), Some("detached"));
        cx.run(scope.close()).await.unwrap();
        assert_eq!(log.lines(), ["child", "scoped"]);
        assert!(!detached.is_done());
        assert!(cx.run(detached.interrupt()).await.unwrap().is_interrupt());
        assert_eq!(log.lines(), ["child", "scoped", "detached"]);
        // In a closed scope, nothing begins.
        let late = cx.fork_in(&scope, log.note("never begun"));
        assert!(cx.run(late.exit()).await.unwrap().is_interrupt());
        assert_eq!(log.count(), 3);
    });
}

// T36, effect-rs fork_never_runs
#[test]
fn awaiting_children_is_awaiting_all_they_do() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async move |cx: Cx<()>| {
            let value = Arc::new(AtomicI64::new(0));
            for n in 0..100 {
                let (value, late) = (Arc::clone(&value), Arc::clone(&value));
                let set = sync(move || value.store(n, Ordering::Relaxed));
                let late = sleep(secs(1)).map(move |()| late.store(n, Ordering::Relaxed));
                drop(cx.fork::<Effect<(), Never, (), _>>(set.ensuring(late)));
            }
            cx.await_children().await;
            value.store(-1, Ordering::Relaxed);
            cx.sleep(secs(10)).await;
            Ok::<_, Never>(value.load(Ordering::Relaxed))
        });
        assert_eq!(exit_of(&cx, body).await, Exit::Success(-1));
    });
}

// T37
#[test]
fn many_are_interrupted_at_once() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        let (from, to) = (channel.clone(), channel);
        let first = cx.fork(
            never::<_, Never, ()>().ensuring(effect(async move |_: Cx<()>| {
                to.close();
                Ok(())
            })),
        );
        let waits = effect(async move |_: Cx<()>| {
            assert!(Result::<(), _>::is_err(&from.receive().await));
            Ok::<_, Never>(())
        });
        let second = cx.fork(waits.uninterruptible());
        cx.sleep(secs(1)).await;
        let (took, exits) = timed(&cx, cx.run(Fiber::interrupt_all([second, first]))).await;
        let exits = exits.unwrap();
        assert_eq!(
            (took, exits[0].is_success(), exits[1].is_interrupt()),
            (0, true, true)
        );
    });
}

#[test]
fn children_can_be_interrupted_while_their_parent_goes_on() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (left, right) = (
            log.note_after(secs(1), "left"),
            log.note_after(secs(1), "right"),
        );
        let body = effect(async move |cx: Cx<()>| {
            let left = cx.fork(never::<_, Never, ()>().ensuring(left));
            drop(cx.fork(never::<_, Never, ()>().ensuring(right)));
            cx.sleep(secs(1)).await;
            let (took, ()) = timed(&cx, cx.interrupt_children()).await;
            let later = cx.fork(succeed::<_, Never, _>(took));
            assert!(left.is_done());
            cx.run(later.join()).await
        });
        assert_eq!(exit_of(&cx, body).await, Exit::Success(1));
        assert_eq!(log.count(), 2);
    });
}

// S2-61
#[test]
fn a_shared_handle_gives_the_same_exit_each_time() {
    everywhere(async |cx: Cx<()>| {
        let fiber = cx
            .fork(sleep(secs(1)).flat_map(|()| fail::<_, _, ()>("no")))
            .shared();
        assert_eq!((fiber.poll(), fiber.is_done()), (None, false));
        let expected = Exit::Failure(Cause::fail("no"));
        for _ in 0..2 {
            assert_eq!(cx.run(fiber.exit()).await, Ok(expected.clone()));
            assert_eq!(cx.run(fiber.join()).await, Err("no"));
        }
        assert_eq!(
            cx.run(fiber.interrupt()).await,
            Ok(expected.clone()),
            "it had ended"
        );
        assert_eq!(fiber.poll(), Some(expected));
    });
}

#[test]
fn a_join_of_many_tells_the_first_failure_in_their_order() {
    everywhere(async |cx: Cx<()>| {
        let after = |n: u64, result: Result<u64, &'static str>| {
            cx.fork(sleep(secs(n)).flat_map(move |()| from_result(result)))
        };
        let all = Fiber::join_all([after(3, Ok(1)), after(2, Err("second")), after(1, Ok(3))]);
        assert_eq!(timed(&cx, cx.run(all)).await, (3, Err("second")));
        let all = Fiber::await_all([after(2, Ok(1)), after(1, Err("no"))]);
        let (took, exits) = timed(&cx, cx.run(all)).await;
        assert_eq!(
            (took, exits.unwrap()),
            (2, vec![Exit::Success(1), Exit::Failure(Cause::fail("no"))])
        );
    });
}

// S2-62
#[test]
fn ten_thousand_fibers_of_a_scope_return_their_sum_and_leave_it() {
    // On threads, a fiber that is found to have ended may be about to leave its scope.
    in_turns(async |cx: Cx<()>| {
        let body = effect(async move |cx: Cx<()>| {
            let scope = cx.scope();
            let fibers = (0..10_000_u64).map(|n| cx.fork_in(&scope, succeed::<_, Never, _>(n)));
            let all = cx.run(Fiber::join_all(fibers.collect::<Vec<_>>())).await?;
            yield_now().await;
            assert_eq!(scope.pending(), 0);
            Ok::<_, Never>(all.into_iter().sum::<u64>())
        });
        assert_eq!(cx.run(body.scoped()).await, Ok(49_995_000));
    });
}

// S2-62
#[test]
fn a_hundred_thousand_fibers_are_joined_awaited_and_interrupted_at_once() {
    const COUNT: u64 = 100_000;
    // Not on threads as well, where it would take many seconds.
    in_turns(async |cx: Cx<()>| {
        let fork = |n| cx.fork(succeed::<_, Never, _>(n));
        let Ok(all) = cx.run(Fiber::join_all((0..COUNT).map(fork))).await;
        assert!(all.into_iter().eq(0..COUNT));
        let Ok(all) = cx.run(Fiber::await_all((0..COUNT).map(fork))).await;
        assert!(all.into_iter().eq((0..COUNT).map(Exit::Success)));
        let waiting = (0..COUNT).map(|_| cx.fork(never::<_, Never, ()>()));
        let Ok(all) = cx.run(Fiber::interrupt_all(waiting)).await;
        assert!(all.len() as u64 == COUNT && all.iter().all(Exit::is_interrupt));
    });
}

// S2-64
#[test]
fn a_failure_that_nobody_sees_is_reported_once_wherever_the_fiber_is() {
    everywhere(async |cx: Cx<()>| {
        let witness = Witness::new(cx.runtime());
        let body = effect(async move |cx: Cx<()>| {
            drop(cx.detach(fail::<_, _, ()>("detached")));
            drop(cx.fork_in(&cx.scope(), fail::<_, _, ()>("scoped")));
            // Looked at, and left there.
            let seen = cx.fork(fail::<_, _, ()>("seen"));
            let shared = cx.fork(fail::<_, _, ()>("shared")).shared();
            cx.sleep(secs(1)).await;
            assert!(seen.poll().is_some() && shared.poll().is_some());
            Ok::<_, Never>(())
        });
        assert!(body.run_on(witness.clone()).await.is_success());
        let reports = witness.reports();
        let mut causes: Vec<_> = reports
            .iter()
            .map(|report| match report {
                Report::UnobservedFailure { cause, .. } => cause.as_str(),
                other => panic!("{other}"),
            })
            .collect();
        causes.sort_unstable();
        assert_eq!(causes, [r#"failed: "detached""#, r#"failed: "scoped""#]);
    });
}

/// Detaches a fiber that never ends, and another in its finalizer.
fn detaches(log: &Log) -> Effect<(), Never, ()> {
    let (first, second) = (
        log.note_after(Duration::from_millis(5), "first"),
        log.note_after(Duration::from_millis(5), "second"),
    );
    effect(async move |cx: Cx<()>| {
        let again = effect(async move |cx: Cx<()>| {
            drop(cx.detach(never::<_, Never, ()>().ensuring(second)));
            yield_now().await;
            cx.run(first).await
        });
        drop(cx.detach(never::<_, Never, ()>().ensuring(again)));
        cx.sleep(Duration::from_millis(5)).await;
        Ok(())
    })
    .erase_once()
}

#[test]
fn a_program_that_ends_interrupts_what_is_detached_and_waits_for_it() {
    let log = Log::new();
    assert_eq!(run(detaches(&log)).unwrap(), Exit::Success(()));
    assert!(log.lines().contains(&"first".to_owned()));

    let log = Log::new();
    assert_eq!(
        VirtualTime::new().run(detaches(&log)),
        Ok(Exit::Success(()))
    );
    assert!(log.lines().contains(&"first".to_owned()));

    let log = Log::new();
    in_virtual_time(async {
        detaches(&log).await.unwrap();
        assert_eq!(log.count(), 0, "it outlives the effect");
        TokioRuntime::current().wait_for_orphans().await;
        assert_eq!(log.count(), 0, "it is none");
        TokioRuntime::current().shut_down().await;
        assert!(log.lines().contains(&"first".to_owned()));
    });
}

/// Fibers in scopes that are closed, moved and dropped by others.
fn scopes_and_fibers(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let body = effect(async move |cx: Cx<()>| {
        let (outer, other) = (Scope::new(), Scope::parallel());
        let inner = outer.fork();
        for n in 0..3_u64 {
            let (probe, scope) = (trial.probe(), if n == 1 { &outer } else { &inner });
            let work = sleep(Duration::from_nanos(n)).ensuring(effect(async move |_: Cx<()>| {
                yield_now().await;
                drop(probe);
                Ok(())
            }));
            drop(cx.fork_in::<Effect<(), Never, (), _>>(scope, work));
        }
        let (closes, kept) = (outer.clone(), inner.clone());
        let closer = cx.detach(effect(async move |cx: Cx<()>| {
            yield_now().await;
            cx.run(closes.close()).await
        }));
        let (group, moved) = (kept.clone(), other.clone());
        let mover = cx.fork(effect(async move |cx: Cx<()>| {
            cx.run(group.move_to(&moved)).await
        }));
        if let Some(()) = trial.droppable(cx.sleep(Duration::from_nanos(1))).await {
            let Ok(()) = cx.run(inner.close()).await;
        }
        let Ok(moved) = cx.run(mover.exit()).await;
        let Ok(()) = cx.run(other.close()).await;
        let Ok(()) = cx.run(outer.close()).await;
        trial.expect(
            other.is_closed() && outer.is_closed() && inner.is_closed(),
            "a scope is open",
        );
        trial.expect(
            !moved.is_success() || kept.pending() == 0,
            "something is left in a scope",
        );
        drop(closer);
        Ok(())
    });
    Case::new(body)
}

#[test]
fn no_fiber_and_no_scope_is_left_whoever_closes_it() {
    Sim::new().runs(2_000).test(scopes_and_fibers);
}

#[test]
fn a_child_of_a_fiber_in_a_scope_can_close_that() {
    everywhere(async |cx: Cx<()>| {
        let scope = Scope::new();
        let closed = scope.clone();
        let parent = effect(async move |cx: Cx<()>| {
            let child = cx.fork(closed.close());
            cx.run(child.join()).await
        });
        let parent = cx.fork_in(&scope, parent);
        let exits = cx.run(Fiber::await_all(vec![parent])).await.unwrap();
        assert!(exits[0].is_interrupt());
        assert!(scope.is_closed());
    });
}
