//! A scope runs what is promised to it once, in its order, whoever closes it and however often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::witness::Witness;
use crate::common::{Log, everywhere, exit_of, on_both, on_one_thread, reasons, secs, timed};
use effect::prelude::*;
use effect::{Report, Scope, acquire_use_release, yield_now};

/// A resource that writes a line when it is released.
fn resource(log: &Log, line: &'static str) -> Effect<(), Never, ()> {
    let release = log.note(line);
    acquire_release(succeed(()), move |()| release).erase_once()
}

/// As [`resource`], but the release takes its time.
fn slow_resource(log: &Log, seconds: u64, line: &'static str) -> Effect<(), Never, ()> {
    let release = log.note_after(secs(seconds), line);
    acquire_release(succeed(()), move |()| release).erase_once()
}

// S2-65
#[test]
fn finalizers_run_in_reverse_order_though_one_panics_and_closing_again_is_nothing() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (first, third) = (log.note("0"), log.note("2"));
        let (scope, late) = (Scope::new(), log.note("late"));
        let kept = scope.clone();
        let body = effect(async move |cx: Cx<()>| {
            cx.run(kept.add_finalizer(first)).await?;
            cx.run(kept.add_finalizer(sync(|| panic!("1")))).await?;
            cx.run(kept.add_finalizer(third)).await?;
            cx.run(kept.close()).await
        });
        let exit = exit_of(&cx, body).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die 1"]);
        assert_eq!(log.lines(), ["2", "0"]);
        assert!(scope.is_closed());
        cx.run(scope.close()).await.unwrap();
        assert_eq!(log.count(), 2);
        cx.run(scope.add_finalizer(late)).await.unwrap();
        assert_eq!(log.lines(), ["2", "0", "late"]);
    });
}

// T46
#[test]
fn closing_a_scope_is_not_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (scope, closed) = (Scope::new(), log.clone());
        for line in ["first", "second"] {
            cx.run(slow_resource(&log, 1, line).in_scope(&scope))
                .await
                .unwrap();
        }
        let closing = cx.fork(scope.close());
        cx.sleep(Duration::from_millis(500)).await;
        let (took, exit) = timed(&cx, cx.run(closing.interrupt())).await;
        closed.write("interrupted");
        assert!(exit.unwrap().is_interrupt());
        assert_eq!(took, 1);
        assert_eq!(log.lines(), ["second", "first", "interrupted"]);
        assert!(scope.is_closed());
    });
}

// T46
#[test]
fn what_is_added_to_a_closed_scope_runs_to_its_end_before_an_interruption() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (scope, late) = (Scope::new(), log.note_after(secs(2), "late"));
        cx.run(scope.close()).await.unwrap();
        let adding = cx.fork(scope.add_finalizer(late));
        cx.sleep(secs(1)).await;
        drop(cx.run(adding.interrupt()).await);
        assert_eq!(log.lines(), ["late"]);
    });
}

#[test]
fn closing_twice_at_once_waits_for_the_first() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let scope = Scope::new();
        cx.run(slow_resource(&log, 2, "released").in_scope(&scope))
            .await
            .unwrap();
        let first = cx.fork(scope.close());
        cx.sleep(secs(1)).await;
        let (took, closed) = timed(&cx, cx.run(scope.close())).await;
        closed.unwrap();
        assert_eq!((took, log.lines()), (1, vec!["released".to_owned()]));
        cx.run(first.join()).await.unwrap();
    });
}

#[test]
fn a_finalizer_may_close_its_own_scope_and_add_to_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (scope, earlier, added) = (Scope::new(), log.note("earlier"), log.note("added"));
        cx.run(scope.add_finalizer(earlier)).await.unwrap();
        let finalizer = effect(async move |cx: Cx<()>| {
            let own = cx.scope();
            cx.run(own.close()).await?;
            cx.run(own.add_finalizer(added)).await
        });
        cx.run(scope.add_finalizer(finalizer)).await.unwrap();
        cx.run(scope.close()).await.unwrap();
        assert_eq!(log.lines(), ["added", "earlier"]);
    });
}

// T45
#[test]
fn early_release_runs_the_finalizer_now_and_not_again() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (outer, inner, line) = (
            resource(&log, "outer"),
            resource(&log, "inner"),
            log.clone(),
        );
        let body = effect(async move |cx: Cx<()>| {
            cx.run(outer).await?;
            let ((), scope) = cx.run(inner.with_early_release()).await?;
            assert_eq!(cx.scope().pending(), 2);
            cx.run(scope.close()).await?;
            assert_eq!(cx.scope().pending(), 1);
            line.write("goes on");
            Ok::<_, Never>(())
        });
        cx.run(body.scoped()).await.unwrap();
        assert_eq!(log.lines(), ["inner", "goes on", "outer"]);
    });
}

// T41
#[test]
fn what_is_not_released_early_is_released_in_its_place() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let [a, b, c] = ["a", "b", "c"].map(|line| resource(&log, line));
        let body = a.zip(b.with_early_release()).zip(c);
        cx.run(body.scoped()).await.unwrap();
        assert_eq!(log.lines(), ["c", "b", "a"]);
    });
}

// T44
#[test]
fn parallel_finalizers_may_wait_for_each_other() {
    everywhere(async |cx: Cx<()>| {
        let (scope, channel) = (Scope::parallel(), Channel::bounded(1));
        let (from, to) = (channel.clone(), channel);
        let waits = effect(async move |_: Cx<()>| {
            assert_eq!(from.receive().await, Ok(1));
            Ok(())
        });
        let sends = effect(async move |_: Cx<()>| {
            assert!(to.send(1).await.is_ok());
            Ok(())
        });
        // The last comes first in a sequence, and would wait for ever.
        cx.run(scope.add_finalizer(sends)).await.unwrap();
        cx.run(scope.add_finalizer(waits)).await.unwrap();
        cx.run(scope.close()).await.unwrap();
    });
}

// T44
#[test]
fn sequential_groups_in_a_parallel_scope_keep_their_order() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let scope = Scope::parallel();
        for group in [["a1", "a2", "a3"], ["b1", "b2", "b3"]] {
            let inner = scope.fork();
            for line in group {
                cx.run(slow_resource(&log, 1, line).in_scope(&inner))
                    .await
                    .unwrap();
            }
        }
        let (took, closed) = timed(&cx, cx.run(scope.close())).await;
        closed.unwrap();
        assert_eq!(took, 3, "the groups are released beside each other");
        for group in ["a", "b"] {
            let lines = log.lines();
            let of_group: Vec<_> = lines
                .iter()
                .filter(|line| line.starts_with(group))
                .collect();
            assert_eq!(
                of_group,
                [
                    &format!("{group}3"),
                    &format!("{group}2"),
                    &format!("{group}1")
                ]
            );
        }
    });
}

// T42
#[test]
fn two_resources_in_parallel_take_the_time_of_one() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let use_it = |log: &Log| {
            let (used, released) = (
                log.note_after(secs(1), "used"),
                log.note_after(secs(1), "released"),
            );
            acquire_use_release(
                log.note_after(secs(1), "acquired"),
                |()| used,
                |()| released,
            )
        };
        let (took, done) = timed(&cx, cx.run(use_it(&log).zip_par(use_it(&log)))).await;
        done.unwrap();
        assert_eq!(took, 3);
        assert_eq!(
            log.lines(),
            [
                "acquired", "acquired", "used", "used", "released", "released"
            ]
        );
    });
}

// T47
#[test]
fn a_hundred_thousand_finalizers_run_in_one_scope() {
    const COUNT: usize = 100_000;
    fn check(scope: Scope) {
        on_both(async move |cx: Cx<()>| {
            let left = Arc::new(AtomicUsize::new(0));
            let scope = match scope.pending() {
                0 => Scope::new(),
                _ => Scope::parallel(),
            };
            for n in 0..COUNT {
                let left = Arc::clone(&left);
                left.fetch_add(1, Ordering::Relaxed);
                let finalizer = sync(move || {
                    left.fetch_sub(1, Ordering::Relaxed);
                });
                cx.run(scope.add_finalizer(finalizer)).await.unwrap();
                assert_eq!(scope.pending(), n + 1);
            }
            cx.run(scope.close()).await.unwrap();
            assert_eq!(left.load(Ordering::Relaxed), 0);
        });
    }
    check(Scope::new());
    let parallel = Scope::new();
    parallel.fork();
    check(parallel);
}

#[test]
fn a_deep_chain_of_resources_is_stack_safe_either_way() {
    const DEPTH: usize = 50_000;
    fn chain(log: &Log) -> [Effect<(), Never, ()>; 2] {
        let held = || resource(log, "released");
        let left = (0..DEPTH).fold(succeed(()).erase(), |chain, _| {
            let next = held();
            chain.flat_map(|()| next).erase_once()
        });
        let right = (0..DEPTH).fold(succeed(()).erase(), |chain, _| {
            held().flat_map(|()| chain).erase_once()
        });
        [left, right]
    }
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        for chain in chain(&log) {
            let before = log.count();
            cx.run(chain.scoped()).await.unwrap();
            assert_eq!(log.count() - before, DEPTH);
        }
    });
}

#[test]
fn a_finalizer_is_told_how_the_scope_was_closed() {
    #[track_caller]
    fn check(body: Effect<(), &'static str, ()>, expected: &'static str) {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let told = |name: &'static str| {
                let log = log.clone();
                move |exit: Exit<(), ()>| {
                    sync(move || {
                        let how = exit
                            .into_result()
                            .map_err(|cause| reasons(&cause.map(|()| "")));
                        log.write(format!("{name} {how:?}"));
                    })
                }
            };
            let (scope, fiber) = (told("scope"), told("fiber"));
            let whole = effect(async move |cx: Cx<()>| {
                let Ok(()) = cx.run(cx.scope().add_finalizer_exit(fiber)).await;
                let scoped = effect(async move |cx: Cx<()>| {
                    let Ok(()) = cx.run(cx.scope().add_finalizer_exit(scope)).await;
                    cx.run(body).await
                });
                cx.run(scoped.scoped()).await
            });
            let fiber = cx.fork(whole);
            cx.sleep(secs(1)).await;
            drop(cx.run(fiber.interrupt()).await);
            assert_eq!(
                log.lines(),
                [format!("scope {expected}"), format!("fiber {expected}")]
            );
        });
    }
    check(succeed(()).erase(), "Ok(())");
    check(fail("no").erase(), r#"Err(["fail "])"#);
    check(sync(|| panic!("bug")).erase(), r#"Err(["die bug"])"#);
    check(never().erase(), r#"Err(["interrupt"])"#);
}

#[test]
fn what_is_moved_to_another_scope_outlives_its_own_and_keeps_its_order() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let outer = Scope::new();
        cx.run(resource(&log, "outer").in_scope(&outer))
            .await
            .unwrap();
        let ([a, b], to) = (["a", "b"].map(|line| resource(&log, line)), outer.clone());
        let body = effect(async move |cx: Cx<()>| {
            cx.run(a).await?;
            cx.run(b).await?;
            drop(cx.run(cx.scope().move_to(&to)).await);
            Ok::<_, Never>(cx.scope().pending())
        });
        assert_eq!(cx.run(body.scoped()).await, Ok(0));
        assert_eq!((log.count(), outer.pending()), (0, 2));
        cx.run(resource(&log, "last").in_scope(&outer))
            .await
            .unwrap();
        cx.run(outer.close()).await.unwrap();
        assert_eq!(log.lines(), ["last", "b", "a", "outer"]);
        // To a closed one, at once.
        let late = resource(&log, "late").with_early_release();
        let ((), scope) = cx.run(late).await.unwrap();
        let group = cx.run(scope.move_to(&outer)).await.unwrap();
        assert!(group.is_closed());
        assert_eq!(log.lines().last().unwrap(), "late");
    });
}

#[test]
fn fibers_that_are_moved_leave_the_group_when_they_end() {
    // On threads, a fiber that is found to have ended may be about to leave its scope.
    on_one_thread(async |cx: Cx<()>| {
        let (from, to) = (Scope::new(), Scope::new());
        let fiber = cx.fork_in(&from, sleep::<_, Never>(secs(1)));
        let group = cx.run(from.move_to(&to)).await.unwrap();
        assert_eq!((from.pending(), group.pending()), (0, 1));
        cx.run(fiber.join()).await.unwrap();
        assert_eq!(group.pending(), 0);
        drop(cx.fork_in(&group, never::<_, Never, ()>()));
        cx.run(to.close()).await.unwrap();
        assert!(group.is_closed());
    });
}

#[test]
fn a_scope_that_nobody_closes_is_closed_by_the_runtime() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let scope = Scope::new();
        cx.run(slow_resource(&log, 1, "first").in_scope(&scope))
            .await
            .unwrap();
        cx.run(slow_resource(&log, 1, "second").in_scope(&scope.fork()))
            .await
            .unwrap();
        drop(scope);
        cx.sleep(secs(3)).await;
        assert_eq!(log.lines(), ["second", "first"]);
    });
}

#[test]
fn a_closed_scope_inside_of_another_leaves_it() {
    everywhere(async |cx: Cx<()>| {
        let outer = Scope::new();
        for _ in 0..100 {
            let inner = outer.fork();
            assert_eq!(outer.pending(), 1);
            cx.run(inner.close()).await.unwrap();
            assert_eq!(outer.pending(), 0);
        }
        cx.run(outer.close()).await.unwrap();
        assert!(outer.fork().is_closed());
    });
}

#[test]
fn a_fiber_that_closes_the_scope_it_is_in_does_not_wait_for_itself() {
    everywhere(async |cx: Cx<()>| {
        let scope = Scope::new();
        let own = scope.clone();
        let closer = effect(async move |cx: Cx<()>| {
            let Ok(()) = cx.run(own.close()).await;
            cx.run(never::<_, Never, ()>()).await
        });
        let exit = cx.run(cx.fork_in(&scope, closer).exit()).await.unwrap();
        assert!(exit.is_interrupt());
        assert!(scope.is_closed());
    });
}

#[test]
fn a_finalizer_that_takes_too_long_is_reported_once_and_awaited() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let witness = Witness::new(cx.runtime());
        let (fast, first) = (slow_resource(&log, 1, "fast"), log.note("first"));
        let line = line!() + 1;
        let slow = acquire_release(succeed(()), move |()| sleep(secs(10)).flat_map(|()| first));
        let forked = fast
            .zip(slow)
            .fork::<Never>()
            .flat_map(|fiber| fiber.join());
        let body = forked.with_finalizer_budget(secs(2)).erase_once();
        let (took, exit) = timed(&cx, body.run_on(witness.clone())).await;
        assert!(exit.is_success());
        assert_eq!(
            (took, log.lines()),
            (11, vec!["first".to_owned(), "fast".to_owned()])
        );
        let reports = witness.reports();
        let [Report::LateFinalizer { place, budget, .. }] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!(
            (place.file(), place.line(), *budget),
            (file!(), line, secs(2))
        );
        assert!(reports[0].to_string().contains("scope_finalizers.rs"));
    });
}

#[test]
fn an_acquisition_in_a_scope_sees_the_locals_and_environment_of_its_place() {
    static NAME: effect::FiberLocal<&str> = effect::FiberLocal::new(|| "nobody");
    everywhere(async |cx: Cx<()>| {
        let (scope, log) = (Scope::new(), Log::new());
        let seen = log.clone();
        let release = effect(async move |cx: Cx<u8>| {
            seen.write(format!("{} {}", cx.env(), cx.local(&NAME)));
            Ok::<_, Never>(())
        });
        let acquire = acquire_release(succeed::<u8, Never, _>(()), move |()| release);
        let acquire = acquire.in_scope(&scope).locally(&NAME, "Ada").provide(7);
        cx.run(acquire).await.unwrap();
        yield_now().await;
        cx.run(scope.close().locally(&NAME, "Bob")).await.unwrap();
        assert_eq!(log.lines(), ["7 Ada"]);
    });
}

#[test]
fn a_scope_that_is_moved_into_one_inside_of_it_keeps_that() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let outer = Scope::new();
        let inner = outer.fork();
        let innermost = inner.fork();
        cx.run(resource(&log, "moved").in_scope(&outer))
            .await
            .unwrap();
        let group = cx.run(outer.move_to(&innermost)).await.unwrap();
        assert_eq!((outer.pending(), group.pending()), (1, 1));
        drop((inner, innermost, group));
        cx.run(outer.close()).await.unwrap();
        assert_eq!(log.lines(), ["moved"]);
    });
}
