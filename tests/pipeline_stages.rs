//! A pipeline: stages with workers, failures on a channel of their own, and an end that everybody sees.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::pipelines::{assert_adds_up, drain, filled};
use crate::common::{everywhere, heavily, in_turns, on_both, on_one_thread};
use effect::prelude::*;
use effect::yield_now;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

// S2-36
#[test]
fn two_stages_overlap_and_their_workers_run_in_parallel() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        let output = Channel::bounded(16);
        let double = |n: u32| sleep::<_, Never>(millis(100)).map(move |()| n * 2);
        let print = |n: u32| sleep::<_, Never>(millis(50)).map(move |()| format!("Processed: {n}"));
        let run = Pipeline::from_channel(filled(1..=10))
            .via(stage("double", double).workers(2))
            .via(stage("print", print).workers(3))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(cx.now() - start, millis(550));
        assert_eq!(
            report.to_string(),
            "10 received = 10 delivered + 0 failed + 0 abandoned"
        );
        let mut printed = drain(&output).await;
        let mut expected: Vec<_> = (1..=10).map(|n| format!("Processed: {}", n * 2)).collect();
        printed.sort();
        expected.sort();
        assert_eq!(printed, expected);
    });
}

#[derive(Clone, Debug)]
struct Event {
    kind: &'static str,
    user: &'static str,
    segment: &'static str,
}

// S2-38
#[test]
fn events_pass_four_stages_and_are_counted_once() {
    everywhere(async |cx: Cx<()>| {
        let lines = [
            "click user1",
            "purchase user1",
            "view user2",
            "click user2",
            "purchase user3",
        ];
        let parse = |line: &'static str| async move {
            let (kind, user) = line.split_once(' ').ok_or("malformed")?;
            Ok((kind, user))
        };
        let validate = |(kind, user): (&'static str, &'static str)| async move {
            if ["click", "purchase", "view"].contains(&kind) {
                Ok(Event {
                    kind,
                    user,
                    segment: "",
                })
            } else {
                Err("unknown kind")
            }
        };
        let enrich = |event: Event| {
            let segment = match event.user {
                "user1" => "premium",
                "user2" => "standard",
                _ => "new",
            };
            sleep(millis(20)).map(move |()| Event { segment, ..event })
        };
        let counts = Arc::new(Mutex::new(HashMap::new()));
        let counted = Arc::clone(&counts);
        let count = move |event: Event| {
            *counted.lock().unwrap().entry(event.kind).or_insert(0) += 1;
            succeed(event)
        };
        let output = Channel::bounded(8);
        let run = Pipeline::from_channel(filled(lines))
            .via(stage("parse", parse).workers(2))
            .via(stage("validate", validate))
            .via(stage("enrich", enrich).workers(3))
            .via(stage("count", count).workers(2))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!((report.received, report.delivered), (5, 5));
        let counts = counts.lock().unwrap().clone();
        assert_eq!(
            counts,
            HashMap::from([("click", 2), ("purchase", 2), ("view", 1)])
        );
        let segments: HashMap<_, _> = drain(&output)
            .await
            .into_iter()
            .map(|event| (event.user, event.segment))
            .collect();
        let expected = [
            ("user1", "premium"),
            ("user2", "standard"),
            ("user3", "new"),
        ];
        assert_eq!(segments, HashMap::from(expected));
    });
}

// S2-39
#[test]
fn a_sliding_window_of_one_worker_is_exact() {
    everywhere(async |cx: Cx<()>| {
        let window = Arc::new(Mutex::new(VecDeque::new()));
        let slide = move |(at, value): (u64, u64)| {
            let mut window = window.lock().unwrap();
            window.push_back((at, value));
            while window.front().is_some_and(|(begin, _)| begin + 2000 < at) {
                window.pop_front();
            }
            let max = window.iter().map(|(_, value)| *value).max();
            succeed::<_, Never, _>((window.len() as u64, window[0].0, at, max))
        };
        let value = |n: u64| n * 37 % 50;
        let output = Channel::bounded(64);
        let run = Pipeline::from_channel(filled((0..50).map(|n| (n * 200, value(n)))))
            .via(stage("window", slide))
            .to_channel(output.clone())
            .run();
        cx.run(run).await.unwrap();
        let results = drain(&output).await;
        assert_eq!(results.iter().map(|result| result.0).sum::<u64>(), 495);
        let expected = (0..50_u64).map(|n| {
            let first = n.saturating_sub(10);
            let max = (first..=n).map(value).max();
            (n - first + 1, first * 200, n * 200, max)
        });
        assert!(results.into_iter().eq(expected));
    });
}

// S2-45
#[test]
fn a_producer_is_held_back_when_nobody_reads_the_output() {
    everywhere(async |cx: Cx<()>| {
        let (input, output) = (Channel::bounded(2), Channel::bounded(2));
        let sent = Arc::new(Mutex::new(0));
        let (count, producer) = (Arc::clone(&sent), input.clone());
        let produce = effect(async move |_: Cx<()>| {
            loop {
                if producer.send(1).await.is_err() {
                    return Ok::<(), Never>(());
                }
                *count.lock().unwrap() += 1;
            }
        });
        let connected = Pipeline::from_channel(input)
            .via(stage("pass", |n: u32| succeed::<_, Never, _>(n)))
            .to_channel(output);
        let handle = connected.handle();
        let run = produce.fork().flat_map(move |_producer| connected.run());
        let late = cx.run(run.timeout(Duration::from_secs(60))).await;
        assert!(late.is_err());
        let sent = *sent.lock().unwrap();
        assert!((4..=8).contains(&sent), "{sent} items were sent");
        assert_eq!(handle.report().delivered, 2);
        assert_adds_up(&handle.report());
    });
}

// S2-46
#[test]
fn a_pipeline_with_no_input_ends_and_closes_its_channels() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(1), Channel::bounded(1));
        let run = Pipeline::from_channel(filled([0_u8; 0]))
            .via(stage("first", |n| async move { Err::<u8, _>(n) }).workers(3))
            .via(stage("second", |n| async move { Ok(n) }).workers(2))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(
            report.to_string(),
            "0 received = 0 delivered + 0 failed + 0 abandoned"
        );
        assert!(drain(&output).await.is_empty());
        assert!(drain(&errors).await.is_empty());
    });
}

/// Three stages of one worker each, of which one waits now and then.
async fn pass_in_order(cx: Cx<()>, items: u32) {
    let output = Channel::bounded(items as usize);
    let run = Pipeline::from_stream(Stream::range(0..items))
        .via(stage("first", |n: u32| succeed::<_, Never, _>(n)).buffer(5))
        .via(stage("second", |n: u32| async move {
            if n.is_multiple_of(3) {
                yield_now().await;
            }
            Ok(n)
        }))
        .via(stage("third", |n| async move { Ok(n) }).buffer(0))
        .to_channel(output.clone())
        .run();
    let report = cx.run(run).await.unwrap();
    assert_eq!(report.delivered, u64::from(items));
    assert!(drain(&output).await.into_iter().eq(0..items));
}

// S2-48
#[test]
fn one_worker_in_every_stage_keeps_the_order() {
    on_both(|cx| pass_in_order(cx, 100_000));
    everywhere(|cx| pass_in_order(cx, 1000));
}

#[test]
fn a_worker_that_waits_gives_the_rest_of_its_batch_to_the_others() {
    everywhere(async |cx: Cx<()>| {
        for stages in [1, 2] {
            let start = cx.now();
            let output = Channel::bounded(32);
            let slow = |n: u32| sleep::<_, Never>(millis(100)).map(move |()| n);
            let pass = |n: u32| succeed::<_, Never, _>(n);
            let input = Pipeline::from_channel(filled(0..32));
            let run = if stages == 1 {
                input.via(stage("slow", slow).workers(4)).to_channel(output)
            } else {
                // The batch lies in a queue, and not in the input.
                input
                    .via(stage("pass", pass))
                    .via(stage("slow", slow).workers(4))
                    .to_channel(output)
            };
            assert_eq!(cx.run(run.run()).await.unwrap().delivered, 32);
            assert_eq!(cx.now() - start, millis(800), "{stages} stages");
        }
    });
}

// id_effect 14
#[test]
fn a_slow_item_holds_none_back_but_itself() {
    // Each run is many items.
    heavily(async |cx: Cx<()>| {
        let start = cx.now();
        let output = Channel::bounded(640);
        let work = |n: u32| {
            let time = if n.is_multiple_of(64) { 100 } else { 1 };
            sleep::<_, Never>(millis(time)).map(move |()| n)
        };
        let run = Pipeline::from_stream(Stream::range(0..640))
            .via(stage("work", work).workers(16))
            .to_channel(output);
        assert_eq!(cx.run(run.run()).await.unwrap().delivered, 640);
        // In order, each of the ten would hold up whatever comes after it: a second in all.
        assert!(cx.now() - start < millis(250), "{:?}", cx.now() - start);
    });
}

#[test]
fn a_pipeline_without_stages_passes_everything_on() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let run = Pipeline::<(), Never, _>::from_channel(filled(0..5)).to_channel(output.clone());
        assert_eq!(cx.run(run.run()).await.unwrap().delivered, 5);
        assert_eq!(drain(&output).await, [0, 1, 2, 3, 4]);
        let output = Channel::bounded(8);
        let run =
            Pipeline::<(), Never, _>::from_stream(Stream::range(0..5)).to_channel(output.clone());
        assert_eq!(cx.run(run.run()).await.unwrap().delivered, 5);
        assert_eq!(drain(&output).await, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_stage_that_never_waits_lets_its_run_be_interrupted() {
    // It counts what is done before another has its turn. On threads, the worker is done when the machine says so.
    on_one_thread(async |cx: Cx<()>| {
        const ITEMS: usize = 100_000;
        let done = Arc::new(Mutex::new(0));
        let count = Arc::clone(&done);
        let work = move |n: usize| {
            *count.lock().unwrap() += 1;
            async move { Ok::<_, Never>(n) }
        };
        let run = Pipeline::from_channel(filled(0..ITEMS))
            .via(stage("work", work))
            .to_channel(Channel::bounded(ITEMS))
            .run();
        let program = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(run);
            while *done.lock().unwrap() == 0 {
                yield_now().await;
            }
            let Ok(exit) = cx.run(fiber.interrupt()).await;
            assert!(exit.is_interrupt());
            Ok::<_, Never>(*done.lock().unwrap())
        });
        let Ok(done) = cx.run(program).await;
        // Tokio comes back to the fiber that interrupts after 61 turns of the worker.
        assert!(
            done < ITEMS / 2,
            "{done} items were done before the interruption was seen"
        );
    });
}

#[test]
fn an_item_that_yields_gives_others_a_turn() {
    // It counts turns. On threads, the others may have theirs at the same time, or later.
    in_turns(async |cx: Cx<()>| {
        let turns = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&turns);
        let sibling = cx.fork(effect(async move |_: Cx<()>| {
            for _ in 0..100 {
                count.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
            Ok::<_, Never>(())
        }));
        let item = move |_: u32| {
            let turns = Arc::clone(&turns);
            async move {
                let before = turns.load(Ordering::Relaxed);
                yield_now().await;
                Ok::<_, Never>(turns.load(Ordering::Relaxed) - before)
            }
        };
        let output = Channel::bounded(5);
        let run = Pipeline::from_channel(filled(0..5))
            .via(stage("yields", item))
            .to_channel(output.clone())
            .run();
        cx.run(run).await.unwrap();
        let Ok(()) = cx.run(sibling.join()).await;
        assert_eq!(drain(&output).await, [1, 1, 1, 1, 1]);
    });
}
