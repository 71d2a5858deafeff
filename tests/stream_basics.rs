//! A stream pulls what is wanted, in order, and stops where it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{everywhere, exit_of, on_both};
use effect::prelude::*;
use effect::yield_now;
use futures::{StreamExt, poll};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The natural numbers, and how many of them were asked for.
fn naturals() -> (Arc<AtomicUsize>, impl Iterator<Item = usize> + Clone + Send) {
    let pulls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pulls);
    let numbers = (0..).inspect(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    (pulls, numbers)
}

// S2-11
#[test]
fn a_stream_runs_twice_with_the_same_result() {
    on_both(async |cx: Cx<()>| {
        let stream = Stream::range(1..6)
            .map(|n| n * 2)
            .filter(|n| *n > 5)
            .map(|n| format!("Result: {n}"));
        let Ok(collected) = cx.run(stream.clone().run_collect()).await;
        assert_eq!(collected, ["Result: 6", "Result: 8", "Result: 10"]);
        let Ok(again) = cx.run(stream.run_collect()).await;
        assert_eq!(again, collected);
    });
}

// S2-12
#[test]
fn a_stream_takes_what_it_needs_of_a_channel() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(5);
        let input = channel.clone();
        let produce = effect(async move |cx: Cx<()>| {
            for n in 1..=10 {
                channel.send(n).await.unwrap();
                cx.sleep(millis(100)).await;
            }
            channel.close();
            Ok(())
        });
        let squares = Stream::from_channel(input)
            .map(|n| n * n)
            .filter(|n| n % 2 == 0)
            .take(5);
        let Ok((collected, ())) = cx.run(squares.run_collect().zip_par(produce)).await;
        assert_eq!(collected, [4, 16, 36, 64, 100]);
    });
}

// S2-14
#[test]
fn the_end_of_a_channel_is_the_end_of_its_stream() {
    on_both(async |cx: Cx<()>| {
        let channel = Channel::bounded(3);
        channel.send_many([1, 2, 3]).await.unwrap();
        channel.close();
        let run = Stream::from_channel(channel).take(5).run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [1, 2, 3]);
    });
}

// S2-17
#[test]
fn take_ends_an_endless_source() {
    on_both(async |cx: Cx<()>| {
        let (pulls, numbers) = naturals();
        let run = Stream::from_iter(numbers).take(3).run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [0, 1, 2]);
        assert_eq!(pulls.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn take_pulls_exactly_its_count_however_it_is_run() {
    on_both(async |cx: Cx<()>| {
        for count in [0, 1, 7] {
            let (pulls, numbers) = naturals();
            let run = Stream::from_iter(numbers.clone())
                .take(count)
                .run_fold(0, |sum, _| sum + 1);
            let Ok(folded) = cx.run(run).await;
            assert_eq!((folded, pulls.swap(0, Ordering::Relaxed)), (count, count));

            let run = Stream::from_iter(numbers.clone())
                .take(count)
                .run_for_each(|_| async { Ok::<_, Never>(()) });
            let Ok(()) = cx.run(run).await;
            assert_eq!(pulls.swap(0, Ordering::Relaxed), count);

            let run = Stream::from_iter(numbers.clone())
                .erase()
                .take(count)
                .run_collect();
            let Ok(erased) = cx.run(run).await;
            assert_eq!(
                (erased.len(), pulls.swap(0, Ordering::Relaxed)),
                (count, count)
            );
        }
    });
}

#[tokio::test]
async fn take_pulls_exactly_its_count_for_into_stream() {
    for count in [0, 1, 7] {
        let (pulls, numbers) = naturals();
        let left: Vec<_> = Stream::from_iter(numbers)
            .take(count)
            .into_stream()
            .collect()
            .await;
        assert_eq!(
            (left.len(), pulls.swap(0, Ordering::Relaxed)),
            (count, count)
        );
    }
}

#[test]
fn take_leaves_the_rest_in_the_channel() {
    on_both(async |cx: Cx<()>| {
        let channel = Channel::bounded(8);
        channel.send_many(0..8).await.unwrap();
        let stream = Stream::from_channel(channel.clone()).take(3);
        let Ok(first) = cx.run(stream.clone().run_collect()).await;
        let Ok(second) = cx.run(stream.run_collect()).await;
        assert_eq!((first, second), (vec![0, 1, 2], vec![3, 4, 5]));
        assert_eq!(channel.receive_many(8).await, Ok(vec![6, 7]));
    });
}

#[test]
fn chunks_group_items_and_keep_a_smaller_last_group() {
    on_both(async |cx: Cx<()>| {
        let Ok(groups) = cx.run(Stream::range(0..7).chunks(3).run_collect()).await;
        assert_eq!(groups, [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
        let Ok(groups) = cx.run(Stream::range(0..6).chunks(3).run_collect()).await;
        assert_eq!(groups, [vec![0, 1, 2], vec![3, 4, 5]]);
        let Ok(groups) = cx.run(Stream::range(0..0).chunks(3).run_collect()).await;
        assert!(groups.is_empty());
    });
}

#[test]
fn chunks_do_not_ask_a_source_again_that_has_ended() {
    on_both(async |cx: Cx<()>| {
        // `unfold` panics if it is polled after its end.
        let counted = futures::stream::unfold(0, async |n| (n < 4).then_some((n, n + 1)));
        let run = Stream::from_stream(counted.boxed()).chunks(3).run_collect();
        let Ok(groups) = cx.run(run).await;
        assert_eq!(groups, [vec![0, 1, 2], vec![3]]);
        let counted = futures::stream::unfold(0, async |n| (n < 4).then_some((Ok(n), n + 1)));
        let run = StreamE::<_, Never, _>::from_stream(counted.boxed())
            .chunks(3)
            .run_collect();
        let Ok(groups) = cx.run(run).await;
        assert_eq!(groups, [Ok(vec![0, 1, 2]), Ok(vec![3])]);
    });
}

#[test]
#[should_panic(expected = "a chunk has at least one item")]
fn chunks_of_nothing_panic() {
    drop(Stream::<(), _>::range(0..3).chunks(0));
}

#[test]
#[should_panic(expected = "a chunk has at least one item")]
fn chunks_of_no_values_panic() {
    drop(StreamE::<(), Never, _>::range(0..3).chunks(0));
}

// id_effect 5
#[tokio::test(start_paused = true)]
async fn a_timeout_stops_a_filter_that_never_keeps_anything() {
    let (pulls, numbers) = naturals();
    let endless = [
        Stream::from_iter(numbers.clone()).filter(|_| false).erase(),
        Stream::from_iter(numbers.clone())
            .erase()
            .filter(|_| false)
            .erase(),
        Stream::from_iter(numbers.clone())
            .merge(Stream::from_iter(numbers))
            .filter(|_| false)
            .erase(),
    ];
    for stream in endless {
        // Nothing is ever idle, so virtual time has to be told to go on.
        let clock = effect(async |_: Cx<()>| {
            tokio::time::advance(millis(20)).await;
            Ok::<_, Never>(())
        });
        let run = clock
            .fork()
            .flat_map(move |_clock| stream.run_collect())
            .timeout(millis(10));
        assert_eq!(run.await, Err(TimeoutError::Elapsed(millis(10))));
        assert!(pulls.swap(0, Ordering::Relaxed) > 0);
    }
}

fn erased_chunks() -> Stream<(), Vec<usize>> {
    fn boxed(n: usize) -> Stream<(), usize> {
        Stream::range(0..n).map(|n| n * 3).erase()
    }
    boxed(20).filter(|n| n % 2 == 0).erase().chunks(3).erase()
}

#[test]
fn an_erased_stream_behaves_as_the_one_inside() {
    on_both(async |cx: Cx<()>| {
        let plain = Stream::range(0..20).map(|n| n * 3);
        let run = plain.filter(|n| n % 2 == 0).chunks(3).run_collect();
        let Ok(expected) = cx.run(run).await;
        let erased = erased_chunks();
        let Ok(all) = cx.run(erased.clone().run_collect()).await;
        assert_eq!(all, expected);
        let Ok(again) = cx.run(erased.run_collect()).await;
        assert_eq!(again, expected);
    });
}

#[tokio::test]
async fn into_stream_of_an_erased_stream_is_no_other() {
    let Ok(expected) = erased_chunks().run_collect().await;
    let all: Vec<_> = erased_chunks().into_stream().collect().await;
    assert_eq!(all, expected);
}

#[test]
fn a_panic_in_a_stream_is_a_defect_of_its_run() {
    on_both(async |cx: Cx<()>| {
        let run = Stream::range(0..10).map(|n| 10 / (n - 5)).run_collect();
        let exit = exit_of(&cx, run).await;
        let defect = exit.cause().and_then(Cause::defect).unwrap();
        assert_eq!(defect.message(), "attempt to divide by zero");
    });
}

// id_effect 12
#[test]
fn map_effect_runs_one_effect_after_the_other_and_never_ahead() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        let (pulls, numbers) = naturals();
        let slow = Stream::from_iter(numbers)
            .map_effect(|n| sleep::<_, Never>(millis(100)).map(move |()| n))
            .take(3);
        let Ok(all) = cx.run(slow.run_collect()).await;
        assert_eq!(all, [Ok(0), Ok(1), Ok(2)]);
        assert_eq!(cx.now() - start, millis(300));
        assert_eq!(pulls.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn run_for_each_ends_with_the_first_error_and_pulls_no_more() {
    on_both(async |cx: Cx<()>| {
        let (pulls, numbers) = naturals();
        let body = |n| async move { if n == 4 { Err("four") } else { Ok(()) } };
        let run = Stream::from_iter(numbers).run_for_each(body);
        assert_eq!(cx.run(run).await, Err("four"));
        assert_eq!(pulls.load(Ordering::Relaxed), 5);
    });
}

/// A stream whose effects take 100 ms each, and are released 50 ms after they have ended.
fn guarded(released: &Arc<AtomicUsize>) -> Stream<(), Result<usize, Never>> {
    let released = Arc::clone(released);
    let work = move |n| {
        let released = Arc::clone(&released);
        sleep(millis(100))
            .map(move |()| n)
            .ensuring(sleep(millis(50)).map(move |()| {
                released.fetch_add(1, Ordering::Relaxed);
            }))
    };
    Stream::range(0..10).map_effect(work).into_results().erase()
}

#[test]
fn an_interrupted_stream_runs_the_finalizers_of_its_effect_before_it_ends() {
    everywhere(async |cx: Cx<()>| {
        let released = Arc::new(AtomicUsize::new(0));
        let ends: [Effect<(), Never, ()>; 3] = [
            guarded(&released).run_collect().map(drop).erase(),
            guarded(&released)
                .run_fold(0, |n, _| n + 1)
                .map(drop)
                .erase(),
            guarded(&released)
                .run_for_each(|_| async { Ok::<_, Never>(()) })
                .erase_once(),
        ];
        for run in ends {
            released.store(0, Ordering::Relaxed);
            let start = cx.now();
            let timed = cx.run(run.timeout(millis(220))).await;
            assert!(timed.is_err());
            // One had ended at 150 ms; the other was in its midst.
            assert_eq!(released.load(Ordering::Relaxed), 2);
            assert_eq!(cx.now() - start, millis(270));
        }
    });
}

#[test]
fn a_stream_that_take_ends_runs_the_finalizers_of_what_was_in_flight() {
    everywhere(async |cx: Cx<()>| {
        let released = Arc::new(AtomicUsize::new(0));
        let run = guarded(&released)
            .merge(Stream::range(0..5).map(Ok))
            .take(2)
            .run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [Ok(0), Ok(1)]);
        assert_eq!(released.load(Ordering::Relaxed), 1);
    });
}

#[tokio::test]
async fn into_stream_gives_the_same_items_and_ends() {
    let stream = Stream::range(0..100).map(|n| n * n).filter(|n| n % 3 == 0);
    let Ok(expected) = stream.clone().run_collect().await;
    let mut plain = stream.into_stream();
    let mut all = Vec::new();
    while let Some(n) = plain.next().await {
        all.push(n);
    }
    assert_eq!(all, expected);
    assert_eq!(plain.next().await, None);
    assert_eq!(plain.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn into_stream_reads_one_item_ahead_at_most() {
    let (pulls, numbers) = naturals();
    let mut plain = Stream::from_iter(numbers).into_stream();
    assert_eq!(pulls.load(Ordering::Relaxed), 0);
    for n in 0..5 {
        assert_eq!(plain.next().await, Some(n));
        assert!(pulls.load(Ordering::Relaxed) <= n + 2);
    }
}

#[tokio::test(start_paused = true)]
async fn into_stream_runs_finalizers_when_it_is_dropped() {
    let released = Arc::new(AtomicUsize::new(0));
    let mut plain = guarded(&released).into_stream();
    assert_eq!(plain.next().await, Some(Ok(0)));
    assert_eq!(released.load(Ordering::Relaxed), 1);
    let Ok(()) = sleep::<_, Never>(millis(1)).await;
    assert!(poll!(plain.next()).is_pending());
    drop(plain);
    let Ok(()) = sleep::<_, Never>(millis(60)).await;
    assert_eq!(released.load(Ordering::Relaxed), 2);
}

#[tokio::test]
#[should_panic(expected = "a bug in the stream")]
async fn into_stream_panics_with_the_defect_of_the_stream() {
    let broken = Stream::range(0..3).map(|n| {
        assert!(n < 2, "a bug in the stream");
        n
    });
    assert_eq!(broken.into_stream().collect::<Vec<_>>().await, [0, 1]);
}

#[test]
fn a_fold_over_a_channel_whose_sender_keeps_up_can_be_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1024);
        let sender = channel.clone();
        let program = effect(async move |cx: Cx<()>| {
            let sending = cx.fork(effect(async move |_: Cx<()>| {
                while sender.send_many(0..64_u64).await.is_ok() {}
                Ok::<_, Never>(())
            }));
            let folded = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&folded);
            let endless = Stream::from_channel(channel).run_fold((), move |(), _| {
                count.fetch_add(1, Ordering::Relaxed);
            });
            let fiber = cx.fork(endless);
            while folded.load(Ordering::Relaxed) < 5_000 {
                yield_now().await;
            }
            let Ok(exit) = cx.run(fiber.interrupt()).await;
            let Ok(_) = cx.run(sending.interrupt()).await;
            Ok::<_, Never>(exit.is_interrupt())
        });
        assert_eq!(cx.run(program).await, Ok(true));
    });
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the stream was cut short: interrupted")]
async fn a_stream_that_is_interrupted_from_within_never_looks_complete() {
    let broken = Stream::range(0..5).map_effect(|n: u32| {
        effect(async move |cx: Cx<()>| {
            if n == 2 {
                let fiber = cx.fork(never::<_, Never, ()>());
                fiber.interrupt_fork();
                cx.run(fiber.join()).await?;
            }
            Ok::<_, Never>(n)
        })
    });
    broken.into_stream().collect::<Vec<_>>().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_item_comes_before_the_panic_that_cut_its_stream_short() {
    let broken = Stream::range(1..6).map(|n| {
        assert!(n != 3, "three");
        n
    });
    let mut items = broken.into_stream();
    assert_eq!(items.next().await, Some(1));
    assert_eq!(items.next().await, Some(2));
    let end = std::panic::AssertUnwindSafe(items.next());
    assert!(futures::FutureExt::catch_unwind(end).await.is_err());
    assert_eq!(items.next().await, None);
}
