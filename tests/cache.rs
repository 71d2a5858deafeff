//! Lookups of one key at the same time are one, which lives as long as somebody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, reasons, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{Cache, yield_now};

/// A cache whose lookups take a second each, and write down what they do.
fn slow(log: &Log, capacity: usize) -> Cache<(), u32, &'static str, u32> {
    let log = log.clone();
    Cache::new(capacity, move |key| {
        log.write(format!("{key} looked up"));
        let interrupted = log.clone();
        let found = sleep(secs(1)).flat_map(move |()| match key {
            13 => fail("bad luck"),
            _ => succeed(key * 10),
        });
        let interrupted =
            sleep(secs(1)).map(move |()| interrupted.write(format!("{key} interrupted")));
        found.on_interrupt(interrupted)
    })
}

// T51
#[test]
fn concurrent_lookups_of_a_key_are_one() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let cache = slow(&log, 10);
        let all = [1, 1, 2, 1].map(|key| cx.fork(cache.get(key)));
        let (took, found) = timed(&cx, cx.run(Fiber::join_all(all))).await;
        assert_eq!((took, found), (1, Ok(vec![10, 10, 20, 10])));
        assert_eq!(cx.run(cache.get(2)).await, Ok(20));
        let mut lines = log.lines();
        lines.sort_unstable();
        assert_eq!(lines, ["1 looked up", "2 looked up"]);
        assert_eq!(cache.len(), 2);
    });
}

// T51
#[test]
fn interrupting_the_first_who_waits_leaves_the_lookup_to_the_second() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let cache = slow(&log, 10);
        let first = cx.fork(cache.get(1));
        cx.sleep(Duration::from_millis(200)).await;
        let second = cx.fork(cache.get(1));
        cx.sleep(Duration::from_millis(200)).await;
        let (took, exit) = timed(&cx, cx.run(first.interrupt())).await;
        assert!(exit.unwrap().is_interrupt());
        assert_eq!(took, 0);
        assert_eq!(cx.run(second.join()).await, Ok(10));
        assert_eq!(log.lines(), ["1 looked up"]);
    });
}

// T51
#[test]
fn interrupting_the_last_who_waits_interrupts_the_lookup_and_waits_for_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let cache = slow(&log, 10);
        let all = [1, 1].map(|key| cx.fork(cache.get(key)));
        cx.sleep(Duration::from_millis(500)).await;
        let (took, exits) = timed(&cx, cx.run(Fiber::interrupt_all(all))).await;
        assert!(exits.unwrap().iter().all(Exit::is_interrupt));
        assert_eq!(
            (took, log.lines()),
            (
                1,
                vec!["1 looked up".to_owned(), "1 interrupted".to_owned()]
            )
        );
        assert_eq!(cx.run(cache.get(1)).await, Ok(10), "it is looked up anew");
        assert_eq!(log.count(), 3);
    });
}

// T51
#[test]
fn an_interrupted_lookup_does_not_remove_what_was_set_or_begun_meanwhile() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let cache = slow(&log, 10);
        let waiting = cx.fork(cache.get(1));
        cx.sleep(Duration::from_millis(500)).await;
        let ending = cx.fork(waiting.interrupt());
        cx.sleep(Duration::from_millis(500)).await;
        cx.run(cache.set(1, 7)).await.unwrap();
        drop(cx.run(ending.join()).await);
        assert_eq!(log.lines(), ["1 looked up", "1 interrupted"]);
        assert_eq!(cx.run(cache.get(1)).await, Ok(7));
        // One that is set while a lookup runs stays, and who waits gets what was looked up.
        let waiting = cx.fork(cache.get(2));
        cx.sleep(Duration::from_millis(500)).await;
        cx.run(cache.set(2, 8)).await.unwrap();
        assert_eq!(cx.run(cache.get(2)).await, Ok(8));
        assert_eq!(cx.run(waiting.join()).await, Ok(20));
        assert_eq!(cx.run(cache.get(2)).await, Ok(8));
        // Who comes while the old one is interrupted gets a new one.
        let waiting = cx.fork(cache.get(3));
        cx.sleep(Duration::from_millis(500)).await;
        drop(cx.fork(waiting.interrupt()));
        cx.sleep(Duration::from_millis(500)).await;
        let (took, found) = timed(&cx, cx.run(cache.get(3))).await;
        assert_eq!((took, found), (1, Ok(30)));
    });
}

#[test]
fn a_finalizer_that_dies_after_the_last_has_gone_is_that_ones_defect() {
    everywhere(async |cx: Cx<()>| {
        let cache = Cache::new(1, |()| {
            never::<(), Never, ()>().ensuring(die::<_, _, ()>("late"))
        });
        let exit = exit_of(&cx, cache.get(()).timeout(secs(1)).fold(drop, drop)).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die late"]);
    });
}

#[test]
fn a_failure_fails_all_who_wait_and_is_not_kept() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let cache = slow(&log, 10);
        let all = [13, 13].map(|key| cx.fork(cache.get(key)));
        for exit in cx.run(Fiber::await_all(all)).await.unwrap() {
            assert_eq!(exit, Exit::Failure(Cause::fail("bad luck")));
        }
        assert_eq!((log.count(), cache.len()), (1, 0));
        assert_eq!(cx.run(cache.get(13)).await, Err("bad luck"));
        assert_eq!(log.count(), 2);
        let dying: Cache<(), u32, Never, u32> = Cache::new(1, |key| {
            assert!(key > 1, "a bug");
            succeed(key)
        });
        for _ in 0..2 {
            let exit = exit_of(&cx, dying.get(1)).await;
            assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
        }
        assert_eq!(cx.run(dying.get(2)).await, Ok(2));
    });
}

#[test]
fn what_was_looked_for_least_recently_has_to_go() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let cache = slow(&log, 2);
        for key in [1, 2, 1, 3] {
            cx.run(cache.get(key)).await.unwrap();
        }
        assert_eq!((log.count(), cache.len()), (3, 2));
        cx.run(cache.get(1)).await.unwrap();
        assert_eq!(log.count(), 3, "1 was looked for after 2");
        cx.run(cache.get(2)).await.unwrap();
        assert_eq!(log.count(), 4);
        assert!(cache.invalidate(&2) && !cache.invalidate(&2));
        cache.clear();
        assert!(cache.is_empty());
    });
}

#[test]
fn a_value_is_kept_for_its_time_from_when_it_was_found_or_set() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let cache = slow(&log, 2).ttl(secs(10));
        cx.run(cache.get(1)).await.unwrap();
        cx.sleep(secs(9)).await;
        cx.run(cache.get(1)).await.unwrap();
        cx.run(cache.set(2, 5)).await.unwrap();
        assert_eq!(log.count(), 1);
        cx.sleep(secs(1)).await;
        cx.run(cache.get(1)).await.unwrap();
        assert_eq!(log.count(), 2);
        assert_eq!(cx.run(cache.get(2)).await, Ok(5));
        cx.sleep(secs(9)).await;
        assert_eq!(cx.run(cache.get(2)).await, Ok(20));
    });
}

/// Several who look for the same, are interrupted, and set values meanwhile.
fn looking(trial: &Trial) -> Case<Never, ()> {
    let running = Arc::new(AtomicU32::new(0));
    let (trial, most) = (trial.clone(), Arc::clone(&running));
    let body = effect(async move |cx: Cx<()>| {
        let (looks, capacity) = (trial.clone(), trial.capacity(2));
        let cache: Cache<(), u64, u64, u64> = Cache::new(capacity, move |key| {
            let (looks, probe, running) = (looks.clone(), looks.probe(), Arc::clone(&running));
            let ended = Arc::clone(&running);
            effect(async move |cx: Cx<()>| {
                running.fetch_add(1, Ordering::Relaxed);
                cx.sleep(Duration::from_nanos(key + 1)).await;
                looks.fault_point();
                if cx.random().is_multiple_of(4) {
                    Err(key)
                } else {
                    Ok(key)
                }
            })
            .ensuring(effect(async move |_: Cx<()>| {
                yield_now().await;
                ended.fetch_sub(1, Ordering::Relaxed);
                drop(probe);
                Ok(())
            }))
        });
        for n in 0..5_u64 {
            let (cache, trial) = (cache.clone(), trial.clone());
            drop(cx.fork(effect(async move |cx: Cx<()>| {
                cx.sleep(Duration::from_nanos(n / 2)).await;
                let get = cache.get(n % 2).timeout(Duration::from_nanos(n + 1));
                if let Some(Ok(found)) = trial.droppable(cx.run(get)).await {
                    trial.expect(
                        found == n % 2 || found == 9,
                        "it found what is of another key",
                    );
                }
                if n == 3 {
                    let Ok(()) = cx.run(cache.set(1, 9)).await;
                    let set = cx.run(cache.get(1)).await;
                    trial.expect(capacity == 1 || set == Ok(9), "what was set is gone");
                }
                Ok::<_, Never>(())
            })));
        }
        cx.await_children().await;
        trial.expect(
            most.load(Ordering::Relaxed) == 0,
            "a lookup outlives those who wait for it",
        );
        Ok(())
    });
    Case::new(body.scoped()).check(|_| ())
}

// T51
#[test]
fn no_lookup_is_left_when_nobody_waits() {
    Sim::new().runs(3_000).test(looking);
}
