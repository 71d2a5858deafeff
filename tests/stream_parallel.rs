//! Effects for many elements at a time, and streams for many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{Log, everywhere, on_both, secs};
use effect::prelude::*;
use effect::yield_now;

// T76
#[test]
fn elements_stay_in_order_however_many_run() {
    everywhere(async |cx: Cx<()>| {
        for limit in [1, 2, 5, 100] {
            let doubled = Stream::range(0..10_u64).map_effect_par(limit, |n| {
                sleep::<_, Never>(secs((7 * n) % 10)).map(move |()| n * 2)
            });
            let Ok(all) = cx.run(doubled.collect_results()).await;
            assert_eq!(all, (0..10).map(|n| n * 2).collect::<Vec<_>>());
        }
    });
}

/// Counts how many are inside at once, at most.
#[derive(Clone, Default)]
struct Inside {
    now: Arc<AtomicU32>,
    most: Arc<AtomicU32>,
    begun: Arc<AtomicU32>,
}

impl Inside {
    fn pass(&self) -> Effect<(), Never, ()> {
        let inside = self.clone();
        effect(async move |cx: Cx<()>| {
            inside.begun.fetch_add(1, Ordering::SeqCst);
            let now = inside.now.fetch_add(1, Ordering::SeqCst) + 1;
            inside.most.fetch_max(now, Ordering::SeqCst);
            cx.sleep(secs(1)).await;
            inside.now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
        .erase()
    }
}

// T76
#[test]
fn no_more_run_than_may_and_all_of_those_do() {
    on_both(async |cx: Cx<()>| {
        for limit in [4, 16, 32, 64] {
            for ordered in [true, false] {
                let inside = Inside::default();
                let passing = inside.clone();
                let pass = move |_| passing.pass();
                let begin = cx.now();
                let items = Stream::range(0..1000);
                let run = if ordered {
                    items.map_effect_par(limit, pass).run_drain().erase()
                } else {
                    items
                        .map_effect_par_unordered(limit, pass)
                        .run_drain()
                        .erase()
                };
                let Ok(()) = cx.run(run).await;
                assert_eq!(inside.begun.load(Ordering::SeqCst), 1000);
                assert_eq!(inside.most.load(Ordering::SeqCst), limit as u32);
                assert_eq!(cx.now() - begin, secs(1000_u64.div_ceil(limit as u64)));
            }
        }
    });
}

// T77
#[test]
fn whoever_runs_is_interrupted_where_a_run_ends_at_the_first_failure() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let run = Stream::range(1..4)
            .map_effect_par_unordered(3, move |n| {
                if n == 3 {
                    fail("three").erase()
                } else {
                    never::<_, _, ()>()
                        .on_interrupt(noted.note("interrupted"))
                        .erase()
                }
            })
            .run_drain();
        assert_eq!(cx.run(run).await, Err("three"));
        assert_eq!(log.lines(), ["interrupted", "interrupted"]);
    });
}

// T78
#[test]
fn what_came_before_a_failure_is_emitted_before_it() {
    everywhere(async |cx: Cx<()>| {
        let begin = cx.now();
        let elements = StreamE::range(0..10).concat(StreamE::fail("of the source"));
        let seen = Log::new();
        let log = seen.clone();
        let run = elements
            .map_effect_par(2, |n| sleep(secs(1)).map(move |()| n))
            .inspect(move |n| log.write(n.to_string()))
            .run_drain();
        assert_eq!(cx.run(run).await, Err("of the source"));
        assert_eq!(seen.count(), 10);
        assert_eq!(cx.now() - begin, secs(5));
    });
}

// T79
#[test]
fn a_failure_goes_through_a_second_stage_as_itself() {
    everywhere(async |cx: Cx<()>| {
        let stages = StreamE::range(1..50)
            .map_effect_par(
                20,
                |n| async move { if n % 10 == 0 { Err(n) } else { Ok(n) } },
            )
            .map_effect_par(20, |n| sleep(secs(n % 3)).map(move |()| n));
        assert_eq!(cx.run(stages.clone().run_drain()).await, Err(10));
        let Ok((values, errors)) = cx.run(stages.partition()).await;
        assert_eq!((values.len(), errors), (45, vec![10, 20, 30, 40]));
    });
}

// T80
#[test]
fn a_panic_in_one_of_many_ends_the_run_and_is_told_once() {
    everywhere(async |cx: Cx<()>| {
        for unordered in [false, true] {
            let begin = |n: u32| {
                effect(async move |cx: Cx<()>| {
                    assert_ne!(n, 5, "the fifth");
                    cx.sleep(secs(10)).await;
                    Ok::<_, Never>(())
                })
            };
            let items = Stream::range(1..20);
            let run = if unordered {
                items.map_effect_par_unordered(8, begin).run_drain().erase()
            } else {
                items.map_effect_par(8, begin).run_drain().erase()
            };
            let exit = cx.run(cx.fork(run).exit()).await.unwrap();
            let cause = exit.cause().expect("it has died");
            assert_eq!(cause.defects().count(), 1, "{cause}");
        }
    });
}

// T81
#[test]
fn whoever_is_not_needed_any_more_is_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let run = Stream::range(0..8)
            .map_effect_par(4, move |n| {
                let slept = sleep(secs(n + 1)).map(move |()| n);
                slept.on_interrupt(noted.note("interrupted")).erase()
            })
            .take(1)
            .collect_results();
        assert_eq!(cx.run(run).await, Ok::<_, Never>(vec![0]));
        assert_eq!(log.lines(), ["interrupted"; 3]);
    });
}

// T82
#[test]
fn unordered_whoever_ends_first_comes_first() {
    everywhere(async |cx: Cx<()>| {
        let run = Stream::range(0..6_u64)
            .map_effect_par_unordered(6, |n| sleep::<_, Never>(secs(6 - n)).map(move |()| n))
            .collect_results();
        assert_eq!(cx.run(run).await, Ok(vec![5, 4, 3, 2, 1, 0]));
    });
}

// S2-22
#[test]
fn slow_and_fast_elements_have_their_turn() {
    everywhere(async |cx: Cx<()>| {
        let inside = Inside::default();
        let work = {
            let inside = inside.clone();
            move |n: u64| {
                let slow = if n.is_multiple_of(2) { 30 } else { 1 };
                inside
                    .pass()
                    .flat_map(move |()| sleep(secs(slow)))
                    .map(move |()| n)
            }
        };
        let ordered = Stream::range(0..8).map_effect_par(4, work.clone());
        assert_eq!(
            cx.run(ordered.collect_results()).await,
            Ok((0..8).collect())
        );
        let unordered = Stream::range(0..8).map_effect_par_unordered(4, work);
        let Ok(mut all) = cx.run(unordered.collect_results()).await;
        assert_ne!(all, (0..8).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..8).collect::<Vec<_>>());
        assert!(inside.most.load(Ordering::SeqCst) <= 4);
    });
}

/// DESIGN 7: in futures' `buffered(4).for_each(body)` this is a deadlock.
#[test]
fn what_is_in_flight_goes_on_while_the_body_waits_for_it() {
    everywhere(async |cx: Cx<()>| {
        for unordered in [false, true] {
            let lock = Arc::new(tokio::sync::Mutex::new(()));
            let inside = Arc::clone(&lock);
            let begin = move |n: u64| {
                let lock = Arc::clone(&inside);
                effect(async move |cx: Cx<()>| {
                    let _held = lock.lock().await;
                    cx.sleep(secs(1)).await;
                    Ok::<_, Never>(n)
                })
            };
            let body = move |_| {
                let lock = Arc::clone(&lock);
                async move {
                    drop(lock.lock().await);
                    Ok::<_, Never>(())
                }
            };
            let items = Stream::range(0..8);
            let run = if unordered {
                items
                    .map_effect_par_unordered(4, begin)
                    .run_for_each(body)
                    .erase()
            } else {
                items.map_effect_par(4, begin).run_for_each(body).erase()
            };
            assert_eq!(cx.run(run.timeout(secs(100))).await, Ok(()));
        }
    });
}

/// DESIGN 7: a slow body does not slow what is in flight.
#[test]
fn effects_in_flight_take_their_time_and_not_the_bodys() {
    everywhere(async |cx: Cx<()>| {
        let begin = cx.now();
        let seen = Log::new();
        let log = seen.clone();
        let run = Stream::range(0..4)
            .map_effect_par(4, move |_| {
                let log = log.clone();
                effect(async move |cx: Cx<()>| {
                    let begin = cx.now();
                    cx.sleep(secs(2)).await;
                    log.write((cx.now() - begin).as_secs().to_string());
                    Ok::<_, Never>(())
                })
            })
            .run_for_each(|_| sleep::<_, Never>(secs(10)));
        let Ok(()) = cx.run(run).await;
        assert_eq!(seen.lines(), ["2"; 4]);
        assert_eq!(cx.now() - begin, secs(42));
    });
}

#[test]
fn another_begins_whenever_one_is_emitted() {
    everywhere(async |cx: Cx<()>| {
        let begin = cx.now();
        let run = Stream::range(0..12)
            .map_effect_par(4, |_| sleep::<_, Never>(secs(4)))
            .run_for_each(|_| sleep::<_, Never>(secs(1)));
        let Ok(()) = cx.run(run).await;
        // Four at a time, begun and not emitted: each four take the second that their first one is emitted in, and four more.
        assert_eq!(cx.now() - begin, secs(3 * (1 + 4) + 3));
    });
}

/// Streams that take their time.
fn counting(from: u32, beat: u64) -> Stream<(), u32> {
    Stream::range(from..from + 3)
        .map_effect(move |n| sleep::<_, Never>(secs(beat)).map(move |()| n))
        .into_results()
        .map(|Ok(n)| n)
        .erase()
}

#[test]
fn streams_that_run_at_once_emit_as_items_come() {
    everywhere(async |cx: Cx<()>| {
        let begin = cx.now();
        let beats = [(10, 3), (20, 2), (30, 1), (40, 1)];
        let run = Stream::from_iter(beats)
            .flat_map_par(2, |(from, beat)| counting(from, beat))
            .run_collect();
        let Ok(mut all) = cx.run(run).await;
        // The third begins at 6 s, when the second has ended, and the last at 9 s.
        assert_eq!(cx.now() - begin, secs(12));
        for from in [10, 20, 30, 40] {
            let one: Vec<_> = all
                .iter()
                .filter(|n| **n / 10 == from / 10)
                .copied()
                .collect();
            assert_eq!(one, [from, from + 1, from + 2]);
        }
        all.sort_unstable();
        assert_eq!(all.len(), 12);
    });
}

#[test]
fn streams_that_run_at_once_are_no_more_than_may() {
    everywhere(async |cx: Cx<()>| {
        let inside = Inside::default();
        let passing = inside.clone();
        let run = Stream::range(0..20)
            .flat_map_par(3, move |n| {
                let inside = passing.clone();
                Stream::once(n)
                    .map_effect(move |_| inside.pass())
                    .into_results()
            })
            .run_count();
        assert_eq!(cx.run(run).await, Ok(20));
        assert_eq!(inside.most.load(Ordering::SeqCst), 3);
    });
}

// T86
#[test]
fn a_switch_interrupts_what_it_leaves_and_waits_for_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let run = counting(1, 3)
            .flat_map_switch(move |n| {
                let log = noted.clone();
                let begun = log.clone();
                // A second for the first item, which is seen; the second would take too long.
                let work = sync(move || begun.write(format!("begins {n}")))
                    .flat_map(move |()| sleep(secs(1)))
                    .map(move |()| n);
                let slow = sleep(secs(9)).map(move |()| n * 100);
                let slow = slow.on_interrupt(log.note_after(secs(1), "cleaned"));
                StreamE::<_, Never, _>::from_effect(work)
                    .concat(StreamE::from_effect(slow))
                    .into_results()
            })
            .run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [Ok(1), Ok(2), Ok(3), Ok(300)]);
        let lines = ["begins 1", "cleaned", "begins 2", "cleaned", "begins 3"];
        assert_eq!(log.lines(), lines);
    });
}

// T86
#[test]
fn a_switch_lets_the_last_stream_end() {
    everywhere(async |cx: Cx<()>| {
        let run = Stream::once(1)
            .flat_map_switch(|n| counting(n, 1))
            .run_collect();
        assert_eq!(cx.run(run).await, Ok(vec![1, 2, 3]));
        let nothing = Stream::<_, u32>::empty().flat_map_switch(|n| counting(n, 1));
        assert_eq!(cx.run(nothing.run_collect()).await, Ok(vec![]));
    });
}

/// Complaint 5: what is always ready starves nobody, and can be interrupted.
#[test]
fn a_run_of_what_is_always_ready_can_be_interrupted() {
    on_both(async |cx: Cx<()>| {
        let endless: [Stream<(), u32>; 6] = [
            Stream::from_iter(0..)
                .map_effect_par(4, succeed::<(), Never, u32>)
                .into_results()
                .map(|Ok(n)| n)
                .erase(),
            Stream::from_iter(0..)
                .flat_map_par(4, |_: u32| Stream::repeat_item(1))
                .erase(),
            Stream::from_iter(0..)
                .flat_map_switch(|_: u32| Stream::repeat_item(1))
                .erase(),
            Stream::from_iter(0..)
                .flat_map(|_: u32| Stream::empty())
                .erase(),
            Stream::from_iter(0..)
                .flat_map_iter(|_: u32| 0_u32..)
                .erase(),
            Stream::from_iter(0..)
                .filter_map(|_: u32| None::<u32>)
                .erase(),
        ];
        for stream in endless {
            let fiber = cx.fork(stream.run_drain());
            yield_now().await;
            assert!(cx.run(fiber.interrupt()).await.unwrap().is_interrupt());
        }
    });
}
