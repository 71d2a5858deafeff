//! A semaphore is given more permits, or fewer, while it is used: nobody gets one too many, and none is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Log, everywhere, secs};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::sync::Semaphore;
use effect::yield_now;

/// An effect that ends at once.
fn at_once() -> Effect<(), Never, ()> {
    succeed(()).erase()
}

#[test]
fn growing_serves_those_who_wait_in_turn() {
    everywhere(async |cx: Cx<()>| {
        let (semaphore, log) = (Semaphore::new(3), Log::new());
        let holder = cx.fork(semaphore.with_permits(3, never::<_, Never, ()>()));
        let mut waiting = Vec::new();
        for (permits, name) in [(1, "one"), (3, "two"), (1, "three")] {
            cx.sleep(secs(1)).await;
            let step = log.note(name).zip(sleep(secs(10)));
            waiting.push(cx.fork(semaphore.with_permits(permits, step)));
        }
        cx.sleep(secs(1)).await;
        // Enough for the first, and for the third, who is not the next.
        semaphore.resize(5);
        cx.sleep(secs(1)).await;
        assert_eq!((log.lines().len(), semaphore.available()), (1, 1));
        semaphore.resize(7);
        cx.sleep(secs(1)).await;
        assert_eq!((log.lines().len(), semaphore.available()), (2, 0));
        for fiber in waiting {
            assert!(cx.run(fiber.join()).await.is_ok());
        }
        assert_eq!(log.lines(), ["one", "two", "three"]);
        assert_eq!((semaphore.permits(), semaphore.available()), (7, 4));
        drop(cx.run(holder.interrupt()).await);
        assert_eq!(semaphore.available(), 7);
    });
}

#[test]
fn shrinking_takes_what_is_free_and_then_what_comes_back() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(5);
        let held = [(); 4].map(|()| cx.fork(semaphore.with_permit(never::<_, Never, ()>())));
        cx.sleep(secs(1)).await;
        let waits = cx.fork(semaphore.with_permits(2, at_once()));
        cx.sleep(secs(1)).await;
        semaphore.resize(2);
        assert_eq!((semaphore.permits(), semaphore.available()), (2, 0));
        let tries = semaphore.try_with_permit(at_once());
        let mut held = held.into_iter();
        // Two too many come back, and nobody gets them; the next are for the one who waits.
        for _ in 0..3 {
            drop(cx.run(held.next().unwrap().interrupt()).await);
            assert_eq!(cx.run(tries.clone()).await, Ok(None));
            assert!(!waits.is_done());
        }
        drop(cx.run(held.next().unwrap().interrupt()).await);
        assert_eq!(cx.run(waits.join()).await, Ok(()));
        assert_eq!(semaphore.available(), 2);
    });
}

#[test]
fn growing_again_pays_what_shrinking_still_had_to_take() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(4);
        let holder = cx.fork(semaphore.with_permits(4, never::<_, Never, ()>()));
        cx.sleep(secs(1)).await;
        semaphore.resize(1);
        semaphore.resize(3);
        assert_eq!(semaphore.available(), 0);
        semaphore.resize(6);
        assert_eq!(semaphore.available(), 2);
        drop(cx.run(holder.interrupt()).await);
        assert_eq!(semaphore.available(), 6);
    });
}

#[test]
fn who_waits_for_more_than_there_are_waits_until_there_are_enough() {
    everywhere(async |cx: Cx<()>| {
        let (semaphore, log) = (Semaphore::new(3), Log::new());
        semaphore.resize(1);
        let waits = cx.fork(semaphore.with_permits(3, log.note("three")));
        cx.sleep(secs(1)).await;
        let behind = cx.fork(semaphore.with_permit(log.note("one")));
        cx.sleep(secs(1)).await;
        assert_eq!(log.count(), 0);
        semaphore.resize(3);
        assert_eq!(cx.run(waits.join()).await, Ok(()));
        assert_eq!(cx.run(behind.join()).await, Ok(()));
        assert_eq!(log.lines(), ["three", "one"]);
    });
}

#[test]
fn whoever_is_behind_one_that_gives_up_is_served() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(3);
        semaphore.resize(1);
        let gives_up = cx.fork(semaphore.with_permits(2, at_once()));
        cx.sleep(secs(1)).await;
        let behind = cx.fork(semaphore.with_permit(at_once()));
        cx.sleep(secs(1)).await;
        assert!(!behind.is_done());
        drop(cx.run(gives_up.interrupt()).await);
        assert_eq!(cx.run(behind.join()).await, Ok(()));
    });
}

#[test]
fn without_permits_everybody_waits() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(2);
        semaphore.resize(0);
        let waits = [(); 2].map(|()| cx.fork(semaphore.with_permit(at_once())));
        cx.sleep(secs(60)).await;
        assert!(waits.iter().all(|fiber| !fiber.is_done()));
        semaphore.resize(1);
        for fiber in waits {
            assert_eq!(cx.run(fiber.join()).await, Ok(()));
        }
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn who_was_served_and_does_not_come_gives_back_to_what_there_is_by_now() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(1);
        let holder = cx.fork(semaphore.with_permit(sleep::<_, Never>(secs(2))));
        cx.sleep(secs(1)).await;
        let waits = cx.fork(semaphore.with_permit(at_once()));
        cx.sleep(secs(1)).await;
        // Interrupted at the moment at which it may be its turn.
        semaphore.resize(2);
        waits.interrupt_fork();
        semaphore.resize(0);
        drop(cx.run(waits.exit()).await);
        assert_eq!(cx.run(holder.join()).await, Ok(()));
        assert_eq!((semaphore.permits(), semaphore.available()), (0, 0));
        semaphore.resize(3);
        assert_eq!(semaphore.available(), 3);
    });
}

/// Many who want permits, hold them for a while and may go at any moment, while the semaphore is resized.
fn storm(trial: &Trial) -> Case<Never, ()> {
    const MOST: u32 = 4;
    let semaphore = Semaphore::new(MOST);
    let (after, trial) = (semaphore.clone(), trial.clone());
    let program = effect(async move |cx: Cx<()>| {
        let held = Arc::new(AtomicUsize::new(0));
        let mut fibers: Vec<_> = (0..6_u32)
            .map(|n| {
                let permits = 1 + n % MOST;
                let (trial, held) = (trial.clone(), Arc::clone(&held));
                let given_back = Arc::clone(&held);
                let begin = sync(move || {
                    let before = held.fetch_add(permits as usize, Ordering::Relaxed);
                    let enough = before + permits as usize <= MOST as usize;
                    trial.expect(enough, "more was held than there ever was");
                    trial
                });
                let work = begin.flat_map(async |trial: Trial| {
                    yield_now().await;
                    trial.fault_point();
                    Ok::<_, Never>(())
                });
                let end = sync(move || {
                    given_back.fetch_sub(permits as usize, Ordering::Relaxed);
                });
                cx.fork(semaphore.with_permits(permits, work.ensuring(end)))
            })
            .collect();
        let resized = semaphore.clone();
        fibers.push(
            cx.fork(
                effect(async move |cx: Cx<()>| {
                    for _ in 0..4 {
                        resized.resize(u32::try_from(cx.random() % 5).expect("it is small"));
                        yield_now().await;
                    }
                    // For those who want the most.
                    resized.resize(MOST);
                    Ok(())
                })
                .uninterruptible(),
            ),
        );
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        semaphore.resize(MOST);
        cx.run(semaphore.with_permits(MOST, at_once())).await
    });
    Case::new(program).check(move |_| {
        let all = after.permits() as usize;
        assert_eq!(after.available(), all, "a permit was lost");
    })
}

#[test]
fn resizing_in_an_interrupt_storm_loses_no_permit() {
    Sim::new().runs(10_000).on_all_cores().test(storm);
    Sim::new().each_interrupt(storm).unwrap();
    Sim::new().each_panic(storm).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn resizing_beside_those_who_give_back_loses_no_permit_on_threads() {
    let semaphore = Semaphore::new(3);
    let seen = semaphore.clone();
    let program = effect(async move |cx: Cx<()>| {
        for round in 0..200_u32 {
            let fibers: Vec<_> = (0..20)
                .map(|n| {
                    let step = effect(async |_: Cx<()>| {
                        yield_now().await;
                        Ok::<_, Never>(())
                    });
                    cx.fork(semaphore.with_permits(1 + (n + round) % 3, step))
                })
                .collect();
            let resized = semaphore.clone();
            let resizing = cx.fork(effect(async move |_: Cx<()>| {
                for permits in [1, 4, 0, 2, 3] {
                    resized.resize(permits);
                    yield_now().await;
                }
                Ok::<_, Never>(())
            }));
            for (n, fiber) in fibers.into_iter().enumerate() {
                if n % 2 == 0 {
                    fiber.interrupt_fork();
                }
                drop(cx.run(fiber.exit()).await);
            }
            let Ok(()) = cx.run(resizing.join()).await;
            assert_eq!((semaphore.permits(), semaphore.available()), (3, 3));
        }
        Ok::<_, Never>(())
    });
    assert_eq!(program.await, Ok(()));
    assert_eq!(seen.available(), 3);
}

#[test]
#[should_panic(expected = "a semaphore of 4 permits will never have 5")]
fn to_ask_for_more_than_there_ever_were_panics() {
    let semaphore = Semaphore::new(2);
    semaphore.resize(4);
    semaphore.resize(1);
    drop(semaphore.with_permits(4, succeed::<(), Never, _>(())));
    drop(semaphore.with_permits(5, succeed::<(), Never, _>(())));
}
