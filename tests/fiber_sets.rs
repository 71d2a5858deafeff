//! Sets and maps of fibers: bounded, and ended with their scope.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::common::{Log, everywhere, in_virtual_time, on_one_thread, on_threads, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{FiberMap, FiberSet, FiberSetClosed, OnClose, RunIfMissingError, yield_now};

// T38
#[test]
fn closing_interrupts_or_awaits_those_inside() {
    for (on_close, seconds, lines) in [
        (OnClose::Interrupt, 1, &["interrupted", "interrupted"]),
        (OnClose::Await, 5, &["ended", "ended"]),
    ] {
        // On threads, a fiber that is found to have ended may be about to leave its set.
        on_one_thread(async move |cx: Cx<()>| {
            let log = Log::new();
            let job = || {
                sleep(secs(5))
                    .zip(log.note("ended"))
                    .on_interrupt(log.note_after(secs(1), "interrupted"))
            };
            let (one, two) = (job(), job());
            let body = effect(async move |cx: Cx<()>| {
                let set = cx.run(FiberSet::make(2, on_close)).await?;
                drop(cx.run(set.run(one)).await.unwrap());
                drop(cx.run(set.run(two)).await.unwrap());
                yield_now().await;
                assert_eq!(set.len(), 2);
                Ok::<_, Never>(set)
            });
            // Time for both to begin.
            let body = body.tap(|_| sleep(Duration::from_millis(1)));
            let (took, set) = timed(&cx, cx.run(body.scoped())).await;
            let set = set.unwrap();
            assert_eq!(
                (took, log.lines()),
                (seconds, lines.map(str::to_owned).to_vec())
            );
            assert!(set.is_closed() && set.is_empty());
            let refused = cx.run(set.run(succeed::<_, Never, _>(()))).await;
            assert_eq!(refused.map(drop), Err(FiberSetClosed));
        });
    }
}

#[test]
fn a_set_has_room_for_so_many_and_who_waits_longest_is_next() {
    everywhere(async |cx: Cx<()>| {
        let (running, most, log) = (
            Arc::new(AtomicU32::new(0)),
            Arc::new(AtomicU32::new(0)),
            Log::new(),
        );
        let most_seen = Arc::clone(&most);
        let begun = log.clone();
        let body = effect(async move |cx: Cx<()>| {
            let set = cx.run(FiberSet::make(3, OnClose::Await)).await?;
            for n in 0..10 {
                let (running, most, log) = (Arc::clone(&running), Arc::clone(&most), log.clone());
                let job = effect(async move |cx: Cx<()>| {
                    log.write(n.to_string());
                    most.fetch_max(
                        running.fetch_add(1, Ordering::Relaxed) + 1,
                        Ordering::Relaxed,
                    );
                    cx.sleep(secs(1)).await;
                    running.fetch_sub(1, Ordering::Relaxed);
                    Ok::<_, Never>(())
                });
                let (set, run) = (set.clone(), set.run(job));
                drop(set);
                // One who waits and goes away lets the next one go first.
                let gone = cx.fork(run);
                drop(cx.run(gone.join()).await.expect("it is open"));
            }
            cx.run(set.await_empty()).await
        });
        let (took, done) = timed(&cx, cx.run(body.scoped())).await;
        done.unwrap();
        assert_eq!((took, most_seen.load(Ordering::Relaxed)), (4, 3));
        assert_eq!(begun.count(), 10);
    });
}

#[test]
fn who_waits_for_room_is_told_when_the_set_closes_and_leaves_no_trace_before() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async move |cx: Cx<()>| {
            let set = cx.run(FiberSet::make(1, OnClose::Interrupt)).await?;
            let held = cx.run(set.run(never::<_, Never, ()>())).await.unwrap();
            let gone = cx
                .run(set.run(never::<_, Never, ()>()).map(drop).timeout(secs(1)))
                .await;
            assert!(gone.is_err());
            let waiting = cx.fork(set.run(succeed::<_, Never, _>(1)).map(drop));
            cx.sleep(secs(1)).await;
            drop(cx.run(held.interrupt()).await);
            assert_eq!(cx.run(waiting.join()).await, Ok(()), "there is room");
            drop(cx.run(set.run(never::<_, Never, ()>())).await);
            let waiting = cx.fork(set.run(succeed::<_, Never, _>(1)).map(drop));
            cx.sleep(secs(1)).await;
            cx.run(set.close()).await?;
            assert_eq!(cx.run(waiting.join()).await, Err(FiberSetClosed));
            Ok::<_, Never>(())
        });
        cx.run(body.scoped()).await.unwrap();
    });
}

// T38
#[test]
fn a_worker_is_restarted_as_long_as_its_set_is_open() {
    everywhere(async |cx: Cx<()>| {
        let tries = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&tries);
        let body = effect(async move |cx: Cx<()>| {
            let set = cx.run(FiberSet::make(1, OnClose::Await)).await?;
            let job = sleep(secs(1)).flat_map(move |()| {
                let n = count.fetch_add(1, Ordering::Relaxed);
                assert!(n.is_multiple_of(2), "every second time it dies");
                fail::<_, _, ()>("and else it fails")
            });
            let fiber = cx.run(set.run_restarting(job, |_| true)).await.unwrap();
            cx.sleep(Duration::from_millis(3500)).await;
            // It ends with the try that runs.
            cx.run(set.close()).await?;
            cx.run(fiber.exit()).await
        });
        let (took, exit) = timed(&cx, cx.run(body.scoped())).await;
        assert_eq!((took, tries.load(Ordering::Relaxed)), (4, 4));
        assert!(exit.unwrap().cause().unwrap().is_die());
    });
}

#[test]
fn a_newer_fiber_of_a_key_begins_when_the_older_has_ended() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let job = |begun: &'static str, ended: &'static str| {
            log.note(begun)
                .flat_map(|()| never::<_, Never, ()>())
                .ensuring(log.note_after(secs(1), ended))
        };
        let (a, b, c, other) = (
            job("a", "a ended"),
            job("b", "b ended"),
            log.note("c"),
            log.note("other"),
        );
        let body = effect(async move |cx: Cx<()>| {
            let map = cx.run(FiberMap::make(1, OnClose::Interrupt)).await?;
            let a = cx.run(map.run("key", a)).await.unwrap();
            cx.sleep(secs(1)).await;
            let missing = cx
                .run(map.run_if_missing("key", succeed::<_, Never, _>(())))
                .await;
            assert_eq!(missing.map(drop), Err(RunIfMissingError::Running));
            // One takes the place of the next before that has begun.
            let b = cx.run(map.run("key", b)).await.unwrap();
            let c = cx.run(map.run("key", c)).await.unwrap();
            assert_eq!(map.get(&"key").unwrap().id(), c.id());
            assert_eq!(cx.run(c.join()).await, Ok(()));
            assert!(
                cx.run(a.exit()).await?.is_interrupt() && cx.run(b.exit()).await?.is_interrupt()
            );
            cx.run(map.await_empty()).await?;
            assert!(map.get(&"key").is_none());
            let other = cx.run(map.run_if_missing("other", other)).await.unwrap();
            cx.run(other.join()).await?;
            assert!(!cx.run(map.interrupt("other")).await?);
            Ok::<_, Never>(map)
        });
        let map = cx.run(body.scoped()).await.unwrap();
        let lines = log.lines();
        let lines: Vec<_> = lines.iter().filter(|line| !line.starts_with('b')).collect();
        assert_eq!(lines, ["a", "a ended", "c", "other"]);
        assert!(map.is_closed());
        let refused = cx.run(map.run("key", succeed::<_, Never, _>(()))).await;
        assert_eq!(refused.map(drop), Err(FiberSetClosed));
    });
}

/// Sets and maps that are filled and closed at once.
fn filling_and_closing(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let body = effect(async move |cx: Cx<()>| {
        let job = {
            let trial = trial.clone();
            move |n: u64| {
                let (trial, probe) = (trial.clone(), trial.probe());
                effect(async move |cx: Cx<()>| {
                    cx.sleep(Duration::from_nanos(n)).await;
                    trial.fault_point();
                    Ok::<_, Never>(())
                })
                .ensuring(effect(async move |_: Cx<()>| {
                    yield_now().await;
                    drop(probe);
                    Ok(())
                }))
            }
        };
        let set = cx
            .run(FiberSet::make(trial.capacity(2), OnClose::Await))
            .await?;
        let map = cx
            .run(FiberMap::make(trial.capacity(2), OnClose::Interrupt))
            .await?;
        for n in 0..3 {
            let (set, map, job) = (set.clone(), map.clone(), job.clone());
            drop(cx.fork(effect(async move |cx: Cx<()>| {
                if let Ok(fiber) = cx.run(set.run(job(n))).await {
                    drop(cx.run(fiber.exit()).await);
                }
                if let Ok(fiber) = cx.run(map.run(n % 2, job(n + 1))).await {
                    drop(cx.run(fiber.exit()).await);
                }
                Ok::<_, Never>(())
            })));
        }
        cx.sleep(Duration::from_nanos(2)).await;
        let Ok(closed) = cx.run(set.close().exit()).await;
        trial.expect(
            set.is_empty() || !closed.is_success(),
            "somebody is in a closed set",
        );
        let Ok(closed) = cx.run(map.close().exit()).await;
        trial.expect(
            map.is_empty() || !closed.is_success(),
            "somebody is in a closed map",
        );
        cx.await_children().await;
        Ok(())
    });
    Case::new(body.scoped()).check(|_| ())
}

// T38
#[test]
fn filling_and_closing_at_once_leaves_nobody() {
    Sim::new().runs(2_000).test(filling_and_closing);
}

#[test]
fn whom_an_awaiting_set_or_map_accepts_while_it_closes_is_waited_for() {
    // On threads alone: where fibers take turns, nobody closes while another is being accepted.
    on_threads(2_000, async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let set = cx.run(FiberSet::make(64, OnClose::Await)).await?;
            let map = cx.run(FiberMap::make(64, OnClose::Await)).await?;
            let (filled, by_key) = (set.clone(), map.clone());
            let filling = cx.fork(effect(async move |cx: Cx<()>| {
                let mut accepted = Vec::new();
                let job = || succeed::<_, Never, _>(());
                while let Ok(fiber) = cx.run(filled.run(job())).await {
                    accepted.push(fiber);
                }
                for key in 0.. {
                    let Ok(fiber) = cx.run(by_key.run(key, job())).await else {
                        break;
                    };
                    accepted.push(fiber);
                }
                Ok::<_, Never>(accepted)
            }));
            yield_now().await;
            cx.run(set.close()).await?;
            yield_now().await;
            cx.run(map.close()).await?;
            for fiber in cx.run(filling.join()).await? {
                assert_eq!(cx.run(fiber.exit()).await?, Exit::Success(()));
            }
            Ok::<_, Never>(())
        });
        assert_eq!(cx.run(body.scoped()).await, Ok(()));
    });
}

#[test]
fn fibers_are_run_all_day_in_virtual_time_inside_of_tokio() {
    // Where it spent tokio's budget, which nobody renews here, all would seem to wait for ever.
    let program = effect(async |cx: Cx<()>| {
        let set = cx.run(FiberSet::make(1, OnClose::Await)).await?;
        for _ in 0..1_000 {
            drop(cx.run(set.run(succeed::<_, Never, _>(()))).await);
        }
        Ok::<_, Never>(())
    });
    let exit = in_virtual_time(VirtualTime::new().drive(program.scoped())).expect("no deadlock");
    assert_eq!(exit, Exit::Success(()));
}

#[test]
fn a_fiber_of_a_set_can_close_it() {
    for on_close in [OnClose::Interrupt, OnClose::Await] {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let noted = log.clone();
            let body = effect(async move |cx: Cx<()>| {
                let set = cx.run(FiberSet::make(8, on_close)).await?;
                let other = sleep(secs(1)).flat_map(move |()| noted.note("other"));
                drop(cx.run(set.run(other)).await);
                // One by itself, and one by a child of its own.
                for by_child in [false, true] {
                    let closed = set.clone();
                    let closes = effect(async move |cx: Cx<()>| match by_child {
                        true => cx.run(cx.fork(closed.close()).join()).await,
                        false => cx.run(closed.close()).await,
                    });
                    drop(cx.run(set.run(closes)).await);
                }
                cx.run(set.await_empty()).await
            });
            assert_eq!(cx.run(body.scoped()).await, Ok(()));
            assert_eq!(log.count(), usize::from(on_close == OnClose::Await));
        });
    }
}
