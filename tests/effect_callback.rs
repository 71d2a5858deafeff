//! A callback ends an effect once, whoever calls it, and its canceler runs only if nobody did.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, on_both, reasons, secs, timed};
use effect::Canceler;
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{Resume, callback, yield_now};

type Handle = Resume<&'static str, u8>;

/// Somebody else's code: it keeps the handle that it was given.
#[derive(Clone, Default)]
struct Registry {
    handle: Arc<Mutex<Option<Handle>>>,
}

impl Registry {
    fn register(&self, handle: Handle) {
        *self.handle.lock().unwrap() = Some(handle);
    }

    fn take(&self) -> Handle {
        self.handle.lock().unwrap().take().expect("registered")
    }

    /// An effect that registers, and says so when the registration is taken back.
    fn listen(&self, log: &Log) -> Effect<(), &'static str, u8> {
        let (registry, log) = (self.clone(), log.clone());
        callback(move |resume| {
            registry.register(resume);
            log.note_after(secs(1), "cancelled")
        })
        .erase()
    }
}

// Law 9, T07
#[test]
fn the_first_call_counts_and_the_second_is_ignored() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let note = log.note("cancelled");
        let twice = callback(move |resume: Handle| {
            assert!(resume.is_awaited());
            assert!(resume.succeed(1));
            assert!(!resume.clone().fail("too late"));
            assert!(!resume.settle(Ok(2)));
            assert!(!resume.is_awaited());
            note
        });
        assert_eq!(cx.run(twice).await, Ok(1));
        let failed = callback(|resume: Handle| {
            resume.fail("no");
            resume.succeed(1);
        });
        assert_eq!(cx.run(failed).await, Err("no"));
        assert_eq!(log.count(), 0);
    });
}

// Law 9
#[test]
fn the_canceler_does_not_run_after_a_call() {
    for result in [Ok(1), Err("no")] {
        everywhere(async move |cx: Cx<()>| {
            let (log, registry) = (Log::new(), Registry::default());
            let waiting = cx.fork(registry.listen(&log));
            cx.sleep(secs(1)).await;
            registry.take().settle(result);
            assert_eq!(cx.run(waiting.join()).await, result);
            assert_eq!(log.count(), 0);
        });
    }
}

// T07
#[test]
fn a_call_after_the_interruption_is_ignored() {
    everywhere(async |cx: Cx<()>| {
        let (log, registry) = (Log::new(), Registry::default());
        let waiting = cx.fork(registry.listen(&log));
        cx.sleep(secs(1)).await;
        let (took, exit) = timed(&cx, cx.run(waiting.interrupt())).await;
        assert!(exit.unwrap().is_interrupt());
        assert_eq!((took, log.lines()), (1, vec!["cancelled".to_owned()]));
        assert!(!registry.take().succeed(1));
    });
}

#[test]
fn a_canceler_is_not_interrupted_and_is_waited_for() {
    everywhere(async |cx: Cx<()>| {
        let (log, registry) = (Log::new(), Registry::default());
        let late = registry.listen(&log).timeout(secs(1));
        // The outer limit strikes while the canceler takes its second.
        let limited = late.timeout(Duration::from_millis(1_500));
        let (took, result) = timed(&cx, cx.run(limited)).await;
        assert!(result.is_err());
        assert_eq!((took, log.lines()), (2, vec!["cancelled".to_owned()]));
    });
}

#[test]
fn an_effect_that_never_began_to_wait_cancels_nothing() {
    everywhere(async |cx: Cx<()>| {
        let (log, registry) = (Log::new(), Registry::default());
        let late = succeed::<_, &str, _>(1).race_first(registry.listen(&log));
        assert_eq!(cx.run(late).await, Ok(1));
        assert!(registry.handle.lock().unwrap().is_none());
        assert_eq!(log.count(), 0);
    });
}

// T07
#[test]
fn a_registration_that_panics_is_a_defect_unless_a_result_came_first() {
    everywhere(async |cx: Cx<()>| {
        fn broken(resume: Handle, first: bool) -> Option<Effect<(), Never, ()>> {
            if first {
                resume.succeed(1);
            }
            panic!("not registered")
        }
        let exit = exit_of(&cx, callback(|resume| broken(resume, false))).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die not registered"]);
        let exit = exit_of(&cx, callback(|resume| broken(resume, true))).await;
        assert_eq!(exit, Exit::Success(1));
    });
}

#[test]
fn a_handle_kept_by_a_registration_that_panicked_is_over() {
    on_both(async |cx: Cx<()>| {
        let registry = Registry::default();
        let kept = registry.clone();
        let broken = callback(move |resume| -> Option<Effect<(), Never, ()>> {
            kept.register(resume);
            panic!("not registered")
        });
        let exit = exit_of(&cx, broken).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die not registered"]);
        assert!(!registry.take().succeed(1));
    });
}

#[test]
fn a_handle_that_is_dropped_without_a_call_is_a_defect_with_its_place() {
    everywhere(async |cx: Cx<()>| {
        let (line, lost) = (line!(), callback(|_: Handle| ()));
        let exit = exit_of(&cx, lost).await;
        let defect = exit.cause().and_then(Cause::defect).unwrap();
        let message = "the handle of a callback was dropped without a call";
        assert_eq!(defect.message(), message);
        assert_eq!(defect.location(), Some((file!(), line)));

        // The last of the clones counts, and it may go late.
        let registry = Registry::default();
        let waiting = cx.fork(registry.listen(&Log::new()));
        cx.sleep(secs(1)).await;
        let handle = registry.take();
        let clone = handle.clone();
        drop(handle);
        yield_now().await;
        assert!(clone.is_awaited());
        drop(clone);
        let Ok(exit) = cx.run(waiting.exit()).await;
        assert_eq!(reasons(exit.cause().unwrap()), [format!("die {message}")]);
    });
}

// T19
#[test]
fn finalizers_around_a_waiting_callback_run_innermost_first() {
    everywhere(async |cx: Cx<()>| {
        let (log, registry) = (Log::new(), Registry::default());
        let guarded = registry
            .listen(&log)
            .ensuring(log.note("one"))
            .ensuring(log.note_after(secs(1), "two"))
            .ensuring(log.note("three"));
        let waiting = cx.fork(guarded);
        cx.sleep(secs(1)).await;
        let Ok(exit) = cx.run(waiting.interrupt()).await;
        assert!(exit.is_interrupt());
        assert_eq!(log.lines(), ["cancelled", "one", "two", "three"]);
    });
}

// T20
#[test]
fn finalizers_around_a_callback_that_was_called_run_once() {
    everywhere(async |cx: Cx<()>| {
        let (log, registry) = (Log::new(), Registry::default());
        let guarded = registry
            .listen(&log)
            .ensuring(log.note("inner"))
            .ensuring(log.note("outer"));
        let waiting = cx.fork(guarded);
        cx.sleep(secs(1)).await;
        registry.take().succeed(1);
        assert_eq!(cx.run(waiting.join()).await, Ok(1));
        assert_eq!(log.lines(), ["inner", "outer"]);
    });
}

#[test]
fn any_thread_may_call() {
    let many = |_| {
        callback(|resume: Handle| {
            std::thread::scope(|scope| drop(scope.spawn(|| resume.succeed(1))));
        })
    };
    let all = effect::for_each::<(), _, _, _>(0..100, many).map(|all| all.len());
    let tokio = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(tokio.block_on(all.into_future()), Ok(100));
    let later = callback(|resume: Handle| {
        let call = move || assert!(resume.succeed(2));
        std::thread::Builder::new().spawn(call).unwrap();
    });
    assert_eq!(tokio.block_on(later.into_future()), Ok(2));
}

#[test]
fn a_loop_of_callbacks_that_are_called_at_once_lets_others_run() {
    on_both(async |cx: Cx<()>| {
        let endless = effect(async |cx: Cx<()>| {
            let mut calls = 0_u64;
            while calls < u64::MAX {
                let once = callback(|resume: Handle| assert!(resume.succeed(1)));
                calls += u64::from(cx.run(once).await.unwrap());
            }
            Ok::<_, Never>(calls)
        });
        let fiber = cx.fork(endless);
        yield_now().await;
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        assert!(exit.is_interrupt());
    });
}

#[test]
fn nothing_a_canceler_and_an_option_of_one_are_cancelers() {
    fn is_canceler<C: Canceler<()>>(_: &C) {}
    is_canceler(&());
    is_canceler(&succeed::<(), Never, _>(1));
    is_canceler(&None::<Effect<(), Never, ()>>);
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (some, note) = (Log::new(), log.note("cancelled"));
        let optional = callback(move |resume: Handle| {
            some.write(format!("{resume:?}"));
            std::mem::forget(resume);
            Some(note)
        });
        assert!(cx.run(optional.timeout(secs(1))).await.is_err());
        assert_eq!(log.lines(), ["cancelled"]);
    });
}

/// Somebody else's fiber calls, and whoever waits may be interrupted before, after, or while that is so.
fn called_and_interrupted(trial: &Trial) -> Case<Never, ()> {
    let (probe, trial) = (trial.probe(), trial.clone());
    let (log, registry) = (Log::new(), Registry::default());
    let calls = Arc::new(Mutex::new((false, false)));
    let (seen, cancelled) = (Arc::clone(&calls), log.clone());
    let program = effect(async move |cx: Cx<()>| {
        let waiting = cx.fork(registry.listen(&log).map(move |n| (n, probe).0));
        let caller = cx.fork(effect(async move |cx: Cx<()>| {
            while registry.handle.lock().unwrap().is_none() {
                cx.sleep(secs(1)).await;
            }
            let handle = registry.take();
            *calls.lock().unwrap() = (handle.succeed(1), handle.succeed(2));
            Ok::<_, Never>(())
        }));
        if cx.random().is_multiple_of(2) {
            waiting.interrupt_fork();
        }
        let Ok(exit) = cx.run(waiting.exit()).await;
        let _ = cx.run(caller.interrupt()).await;
        trial.expect(exit != Exit::Success(2), "the second call counted");
        Ok(())
    });
    Case::new(program).check(move |_| {
        let (first, second) = *seen.lock().unwrap();
        assert!(!second, "the second call counted");
        assert!(cancelled.count() <= 1, "it was cancelled twice");
        assert!(
            !first || cancelled.count() == 0,
            "it was cancelled after the call"
        );
    })
}

// T07
#[test]
fn a_call_and_an_interruption_at_once_leave_one_of_two_ends() {
    Sim::new().runs(1_000).test(called_and_interrupted);
}
