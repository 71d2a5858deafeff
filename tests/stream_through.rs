//! Through a channel and to several beside, and the other operators that Faust has.

use std::panic;
use std::time::Duration;

use effect::prelude::*;

use crate::common::{Log, everywhere, on_both, secs};

// S3-08
#[test]
fn steps_apply_in_the_order_of_their_list() {
    type Step = fn(Stream<(), u32>) -> Stream<(), u32>;
    on_both(async |cx: Cx<()>| {
        let increment: Step = |numbers| numbers.map(|n| n + 1).erase();
        let multiply: Step = |numbers| {
            let slowly = |n| sleep::<_, Never>(secs(1)).map(move |()| n * 10);
            numbers.map_effect(slowly).into_values().erase()
        };
        for (steps, expected) in [
            (vec![increment, multiply], [20, 30]),
            (vec![multiply, increment], [11, 21]),
        ] {
            let numbers = Stream::range(1..3).erase();
            let processed = steps
                .into_iter()
                .fold(numbers, |numbers, step| step(numbers));
            let Ok(all) = cx.run(processed.run_collect()).await;
            assert_eq!(all, expected);
        }
    });
}

// S3-09
#[test]
fn combined_streams_have_all_items_of_both() {
    everywhere(async |cx: Cx<()>| {
        let both = Stream::from_iter([1, 2]).merge(Stream::from_iter([10, 20]));
        let Ok(all) = cx.run(both.run_collect()).await;
        let (small, large): (Vec<_>, Vec<_>) = all.into_iter().partition(|n| *n < 10);
        assert_eq!((small, large), (vec![1, 2], vec![10, 20]));
    });
}

// S3-16
#[test]
fn a_chunk_without_a_time_waits_for_its_last_item() {
    on_both(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        let chunks = cx.fork(
            Stream::from_channel(channel.clone())
                .chunks(100)
                .take(1)
                .run_collect(),
        );
        channel.send_many(0..99).await.unwrap();
        cx.sleep(secs(1_000)).await;
        assert!(!chunks.is_done());
        channel.send(99).await.unwrap();
        let chunks = cx.run(chunks.join::<()>()).await.unwrap();
        assert_eq!(chunks, [(0..100).collect::<Vec<_>>()]);
    });
}

// S3-20: a panic where it is built, at the caller's place, as everywhere here.
#[test]
fn chunks_of_nothing_are_refused_where_they_are_built() {
    let make = || {
        let _ = Stream::<(), _>::range(0..3).chunks_within(0, Duration::from_millis(200));
    };
    assert!(panic::catch_unwind(make).is_err());
}

// S3-21
#[test]
fn items_are_counted_from_zero_or_from_anything() {
    on_both(async |cx: Cx<()>| {
        let Ok(all) = cx
            .run(Stream::from_iter(["a", "b", "c"]).enumerate().run_collect())
            .await;
        assert_eq!(all, [(0, "a"), (1, "b"), (2, "c")]);
        let Ok(all) = cx
            .run(
                Stream::from_iter(["a", "b"])
                    .enumerate_from(5)
                    .run_collect(),
            )
            .await;
        assert_eq!(all, [(5, "a"), (6, "b")]);
    });
}

// S3-26
#[test]
fn a_stream_over_a_list_ends_with_it() {
    on_both(async |cx: Cx<()>| {
        let Ok(all) = cx.run(Stream::from_iter([0, 1, 2]).run_collect()).await;
        assert_eq!(all, [0, 1, 2]);
        let Ok(none) = cx
            .run(Stream::from_iter(Vec::<u32>::new()).run_collect())
            .await;
        assert!(none.is_empty());
    });
}

// S3-22
#[test]
fn items_go_through_a_channel_in_order_and_once() {
    everywhere(async |cx: Cx<()>| {
        for capacity in 0..4 {
            let channel = Channel::bounded(capacity);
            let through = Stream::range(0..5).through(&channel);
            let all = cx.run(through.clone().collect_results()).await;
            assert_eq!(all, Ok(vec![0, 1, 2, 3, 4]));
            assert!(channel.is_closed());
            let again = cx.run(through.run_collect()).await;
            assert_eq!(again, Ok::<_, Never>(vec![Err(SendError(0))]));
        }
    });
}

#[test]
fn what_others_send_comes_out_and_what_others_take_does_not() {
    on_both(async |cx: Cx<()>| {
        let channel = Channel::bounded(8);
        channel.send(100).await.unwrap();
        let slow = Stream::range(0..3).tap(|_| sleep(secs(2))).into_values();
        let all = cx.fork(slow.through(&channel).collect_results());
        cx.sleep(secs(1)).await;
        channel.send(101).await.unwrap();
        let all = cx.run(all.join::<()>()).await;
        assert_eq!(all, Ok(vec![100, 101, 0, 1, 2]));
    });
}

#[test]
fn a_channel_that_somebody_closes_ends_the_stream_with_the_item_it_refuses() {
    on_both(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let closing = channel.clone();
        let slow = Stream::range(0..9).tap(|_| sleep(secs(2))).into_values();
        let finalizers = Log::new();
        let source = slow.ensuring(finalizers.note_after(secs(5), "released"));
        let all = cx.fork(source.through(&channel).run_collect());
        cx.sleep(secs(5)).await;
        closing.close();
        let all = cx.run(all.join::<()>()).await;
        assert_eq!(all, Ok(vec![Ok(0), Ok(1), Err(SendError(2))]));
        assert_eq!(finalizers.lines(), ["released"]);
    });
}

#[test]
fn an_interrupted_stream_leaves_the_channel_open_with_what_is_in_it() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(3);
        let reading = Stream::range(0..9)
            .through(&channel)
            .run_for_each(|n| sleep::<_, Never>(secs(1)).map(move |()| assert!(n.is_ok())));
        let reading = cx.fork(reading);
        cx.sleep(Duration::from_millis(1_500)).await;
        let Ok(_) = cx.run(reading.interrupt::<()>()).await;
        assert!(!channel.is_closed());
        // Two were taken, and there is room for three.
        assert_eq!(channel.receive_many(9).await, Ok(vec![2, 3, 4]));
    });
}

// S3-23
#[test]
fn an_echo_has_all_items_on_all_sides() {
    everywhere(async |cx: Cx<()>| {
        for capacity in 0..3 {
            let (a, b) = (Channel::bounded(capacity), Channel::bounded(capacity));
            let closing = [a.clone(), b.clone()];
            let close = sync(move || closing.iter().for_each(Channel::close));
            let echoed = cx.fork(
                Stream::range(0..3)
                    .echo([&a, &b])
                    .ensuring(close)
                    .run_collect(),
            );
            let a = Stream::from_channel(a).run_collect();
            let b = Stream::from_channel(b).run_collect();
            let sides = cx.run(a.zip_par(b)).await;
            assert_eq!(sides, Ok::<_, Never>((vec![0, 1, 2], vec![0, 1, 2])));
            assert_eq!(cx.run(echoed.join()).await, Ok::<_, Never>(vec![0, 1, 2]));
        }
    });
}

// One after the other, the second channel would get nothing while the first is full.
#[test]
fn an_echo_waits_for_the_slowest_and_lets_the_others_have_the_item() {
    on_both(async |cx: Cx<()>| {
        let (full, other) = (Channel::bounded(1), Channel::bounded(1));
        full.send(9).await.unwrap();
        let echoed = cx.fork(Stream::range(0..2).echo([&full, &other]).run_collect());
        assert_eq!(other.receive().await, Ok(0));
        cx.sleep(secs(1)).await;
        assert!(!echoed.is_done());
        // Whoever is gone holds up nobody.
        assert_eq!(full.abort(), [9]);
        assert_eq!(other.receive().await, Ok(1));
        assert_eq!(cx.run(echoed.join()).await, Ok::<_, Never>(vec![0, 1]));
        assert!(!other.is_closed());
    });
}

#[test]
fn an_echo_to_nobody_is_the_stream() {
    on_both(async |cx: Cx<()>| {
        let Ok(all) = cx.run(Stream::range(0..3).echo([]).run_collect()).await;
        assert_eq!(all, [0, 1, 2]);
    });
}
