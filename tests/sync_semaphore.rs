//! A permit comes back however its effect ends, and goes to those who have waited longest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, in_virtual_time, secs};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::sync::Semaphore;
use effect::yield_now;

// T72
#[test]
fn a_permit_comes_back_after_success_failure_panic_and_interruption() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(3);
        let failing = semaphore.with_permits(2, fail::<_, _, ()>("no route"));
        assert_eq!(cx.run(failing).await, Err("no route"));
        assert_eq!(semaphore.available(), 3);

        let dying = semaphore.with_permits(2, die::<_, Never, ()>("a bug"));
        let exit = exit_of(&cx, dying).await;
        assert!(exit.cause().is_some_and(Cause::is_die));
        assert_eq!(semaphore.available(), 3);

        let endless = cx.fork(semaphore.with_permits(2, never::<_, Never, ()>()));
        cx.sleep(secs(1)).await;
        assert_eq!(semaphore.available(), 1);
        drop(cx.run(endless.interrupt()).await);
        assert_eq!(semaphore.available(), 3);

        let late = semaphore
            .with_permit(never::<_, Never, ()>())
            .timeout(secs(1));
        assert!(cx.run(late).await.is_err());
        assert_eq!(semaphore.available(), 3);
    });
}

// T72
#[test]
fn who_stops_waiting_takes_no_permit() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(2);
        let holder = cx.fork(semaphore.with_permit(sleep::<_, Never>(secs(10))));
        cx.sleep(secs(1)).await;
        // It has one of the two already, and waits for the other.
        let both = cx.fork(semaphore.with_permits(2, succeed::<_, Never, _>(())));
        cx.sleep(secs(1)).await;
        let one = cx.fork(semaphore.with_permit(succeed::<_, Never, _>(())));
        cx.sleep(secs(1)).await;
        assert!(!one.is_done());
        drop(cx.run(both.interrupt()).await);
        assert_eq!(cx.run(one.join()).await, Ok(()));
        assert_eq!(cx.run(holder.join()).await, Ok(()));
        assert_eq!(semaphore.available(), 2);
    });
}

// T72
#[test]
fn those_who_wait_are_served_in_turn() {
    everywhere(async |cx: Cx<()>| {
        let (semaphore, log) = (Semaphore::new(2), Log::new());
        let holder = cx.fork(semaphore.with_permits(2, sleep::<_, Never>(secs(10))));
        let mut waiting = Vec::new();
        for (permits, name) in [(1, "one"), (2, "two"), (1, "three"), (2, "four")] {
            cx.sleep(secs(1)).await;
            let step = log.note(name).zip(sleep(secs(1)));
            waiting.push(cx.fork(semaphore.with_permits(permits, step)));
        }
        let Ok(()) = cx.run(holder.join()).await;
        for fiber in waiting {
            assert!(cx.run(fiber.join()).await.is_ok());
        }
        assert_eq!(log.lines(), ["one", "two", "three", "four"]);
    });
}

// T72
#[test]
fn many_who_stop_waiting_block_nobody() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(1);
        let holder = cx.fork(semaphore.with_permit(sleep::<_, Never>(secs(2))));
        cx.sleep(secs(1)).await;
        let waiting: Vec<_> = (0..50)
            .map(|_| cx.fork(semaphore.with_permit(succeed::<_, Never, _>(()))))
            .collect();
        yield_now().await;
        for fiber in waiting {
            fiber.interrupt_fork();
        }
        assert_eq!(cx.run(holder.join()).await, Ok(()));
        assert_eq!(
            cx.run(semaphore.with_permit(succeed(1))).await,
            Ok::<_, Never>(1)
        );
        assert_eq!(semaphore.available(), 1);
    });
}

/// Many who want permits, hold them for a while, and may go at any moment.
fn storm(trial: &Trial) -> Case<Never, ()> {
    const PERMITS: u32 = 3;
    let semaphore = Semaphore::new(PERMITS);
    let (after, trial) = (semaphore.clone(), trial.clone());
    let program = effect(async move |cx: Cx<()>| {
        let held = Arc::new(AtomicUsize::new(0));
        let fibers: Vec<_> = (0..6_u32)
            .map(|n| {
                let permits = 1 + n % PERMITS;
                let (trial, held) = (trial.clone(), Arc::clone(&held));
                let given_back = Arc::clone(&held);
                let begin = sync(move || {
                    let before = held.fetch_add(permits as usize, Ordering::Relaxed);
                    let enough = before + permits as usize <= PERMITS as usize;
                    trial.expect(enough, "more was held than there is");
                    trial
                });
                // The finalizer takes its time, and the permits are held until it is over.
                let work = begin.flat_map(async |trial: Trial| {
                    yield_now().await;
                    trial.fault_point();
                    Ok::<_, Never>(())
                });
                let end = sleep(Duration::from_micros(1)).map(move |()| {
                    given_back.fetch_sub(permits as usize, Ordering::Relaxed);
                });
                // Nothing waits before the count, so that whoever owes the finalizer has counted.
                cx.fork(semaphore.with_permits(permits, work.ensuring(end)))
            })
            .collect();
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        let all = semaphore.with_permits(PERMITS, succeed::<_, Never, _>(()));
        cx.run(all).await
    });
    Case::new(program).check(move |_| {
        assert_eq!(after.available(), PERMITS as usize, "a permit was lost");
    })
}

// T72
#[test]
fn an_interrupt_storm_never_leaks_a_permit() {
    Sim::new().runs(10_000).on_all_cores().test(storm);
    Sim::new().each_interrupt(storm).unwrap();
    Sim::new().each_panic(storm).unwrap();
}

// T72
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_interrupt_storm_never_leaks_a_permit_on_threads() {
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
            for (n, fiber) in fibers.into_iter().enumerate() {
                if n % 2 == 0 {
                    fiber.interrupt_fork();
                }
                drop(cx.run(fiber.exit()).await);
            }
        }
        Ok::<_, Never>(())
    });
    assert_eq!(program.await, Ok(()));
    assert_eq!(seen.available(), 3);
}

#[test]
fn a_permit_is_held_until_the_finalizers_of_its_effect_have_run() {
    everywhere(async |cx: Cx<()>| {
        let (semaphore, log) = (Semaphore::new(1), Log::new());
        let cleans_up = never::<_, Never, ()>().ensuring(log.note_after(secs(5), "cleaned up"));
        let holder = cx.fork(semaphore.with_permit(cleans_up));
        cx.sleep(secs(1)).await;
        let next = cx.fork(semaphore.with_permit(log.note("next")));
        cx.sleep(secs(1)).await;
        drop(cx.run(holder.interrupt()).await);
        assert_eq!(cx.run(next.join()).await, Ok(()));
        assert_eq!(log.lines(), ["cleaned up", "next"]);
    });
}

#[test]
fn a_scope_gives_its_permits_back_when_it_closes() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(3);
        let (one, seen) = (semaphore.acquire_scoped::<_, Never>(1), semaphore.clone());
        let scoped = one
            .zip(semaphore.acquire_scoped(2))
            .map(move |_| seen.available())
            .scoped();
        assert_eq!(cx.run(scoped).await, Ok(0));
        assert_eq!(semaphore.available(), 3);
    });
}

#[test]
fn to_wait_for_a_scoped_permit_can_be_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(1);
        let holder = cx.fork(
            semaphore
                .acquire_scoped::<_, Never>(1)
                .zip(never::<_, _, ()>())
                .scoped(),
        );
        cx.sleep(secs(1)).await;
        let late = semaphore
            .acquire_scoped::<_, Never>(1)
            .scoped()
            .timeout(secs(1));
        assert!(cx.run(late).await.is_err());
        drop(cx.run(holder.interrupt()).await);
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn who_only_tries_runs_if_enough_is_free_and_never_waits() {
    everywhere(async |cx: Cx<()>| {
        let (semaphore, log) = (Semaphore::new(3), Log::new());
        let holder = cx.fork(semaphore.with_permits(2, sleep::<_, Never>(secs(10))));
        cx.sleep(secs(1)).await;
        let before = cx.now();
        let two = semaphore.try_with_permits(2, log.note("two"));
        assert_eq!(cx.run(two.clone()).await, Ok(None));
        let one = semaphore.try_with_permit(log.note("one"));
        assert_eq!(cx.run(one).await, Ok(Some(())));
        assert_eq!((cx.now(), semaphore.available()), (before, 1));
        assert_eq!(cx.run(holder.join()).await, Ok(()));
        assert_eq!(cx.run(two).await, Ok(Some(())));
        assert_eq!(log.lines(), ["one", "two"]);
    });
}

#[test]
fn who_only_tries_overtakes_nobody() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(3);
        let holder = cx.fork(semaphore.with_permits(2, sleep::<_, Never>(secs(10))));
        cx.sleep(secs(1)).await;
        let waits = cx.fork(semaphore.with_permits(2, succeed::<_, Never, _>(())));
        cx.sleep(secs(1)).await;
        let tries = semaphore.try_with_permit(succeed::<_, Never, _>(()));
        assert_eq!(cx.run(tries.clone()).await, Ok(None));
        // Who wants nothing takes it from nobody.
        let none = semaphore.try_with_permits(0, succeed::<_, Never, _>(()));
        assert_eq!(cx.run(none).await, Ok(Some(())));
        drop(cx.run(waits.interrupt()).await);
        assert_eq!(cx.run(tries).await, Ok(Some(())));
        assert_eq!(cx.run(holder.join()).await, Ok(()));
        assert_eq!(semaphore.available(), 3);
    });
}

#[test]
fn who_only_tries_gives_back_after_failure_panic_and_interruption() {
    everywhere(async |cx: Cx<()>| {
        let (semaphore, log) = (Semaphore::new(1), Log::new());
        let failing = semaphore.try_with_permit(fail::<_, _, ()>("no route"));
        assert_eq!(cx.run(failing).await, Err("no route"));
        let dying = semaphore.try_with_permit(die::<_, Never, ()>("a bug"));
        let exit = exit_of(&cx, dying).await;
        assert!(exit.cause().is_some_and(Cause::is_die));
        let cleans_up = never::<_, Never, ()>().ensuring(log.note_after(secs(5), "cleaned up"));
        let holder = cx.fork(semaphore.try_with_permit(cleans_up));
        cx.sleep(secs(1)).await;
        let next = cx.fork(semaphore.with_permit(log.note("next")));
        cx.sleep(secs(1)).await;
        drop(cx.run(holder.interrupt()).await);
        assert_eq!(cx.run(next.join()).await, Ok(()));
        assert_eq!(log.lines(), ["cleaned up", "next"]);
    });
}

#[test]
fn to_try_again_and_again_lets_others_run() {
    everywhere(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(1);
        let holder = cx.fork(semaphore.with_permit(effect(async |_: Cx<()>| {
            for _ in 0..10 {
                yield_now().await;
            }
            Ok::<_, Never>(())
        })));
        let tries = semaphore.try_with_permit(succeed::<_, Never, _>(()));
        while cx.run(tries.clone()).await == Ok(None) {}
        assert_eq!(cx.run(holder.join()).await, Ok(()));
    });
}

#[test]
fn permits_are_given_out_all_day_in_virtual_time_inside_of_tokio() {
    // Where it spent tokio's budget, which nobody renews here, all would seem to wait for ever.
    let program = effect(async |cx: Cx<()>| {
        let semaphore = Semaphore::new(1);
        let fibers = [(); 3].map(|()| {
            let semaphore = semaphore.clone();
            cx.fork(effect(async move |cx: Cx<()>| {
                for _ in 0..500 {
                    let held = effect(async |_: Cx<()>| {
                        yield_now().await;
                        Ok::<_, Never>(())
                    });
                    cx.run(semaphore.with_permit(held)).await?;
                }
                Ok::<_, Never>(())
            }))
        });
        for fiber in fibers {
            cx.run(fiber.join()).await?;
        }
        Ok::<_, Never>(semaphore.available())
    });
    let exit = in_virtual_time(VirtualTime::new().drive(program)).expect("no deadlock");
    assert_eq!(exit, Exit::Success(1));
}

#[test]
#[should_panic(expected = "a semaphore of 2 permits will never have 3")]
fn to_ask_for_more_than_there_will_be_panics() {
    drop(Semaphore::new(2).with_permits(3, succeed::<(), Never, _>(())));
}
