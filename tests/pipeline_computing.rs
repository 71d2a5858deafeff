//! Stages that compute: how long a runner holds its thread, and who gets what there is to do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::in_turns;
use crate::common::jumping::Jumping;
use crate::common::pipelines::assert_adds_up;
use effect::prelude::*;
use effect::{FiberId, stage_sync};

/// Runs a pipeline of one stage, of which each item takes so long. How many each fiber has worked at, and how long a poll took.
async fn computing(
    cx: &Cx<()>,
    items: u32,
    each: Duration,
) -> (BTreeMap<FiberId, usize>, Duration) {
    let by_fiber = Arc::new(Mutex::new(BTreeMap::new()));
    let counts = Arc::clone(&by_fiber);
    let clock = Jumping::of(cx);
    let work_clock = Arc::clone(&clock);
    let body = effect(async move |cx: Cx<()>| {
        let output = Channel::bounded(16);
        let work = move |n: u32| {
            let (clock, counts) = (Arc::clone(&work_clock), Arc::clone(&counts));
            effect(async move |cx: Cx<()>| {
                clock.compute(each);
                *counts.lock().unwrap().entry(cx.fiber_id()).or_insert(0) += 1;
                Ok::<_, Never>(n)
            })
        };
        let run = Pipeline::from_stream(Stream::from_iter(0..items))
            .via(stage("compute", work).workers(4))
            .to_channel(output.clone())
            .run();
        let run = cx.fork(run);
        let read =
            cx.fork(Stream::from_channel(output).run_for_each(|_| succeed::<_, Never, _>(())));
        let report = cx.run(run.join()).await.unwrap();
        let Ok(()) = cx.run(read.join()).await;
        assert_adds_up(&report);
        assert_eq!(report.delivered, u64::from(items));
        Ok::<_, Never>(())
    });
    let exit = body.run_on(clock.clone()).await;
    assert!(exit.is_success(), "{:?}", exit.cause());
    let by_fiber = by_fiber.lock().unwrap();
    (by_fiber.clone(), clock.longest_poll())
}

#[test]
fn no_runner_holds_its_thread_for_long() {
    // By turns, where nothing else is in the time of a poll.
    in_turns(async |cx: Cx<()>| {
        let each = Duration::from_micros(20);
        let (_, longest) = computing(&cx, 2_000, each).await;
        assert!(longest >= each, "{longest:?}");
        // As long as a poll may take, and a batch.
        assert!(longest <= Duration::from_micros(100 + 250), "{longest:?}");
    });
}

#[test]
fn runners_share_what_takes_long() {
    // By turns, where who is first would otherwise take all that there is.
    in_turns(async |cx: Cx<()>| {
        let each = Duration::from_micros(50);
        let (by_fiber, _) = computing(&cx, 640, each).await;
        let counts: Vec<_> = by_fiber.into_values().collect();
        let [a, b] = counts[..] else {
            panic!("{counts:?}");
        };
        assert!(a.min(b) >= 640 / 4, "{a} and {b}");
    });
}

#[test]
fn what_ends_while_a_long_batch_is_put_off_takes_its_turn() {
    in_turns(async |cx: Cx<()>| {
        let clock = Jumping::of(&cx);
        let work_clock = Arc::clone(&clock);
        let body = effect(async move |cx: Cx<()>| {
            let output = Channel::bounded(16);
            let fetch = |n: u64| sleep(Duration::from_micros(n * 7 % 300)).map(move |()| n);
            let compute = move |n: u64| {
                work_clock.compute(Duration::from_micros(50));
                Ok::<_, Never>(n)
            };
            let run = Pipeline::from_stream(Stream::range(0..2_000))
                .via(stage("fetch", fetch).workers(64))
                .via(stage_sync("compute", compute).workers(2).ordered())
                .to_channel(output.clone())
                .run();
            let run = cx.fork(run);
            let read = cx.fork(Stream::from_channel(output).run_collect());
            let report = cx.run(run.join()).await.unwrap();
            let Ok(read) = cx.run(read.join()).await;
            assert_adds_up(&report);
            assert_eq!(read.len(), 2_000);
            Ok::<_, Never>(())
        });
        let exit = body.run_on(clock).await;
        assert!(exit.is_success(), "{:?}", exit.cause());
    });
}
