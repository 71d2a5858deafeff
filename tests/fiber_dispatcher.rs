//! Dispatchers: plain code, on any thread, starts effects in somebody else's environment.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::common::witness::Witness;
use crate::common::{Log, everywhere, in_turns, on_both, on_threads, reasons, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{DispatchError, Dispatcher, FiberLocal, OnClose, Report, blocking, yield_now};

static USER: FiberLocal<&str> = FiberLocal::new(|| "nobody");

const BOTH: [OnClose; 2] = [OnClose::Interrupt, OnClose::Await];

type Made<R> = Effect<R, Never, Dispatcher<R>>;

/// A dispatcher of each kind.
fn kinds<R: effect::Env>(on_close: OnClose) -> [Made<R>; 2] {
    [
        Dispatcher::parallel(on_close).erase(),
        Dispatcher::sequential(on_close).erase(),
    ]
}

/// Calls a function on a thread of its own, as somebody else's code does, and waits for it.
#[allow(
    clippy::disallowed_methods,
    reason = "it stands for code that knows nothing of effects"
)]
fn elsewhere(f: impl FnOnce() + Send + 'static) -> Effect<(), Never, ()> {
    blocking(move || {
        thread::spawn(f).join().unwrap();
        Ok(())
    })
    .erase_once()
}

#[test]
fn another_thread_starts_effects_in_the_environment_and_the_locals_of_the_maker() {
    on_both(async |cx: Cx<()>| {
        for made in kinds(OnClose::Await) {
            let log = Log::new();
            let seen = log.clone();
            let body = effect(async move |cx: Cx<String>| {
                let dispatcher = cx.run(made).await?;
                let calls = elsewhere(move || {
                    for _ in 0..3 {
                        let seen = seen.clone();
                        let event = effect(async move |cx: Cx<String>| {
                            cx.sleep(secs(1)).await;
                            seen.write(format!("{} of {}", cx.local(&USER), cx.env()));
                            Ok::<_, Never>(())
                        });
                        // Of no consequence: it is another effect's.
                        let event = event.locally(&OTHER, 1);
                        drop(dispatcher.dispatch(event).expect("it is open"));
                    }
                });
                cx.run(calls.provide(())).await
            });
            let body = body.locally(&USER, "Ada").provide("London".to_owned());
            cx.run(body.scoped()).await.unwrap();
            assert_eq!(log.lines(), ["Ada of London"; 3]);
        }
    });
}

static OTHER: FiberLocal<u8> = FiberLocal::new(|| 0);

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "it stands for code that knows nothing of effects"
)]
fn threads_without_a_runtime_dispatch_to_one_with_several_threads() {
    for made in kinds(OnClose::Await) {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .unwrap();
        let log = Log::new();
        let noted = log.clone();
        let (lend, lent) = std::sync::mpsc::channel::<Dispatcher<()>>();
        let callers = thread::spawn(move || {
            let dispatcher = lent.recv().unwrap();
            let all = [(); 4].map(|()| {
                let (dispatcher, log) = (dispatcher.clone(), noted.clone());
                thread::spawn(move || {
                    for _ in 0..100 {
                        drop(dispatcher.dispatch(log.note("called")).expect("it is open"));
                    }
                })
            });
            for caller in all {
                caller.join().unwrap();
            }
            dispatcher
        });
        let body = effect(async move |cx: Cx<()>| {
            lend.send(cx.run(made).await?).unwrap();
            let called = cx.run(blocking::<_, Never, _, _>(move || {
                Ok(callers.join().unwrap())
            }));
            called.await
        });
        let dispatcher = tokio.block_on(body.scoped().into_future()).unwrap();
        assert_eq!(log.count(), 400);
        assert!(dispatcher.is_closed() && dispatcher.is_empty());
    }
}

#[test]
fn one_by_one_is_in_the_order_of_dispatching_each_with_its_finalizers_and_children() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let body = effect(async move |cx: Cx<()>| {
            let dispatcher = cx.run(Dispatcher::sequential(OnClose::Await)).await?;
            for n in 0..4_u64 {
                let log = noted.clone();
                let (begun, child, ended) = (
                    format!("{n} begun"),
                    format!("{n} child"),
                    format!("{n} ended"),
                );
                let (at_first, at_last) = (log.clone(), log.clone());
                let child = never::<_, Never, ()>()
                    .ensuring(sleep(secs(1)).map(move |()| log.write(child)));
                let job = effect(async move |cx: Cx<()>| {
                    at_first.write(begun);
                    drop(cx.fork(child));
                    // The later ones are shorter.
                    cx.sleep(secs(4 - n)).await;
                    Ok::<_, Never>(())
                });
                let job = job.ensuring(sleep(secs(1)).map(move |()| at_last.write(ended)));
                drop(dispatcher.dispatch(job).expect("it is open"));
            }
            assert_eq!(dispatcher.len(), 4);
            Ok::<_, Never>(())
        });
        let (took, done) = timed(&cx, cx.run(body.scoped())).await;
        done.unwrap();
        assert_eq!(took, 4 + 3 + 2 + 1 + 4 * 2);
        let expected =
            (0..4).flat_map(|n| ["begun", "ended", "child"].map(|what| format!("{n} {what}")));
        assert_eq!(log.lines(), expected.collect::<Vec<_>>());
    });
}

#[test]
fn who_is_interrupted_before_the_turn_gives_it_up_at_once() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (first, second, third) = (
            log.note_after(secs(5), "first"),
            log.note("second"),
            log.note("third"),
        );
        let body = effect(async move |cx: Cx<()>| {
            let dispatcher = cx.run(Dispatcher::sequential(OnClose::Await)).await?;
            let first = dispatcher.dispatch(first).expect("it is open");
            let second = dispatcher.dispatch(second).expect("it is open");
            let third = dispatcher.dispatch(third).expect("it is open");
            cx.sleep(secs(1)).await;
            let (took, exit) = timed(&cx, cx.run(second.interrupt())).await;
            assert!(took == 0 && exit?.is_interrupt() && !first.is_done());
            cx.run(third.join()).await
        });
        let (took, done) = timed(&cx, cx.run(body.scoped())).await;
        done.unwrap();
        assert_eq!(
            (took, log.lines()),
            (5, vec!["first".into(), "third".into()])
        );
    });
}

#[test]
fn closing_interrupts_or_awaits_what_runs_and_what_waits_for_its_turn() {
    // How long it takes, and how many there are to tell of it: who waits for a turn has nothing to finalize.
    for (on_close, parallel, sequential, line) in [
        (OnClose::Interrupt, (1, 2), (1, 1), "interrupted"),
        (OnClose::Await, (5, 2), (10, 2), "ended"),
    ] {
        everywhere(async move |cx: Cx<()>| {
            for (made, (seconds, lines)) in kinds(on_close).into_iter().zip([parallel, sequential])
            {
                let log = Log::new();
                let jobs = [(); 2].map(|()| {
                    sleep(secs(5))
                        .zip(log.note("ended"))
                        .on_interrupt(log.note_after(secs(1), "interrupted"))
                });
                let body = effect(async move |cx: Cx<()>| {
                    let dispatcher = cx.run(made).await?;
                    for job in jobs {
                        drop(dispatcher.dispatch(job).expect("it is open"));
                    }
                    // Time for those to begin whose turn it is.
                    cx.sleep(Duration::from_millis(1)).await;
                    Ok::<_, Never>(dispatcher)
                });
                let (took, made) = timed(&cx, cx.run(body.scoped())).await;
                let dispatcher = made.unwrap();
                assert_eq!((took, log.lines()), (seconds, vec![line.to_owned(); lines]));
                // Who has ended may be about to leave.
                cx.run(dispatcher.await_empty()).await.unwrap();
                assert!(dispatcher.is_closed());
                let Err(DispatchError(refused)) = dispatcher.dispatch(succeed::<_, Never, _>(7))
                else {
                    panic!("it takes effects");
                };
                assert_eq!(cx.run(refused).await, Ok(7));
            }
        });
    }
}

#[test]
fn with_its_owner_interrupted_what_runs_has_ended_when_the_owner_has() {
    for on_close in BOTH {
        everywhere(async move |cx: Cx<()>| {
            for made in kinds(on_close) {
                let log = Log::new();
                let job = sleep(secs(5))
                    .zip(log.note("ended"))
                    .on_interrupt(log.note_after(secs(1), "interrupted"));
                let owner = cx.fork(effect(async move |cx: Cx<()>| {
                    let dispatcher = cx.run(made).await?;
                    drop(dispatcher.dispatch(job).expect("it is open"));
                    cx.run(never::<_, Never, ()>()).await
                }));
                cx.sleep(secs(1)).await;
                let (took, exit) = timed(&cx, cx.run(owner.interrupt())).await;
                assert!(exit.unwrap().is_interrupt());
                match on_close {
                    OnClose::Interrupt => {
                        assert_eq!((took, log.lines()), (1, vec!["interrupted".into()]))
                    }
                    OnClose::Await => assert_eq!((took, log.lines()), (4, vec!["ended".into()])),
                }
            }
        });
    }
}

#[test]
fn a_panic_is_reported_once_and_the_others_have_their_turn() {
    everywhere(async |cx: Cx<()>| {
        for made in kinds(OnClose::Await) {
            let log = Log::new();
            let (before, after) = (log.note("before"), log.note("after"));
            let body = effect(async move |cx: Cx<()>| {
                let dispatcher = cx.run(made).await?;
                drop(dispatcher.dispatch(before).expect("it is open"));
                let dies = sync::<_, Never, (), _>(|| panic!("a bug"));
                drop(dispatcher.dispatch(dies).expect("it is open"));
                let observed = dispatcher
                    .dispatch(die::<_, Never, ()>("seen"))
                    .expect("it is open");
                drop(dispatcher.dispatch(after).expect("it is open"));
                let exit = cx.run(observed.exit()).await?;
                assert_eq!(reasons(exit.cause().unwrap()), ["die seen"]);
                Ok::<_, Never>(())
            });
            let witness = Witness::new(cx.runtime());
            let exit = body.scoped().run_on(Arc::<Witness>::clone(&witness)).await;
            assert!(exit.is_success());
            assert_eq!(log.count(), 2);
            let reports = witness.reports();
            let [Report::UnobservedFailure { cause, .. }] = &reports[..] else {
                panic!("{reports:?}");
            };
            assert!(cause.starts_with("died: a bug"), "{cause}");
        }
    });
}

#[test]
fn who_is_taken_while_an_awaiting_dispatcher_closes_is_waited_for() {
    // On threads alone: where fibers take turns, nobody closes while another dispatches.
    on_threads(500, async |cx: Cx<()>| {
        for made in kinds(OnClose::Await) {
            let body = effect(async |cx: Cx<()>| {
                let dispatcher = cx.run(made).await?;
                let calls = dispatcher.clone();
                let calling = cx.fork(effect(async move |_: Cx<()>| {
                    let mut taken = Vec::new();
                    while let Ok(fiber) = calls.dispatch(succeed::<_, Never, _>(())) {
                        taken.push(fiber);
                        if taken.len() % 16 == 0 {
                            yield_now().await;
                        }
                    }
                    Ok::<_, Never>(taken)
                }));
                yield_now().await;
                cx.run(dispatcher.close()).await?;
                for fiber in cx.run(calling.join()).await? {
                    assert_eq!(cx.run(fiber.exit()).await?, Exit::Success(()));
                }
                Ok::<_, Never>(())
            });
            assert_eq!(cx.run(body.scoped()).await, Ok(()));
        }
    });
}

#[test]
fn an_effect_of_a_dispatcher_can_close_it() {
    for on_close in BOTH {
        everywhere(async move |cx: Cx<()>| {
            for made in kinds(on_close) {
                let log = Log::new();
                let other = log.note_after(secs(1), "other");
                let body = effect(async move |cx: Cx<()>| {
                    let dispatcher = cx.run(made).await?;
                    drop(dispatcher.dispatch(other).expect("it is open"));
                    drop(dispatcher.dispatch(dispatcher.close()).expect("it is open"));
                    cx.run(dispatcher.await_empty()).await?;
                    Ok::<_, Never>(dispatcher.is_closed())
                });
                // With nobody to interrupt the first one, the second closes when that has ended.
                assert_eq!(cx.run(body.scoped()).await, Ok(true));
            }
        });
    }
}

#[test]
fn an_idle_dispatcher_hides_no_deadlock_and_who_waits_for_a_later_turn_is_one() {
    let idle = effect(async |cx: Cx<()>| {
        for made in kinds(OnClose::Await) {
            drop(cx.run(made).await?);
        }
        cx.run(never::<_, Never, ()>()).await
    });
    assert!(VirtualTime::new().run(idle).is_err());
    let itself = effect(async |cx: Cx<()>| {
        let dispatcher = cx.run(Dispatcher::sequential(OnClose::Await)).await?;
        let later = dispatcher.clone();
        let job = effect(async move |cx: Cx<()>| {
            let fiber = later
                .dispatch(succeed::<_, Never, _>(()))
                .expect("it is open");
            cx.run(fiber.join()).await
        });
        let fiber = dispatcher.dispatch(job).expect("it is open");
        cx.run(fiber.join()).await
    });
    let deadlock = VirtualTime::new().run(itself.scoped()).unwrap_err();
    let told = deadlock.to_string();
    assert!(
        told.contains("its turn in a dispatcher at tests/fiber_dispatcher.rs"),
        "{told}"
    );
}

#[test]
fn with_its_runtime_gone_a_dispatcher_takes_nothing() {
    for made in kinds::<()>(OnClose::Await) {
        let tokio = crate::common::virtual_runtime();
        let (lend, lent) = std::sync::mpsc::channel();
        let owner = effect(async move |cx: Cx<()>| {
            lend.send(cx.run(made).await?).unwrap();
            cx.run(never::<_, Never, ()>()).await
        });
        let dispatcher = tokio.block_on(async move {
            let Ok(fiber) = owner.detach::<Never>().await;
            drop(fiber);
            tokio::task::yield_now().await;
            lent.recv().unwrap()
        });
        assert!(!dispatcher.is_closed());
        drop(tokio);
        assert!(dispatcher.dispatch(succeed::<_, Never, _>(())).is_err());
    }
}

#[test]
fn an_orphaned_scope_closes_a_dispatcher_that_is_kept() {
    in_turns(async |cx: Cx<()>| {
        for made in kinds(OnClose::Interrupt) {
            let scope = Scope::new();
            let dispatcher = cx.run(made.in_scope(&scope)).await.unwrap();
            let fiber = dispatcher
                .dispatch(never::<_, Never, ()>())
                .expect("it is open");
            drop(scope);
            let exit = cx.run(fiber.exit()).await.unwrap();
            assert!(exit.is_interrupt() && dispatcher.is_closed());
        }
    });
}

/// Dispatchers that are called and closed at once.
fn calling_and_closing(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let body = effect(async move |cx: Cx<()>| {
        for made in BOTH.into_iter().flat_map(kinds) {
            let dispatcher = cx.run(made).await?;
            for n in 0..3 {
                let (trial, calls) = (trial.clone(), dispatcher.clone());
                drop(cx.fork(effect(async move |cx: Cx<()>| {
                    let probe = trial.probe();
                    let job = effect(async move |cx: Cx<()>| {
                        cx.sleep(Duration::from_nanos(n)).await;
                        trial.fault_point();
                        Ok::<_, Never>(())
                    })
                    .ensuring(effect(async move |_: Cx<()>| {
                        yield_now().await;
                        drop(probe);
                        Ok(())
                    }));
                    if let Ok(fiber) = calls.dispatch(job) {
                        drop(cx.run(fiber.exit()).await);
                    }
                    Ok::<_, Never>(())
                })));
            }
            cx.sleep(Duration::from_nanos(2)).await;
            let Ok(closed) = cx.run(dispatcher.close().exit()).await;
            trial.expect(
                dispatcher.is_empty() || !closed.is_success(),
                "somebody is in a closed dispatcher",
            );
            cx.await_children().await;
        }
        Ok(())
    });
    Case::new(body.scoped()).check(|_| ())
}

#[test]
fn calling_and_closing_at_once_leaves_nobody() {
    Sim::new().runs(2_000).test(calling_and_closing);
}
