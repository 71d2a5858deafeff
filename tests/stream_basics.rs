//! A stream pulls what is wanted, in order, and stops where it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use effect::prelude::*;
use futures::{StreamExt, poll};
use tokio::time::Instant;

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
#[tokio::test]
async fn a_stream_runs_twice_with_the_same_result() {
    let stream = Stream::range(1..6)
        .map(|n| n * 2)
        .filter(|n| *n > 5)
        .map(|n| format!("Result: {n}"));
    let Ok(collected) = stream.clone().run_collect().await;
    assert_eq!(collected, ["Result: 6", "Result: 8", "Result: 10"]);
    let iterated: Vec<_> = stream.into_stream().collect().await;
    assert_eq!(iterated, collected);
}

// S2-12
#[tokio::test(start_paused = true)]
async fn a_stream_takes_what_it_needs_of_a_channel() {
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
    let Ok((collected, ())) = squares.run_collect().zip_par(produce).await;
    assert_eq!(collected, [4, 16, 36, 64, 100]);
}

// S2-14
#[tokio::test]
async fn the_end_of_a_channel_is_the_end_of_its_stream() {
    let channel = Channel::bounded(3);
    channel.send_many([1, 2, 3]).await.unwrap();
    channel.close();
    let Ok(all) = Stream::from_channel(channel).take(5).run_collect().await;
    assert_eq!(all, [1, 2, 3]);
}

// S2-17
#[tokio::test]
async fn take_ends_an_endless_source() {
    let (pulls, numbers) = naturals();
    let Ok(all) = Stream::from_iter(numbers).take(3).run_collect().await;
    assert_eq!(all, [0, 1, 2]);
    assert_eq!(pulls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn take_pulls_exactly_its_count_however_it_is_run() {
    for count in [0, 1, 7] {
        let (pulls, numbers) = naturals();
        let Ok(folded) = Stream::from_iter(numbers.clone())
            .take(count)
            .run_fold(0, |sum, _| sum + 1)
            .await;
        assert_eq!((folded, pulls.swap(0, Ordering::Relaxed)), (count, count));

        let Ok(()) = Stream::from_iter(numbers.clone())
            .take(count)
            .run_for_each(|_| async { Ok::<_, Never>(()) })
            .await;
        assert_eq!(pulls.swap(0, Ordering::Relaxed), count);

        let Ok(erased) = Stream::from_iter(numbers.clone())
            .erase()
            .take(count)
            .run_collect()
            .await;
        assert_eq!(
            (erased.len(), pulls.swap(0, Ordering::Relaxed)),
            (count, count)
        );

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

#[tokio::test]
async fn take_leaves_the_rest_in_the_channel() {
    let channel = Channel::bounded(8);
    channel.send_many(0..8).await.unwrap();
    let stream = Stream::from_channel(channel.clone()).take(3);
    let Ok(first) = stream.clone().run_collect().await;
    let Ok(second) = stream.run_collect().await;
    assert_eq!((first, second), (vec![0, 1, 2], vec![3, 4, 5]));
    assert_eq!(channel.receive_many(8).await, Ok(vec![6, 7]));
}

#[tokio::test]
async fn chunks_group_items_and_keep_a_smaller_last_group() {
    let Ok(groups) = Stream::range(0..7).chunks(3).run_collect().await;
    assert_eq!(groups, [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
    let Ok(groups) = Stream::range(0..6).chunks(3).run_collect().await;
    assert_eq!(groups, [vec![0, 1, 2], vec![3, 4, 5]]);
    let Ok(groups) = Stream::range(0..0).chunks(3).run_collect().await;
    assert!(groups.is_empty());
}

#[tokio::test]
async fn chunks_do_not_ask_a_source_again_that_has_ended() {
    // `unfold` panics if it is polled after its end.
    let counted = futures::stream::unfold(0, async |n| (n < 4).then_some((n, n + 1)));
    let Ok(groups) = Stream::from_stream(counted.boxed())
        .chunks(3)
        .run_collect()
        .await;
    assert_eq!(groups, [vec![0, 1, 2], vec![3]]);
    let counted = futures::stream::unfold(0, async |n| (n < 4).then_some((Ok(n), n + 1)));
    let Ok(groups) = StreamE::<_, Never, _>::from_stream(counted.boxed())
        .chunks(3)
        .run_collect()
        .await;
    assert_eq!(groups, [Ok(vec![0, 1, 2]), Ok(vec![3])]);
}

#[tokio::test]
#[should_panic(expected = "a chunk has at least one item")]
async fn chunks_of_nothing_panic() {
    drop(Stream::<(), _>::range(0..3).chunks(0));
}

#[tokio::test]
#[should_panic(expected = "a chunk has at least one item")]
async fn chunks_of_no_values_panic() {
    drop(StreamE::<(), Never, _>::range(0..3).chunks(0));
}

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

#[tokio::test]
async fn an_erased_stream_behaves_as_the_one_inside() {
    fn boxed(n: usize) -> Stream<(), usize> {
        Stream::range(0..n).map(|n| n * 3).erase()
    }
    let plain = Stream::range(0..20).map(|n| n * 3);
    let Ok(expected) = plain.filter(|n| n % 2 == 0).chunks(3).run_collect().await;
    let erased = boxed(20).filter(|n| n % 2 == 0).erase().chunks(3).erase();
    let Ok(all) = erased.clone().run_collect().await;
    assert_eq!(all, expected);
    let Ok(again) = erased.clone().run_collect().await;
    assert_eq!(again, expected);
    assert_eq!(erased.into_stream().collect::<Vec<_>>().await, expected);
}

#[tokio::test]
async fn a_panic_in_a_stream_is_a_defect_of_its_run() {
    let exit = Stream::range(0..10)
        .map(|n| 10 / (n - 5))
        .run_collect()
        .run_exit()
        .await;
    let defect = exit.cause().and_then(Cause::defect).unwrap();
    assert_eq!(defect.message(), "attempt to divide by zero");
}

#[tokio::test(start_paused = true)]
async fn map_effect_runs_one_effect_after_the_other_and_never_ahead() {
    let start = Instant::now();
    let (pulls, numbers) = naturals();
    let slow = Stream::from_iter(numbers)
        .map_effect(|n| sleep::<_, Never>(millis(100)).map(move |()| n))
        .take(3);
    let Ok(all) = slow.run_collect().await;
    assert_eq!(all, [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(start.elapsed(), millis(300));
    assert_eq!(pulls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn run_for_each_ends_with_the_first_error_and_pulls_no_more() {
    let (pulls, numbers) = naturals();
    let body = |n| async move { if n == 4 { Err("four") } else { Ok(()) } };
    let run = Stream::from_iter(numbers).run_for_each(body);
    assert_eq!(run.await, Err("four"));
    assert_eq!(pulls.load(Ordering::Relaxed), 5);
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

#[tokio::test(start_paused = true)]
async fn an_interrupted_stream_runs_the_finalizers_of_its_effect_before_it_ends() {
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
        let start = Instant::now();
        let timed = run.timeout(millis(220)).await;
        assert!(timed.is_err());
        // One had ended at 150 ms; the other was in its midst.
        assert_eq!(released.load(Ordering::Relaxed), 2);
        assert_eq!(start.elapsed(), millis(270));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_take_ends_runs_the_finalizers_of_what_was_in_flight() {
    let released = Arc::new(AtomicUsize::new(0));
    let run = guarded(&released)
        .merge(Stream::range(0..5).map(Ok))
        .take(2)
        .run_collect();
    let Ok(all) = run.await;
    assert_eq!(all, [Ok(0), Ok(1)]);
    assert_eq!(released.load(Ordering::Relaxed), 1);
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

#[tokio::test(start_paused = true)]
async fn a_fold_over_a_channel_whose_sender_keeps_up_can_be_interrupted() {
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
            effect::yield_now().await;
        }
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        let Ok(_) = cx.run(sending.interrupt()).await;
        Ok::<_, Never>(exit.is_interrupt())
    });
    assert_eq!(program.await, Ok(true));
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
