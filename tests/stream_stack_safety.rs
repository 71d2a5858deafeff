//! A hundred thousand nested streams on a small stack: run, cloned, dropped, cut short.

use crate::common::small_stack::on_small_stack;
use crate::common::{in_turns, secs};
use effect::prelude::*;

const DEPTH: u64 = 100_000;

/// Adds one to each element, each time around the stream before.
fn nested_on(innermost: Stream<(), u64>) -> Stream<(), u64> {
    (0..DEPTH).fold(innermost, |stream, _| stream.map(|n| n + 1).erase())
}

#[test]
fn a_deep_stream_can_be_dropped_before_it_runs() {
    on_small_stack(|| drop(nested_on(Stream::range(0..3).erase())));
}

#[test]
fn a_deep_stream_can_be_cloned_and_both_run() {
    on_small_stack(|| {
        in_turns(async |cx: Cx<()>| {
            let stream = nested_on(Stream::range(0..3).erase());
            for stream in [stream.clone(), stream] {
                let all = cx.run(stream.run_collect()).await;
                assert_eq!(all, Ok(vec![DEPTH, DEPTH + 1, DEPTH + 2]));
            }
        });
    });
}

#[test]
fn a_deep_stream_can_be_pulled_item_by_item() {
    on_small_stack(|| {
        in_turns(async |cx: Cx<()>| {
            let slow = Stream::range(0..3)
                .map_effect(|n: u64| sleep::<_, Never>(secs(1)).map(move |()| n));
            let slow = slow.into_results().map(|slept| slept.unwrap());
            let both = nested_on(slow.erase()).merge(Stream::range(7..9));
            let taken = both.take(3).run_collect();
            assert_eq!(cx.run(taken).await, Ok(vec![7, 8, DEPTH]));
        });
    });
}

#[test]
fn a_deep_stream_can_be_cut_short_while_it_waits() {
    on_small_stack(|| {
        in_turns(async |cx: Cx<()>| {
            let never = Stream::range(0..3).map_effect(|_: u64| never::<_, Never, u64>());
            let never = never.into_results().map(|result| result.unwrap());
            let late = nested_on(never.erase()).run_collect().timeout(secs(1));
            assert_eq!(cx.run(late).await, Err(TimeoutError::Elapsed(secs(1))));
        });
    });
}
