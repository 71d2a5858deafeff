//! Memoized and cached effects: they run once for all who ask, and for nobody once all have gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{Log, everywhere, exit_of, on_both, reasons, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};

/// An effect that takes two seconds, has the number of its run for a value, and how often it has begun.
fn counted(log: &Log) -> (Arc<AtomicU32>, Effect<(), Never, u32>) {
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    let run = sync(move || seen.fetch_add(1, Ordering::Relaxed) + 1);
    let run = run.flat_map(|n| sleep(secs(2)).map(move |()| n));
    (
        runs,
        run.on_interrupt(log.note_after(secs(1), "interrupted"))
            .erase(),
    )
}

// T09
#[test]
fn a_memo_that_is_never_run_evaluates_nothing() {
    on_both(async |cx: Cx<()>| {
        let (runs, effect) = counted(&Log::new());
        let Ok(memo) = cx.run(effect.memoize::<Never>()).await;
        drop(memo);
        assert_eq!(runs.load(Ordering::Relaxed), 0);
    });
}

// T09, id_effect 18
#[test]
fn a_memo_runs_once_for_those_who_come_one_after_the_other_and_at_once() {
    everywhere(async |cx: Cx<()>| {
        let (runs, effect) = counted(&Log::new());
        let Ok(memo) = cx.run(effect.memoize::<Never>()).await;
        let at_once = memo.clone().zip_par(memo.clone()).zip_par(memo.clone());
        let (took, result) = timed(&cx, cx.run(at_once)).await;
        assert_eq!((took, result), (2, Ok(((1, 1), 1))));
        let fibers = [cx.fork(memo.clone()), cx.fork(memo.clone())];
        for fiber in fibers {
            assert_eq!(cx.run(fiber.join()).await, Ok(1));
        }
        let (took, result) = timed(&cx, cx.run(memo)).await;
        assert_eq!((took, result), (0, Ok(1)));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn each_run_of_memoize_makes_a_memo_of_its_own() {
    on_both(async |cx: Cx<()>| {
        let (runs, effect) = counted(&Log::new());
        let memoize = effect.memoize::<Never>();
        let Ok(one) = cx.run(memoize.clone()).await;
        let Ok(other) = cx.run(memoize).await;
        assert_eq!(
            cx.run(one.clone().zip(other).zip(one)).await,
            Ok(((1, 2), 1))
        );
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_failure_and_a_defect_are_kept() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let failing = log
            .note("run")
            .widen_error()
            .flat_map(|()| fail::<_, _, ()>("no"));
        let Ok(memo) = cx.run(failing.memoize::<Never>()).await;
        assert_eq!(cx.run(memo.clone()).await, Err("no"));
        assert_eq!(cx.run(memo).await, Err("no"));
        let dying = log.note("run").flat_map(|()| die::<_, _, ()>("a bug"));
        let Ok(memo) = cx.run(dying.memoize::<Never>()).await;
        for _ in 0..2 {
            let exit = exit_of(&cx, memo.clone()).await;
            assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
        }
        assert_eq!(log.count(), 2);
    });
}

#[test]
fn one_of_several_who_is_gone_leaves_the_run_to_the_others() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (runs, effect) = counted(&log);
        let Ok(memo) = cx.run(effect.memoize::<Never>()).await;
        // The first to come starts the run, and is the first to go.
        let impatient = cx.fork(memo.clone().timeout(secs(1)));
        effect::yield_now().await;
        let patient = cx.fork(memo.clone());
        let (took, result) = timed(&cx, cx.run(impatient.exit())).await;
        assert_eq!(took, 1);
        assert!(result.unwrap().cause().is_some());
        assert_eq!(cx.run(patient.join()).await, Ok(1));
        assert_eq!((runs.load(Ordering::Relaxed), log.count()), (1, 0));
    });
}

#[test]
fn the_last_who_is_gone_interrupts_the_run_and_waits_and_the_next_starts_anew() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (runs, effect) = counted(&log);
        let Ok(memo) = cx.run(effect.memoize::<Never>()).await;
        let both = memo.clone().zip_par(memo.clone()).timeout(secs(1));
        let (took, result) = timed(&cx, cx.run(both)).await;
        assert!(result.is_err());
        // One second until then, and one for the finalizer.
        assert_eq!((took, log.lines()), (2, vec!["interrupted".to_owned()]));
        assert_eq!(cx.run(memo.clone().zip(memo)).await, Ok((2, 2)));
        assert_eq!((runs.load(Ordering::Relaxed), log.count()), (2, 1));
    });
}

#[test]
fn whoever_comes_while_a_run_is_cleaned_up_after_waits_and_starts_anew() {
    everywhere(async |cx: Cx<()>| {
        let (runs, effect) = counted(&Log::new());
        let Ok(memo) = cx.run(effect.memoize::<Never>()).await;
        let impatient = cx.fork(memo.clone().timeout(secs(1)));
        let late = sleep(std::time::Duration::from_millis(1_500)).flat_map(move |()| memo);
        let (took, result) = timed(&cx, cx.run(late)).await;
        assert_eq!((took, result), (4, Ok(2)));
        assert!(cx.run(impatient.join()).await.is_err());
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_run_that_cannot_be_interrupted_leaves_its_value_to_the_next() {
    everywhere(async |cx: Cx<()>| {
        let (runs, effect) = counted(&Log::new());
        let Ok(memo) = cx.run(effect.uninterruptible().memoize::<Never>()).await;
        let (took, result) = timed(&cx, cx.run(memo.clone().timeout(secs(1)))).await;
        assert_eq!((took, result.is_err()), (2, true));
        let next = cx.run(memo).await.unwrap();
        assert_eq!(next, runs.load(Ordering::Relaxed));
    });
}

#[test]
fn a_finalizer_that_dies_after_the_last_has_gone_is_that_ones_defect() {
    everywhere(async |cx: Cx<()>| {
        let broken = never::<(), Never, ()>().ensuring(die::<_, _, ()>("late"));
        let Ok(memo) = cx.run(broken.memoize::<Never>()).await;
        let exit = exit_of(&cx, memo.timeout(secs(1)).fold(drop, drop)).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die late"]);
    });
}

#[test]
fn a_run_is_in_the_environment_of_the_first_who_asks() {
    on_both(async |cx: Cx<()>| {
        let ask = effect(async |cx: Cx<u8>| Ok::<_, Never>(*cx.env()));
        let asked = ask.memoize().flat_map(|memo| {
            let here = memo.clone();
            effect(async move |cx: Cx<u8>| {
                let first = cx.run(here.clone()).await?;
                Ok::<_, Never>((first, cx.run(here.provide(9)).await?))
            })
        });
        assert_eq!(cx.run(asked.provide(1)).await, Ok((1, 1)));
    });
}

#[test]
fn a_cached_result_expires_by_the_runtimes_clock() {
    everywhere(async |cx: Cx<()>| {
        let (runs, effect) = counted(&Log::new());
        let Ok(cached) = cx.run(effect.cached::<Never>(secs(10))).await;
        let (took, first) = timed(&cx, cx.run(cached.get().zip_par(cached.get()))).await;
        assert_eq!((took, first), (2, Ok((1, 1))));
        cx.sleep(secs(9)).await;
        assert_eq!(timed(&cx, cx.run(cached.get())).await, (0, Ok(1)));
        cx.sleep(secs(1)).await;
        assert_eq!(timed(&cx, cx.run(cached.get())).await, (2, Ok(2)));
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn an_invalidated_result_is_forgotten_but_not_by_those_who_wait_for_it() {
    everywhere(async |cx: Cx<()>| {
        let (runs, effect) = counted(&Log::new());
        let Ok(cached) = cx.run(effect.cached::<Never>(secs(100))).await;
        assert_eq!(cx.run(cached.get()).await, Ok(1));
        cached.invalidate();
        let waiting = cx.fork(cached.get());
        cx.sleep(secs(1)).await;
        cached.invalidate();
        assert_eq!(timed(&cx, cx.run(cached.get())).await, (2, Ok(3)));
        assert_eq!(cx.run(waiting.join()).await, Ok(2));
        assert_eq!(cx.run(cached.get()).await, Ok(3));
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    });
}

/// Three fibers run one memo, and any may be cut short at any time.
fn shared_by_three(trial: &Trial) -> Case<Never, ()> {
    let (books, trial) = (trial.finalizers(), trial.clone());
    let (released, runs) = (books.clone(), Arc::new(AtomicU32::new(0)));
    let (begun, probe) = (Arc::clone(&runs), Arc::new(trial.probe()));
    let held = books.clone();
    let body = effect(async move |cx: Cx<()>| {
        let run = begun.fetch_add(1, Ordering::Relaxed);
        let (books, released, probe) = (books, released, Arc::clone(&probe));
        let held = acquire_release(sync(move || books.acquired(run.into())), move |()| {
            sleep(secs(1)).map(move |()| {
                released.released(run.into());
                drop(probe);
            })
        });
        let work = held.zip(sleep::<_, Never>(secs(2))).map(move |_| run);
        cx.run(work.scoped()).await
    });
    let watch = trial.clone();
    Case::new(effect(async move |cx: Cx<()>| {
        let memo = cx.run(body.memoize::<Never>()).await?;
        let users = [0_u64, 1, 3].map(|late| {
            let (memo, trial) = (memo.clone(), watch.clone());
            cx.fork(effect(async move |cx: Cx<()>| {
                cx.sleep(secs(late)).await;
                let twice = memo.clone().zip(memo);
                let run = trial.droppable(cx.run(twice)).await;
                trial.expect(
                    run.is_none_or(|run| matches!(run, Ok((n, m)) if n == m)),
                    "it ran twice",
                );
                Ok::<_, Never>(())
            }))
        });
        for user in users {
            let Ok(_exit) = cx.run(user.exit()).await;
        }
        watch.expect(held.held().is_empty(), "a run is left");
        Ok(())
    }))
}

// T09
#[test]
fn a_memo_shared_by_three_of_whom_any_is_cut_short_leaves_nothing_behind() {
    Sim::new().runs(1_000).test(shared_by_three);
    if let Err(violation) = Sim::new().each_pair(shared_by_three) {
        panic!("{violation}");
    }
}
