//! Streams and time: silence, groups, limits, rates, buffers, and runs that begin anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::common::{Log, everywhere, secs};
use effect::prelude::*;
use effect::{Emitter, Queue, RateLimiter};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Emits each item at its time.
fn at(times: &'static [(u64, u32)]) -> Stream<(), u32> {
    Stream::generate(async move |cx: Cx<()>, mut out: Emitter<u32>| {
        let begin = cx.now();
        for (time, item) in times {
            cx.sleep(millis(*time).saturating_sub(cx.now() - begin))
                .await;
            out.emit(*item).await;
        }
    })
    .erase()
}

/// What a stream emits, and when.
async fn timed<A: effect::Value>(cx: &Cx<()>, stream: Stream<(), A>) -> Vec<(u64, A)> {
    let begin = cx.now();
    let clock = cx.clone();
    let run = stream.map(move |item| ((clock.now() - begin).as_millis() as u64, item));
    let Ok(all) = cx.run(run.run_collect()).await;
    all
}

// T91
#[test]
fn of_items_in_quick_succession_the_last_is_emitted() {
    everywhere(async |cx: Cx<()>| {
        let source = at(&[
            (0, 1),
            (500, 3),
            (501, 4),
            (2_000, 5),
            (2_500, 6),
            (2_501, 7),
        ]);
        let emitted = timed(&cx, source.debounce(secs(1)).erase()).await;
        assert_eq!(emitted, [(1_501, 4), (2_501, 7)]);
    });
}

// T88, and complaint: the timer begins anew with each group
#[test]
fn a_group_is_emitted_when_it_is_full_or_its_first_item_has_waited() {
    everywhere(async |cx: Cx<()>| {
        let seconds = Stream::generate(async |cx: Cx<()>, mut out: Emitter<u32>| {
            for n in 0..9 {
                cx.sleep(secs(1)).await;
                out.emit(n).await;
            }
            for n in 9..29 {
                out.emit(n).await;
            }
        });
        let groups = timed(&cx, seconds.chunks_within(10, secs(3)).erase()).await;
        let sizes: Vec<_> = groups
            .iter()
            .map(|(at, group)| (*at, group.len()))
            .collect();
        assert_eq!(
            sizes,
            [(4_000, 3), (7_000, 3), (9_000, 10), (9_000, 10), (9_000, 3)]
        );
    });
}

// T87
#[test]
fn groups_are_never_empty_lose_nothing_and_wait_for_nobody_while_idle() {
    everywhere(async |cx: Cx<()>| {
        let source = at(&[(0, 1), (9_000, 2), (9_500, 3), (20_000, 4)]);
        let groups = timed(&cx, source.chunks_within(10, secs(1)).erase()).await;
        assert_eq!(
            groups,
            [(1_000, vec![1]), (10_000, vec![2, 3]), (20_000, vec![4])]
        );
        let many = Stream::range(0..10_000)
            .chunks_within(7, millis(1))
            .run_collect();
        let Ok(groups) = cx.run(many).await;
        assert!(groups.iter().all(|group| (1..=7).contains(&group.len())));
        assert_eq!(groups.concat(), (0..10_000).collect::<Vec<_>>());
    });
}

// T90
#[test]
fn an_open_group_is_emitted_before_the_failure_that_closes_it() {
    everywhere(async |cx: Cx<()>| {
        for pause in [0, 500] {
            let source = at(&[(0, 1), (100, 2), (200, 3), (300, 4)]);
            let late = StreamE::from_effect(sleep(millis(pause)).flat_map(|()| fail("broken")));
            let source = source.map_effect(succeed::<(), &str, _>).concat(late);
            let Ok(all) = cx.run(source.chunks_within(3, secs(9)).run_collect()).await;
            assert_eq!(all, [Ok(vec![1, 2, 3]), Ok(vec![4]), Err("broken")]);
        }
    });
}

// S3-15
#[test]
fn full_groups_do_not_wait() {
    everywhere(async |cx: Cx<()>| {
        let seven = Stream::range(0..7).concat(Stream::never());
        let groups = seven.chunks_within(3, millis(300)).take(3).erase();
        let groups = timed(&cx, groups).await;
        assert_eq!(
            groups,
            [(0, vec![0, 1, 2]), (0, vec![3, 4, 5]), (300, vec![6])]
        );
    });
}

// T95
#[test]
fn groups_and_windows_are_seen_before_a_failure() {
    everywhere(async |cx: Cx<()>| {
        let source = || StreamE::range(1..9).concat(StreamE::fail("broken"));
        let expected = [
            Ok(vec![1, 2, 3]),
            Ok(vec![4, 5, 6]),
            Ok(vec![7, 8]),
            Err("broken"),
        ];
        let Ok(chunks) = cx.run(source().chunks(3).run_collect()).await;
        assert_eq!(chunks, expected);
        let Ok(windows) = cx.run(source().sliding(3, 3).run_collect()).await;
        assert_eq!(windows, expected);
    });
}

// S2-29
#[test]
fn a_late_item_is_a_failure_and_what_made_it_is_interrupted_first() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let source = Stream::from_iter([10, 20, 60, 10])
            .tap(move |n| {
                let slow = sleep::<_, Never>(millis(*n));
                slow.on_interrupt(noted.note_after(secs(1), "cleaned"))
                    .erase()
            })
            .into_values()
            .timeout(millis(50));
        let Ok(all) = cx.run(source.run_collect()).await;
        assert_eq!(
            all,
            [Ok(10), Ok(20), Err(TimeoutError::Elapsed(millis(50)))]
        );
        assert_eq!(log.lines(), ["cleaned"]);
        // The consumer's time is not counted.
        let slow_consumer = Stream::range(0..3).timeout(millis(50));
        let run = slow_consumer.run_for_each(|element| {
            sleep(secs(1))
                .flat_map(move |()| from_result(element))
                .map(drop)
        });
        assert_eq!(cx.run(run).await, Ok(()));
    });
}

#[test]
fn each_item_has_the_limit_for_itself() {
    everywhere(async |cx: Cx<()>| {
        let steady = || at(&[(40, 1), (80, 2), (120, 3)]);
        let all = cx.run(steady().timeout(millis(50)).run_collect()).await;
        assert_eq!(all, Ok(vec![Ok(1), Ok(2), Ok(3)]));
        let all = steady().timeout_to(millis(50), Stream::once(9));
        assert_eq!(cx.run(all.run_collect()).await, Ok(vec![1, 2, 3]));
    });
}

// T92
#[test]
fn a_limit_holds_no_more_once_it_has_led_to_another_stream() {
    everywhere(async |cx: Cx<()>| {
        let (one, other) = (Queue::unbounded(), Queue::unbounded());
        let stream =
            Stream::from_queue(one.clone()).timeout_to(secs(2), Stream::from_queue(other.clone()));
        let fiber = cx.fork(stream.run_collect());
        one.offer(1).await.unwrap();
        cx.sleep(secs(1)).await;
        one.offer(2).await.unwrap();
        cx.sleep(secs(3)).await;
        one.offer(3).await.unwrap();
        other.offer(4).await.unwrap();
        cx.sleep(secs(3)).await;
        other.offer(5).await.unwrap();
        other.close();
        assert_eq!(cx.run(fiber.join()).await, Ok(vec![1, 2, 4, 5]));
    });
}

#[test]
fn the_stream_that_was_late_lets_go_before_the_other_begins() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let slow = Stream::from_iter([10, 60])
            .tap(|n| sleep(millis(*n)))
            .ensuring(log.note_after(secs(1), "closed"));
        let other = StreamE::from_effect(sync(move || {
            noted.write("begun");
            7
        }));
        let stream = slow.timeout_to(millis(50), other);
        let all = cx.run(stream.run_collect()).await;
        assert_eq!(all, Ok::<_, Never>(vec![Ok::<_, Never>(10), Ok(7)]));
        assert_eq!(log.lines(), ["closed", "begun"]);
        // Of one that is in time, the other is never opened.
        let in_time = Stream::range(0..2).timeout_to(secs(1), Stream::range(7..9));
        assert_eq!(cx.run(in_time.run_collect()).await, Ok(vec![0, 1]));
    });
}

#[test]
fn what_is_faster_than_an_enforced_rate_is_dropped() {
    everywhere(async |cx: Cx<()>| {
        let source = || {
            at(&[
                (0, 1),
                (100, 2),
                (900, 3),
                (1_000, 4),
                (1_100, 5),
                (5_000, 6),
            ])
        };
        let limiter = RateLimiter::new(1, secs(1));
        let emitted = timed(&cx, source().throttle_enforce(limiter).erase()).await;
        assert_eq!(emitted, [(0, 1), (1_000, 4), (5_000, 6)]);
        let limiter = RateLimiter::new(1, secs(1)).burst(2);
        let emitted = timed(&cx, source().throttle_enforce(limiter).erase()).await;
        assert_eq!(emitted, [(0, 1), (100, 2), (1_000, 4), (5_000, 6)]);
        // A failure is nothing that a rate is for.
        let elements = StreamE::from_results([Ok(1), Err("two"), Ok(3), Err("four")]);
        let thinned = elements.throttle_enforce(RateLimiter::new(1, secs(1)));
        let all = cx.run(thinned.run_collect()).await;
        assert_eq!(all, Ok(vec![Ok(1), Err("two"), Err("four")]));
    });
}

// S1-11, S2-30, T93, complaint: rates that are truncated
#[test]
fn a_rate_is_exact_and_the_first_item_does_not_wait() {
    everywhere(async |cx: Cx<()>| {
        let took = async |count: u32, limiter: RateLimiter| {
            let begin = cx.now();
            let Ok(all) = cx
                .run(Stream::range(0..count).throttle(limiter).run_collect())
                .await;
            assert_eq!(all, (0..count).collect::<Vec<_>>());
            cx.now() - begin
        };
        assert_eq!(took(10, RateLimiter::new(5, secs(1))).await, millis(1_800));
        assert_eq!(took(301, RateLimiter::new(300, secs(1))).await, secs(1));
        assert_eq!(took(5, RateLimiter::new(1, millis(10))).await, millis(40));
        assert_eq!(
            took(4, RateLimiter::new(1, secs(1)).burst(2)).await,
            secs(2)
        );
    });
}

// T93
#[test]
fn what_costs_nothing_is_free() {
    everywhere(async |cx: Cx<()>| {
        let costs = Stream::from_iter([2, 0, 0, 1]);
        let limiter = RateLimiter::new(1, secs(1)).burst(2);
        let emitted = timed(&cx, costs.throttle_by(limiter, |cost| *cost).erase()).await;
        assert_eq!(emitted, [(0, 2), (0, 0), (0, 0), (1_000, 1)]);
    });
}

// S2-21, T105
#[test]
fn a_buffer_goes_on_while_the_consumer_is_busy() {
    everywhere(async |cx: Cx<()>| {
        let begin = cx.now();
        let source = StreamE::range(0..4).tap(|_| sleep(secs(1)));
        let buffered = source.concat(StreamE::fail("broken")).buffer(2);
        let log = Log::new();
        let noted = log.clone();
        let run = buffered.run_for_each(move |element| {
            noted.write(format!("{element:?}"));
            sleep::<_, Never>(secs(1))
        });
        let Ok(()) = cx.run(run).await;
        assert_eq!(
            log.lines(),
            ["Ok(0)", "Ok(1)", "Ok(2)", "Ok(3)", "Err(\"broken\")"]
        );
        assert_eq!(cx.now() - begin, secs(6));
    });
}

#[test]
fn a_full_buffer_drops_failures_as_well() {
    everywhere(async |cx: Cx<()>| {
        let source = || {
            let seconds = Stream::range(0..9).tap(|_| sleep(secs(1)));
            seconds.map_result(|n: Result<u32, u32>| {
                n.and_then(|n| if n % 2 == 0 { Ok(n) } else { Err(n) })
            })
        };
        let seen = async |stream: StreamE<(), u32, u32>| {
            let results = stream
                .into_results()
                .tap(|_| sleep(millis(3_250)))
                .into_values();
            let Ok(all) = cx.run(results.run_collect()).await;
            all
        };
        let newest = seen(source().buffer_sliding(1).erase()).await;
        assert_eq!(newest, [Ok(0), Err(3), Ok(6), Ok(8)]);
        let oldest = seen(source().buffer_dropping(1).erase()).await;
        assert_eq!(oldest, [Ok(0), Err(1), Ok(4), Err(7)]);
    });
}

// T105, zio#7701
#[test]
fn a_buffer_above_what_dies_ends() {
    everywhere(async |cx: Cx<()>| {
        let dying = || {
            Stream::range(0..3).map(|n| {
                assert_ne!(n, 2, "dies");
                n
            })
        };
        let runs = [
            dying().buffer(1).run_drain().erase(),
            dying().buffer_sliding(1).run_drain().erase(),
            dying().buffer_dropping(1).run_drain().erase(),
        ];
        for run in runs {
            let exit = cx.run(cx.fork(run).exit()).await.unwrap();
            assert!(exit.cause().is_some_and(Cause::is_die), "{exit:?}");
        }
    });
}

/// A stream whose runs have numbers: each emits its own, and fails, but for the last.
fn failing(runs: &Arc<AtomicU32>, log: &Log, last: u32) -> StreamE<(), &'static str, u32> {
    let (runs, log) = (Arc::clone(runs), log.clone());
    StreamE::scoped(effect(move |cx: Cx<()>| async move {
        let run = runs.fetch_add(1, Ordering::SeqCst);
        let (opened, closed) = (log.clone(), log.clone());
        let acquire = sync::<_, &str, _, _>(move || opened.write(format!("opens {run}")));
        let release = move |()| sleep(secs(1)).map(move |()| closed.write(format!("closes {run}")));
        cx.run(acquire_release(acquire, release)).await?;
        let fails = StreamE::fail("broken").take(usize::from(run < last));
        Ok(StreamE::from_iter([run])
            .filter(move |run| *run == last)
            .concat(fails))
    }))
    .erase()
}

// T102
#[test]
fn a_stream_that_fails_begins_anew_by_a_schedule_once_it_has_let_go() {
    everywhere(async |cx: Cx<()>| {
        let (runs, log) = (Arc::default(), Log::new());
        let begin = cx.now();
        let retried = failing(&runs, &log, 2).retry(Schedule::exponential(secs(1)));
        let Ok(all) = cx.run(retried.run_collect()).await;
        assert_eq!(all, [Ok(2)]);
        let lines = [
            "opens 0", "closes 0", "opens 1", "closes 1", "opens 2", "closes 2",
        ];
        assert_eq!(log.lines(), lines);
        // Three times a second to let go, and a second and two between.
        assert_eq!(cx.now() - begin, secs(3 + 1 + 2));
        // Given up.
        let retried = failing(&Arc::default(), &log, 9).retry(Schedule::recurs(1));
        let Ok(all) = cx.run(retried.run_collect()).await;
        assert_eq!(all, [Err("broken")]);
    });
}

// T103
#[test]
fn a_later_run_that_fails_is_heard() {
    everywhere(async |cx: Cx<()>| {
        let runs = Arc::new(AtomicU32::new(0));
        let counting = StreamE::repeat_effect(move || {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            async move { if run == 2 { Err("the third") } else { Ok(run) } }
        });
        let run = counting
            .take(1)
            .repeat(Schedule::recurs(5))
            .collect_results();
        assert_eq!(cx.run(run).await, Err("the third"));
        let begin = cx.now();
        let spaced = Stream::once(1).repeat(Schedule::spaced(secs(1)).times(3));
        assert_eq!(cx.run(spaced.run_count()).await, Ok(4));
        assert_eq!(cx.now() - begin, secs(3));
    });
}

#[test]
fn what_comes_while_the_consumer_is_busy_is_one_item() {
    everywhere(async |cx: Cx<()>| {
        let every_second = Stream::range(0..7).tap(|_| sleep(secs(1))).into_values();
        let together = every_second.conflate(
            |n| vec![n],
            |mut all, n| {
                all.push(n);
                all
            },
        );
        let slow = together.tap(|_| sleep(millis(2_600))).into_values();
        let Ok(all) = cx.run(slow.run_collect()).await;
        assert_eq!(all, [vec![0], vec![1, 2], vec![3, 4, 5], vec![6]]);
    });
}

#[test]
fn a_failure_follows_what_was_made_one_before_it() {
    everywhere(async |cx: Cx<()>| {
        let elements = StreamE::from_results([Ok(1), Ok(2), Ok(3), Err("four"), Ok(5), Ok(6)]);
        let sums = elements.conflate(|n| n, |sum, n| sum + n);
        let seen = Log::new();
        let seeing = seen.clone();
        let run = sums.run_for_each(move |element| {
            seeing.write(format!("{element:?}"));
            sleep::<_, Never>(secs(1))
        });
        let Ok(()) = cx.run(run).await;
        // One comes at once, to nobody busy; what follows a failure waits until that is taken.
        let wanted = ["Ok(1)", "Ok(5)", "Err(\"four\")", "Ok(11)"];
        assert_eq!(seen.lines(), wanted);
    });
}
