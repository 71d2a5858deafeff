//! Each key has permits of its own, and a key that nobody uses leaves nothing.

use std::cmp::Ordering;

use crate::common::{Log, everywhere, exit_of, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::sync::KeyedSemaphore;
use effect::yield_now;

#[test]
fn those_with_the_same_key_wait_for_each_other_and_for_nobody_else() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = KeyedSemaphore::new(2);
        let fibers: Vec<_> = ["a", "a", "a", "b", "c"]
            .map(|key| cx.fork(semaphore.with_permit(key, sleep::<_, Never>(secs(1)))))
            .into();
        let all = async {
            for fiber in fibers {
                let Ok(()) = cx.run(fiber.join()).await;
            }
        };
        assert_eq!(timed(&cx, all).await.0, 2);
        assert_eq!(semaphore.keys(), 0);
    });
}

#[test]
fn those_who_wait_for_a_key_are_served_in_turn() {
    everywhere(async |cx: Cx<()>| {
        let (semaphore, log) = (KeyedSemaphore::new(1), Log::new());
        let mut fibers = Vec::new();
        for name in ["one", "two", "three"] {
            let step = log.note(name).zip(sleep(secs(10)));
            fibers.push(cx.fork(semaphore.with_permit(7, step)));
            cx.sleep(secs(1)).await;
        }
        assert_eq!((semaphore.keys(), semaphore.available(&7)), (1, 0));
        for fiber in fibers {
            assert!(cx.run(fiber.join()).await.is_ok());
        }
        assert_eq!(log.lines(), ["one", "two", "three"]);
    });
}

#[test]
fn a_key_is_gone_when_nobody_holds_it_or_waits_for_it() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = KeyedSemaphore::new(1);
        let holder = cx.fork(semaphore.with_permit("a", never::<_, Never, ()>()));
        cx.sleep(secs(1)).await;
        let waits = cx.fork(semaphore.with_permit("a", never::<_, Never, ()>()));
        cx.sleep(secs(1)).await;
        drop(cx.run(holder.interrupt()).await);
        cx.sleep(secs(1)).await;
        // Who waited holds it now: of the semaphore that was there.
        assert_eq!((semaphore.keys(), semaphore.available(&"a")), (1, 0));
        let late = cx.fork(semaphore.with_permit("a", never::<_, Never, ()>()));
        cx.sleep(secs(1)).await;
        drop(cx.run(late.interrupt()).await);
        assert_eq!(semaphore.keys(), 1);
        drop(cx.run(waits.interrupt()).await);
        assert_eq!((semaphore.keys(), semaphore.available(&"a")), (0, 1));
    });
}

#[test]
fn keys_that_come_and_go_leave_nothing() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = KeyedSemaphore::new(1);
        for key in 0..100 {
            let failing = semaphore.with_permit(key, fail::<_, _, ()>("no route"));
            assert_eq!(cx.run(failing).await, Err("no route"));
            let dying = semaphore.with_permit(key, die::<_, Never, ()>("a bug"));
            assert!(exit_of(&cx, dying).await.cause().is_some_and(Cause::is_die));
            let tried = semaphore.try_with_permit(key, succeed::<_, Never, _>(()));
            // What is not run has no key.
            let _never_run = tried.clone();
            assert_eq!(cx.run(tried).await, Ok(Some(())));
            assert_eq!(semaphore.keys(), 0);
        }
    });
}

#[test]
fn who_only_tries_a_key_does_not_wait_for_it() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = KeyedSemaphore::new(1);
        let holder = cx.fork(semaphore.with_permit("a", sleep::<_, Never>(secs(10))));
        cx.sleep(secs(1)).await;
        let tried = |key| semaphore.try_with_permit(key, succeed::<_, Never, _>(()));
        assert_eq!(cx.run(tried("a")).await, Ok(None));
        assert_eq!(cx.run(tried("b")).await, Ok(Some(())));
        assert_eq!(semaphore.keys(), 1);
        assert_eq!(cx.run(holder.join()).await, Ok(()));
        assert_eq!(cx.run(tried("a")).await, Ok(Some(())));
    });
}

#[test]
fn a_permit_of_a_key_is_held_until_the_finalizers_of_its_effect_have_run() {
    everywhere(async |cx: Cx<()>| {
        let (semaphore, log) = (KeyedSemaphore::new(1), Log::new());
        let cleans_up = never::<_, Never, ()>().ensuring(log.note_after(secs(5), "cleaned up"));
        let holder = cx.fork(semaphore.with_permit("a", cleans_up));
        cx.sleep(secs(1)).await;
        let interrupting = cx.fork(holder.interrupt());
        cx.sleep(secs(1)).await;
        assert_eq!(semaphore.keys(), 1);
        let next = cx.fork(semaphore.with_permit("a", log.note("next")));
        assert_eq!(cx.run(next.join()).await, Ok(()));
        drop(cx.run(interrupting.join()).await);
        assert_eq!(log.lines(), ["cleaned up", "next"]);
        assert_eq!(semaphore.keys(), 0);
    });
}

/// Many who want permits of a few keys, and may go at any moment.
fn storm(trial: &Trial) -> Case<Never, ()> {
    let semaphore = KeyedSemaphore::new(1);
    let (after, trial) = (semaphore.clone(), trial.clone());
    let program = effect(async move |cx: Cx<()>| {
        let fibers: Vec<_> = (0..6)
            .map(|n| {
                let trial = trial.clone();
                let work = effect(async move |_: Cx<()>| {
                    yield_now().await;
                    trial.fault_point();
                    Ok::<_, Never>(())
                });
                cx.fork(semaphore.with_permit(n % 2, work.ensuring(yields())))
            })
            .collect();
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        Ok(())
    });
    Case::new(program).check(move |_| assert_eq!(after.keys(), 0, "a key was kept"))
}

fn yields() -> Effect<(), Never, ()> {
    effect(async |_: Cx<()>| {
        yield_now().await;
        Ok(())
    })
    .erase()
}

#[test]
fn an_interrupt_storm_keeps_no_key() {
    Sim::new().runs(10_000).on_all_cores().test(storm);
    Sim::new().each_interrupt(storm).unwrap();
    Sim::new().each_panic(storm).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_interrupt_storm_keeps_no_key_on_threads() {
    let semaphore = KeyedSemaphore::new(2);
    let seen = semaphore.clone();
    let program = effect(async move |cx: Cx<()>| {
        for _ in 0..200 {
            let fibers: Vec<_> = (0..20)
                .map(|n| cx.fork(semaphore.with_permit(n % 3, yields())))
                .collect();
            for (n, fiber) in fibers.into_iter().enumerate() {
                if n % 2 == 0 {
                    fiber.interrupt_fork();
                }
                drop(cx.run(fiber.exit()).await);
            }
            assert_eq!(semaphore.keys(), 0);
        }
        Ok::<_, Never>(())
    });
    assert_eq!(program.await, Ok(()));
    assert_eq!(seen.keys(), 0);
}

/// A key whose drop looks at its semaphore, as one does that holds a handle to it.
#[derive(Clone)]
struct LooksAt(KeyedSemaphore<LooksAt>);

impl Drop for LooksAt {
    fn drop(&mut self) {
        // Would wait for ever if the lock were held.
        let _ = self.0.keys();
    }
}

impl PartialEq for LooksAt {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for LooksAt {}

impl PartialOrd for LooksAt {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LooksAt {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

#[test]
fn keys_are_dropped_when_the_lock_is_free() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = KeyedSemaphore::new(1);
        let key = || LooksAt(semaphore.clone());
        let holder = cx.fork(semaphore.with_permit(key(), sleep::<_, Never>(secs(2))));
        cx.sleep(secs(1)).await;
        let tried = semaphore.try_with_permit(key(), succeed::<_, Never, _>(()));
        assert_eq!(cx.run(tried).await, Ok(None));
        assert_eq!(cx.run(holder.join()).await, Ok(()));
        assert_eq!(semaphore.keys(), 0);
    });
}

#[test]
#[should_panic(expected = "a key has at least one permit")]
fn keys_without_permits_panic() {
    drop(KeyedSemaphore::<u8>::new(0));
}
