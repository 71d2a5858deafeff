//! A finalizer runs exactly once, whatever ends the effect.

use crate::common::{Log, Task, everywhere, exit_of, heavily, secs};
use effect::prelude::*;
use futures::FutureExt;
use futures::future::BoxFuture;

/// The three ways to promise a finalizer, each around the same body.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Promise {
    Ensuring,
    Scoped,
    OwnScope,
}

impl Promise {
    fn around(self, body: Task, log: &Log) -> Task {
        let release = log.note_after(secs(1), "released");
        if self == Promise::Ensuring {
            return body.ensuring(release).erase();
        }
        let used = acquire_release(succeed(()), move |()| release).flat_map(|()| body);
        if self == Promise::Scoped {
            used.scoped().erase()
        } else {
            used.erase()
        }
    }
}

/// Runs a body under each promise, in the given surroundings; the finalizer must run once, and, where the
/// promise ends before the fiber does, before what follows.
#[track_caller]
fn check(body: Task, around: impl Fn(Task) -> Task + Clone + Send + 'static) {
    everywhere(|cx| keep_promises(cx, body, around));
}

fn keep_promises(
    cx: Cx<()>,
    body: Task,
    around: impl Fn(Task) -> Task + Send + 'static,
) -> BoxFuture<'static, ()> {
    async move {
        for promise in [Promise::Ensuring, Promise::Scoped, Promise::OwnScope] {
            let log = Log::new();
            let (guarded, done) = (promise.around(body.clone(), &log), log.note("done"));
            let surrounded = around(guarded).exit().flat_map(|_| done);
            let exit = exit_of(&cx, surrounded).await;
            assert!(exit.is_success() || exit.is_interrupt(), "{exit:?}");
            let mut lines = log.lines();
            if promise == Promise::OwnScope {
                lines.sort();
                assert_eq!(lines, ["done", "released"], "{promise:?}");
            } else {
                assert_eq!(lines, ["released", "done"], "{promise:?}");
            }
        }
    }
    .boxed()
}

#[test]
fn a_finalizer_runs_once_on_success() {
    check(succeed(()).erase(), |task| task);
}

#[test]
fn a_finalizer_runs_once_on_failure() {
    check(fail("no").erase(), |task| task);
}

// stillwater bracket_panic, effect-rs panic
#[test]
fn a_finalizer_runs_once_on_a_panic() {
    let late = sleep(secs(1)).map(|()| panic!("a late bug"));
    for body in [sync(|| panic!("a bug")).erase(), late.erase()] {
        // Each run panics three times, and prints it.
        heavily(|cx| keep_promises(cx, body, |task| task));
    }
}

#[test]
fn a_finalizer_runs_once_on_interruption() {
    check(never().erase(), move |task| {
        effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(task);
            cx.sleep(secs(1)).await;
            let Ok(exit) = cx.run(fiber.interrupt()).await;
            assert!(exit.is_interrupt());
            Ok(())
        })
        .erase()
    });
}

// stillwater bracket_race
#[test]
fn a_finalizer_runs_once_when_a_race_is_lost() {
    let winner = || sleep::<(), &str>(secs(1));
    check(never().erase(), move |task| {
        task.race_first(winner()).erase()
    });
    check(never().erase(), move |task| {
        winner().race_first(task).erase()
    });
    let both = |(left, _): (&'static str, &'static str)| left;
    check(never().erase(), move |task| {
        task.race_ok(winner()).map_error(both).erase()
    });
    check(never().erase(), move |task| {
        winner().race_ok(task).map_error(both).erase()
    });
}

// stillwater bracket_timeout
#[test]
fn a_finalizer_runs_once_on_a_timeout() {
    check(never().erase(), move |task| {
        task.timeout(secs(1)).map_error(|_| "late").erase()
    });
}

#[test]
fn a_finalizer_runs_once_when_the_other_half_of_a_pair_fails() {
    let failing = || sleep(secs(1)).flat_map(|()| fail::<(), _, ()>("no"));
    check(never().erase(), move |task| {
        task.zip_par(failing()).map(drop).erase()
    });
    check(never().erase(), move |task| {
        failing().zip_par(task).map(drop).erase()
    });
}

// id_effect 1
#[test]
fn a_finalizer_runs_once_after_a_foreign_select() {
    everywhere(async |cx: Cx<()>| {
        for promise in [Promise::Ensuring, Promise::Scoped, Promise::OwnScope] {
            let log = Log::new();
            let task = promise.around(never().erase(), &log);
            let body = effect(async move |cx: Cx<()>| {
                futures::select_biased! {
                    _ = cx.run(task).boxed().fuse() => {}
                    () = cx.sleep(secs(1)).boxed().fuse() => {}
                }
                Ok::<_, Never>(())
            });
            assert!(exit_of(&cx, body).await.is_success());
            assert_eq!(log.lines(), ["released"], "{promise:?}");
        }
    });
}

#[test]
fn a_foreign_drops_finalizer_ends_before_those_around_it_begin() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let inner = never::<(), Never, ()>().ensuring(log.note_after(secs(10), "inner"));
        let body = effect(async move |cx: Cx<()>| {
            let _ = cx.run(inner).now_or_never();
            cx.sleep(secs(1)).await;
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body.ensuring(log.note("outer"))).await;
        assert_eq!(log.lines(), ["inner", "outer"]);
    });
}

// id_effect 1, stillwater bracket_drop
#[test]
fn the_runtime_finishes_what_a_dropped_driver_leaves() {
    everywhere(async |cx: Cx<()>| {
        for promise in [Promise::Ensuring, Promise::Scoped, Promise::OwnScope] {
            let log = Log::new();
            let exit = exit_of(&cx, promise.around(never().erase(), &log));
            let mut exit = Box::pin(exit);
            assert!(exit.as_mut().now_or_never().is_none());
            drop(exit);
            assert_eq!(log.count(), 0);
            cx.sleep(secs(2)).await;
            assert_eq!(log.lines(), ["released"], "{promise:?}");
        }
    });
}

// T41
#[test]
fn nested_finalizers_run_from_the_inside_out() {
    #[track_caller]
    fn check(end: impl Fn(Task) -> Task + Clone + Send + 'static, body: Task) {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            // The inner ones are the slower ones: none may overtake.
            let nested = body
                .ensuring(log.note_after(secs(4), "1"))
                .ensuring(log.note_after(secs(3), "2"))
                .scoped();
            let last = log.note("4");
            let nested = acquire_release(succeed(()), move |()| last)
                .flat_map(|()| nested)
                .ensuring(log.note_after(secs(2), "3"))
                .scoped();
            let exit = exit_of(&cx, end(nested.erase()).exit()).await;
            assert!(exit.is_success(), "{exit:?}");
            assert_eq!(log.lines(), ["1", "2", "3", "4"]);
        });
    }
    let late = |task: Task| task.timeout(secs(1)).map_error(|_| "late").erase();
    check(|task| task, succeed(()).erase());
    check(|task| task, fail("no").erase());
    check(|task| task, sync(|| panic!("a bug")).erase());
    check(late, never().erase());
    check(
        |task| {
            effect(async move |cx: Cx<()>| {
                let fiber = cx.fork(task);
                cx.sleep(secs(1)).await;
                let _ = cx.run(fiber.interrupt()).await;
                Ok(())
            })
            .erase()
        },
        never().erase(),
    );
    // A sibling whose own finalizer ends in between must not take over what is not its own.
    check(
        move |task| {
            let sibling = succeed::<(), &str, _>(()).ensuring(sleep(secs(3)));
            sibling.zip_par(late(task)).map(drop).erase()
        },
        never().erase(),
    );
}

// T02
#[test]
fn a_finalizer_that_panics_does_not_stop_the_next() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let task = fail::<(), _, ()>("E")
            .ensuring(sync(|| panic!("P1")))
            .ensuring(log.note("ran"))
            .ensuring(sync(|| panic!("P2")))
            .ensuring(sync(|| panic!("P3")));
        let exit = exit_of(&cx, task).await;
        let found = crate::common::reasons(exit.cause().unwrap());
        assert_eq!(found, ["fail E", "die P1", "die P2", "die P3"]);
        assert_eq!(log.lines(), ["ran"]);
    });
}

#[test]
fn a_release_that_panics_does_not_stop_the_next() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let first = log.note("first acquired, last released");
        let task = acquire_release(succeed::<_, &str, _>(()), move |()| first)
            .zip(acquire_release(succeed(()), |()| sync(|| panic!("P1"))))
            .scoped();
        let exit = exit_of(&cx, task).await;
        assert_eq!(crate::common::reasons(exit.cause().unwrap()), ["die P1"]);
        assert_eq!(log.count(), 1);
    });
}

#[test]
fn a_release_is_built_only_when_it_is_due() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (built, used) = (log.clone(), log.note("used"));
        let task = acquire_release(succeed::<_, Never, _>(()), move |()| {
            built.write("built");
            succeed(())
        });
        let Ok(()) = cx.run(task.flat_map(|()| used).scoped()).await;
        assert_eq!(log.lines(), ["used", "built"]);
    });
}

#[test]
fn finalizers_can_fork_race_and_time_out() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (raced, timed) = (log.note("raced"), log.note("timed out"));
        let forked = log.note_after(secs(1), "forked");
        let finalizer = forked
            .fork()
            .flat_map(|fiber| fiber.join())
            .zip(never().ensuring(raced).race_first(sleep(secs(1))))
            .zip(
                never()
                    .ensuring(timed)
                    .timeout(secs(1))
                    .fold(|_: TimeoutError<Never>| (), |()| ()),
            )
            .map(drop);
        let task = never::<(), &str, ()>().ensuring(finalizer).erase();
        let all = ["forked", "raced", "timed out"];
        let body = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(task);
            cx.sleep(secs(1)).await;
            Ok::<_, Never>(cx.run(fiber.interrupt()).await?.is_interrupt())
        });
        assert_eq!(cx.run(body).await, Ok(true));
        assert_eq!(log.lines(), all);
    });
}

#[test]
fn a_finalizer_that_joins_an_interrupted_fiber_dies_and_does_not_hang() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async move |cx: Cx<()>| {
            let child = cx.fork(never::<_, Never, ()>());
            child.interrupt_fork();
            let joining = child.join();
            cx.run(succeed::<_, Never, _>(()).ensuring(joining)).await?;
            Ok::<_, Never>(())
        });
        let exit = exit_of(&cx, body).await;
        assert!(exit.cause().unwrap().is_die(), "{exit:?}");
    });
}

/// An effect that cannot be interrupted, and panics: its inner finalizer is owed by a finalizer.
fn panics_late(log: &Log) -> Effect<(), Never, ()> {
    sleep(secs(2))
        .map(|()| panic!("a bug"))
        .ensuring(log.note("inner"))
        .uninterruptible()
        .erase()
}

#[test]
fn what_a_dying_finalizer_owes_runs_before_what_is_around_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let limited = panics_late(&log)
            .ensuring(log.note("outer"))
            .timeout(secs(1));
        assert!(!exit_of(&cx, limited).await.is_success());
        assert_eq!(log.lines(), ["inner", "outer"]);
    });
}

#[test]
fn what_a_foreign_drop_owes_runs_in_order_beside_the_body() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (dropped, after) = (
            panics_late(&log).ensuring(log.note("outer")),
            log.note("body"),
        );
        let body = effect(async move |cx: Cx<()>| {
            {
                let run = std::pin::pin!(cx.run(dropped));
                let late = std::pin::pin!(cx.sleep(secs(1)));
                futures::future::select(run, late).await;
            }
            cx.sleep(secs(5)).await;
            cx.run(after).await
        });
        assert!(!exit_of(&cx, body).await.is_success());
        assert_eq!(log.lines(), ["inner", "outer", "body"]);
    });
}

#[test]
fn a_release_has_ended_with_all_that_it_owes_before_the_next_begins() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let pool =
            die::<(), Never, ()>("release of the pool").ensuring(log.note_after(secs(1), "inner"));
        let socket = log.note("socket");
        let (pool, acquired) = (pool.erase(), succeed::<(), Never, ()>(()));
        let scope = acquire_release(acquired.clone(), move |()| socket)
            .flat_map(move |()| acquire_release(acquired, move |()| pool))
            .scoped();
        assert!(!exit_of(&cx, scope).await.is_success());
        assert_eq!(log.lines(), ["inner", "socket"]);
    });
}

#[test]
fn an_exit_waits_for_what_a_foreign_drop_in_it_owes_and_takes_nobody_elses() {
    everywhere(async |cx: Cx<()>| {
        let dropping = effect(async |cx: Cx<()>| {
            let dies = sleep::<_, Never>(secs(3)).map(|()| panic!("a bug"));
            let guarded = never::<(), Never, ()>().ensuring(dies);
            {
                let run = std::pin::pin!(cx.run(guarded));
                let late = std::pin::pin!(cx.sleep(secs(1)));
                futures::future::select(run, late).await;
            }
            Ok::<_, Never>(())
        });
        // Settles finalizers of its own while those of the other wait.
        let sibling = sleep::<(), Never>(secs(2)).ensuring(sleep(secs(4)));
        let both = dropping.exit().zip_par(sibling.exit());
        let Ok((dropping, sibling)) = cx.run(both).await;
        assert!(dropping.cause().is_some_and(Cause::is_die), "{dropping:?}");
        assert!(sibling.is_success(), "{sibling:?}");
    });
}
