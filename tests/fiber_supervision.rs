//! Fibers end before their parents do, and no failure goes unseen.

use crate::common::small_stack::on_small_stack;
use crate::common::{Log, everywhere, exit_of, on_both, reasons, secs, timed};
use effect::prelude::*;
use effect::yield_now;

/// A parent that forks a child, which never ends by itself, and then goes on as the body.
fn parent_of_endless<E, A, P>(log: &Log, body: Effect<(), E, A, P>) -> Effect<(), E, A>
where
    E: effect::Value,
    A: effect::Value,
    P: effect::Program<(), Error = E, Value = A> + Clone,
{
    let grandchild = never::<(), Never, ()>().ensuring(log.note_after(secs(1), "grandchild"));
    let child = grandchild
        .fork::<Never>()
        .flat_map(|_| never::<_, Never, ()>())
        .ensuring(log.note_after(secs(1), "child"));
    let parent = child
        .fork()
        .flat_map(|_| sleep(secs(1)))
        .flat_map(|()| body);
    parent.ensuring(log.note("parent")).erase()
}

#[test]
fn children_end_before_their_parent() {
    #[track_caller]
    fn check(body: Effect<(), &'static str, ()>, is_expected: fn(&Exit<&'static str, ()>) -> bool) {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let parent = parent_of_endless(&log, body);
            let after = log.note("after");
            let watched = parent.fork().flat_map(|fiber| fiber.exit()).zip(after);
            let exit = exit_of(&cx, watched).await;
            let (exit, ()) = exit.into_result().unwrap();
            assert!(is_expected(&exit), "{exit:?}");
            assert_eq!(log.lines(), ["parent", "child", "grandchild", "after"]);
        });
    }
    check(succeed(()).erase(), Exit::is_success);
    check(fail("no").erase(), |exit| {
        *exit == Exit::Failure(Cause::fail("no"))
    });
    check(sync(|| panic!("a bug")).erase(), |exit| {
        exit.cause().is_some_and(Cause::is_die)
    });
}

#[test]
fn interrupting_a_parent_ends_its_children_first() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let parent = parent_of_endless(&log, never::<_, Never, ()>());
        let body = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(parent);
            cx.sleep(secs(5)).await;
            cx.run(fiber.interrupt()).await
        });
        let (took, exit) = timed(&cx, exit_of(&cx, body)).await;
        assert!(exit.value().unwrap().is_interrupt());
        assert_eq!(took, 7);
        assert_eq!(log.lines(), ["parent", "child", "grandchild"]);
    });
}

#[test]
fn a_child_uses_its_parents_resources_until_it_ends() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (release, used) = (log.note("released"), log.note_after(secs(1), "used"));
        let parent = acquire_release(succeed::<(), Never, _>(()), move |()| release)
            .flat_map(|()| never::<_, Never, ()>().ensuring(used).fork())
            .tap(|_| sleep(secs(1)));
        drop(exit_of(&cx, parent).await);
        assert_eq!(log.lines(), ["used", "released"]);
    });
}

// effect-rs er1
#[test]
fn join_gives_the_value_or_the_failure() {
    everywhere(async |cx: Cx<()>| {
        let value = succeed::<(), &str, _>(1)
            .fork()
            .flat_map(|fiber| fiber.join());
        assert_eq!(cx.run(value).await, Ok(1));
        let failure = fail::<(), _, ()>("no")
            .fork()
            .flat_map(|fiber| fiber.join());
        assert_eq!(cx.run(failure).await, Err("no"));
    });
}

#[test]
fn a_join_passes_a_defect_on() {
    everywhere(async |cx: Cx<()>| {
        let child = sync::<(), &str, (), _>(|| panic!("a bug"));
        let exit = exit_of(&cx, child.fork().flat_map(|fiber| fiber.join())).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
    });
}

#[test]
fn joining_an_interrupted_fiber_interrupts_the_joiner() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (line, unreachable) = (log.note("finalized"), log.clone());
        let joiner = effect(async move |cx: Cx<()>| {
            let child = cx.fork(never::<_, Never, ()>());
            child.interrupt_fork();
            cx.run(child.join()).await?;
            unreachable.write("went on");
            Ok::<_, Never>(())
        });
        let exit = exit_of(&cx, joiner.ensuring(line)).await;
        assert!(exit.is_interrupt(), "{exit:?}");
        assert_eq!(log.lines(), ["finalized"]);
    });
}

// effect-rs fiber_id
#[test]
fn an_interrupt_tells_who_asked_for_it() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let child = cx.fork(never::<_, Never, ()>());
            let id = child.id();
            assert_ne!(id, cx.fiber_id());
            let exit = cx.run(child.interrupt()).await?;
            let expected: Exit<Never, ()> = Exit::Failure(Cause::interrupt(Some(cx.fiber_id())));
            assert_eq!(exit, expected);
            let ended = cx.fork(succeed::<_, Never, _>(1));
            cx.sleep(secs(1)).await;
            assert!(ended.is_done());
            cx.run(ended.interrupt()).await
        });
        let exit = exit_of(&cx, body).await;
        // A fiber that had ended before keeps its exit.
        assert_eq!(exit, Exit::Success(Exit::Success(1)));
    });
}

#[test]
fn a_fiber_can_interrupt_its_parent_and_is_ended_by_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let line = log.note("child");
        let parent = effect(async move |cx: Cx<()>| {
            let (fibers, family) = futures::channel::oneshot::channel::<Fiber<Never, ()>>();
            let child = effect(async move |cx: Cx<()>| {
                let parent = family.await.unwrap();
                drop(cx.run(parent.interrupt()).await);
                Ok::<_, Never>(())
            });
            let parent = cx.fork(
                child
                    .ensuring(line)
                    .erase_once()
                    .fork::<Never>()
                    .flat_map(|_| never::<_, Never, ()>()),
            );
            yield_now().await;
            fibers.send(parent).unwrap();
            cx.sleep(secs(1)).await;
            Ok::<_, Never>(())
        });
        assert!(exit_of(&cx, parent).await.is_success());
        assert_eq!(log.lines(), ["child"]);
    });
}

// S2-62
#[test]
fn ten_thousand_fibers_return_their_sum() {
    on_both(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let fibers: Vec<_> = (0..10_000_u64)
                .map(|n| cx.fork(sleep::<_, Never>(secs(n % 10)).map(move |()| n)))
                .collect();
            let mut sum = 0;
            for fiber in fibers {
                sum += cx.run(fiber.join()).await?;
            }
            Ok::<_, Never>(sum)
        });
        let (took, sum) = timed(&cx, exit_of(&cx, body)).await;
        assert_eq!((took, sum), (9, Exit::Success(49_995_000)));
    });
}

/// A chain of fibers, each the child of the one before; the last one is sent away, and never ends.
fn chain(depth: u32, last: tokio::sync::mpsc::Sender<Fiber<Never, ()>>) -> Effect<(), Never, ()> {
    effect(move |cx: Cx<()>| async move {
        if depth == 0 {
            last.send(cx.fork(never())).await.unwrap();
            return cx.run(never()).await;
        }
        cx.run(cx.fork(chain(depth - 1, last)).join()).await
    })
    .erase()
}

#[test]
fn a_deep_chain_of_fibers_ends_from_the_last_to_the_first() {
    const DEPTH: u32 = 100_000;
    on_small_stack(|| {
        on_both(async |cx: Cx<()>| {
            let (send, mut receive) = tokio::sync::mpsc::channel(1);
            let body = effect(async move |cx: Cx<()>| {
                let first = cx.fork(chain(DEPTH, send));
                let last = receive.recv().await.unwrap();
                let exit = cx.run(first.interrupt()).await?;
                assert!(exit.is_interrupt() && last.is_done());
                // Kept beyond the end: it must not keep its ancestors.
                Ok::<_, Never>(last)
            });
            drop(exit_of(&cx, body).await);
        });
    });
}

#[test]
fn a_child_that_is_forked_while_its_parent_ends_is_interrupted_as_well() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let late = log.clone();
        let program = effect(async move |cx: Cx<()>| {
            let parent = cx.clone();
            let forks = effect(async move |_: Cx<()>| {
                drop(parent.fork(never::<_, Never, ()>().ensuring(late.note("never begun"))));
                late.write("forked");
                Ok(())
            });
            drop(cx.fork(never::<_, Never, ()>().ensuring(forks)));
            cx.sleep(secs(1)).await;
            Ok::<_, Never>(())
        });
        assert!(exit_of(&cx, program).await.is_success());
        assert_eq!(log.lines(), ["forked"]);
    });
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

#[test]
fn an_exit_that_panics_when_it_is_dropped_keeps_nobody_waiting() {
    on_both(async |cx: Cx<()>| {
        let scope = effect::Scope::new();
        let parent = effect(async move |cx: Cx<()>| {
            let bomb = || sync::<_, Never, _, _>(|| Bomb);
            drop(cx.fork(bomb()));
            drop(cx.fork_in(&scope, bomb()));
            cx.sleep(secs(1)).await;
            cx.run(scope.close()).await
        });
        let parent = cx.fork(parent);
        assert_eq!(cx.run(parent.join()).await, Ok(()));
    });
}

#[test]
fn a_panic_whose_payload_panics_is_a_defect_like_any() {
    on_both(async |cx: Cx<()>| {
        let fails: Effect<(), Never, ()> = sync(|| std::panic::panic_any(Bomb)).erase();
        let exits = cx
            .run(Fiber::await_all(vec![cx.fork(fails)]))
            .await
            .unwrap();
        assert!(exits[0].cause().unwrap().defect().is_some());
    });
}

#[test]
fn who_no_longer_waits_for_a_fiber_leaves_no_waker_with_it() {
    struct Ignored;
    impl std::task::Wake for Ignored {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    on_both(async |cx: Cx<()>| {
        let endless = cx.fork(never::<_, Never, ()>()).shared();
        let ignored = std::sync::Arc::new(Ignored);
        let waker = std::sync::Arc::clone(&ignored).into();
        {
            let mut join = Box::pin(cx.run(endless.join()));
            let polled = join
                .as_mut()
                .poll(&mut std::task::Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&ignored), 1);
        drop(cx.run(endless.interrupt()).await);
    });
}
