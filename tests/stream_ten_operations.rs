//! The operations that most programs of streams are made of, as a beginner asks for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::common::{everywhere, on_both};
use effect::prelude::*;

fn of(numbers: &[i64]) -> Stream<(), i64> {
    Stream::from_iter(numbers.to_vec()).erase()
}

// S1-01
#[test]
fn a_range_that_is_empty_or_backward_has_no_items() {
    everywhere(async |cx: Cx<()>| {
        for (from, to, wanted) in [(0, 10, 10), (0, 0, 0), (5, 1, 0)] {
            let Ok(all) = cx.run(Stream::range(from..to).run_collect()).await;
            assert_eq!(all, (from..from + wanted).collect::<Vec<_>>());
        }
    });
}

// S1-02, S1-03
#[test]
fn items_are_mapped_and_filtered() {
    everywhere(async |cx: Cx<()>| {
        let doubled = |numbers| of(numbers).map(|n| n * 2).run_collect();
        assert_eq!(cx.run(doubled(&[1, 2, 3])).await, Ok(vec![2, 4, 6]));
        assert_eq!(cx.run(doubled(&[])).await, Ok(vec![]));
        let filtered = of(&[1, 2, 3, 4, 5]).filter(|n| *n >= 3).run_collect();
        assert_eq!(cx.run(filtered).await, Ok(vec![3, 4, 5]));
    });
}

// S1-05, S1-07
#[test]
fn items_are_put_into_chunks_and_folded() {
    everywhere(async |cx: Cx<()>| {
        let chunks = Stream::range(0..10).chunks(3).run_collect();
        let wanted = [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8], vec![9]];
        assert_eq!(cx.run(chunks).await, Ok(wanted.to_vec()));
        for (to, wanted) in [(101, 5050), (1, 0)] {
            let sum = Stream::range(1..to).run_fold(0, |sum, n| sum + n);
            assert_eq!(cx.run(sum).await, Ok(wanted));
        }
    });
}

// S1-08
#[test]
fn two_that_are_always_ready_alternate() {
    everywhere(async |cx: Cx<()>| {
        let cases: [[&[i64]; 3]; 3] = [
            [&[1, 3, 5], &[2, 4, 6], &[1, 2, 3, 4, 5, 6]],
            [&[1, 2, 3, 4, 5], &[10], &[1, 10, 2, 3, 4, 5]],
            [&[], &[1, 2], &[1, 2]],
        ];
        for [left, right, wanted] in cases {
            let Ok(all) = cx.run(of(left).merge(of(right)).run_collect()).await;
            assert_eq!(all, wanted);
        }
    });
}

fn checked(numbers: &[i64]) -> StreamE<(), String, i64> {
    let checked = of(numbers).map_effect(|n| {
        from_result(if n == 3 {
            Err(format!("Failed on: {n}"))
        } else {
            Ok(n * 2)
        })
    });
    checked.erase()
}

// S1-09
#[test]
fn failures_are_elements_or_end_what_is_collected() {
    everywhere(async |cx: Cx<()>| {
        let failed = || Err("Failed on: 3".to_owned());
        let Ok(each) = cx.run(checked(&[1, 2, 3, 4]).run_collect()).await;
        assert_eq!(each, [Ok(2), Ok(4), failed(), Ok(8)]);
        let all = cx.run(checked(&[1, 2, 3, 4]).collect_results()).await;
        assert_eq!(all, failed().map(|n| vec![n]));
        let all = cx.run(checked(&[1, 2, 4]).collect_results()).await;
        assert_eq!(all, Ok(vec![2, 4, 8]));
    });
}

// S1-10
#[test]
fn the_end_says_whether_a_failure_ends_the_run() {
    everywhere(async |cx: Cx<()>| {
        let run = || {
            let evaluated = Arc::new(AtomicU32::new(0));
            let counting = Arc::clone(&evaluated);
            let stream = of(&[1, 2, 3, 2]).map_effect(move |n| {
                counting.fetch_add(1, Ordering::SeqCst);
                from_result(if n == 2 { Err(n) } else { Ok(n) })
            });
            (stream, evaluated)
        };
        let (stream, evaluated) = run();
        let Ok((good, bad)) = cx.run(stream.partition()).await;
        assert_eq!((good, bad), (vec![1, 3], vec![2, 2]));
        assert_eq!(evaluated.load(Ordering::SeqCst), 4);
        let (stream, evaluated) = run();
        assert_eq!(cx.run(stream.collect_results()).await, Err(2));
        assert_eq!(evaluated.load(Ordering::SeqCst), 2);
    });
}

// S1-13
#[test]
fn a_delayed_stream_passes_a_channel_in_its_own_time() {
    everywhere(async |cx: Cx<()>| {
        let delay = Duration::from_millis(10);
        let channel = Channel::bounded(10);
        let closing = channel.clone();
        let delayed = Stream::range(0..5).tap(move |_| sleep(delay)).into_values();
        let begin = cx.now();
        let sending = delayed.run_into_channel(&channel);
        let sending = sending.ensuring(sync(move || closing.close())).exit();
        let receiving = Stream::from_channel(channel).run_collect();
        let Ok((_, all)) = cx.run(sending.zip_par(receiving)).await;
        assert_eq!(all, [0, 1, 2, 3, 4]);
        assert_eq!(cx.now() - begin, delay * 5);
    });
}

// S1-17
#[test]
fn a_million_items_are_folded() {
    on_both(async |cx: Cx<()>| {
        let numbers = Stream::range(0..1_000_000_u64);
        let even = numbers.map(|n| n * 3).filter(|n| n % 2 == 0);
        let Ok(sum) = cx.run(even.run_fold(0, |sum, n| sum + n)).await;
        assert_eq!(
            sum,
            (0..1_000_000).step_by(2).map(|n: u64| n * 3).sum::<u64>()
        );
    });
}
