//! Streams of two sides: merged, in turns, in pairs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::dice::Dice;
use crate::common::{Log, everywhere, in_turns, secs};
use effect::MergeEnd;
use effect::prelude::*;

/// Elements, each after a while.
fn every(beat: u64, numbers: std::ops::Range<u32>) -> StreamE<(), &'static str, u32> {
    Stream::range(numbers)
        .map_effect(move |n| sleep(secs(beat)).map(move |()| n))
        .erase()
}

// T83
#[test]
fn a_failing_side_is_heard_beside_one_that_never_answers() {
    everywhere(async |cx: Cx<()>| {
        let hanging = || Stream::never().map_effect(succeed::<(), &str, u32>);
        for (left, right) in [
            (hanging().erase(), StreamE::fail("one side").erase()),
            (StreamE::fail("one side").erase(), hanging().erase()),
        ] {
            let merged = left.clone().merge(right.clone()).run_drain();
            assert_eq!(cx.run(merged).await, Err("one side"));
            let zipped = left.zip(right).run_drain();
            assert_eq!(cx.run(zipped).await, Err("one side"));
        }
    });
}

// T83
#[test]
fn a_merge_ends_with_the_side_that_it_is_to_end_with() {
    everywhere(async |cx: Cx<()>| {
        // The left one ends at 4 s, the right one at 6 s.
        let left = || every(2, 0..2);
        let right = || every(1, 10..16);
        for (end, seconds) in [
            (MergeEnd::Both, 6),
            (MergeEnd::Either, 4),
            (MergeEnd::Left, 4),
            (MergeEnd::Right, 6),
        ] {
            let begin = cx.now();
            let run = left().merge_until(end, right()).collect_results();
            let all = cx.run(run).await.unwrap();
            assert_eq!(cx.now() - begin, secs(seconds), "{end:?}");
            assert!(all.contains(&0) && all.contains(&1), "{end:?}: {all:?}");
        }
    });
}

// T83
#[test]
fn what_the_other_side_has_begun_is_cleaned_up_before_the_merge_ends() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let waiting = {
            let work = never::<_, &str, u32>().on_interrupt(log.note_after(secs(1), "inner"));
            StreamE::from_effect(work.ensuring(log.note("outer")))
        };
        let run = every(1, 0..2)
            .merge_until(MergeEnd::Left, waiting)
            .run_drain();
        assert_eq!(cx.run(run).await, Ok(()));
        assert_eq!(log.lines(), ["inner", "outer"]);
    });
}

// T84: ours asks no side while the consumer is busy, as fs2 does with `mergeAndAwaitDownstream`.
#[test]
fn a_merge_asks_nobody_while_its_consumer_is_busy() {
    everywhere(async |cx: Cx<()>| {
        let value = Arc::new(AtomicU32::new(0));
        let read = || {
            let value = Arc::clone(&value);
            Stream::unfold((), move |()| Some(value.load(Ordering::SeqCst)))
        };
        let seen = Log::new();
        let (log, written) = (seen.clone(), Arc::clone(&value));
        let run = read().merge(read()).take(4).run_for_each(move |v| {
            log.write(v.to_string());
            let value = Arc::clone(&written);
            sleep::<_, Never>(secs(1)).map(move |()| value.store(v + 1, Ordering::SeqCst))
        });
        assert_eq!(cx.run(run).await, Ok(()));
        assert_eq!(seen.lines(), ["0", "1", "2", "3"]);
    });
}

// T94
#[test]
fn the_tail_of_the_longer_side_is_not_pulled() {
    everywhere(async |cx: Cx<()>| {
        let pulled = Arc::new(AtomicU32::new(0));
        let counting = Arc::clone(&pulled);
        let longer = Stream::from_iter(0..).inspect(move |_| {
            counting.fetch_add(1, Ordering::SeqCst);
        });
        let shorter = Stream::range(0..3);
        let pairs = shorter.clone().zip(longer.clone()).run_count();
        assert_eq!(cx.run(pairs).await, Ok(3));
        assert_eq!(pulled.swap(0, Ordering::SeqCst), 3);
        // The left side is asked first: one item has no partner.
        let pairs = longer.zip(shorter).run_count();
        assert_eq!(cx.run(pairs).await, Ok(3));
        assert_eq!(pulled.load(Ordering::SeqCst), 4);
    });
}

#[test]
fn sides_of_a_pair_are_made_at_the_same_time() {
    everywhere(async |cx: Cx<()>| {
        let begin = cx.now();
        let pairs = every(2, 0..3).zip(every(3, 0..3)).collect_results();
        assert_eq!(cx.run(pairs).await, Ok(vec![(0, 0), (1, 1), (2, 2)]));
        assert_eq!(cx.now() - begin, secs(9));
    });
}

#[test]
fn of_the_latest_items_each_new_one_makes_a_pair() {
    everywhere(async |cx: Cx<()>| {
        // Both have an item at 3 s, and are asked for the next one then: that comes at 5 and 7 s, and at 6.5 s.
        let slow = every(2, 0..3).into_results();
        let slower = Stream::from_iter([6, 7])
            .map_effect(|halves| sleep::<_, Never>(secs(halves) / 2).map(move |()| halves))
            .into_values();
        let pairs = slow.zip_latest(slower).run_collect();
        let expected = [(0, 6), (1, 6), (1, 7), (2, 7)].map(|(one, other)| (Ok(one), other));
        assert_eq!(cx.run(pairs).await, Ok(expected.to_vec()));
    });
}

#[test]
fn sides_in_turns_wait_for_each_other() {
    everywhere(async |cx: Cx<()>| {
        let fast = Stream::range(0..4).map_effect(succeed::<(), &str, u32>);
        let run = every(2, 10..12).interleave(fast).collect_results();
        assert_eq!(cx.run(run).await, Ok(vec![10, 0, 11, 1, 2, 3]));
    });
}

#[test]
fn what_is_in_order_on_both_sides_is_in_order_merged() {
    in_turns(async |cx: Cx<()>| {
        for seed in 0..1_000 {
            let mut dice = Dice(seed);
            let mut side = |name: &'static str| {
                let count = dice.roll(8);
                let mut keys: Vec<_> = (0..count).map(|_| dice.roll(6)).collect();
                keys.sort_unstable();
                keys.into_iter().map(|key| (key, name)).collect::<Vec<_>>()
            };
            let (left, right) = (side("left"), side("right"));
            let merged = Stream::from_iter(left.clone())
                .merge_sorted_by_key(Stream::from_iter(right.clone()), |(key, _)| *key);
            let Ok(merged) = cx.run(merged.run_collect()).await;
            let mut sorted = [left, right].concat();
            sorted.sort_by_key(|(key, _)| *key);
            assert_eq!(merged, sorted, "seed {seed}");
        }
    });
}

#[test]
fn both_sides_of_a_sorted_merge_are_asked_at_the_same_time() {
    everywhere(async |cx: Cx<()>| {
        let begin = cx.now();
        let merged = every(1, 0..4).merge_sorted_by_key(every(1, 0..4), |n| *n);
        let all = cx.run(merged.collect_results()).await;
        assert_eq!(all, Ok(vec![0, 0, 1, 1, 2, 2, 3, 3]));
        // Those of the first second are made together. From then on, one is in hand while the other side makes another.
        assert_eq!(cx.now() - begin, secs(7));
    });
}

#[test]
fn a_failing_side_of_a_sorted_merge_waits_for_nobody() {
    everywhere(async |cx: Cx<()>| {
        let hanging = || Stream::never().map_effect(succeed::<(), &str, u32>);
        let failing = || StreamE::fail("broken").concat(StreamE::from_iter([1]));
        let left = failing().merge_sorted_by_key(hanging(), |n| *n);
        assert_eq!(cx.run(left.run_drain()).await, Err("broken"));
        let right = hanging().merge_sorted_by_key(failing(), |n| *n);
        assert_eq!(cx.run(right.run_drain()).await, Err("broken"));
        // A value waits, as one may come that is to be before it.
        let waiting = StreamE::from_iter([1]).merge_sorted_by_key(hanging(), |n| *n);
        let Err(_) = cx.run(waiting.take(1).run_drain().timeout(secs(9))).await else {
            panic!("nobody knows what comes first");
        };
    });
}
