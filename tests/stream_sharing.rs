//! One stream for several: broadcast, partition and share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::common::{Log, everywhere, on_both, secs};
use effect::prelude::*;
use effect::{Either, Emitter, Exit, MergeHub, MergeHubDrained};

/// A stream of numbers that counts how many were pulled.
fn counted(
    pulled: &Arc<AtomicU32>,
) -> Stream<(), u32, impl effect::Source<(), Item = u32> + Clone> {
    let pulled = Arc::clone(pulled);
    Stream::range(0..u32::MAX).inspect(move |_| {
        pulled.fetch_add(1, Ordering::SeqCst);
    })
}

/// A stream that counts up, each second, from when it is started.
fn seconds() -> Stream<(), u32, impl effect::Source<(), Item = u32> + Clone> {
    Stream::generate(async |cx: Cx<()>, mut out: Emitter<u32>| {
        for n in 0.. {
            out.emit(n).await;
            cx.sleep(secs(1)).await;
        }
    })
}

// T96, S3-23
#[test]
fn each_of_a_broadcast_has_every_item_in_order() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let [a, b, c] = cx.run(Stream::range(0..50_u32).broadcast(3)).await?;
            let slow = b.tap(|n| sleep(secs(u64::from(n % 2)))).into_values();
            let both = a.run_collect().zip_par(slow.run_collect());
            cx.run(both.zip_par(c.run_collect())).await
        });
        let Ok(((a, b), c)) = cx.run(body.scoped()).await;
        let all = (0..50).collect::<Vec<_>>();
        assert_eq!([a, b, c], [all.clone(), all.clone(), all]);
    });
}

// T96
#[test]
fn a_fast_one_of_a_broadcast_stops_where_the_slow_one_lags() {
    everywhere(async |cx: Cx<()>| {
        let pulled = Arc::new(AtomicU32::new(0));
        let numbers = counted(&pulled);
        let body = effect(async move |cx: Cx<()>| {
            let [fast, slow] = cx.run(numbers.broadcast(2)).await?;
            let seen = Arc::new(AtomicU32::new(0));
            let seeing = Arc::clone(&seen);
            let running = cx.fork(
                fast.inspect(move |_| {
                    seeing.fetch_add(1, Ordering::SeqCst);
                })
                .take(9)
                .run_drain(),
            );
            cx.sleep(secs(1)).await;
            assert_eq!(seen.load(Ordering::SeqCst), 2);
            // Two to take, and one in hand.
            assert_eq!(pulled.load(Ordering::SeqCst), 3);
            // One that is gone holds up nobody.
            drop(slow);
            cx.run(running.join()).await?;
            assert_eq!(seen.load(Ordering::SeqCst), 9);
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body.scoped()).await;
    });
}

#[test]
fn when_all_of_a_broadcast_are_gone_its_source_is_released() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let closing = seconds().ensuring(log.note("released"));
        let body = effect(async move |cx: Cx<()>| {
            let [one, other] = cx.run(closing.broadcast(1)).await?;
            let first = cx.run(
                one.take(1)
                    .run_collect()
                    .zip_par(other.take(1).run_collect()),
            );
            assert_eq!(first.await?, (vec![0], vec![0]));
            cx.sleep(Duration::from_millis(1)).await;
            assert_eq!(log.lines(), ["released"]);
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body.scoped()).await;
    });
}

// T96
#[test]
fn a_defect_reaches_each_of_a_broadcast_after_what_came_before_it() {
    everywhere(async |cx: Cx<()>| {
        let breaking = Stream::range(0..9).inspect(|n| assert!(*n < 2, "no {n}"));
        let body = effect(async move |cx: Cx<()>| {
            let [one, other] = cx.run(breaking.broadcast(8)).await?;
            let see = |stream: Stream<(), i32, _>| {
                let log = Log::new();
                let seen = log.clone();
                let run = stream
                    .inspect(move |n| seen.write(n.to_string()))
                    .run_drain();
                run.exit().map(move |exit| (exit, log.lines()))
            };
            for (exit, seen) in <[_; 2]>::from(cx.run(see(one).zip_par(see(other))).await?) {
                assert_eq!(seen, ["0", "1"]);
                let defect = exit.cause().and_then(effect::Cause::defect);
                assert_eq!(defect.map(effect::Defect::message), Some("no 2"));
            }
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body.scoped()).await;
    });
}

#[test]
fn a_defect_that_nobody_hears_is_that_of_the_fiber() {
    on_both(async |cx: Cx<()>| {
        let breaking = seconds().inspect(|n| assert!(*n < 1, "no {n}"));
        let body = effect(async move |cx: Cx<()>| {
            let shared = cx.run(breaking.share(1, secs(9))).await?;
            let first = cx.run(shared.take(1).run_collect()).await?;
            assert_eq!(first, [0]);
            cx.sleep(secs(5)).await;
            Ok::<_, Never>(())
        });
        let exit = cx.run(body.scoped().exit()).await;
        let Ok(exit) = exit;
        // Nobody waits for that fiber, so its defect is reported, and ends nobody.
        assert_eq!(exit, Exit::Success(()));
    });
}

#[test]
fn who_takes_from_a_broadcast_after_its_scope_is_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let Ok([late]) = cx.run(seconds().broadcast(1).scoped()).await;
        let taking = cx.fork(late.run_collect());
        let Ok(exit) = cx.run(taking.exit()).await;
        assert!(exit.is_interrupt(), "{exit:?}");
    });
}

#[test]
fn the_failures_of_elements_are_broadcast_as_they_are() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let elements = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
            let [one, other] = cx.run(elements.broadcast(1)).await?;
            cx.run(one.run_collect().zip_par(other.run_collect())).await
        });
        let all = vec![Ok(1), Err("two"), Ok(3)];
        assert_eq!(
            cx.run(body.scoped()).await,
            Ok::<_, Never>((all.clone(), all))
        );
    });
}

// T104
#[test]
fn each_item_is_on_one_side_of_a_partition() {
    everywhere(async |cx: Cx<()>| {
        for ahead in [0, 1, 7] {
            let body = effect(async move |cx: Cx<()>| {
                let numbers = Stream::range(0..40_u32);
                let parted = numbers.partition_either(ahead, |n| match n % 3 {
                    0 => Either::Left(n),
                    _ => Either::Right(n.to_string()),
                });
                let (threes, others) = cx.run(parted).await?;
                cx.run(threes.run_collect().zip_par(others.run_collect()))
                    .await
            });
            let Ok((threes, others)) = cx.run(body.scoped()).await;
            assert_eq!(threes, (0..40).step_by(3).collect::<Vec<_>>());
            let rest = (0..40).filter(|n| n % 3 > 0).map(|n| n.to_string());
            assert_eq!(others, rest.collect::<Vec<_>>());
        }
    });
}

// T104
#[test]
fn the_sides_of_a_partition_hold_up_each_other() {
    everywhere(async |cx: Cx<()>| {
        let pulled = Arc::new(AtomicU32::new(0));
        let numbers = counted(&pulled);
        let body = effect(async move |cx: Cx<()>| {
            let side = |n| {
                if n % 2 == 0 {
                    Either::Left(n)
                } else {
                    Either::Right(n)
                }
            };
            let (even, odd) = cx.run(numbers.partition_either(2, side)).await?;
            let running = cx.fork(even.take(10).run_collect());
            cx.sleep(secs(1)).await;
            // 1 and 3 are there to take, 5 waits for room.
            assert_eq!(pulled.load(Ordering::SeqCst), 6);
            drop(odd);
            let all = cx.run(running.join()).await?;
            assert_eq!(all, (0..20).step_by(2).collect::<Vec<_>>());
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body.scoped()).await;
    });
}

#[test]
fn a_defect_reaches_both_sides_of_a_partition() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let parted = Stream::range(0..9).partition_either(8, |n| match n {
                0 | 2 => Either::Left(n),
                1 | 3 => Either::Right(n),
                _ => panic!("no {n}"),
            });
            let (left, right) = cx.run(parted).await?;
            let both = left.run_drain().exit().zip_par(right.run_drain().exit());
            for exit in <[_; 2]>::from(cx.run(both).await?) {
                let defect = exit.cause().and_then(effect::Cause::defect);
                assert_eq!(defect.map(effect::Defect::message), Some("no 4"));
            }
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body.scoped()).await;
    });
}

#[test]
fn values_and_errors_are_two_streams() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let elements = StreamE::from_results([Ok(1), Err("two"), Err("three"), Ok(4)]);
            let (values, errors) = cx.run(elements.partition_streams(1)).await?;
            cx.run(values.run_collect().zip_par(errors.run_collect()))
                .await
        });
        let both = (vec![1, 4], vec!["two", "three"]);
        assert_eq!(cx.run(body.scoped()).await, Ok::<_, Never>(both));
    });
}

// T106
#[test]
fn without_time_to_wait_a_shared_stream_starts_anew() {
    everywhere(async |cx: Cx<()>| {
        for (idle, second) in [(Duration::ZERO, 0), (secs(1), 1)] {
            let body = effect(async move |cx: Cx<()>| {
                let shared = cx.run(seconds().share(1, idle)).await?;
                assert_eq!(cx.run(shared.clone().take(1).run_collect()).await?, [0]);
                // Whoever interrupts the run is faster than whoever comes.
                cx.sleep(Duration::from_millis(1)).await;
                assert_eq!(cx.run(shared.take(1).run_collect()).await?, [second]);
                Ok::<_, Never>(())
            });
            let Ok(()) = cx.run(body.scoped()).await;
        }
    });
}

#[test]
fn those_who_listen_at_the_same_time_share_one_run() {
    everywhere(async |cx: Cx<()>| {
        let starts = Arc::new(AtomicU32::new(0));
        let starting = Arc::clone(&starts);
        let body = effect(async move |cx: Cx<()>| {
            let ticking = Stream::generate(async move |cx: Cx<()>, mut out: Emitter<u32>| {
                starting.fetch_add(1, Ordering::SeqCst);
                for n in 0..5 {
                    cx.sleep(secs(1)).await;
                    out.emit(n).await;
                }
            });
            let shared = cx.run(ticking.share(1, Duration::ZERO)).await?;
            let early = cx.fork(shared.clone().run_collect());
            cx.sleep(Duration::from_millis(2_500)).await;
            let late = cx.run(shared.clone().run_collect()).await?;
            assert_eq!(late, [2, 3, 4]);
            assert_eq!(cx.run(early.join()).await?, [0, 1, 2, 3, 4]);
            assert_eq!(starts.load(Ordering::SeqCst), 1);
            // It has ended: whoever comes now starts it anew.
            assert_eq!(cx.run(shared.run_count()).await?, 5);
            assert_eq!(starts.load(Ordering::SeqCst), 2);
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body.scoped()).await;
    });
}

#[test]
fn a_shared_stream_is_released_when_nobody_has_listened_for_long_enough() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let closing = seconds().ensuring(log.note("released"));
        let body = effect(async move |cx: Cx<()>| {
            let shared = cx.run(closing.share(1, secs(10))).await?;
            for _ in 0..3 {
                assert_eq!(cx.run(shared.clone().take(1).run_count()).await?, 1);
                cx.sleep(secs(9)).await;
            }
            assert_eq!(log.count(), 0);
            cx.sleep(secs(2)).await;
            assert_eq!(log.lines(), ["released"]);
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body.scoped()).await;
    });
}

#[test]
fn nothing_of_a_shared_stream_is_lost_while_nobody_listens() {
    everywhere(async |cx: Cx<()>| {
        let pulled = Arc::new(AtomicU32::new(0));
        let shared = counted(&pulled).share(1, secs(10));
        let body = effect(async move |cx: Cx<()>| {
            let shared = cx.run(shared).await?;
            let first = cx.run(shared.clone().take(3).run_collect()).await?;
            cx.sleep(secs(1)).await;
            let before = pulled.load(Ordering::SeqCst);
            cx.sleep(secs(1)).await;
            // While nobody listens, nothing is pulled.
            assert_eq!(pulled.load(Ordering::SeqCst), before);
            let next = cx.run(shared.take(1).run_collect()).await?;
            assert_eq!(first, [0, 1, 2]);
            // One that came when the last had left is for the next.
            assert!(
                next == [before] || next == [before - 1],
                "{next:?} of {before}"
            );
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body.scoped()).await;
    });
}

// T108
#[test]
fn a_drained_merge_hub_ends_with_the_last_who_takes_part() {
    everywhere(async |cx: Cx<()>| {
        let hub = MergeHub::new(1);
        let all = cx.fork(hub.stream().run_collect());
        let slow = |n: u32| {
            let numbers = Stream::range(10 * n..10 * n + 3);
            numbers.tap(|_| sleep(secs(1))).into_values()
        };
        let members = [1, 2].map(|n| cx.fork(hub.run(slow(n))));
        cx.sleep(Duration::from_millis(1_500)).await;
        assert_eq!(hub.len(), 2);
        hub.drain();
        assert!(!all.is_done());
        // Whoever comes now is sent away, and nothing of it is pulled.
        let pulled = Arc::new(AtomicU32::new(0));
        let late = cx.run(hub.run(counted(&pulled))).await;
        assert_eq!(
            (late, pulled.load(Ordering::SeqCst)),
            (Err(MergeHubDrained), 0)
        );
        for member in members {
            assert_eq!(cx.run(member.join()).await, Ok(()));
        }
        let Ok(all) = cx.run(all.join()).await;
        for n in [1, 2] {
            let of_one: Vec<_> = all.iter().filter(|item| **item / 10 == n).collect();
            assert_eq!(of_one, [&(10 * n), &(10 * n + 1), &(10 * n + 2)]);
        }
    });
}

#[test]
fn who_is_interrupted_takes_part_no_more() {
    everywhere(async |cx: Cx<()>| {
        let hub = MergeHub::new(1);
        let endless = cx.fork(hub.run(seconds()));
        let all = cx.fork(hub.stream().run_count());
        cx.sleep(secs(3)).await;
        hub.drain();
        let Ok(_) = cx.run(endless.interrupt()).await;
        let Ok(count) = cx.run(all.join()).await;
        assert!((3..=4).contains(&count), "{count}");
        // With nobody to wait for, it ends at once.
        let empty = MergeHub::<u32>::new(1);
        empty.drain();
        assert_eq!(cx.run(empty.stream().run_count()).await, Ok(0));
    });
}
