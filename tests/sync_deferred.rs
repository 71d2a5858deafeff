//! A deferred result is there once, for all who wait, and who stops waiting leaves no trace.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{everywhere, on_both, secs};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::sync::Deferred;
use futures::FutureExt;

#[test]
fn all_who_wait_have_the_first_result() {
    everywhere(async |cx: Cx<()>| {
        let deferred = Deferred::new();
        let waiting: Vec<_> = (0..5).map(|_| cx.fork(deferred.wait())).collect();
        let completing = [1, 2].map(|n| {
            let deferred = deferred.clone();
            cx.fork(sync::<_, Never, _, _>(move || deferred.complete(Err(n))))
        });
        let mut refused = Vec::new();
        for fiber in completing {
            let Ok(completed) = cx.run(fiber.join()).await;
            refused.extend(completed.err());
        }
        let [Err(second)] = refused[..] else {
            panic!("{refused:?} were refused");
        };
        for fiber in waiting {
            assert_eq!(cx.run(fiber.join()).await, Err::<(), _>(3 - second));
        }
        assert_eq!(deferred.wait().await, Err(3 - second));
    });
}

#[test]
fn what_is_refused_comes_back() {
    on_both(async |_: Cx<()>| {
        let deferred = Deferred::<&str, u8>::new();
        assert_eq!((deferred.is_done(), deferred.poll()), (false, None));
        assert_eq!(deferred.fail("first"), Ok(()));
        assert_eq!(deferred.fail("second"), Err("second"));
        assert_eq!(deferred.succeed(3), Err(3));
        assert_eq!(deferred.complete(Ok(4)), Err(Ok(4)));
        assert_eq!(deferred.poll(), Some(Err("first")));
    });
}

/// Counts how often it wakes somebody.
struct Counts(Arc<AtomicUsize>);

impl std::task::Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_stops_waiting_is_forgotten() {
    let deferred = Deferred::<Never, u8>::new();
    let woken = Arc::new(AtomicUsize::new(0));
    let waker = Arc::new(Counts(Arc::clone(&woken))).into();
    let mut task = std::task::Context::from_waker(&waker);
    let (mut stays, mut goes) = (deferred.wait(), deferred.wait());
    for wait in [&mut stays, &mut goes] {
        assert!(wait.poll_unpin(&mut task).is_pending());
    }
    drop(goes);
    deferred.succeed(1).unwrap();
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    assert_eq!(stays.now_or_never(), Some(Ok(1)));
}

/// Some who wait and may go at any moment, and one who completes.
fn comings_and_goings(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let kept = Deferred::<Never, u8>::new();
    let deferred = kept.clone();
    let program = effect(async move |cx: Cx<()>| {
        let waiting = [(); 3].map(|()| {
            let (deferred, trial) = (deferred.clone(), trial.clone());
            cx.fork(effect(async move |_: Cx<()>| {
                let seen = trial.droppable(deferred.wait()).await;
                trial.expect(seen.is_none_or(|seen| seen == Ok(1)), "another result");
                Ok::<_, Never>(())
            }))
        });
        let first = cx.run(sleep::<_, Never>(secs(1)).map(move |()| deferred.succeed(1)));
        assert_eq!(first.await, Ok(Ok(())));
        for fiber in waiting {
            drop(cx.run(fiber.exit()).await);
        }
        Ok(())
    });
    // It outlives the run: a waker that is left in it is found.
    Case::new(program).check(move |_| drop(kept))
}

#[test]
fn who_waits_may_go_at_any_moment() {
    Sim::new().runs(1_000).test(comings_and_goings);
    Sim::new().each_interrupt(comings_and_goings).unwrap();
    Sim::new().each_drop(comings_and_goings).unwrap();
}
