//! A pipeline: stages with workers, failures on a channel of their own, and an end that everybody sees.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use effect::prelude::*;
use tokio::time::Instant;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A closed channel with these items inside.
fn filled<T>(items: impl IntoIterator<Item = T>) -> Channel<T> {
    let items: Vec<_> = items.into_iter().collect();
    let channel = Channel::bounded(items.len());
    let sent = futures::FutureExt::now_or_never(channel.send_many(items));
    assert!(sent.is_some_and(|sent| sent.is_ok()));
    channel.close();
    channel
}

/// All that is inside, and what has to be closed by now.
async fn drain<T>(channel: &Channel<T>) -> Vec<T> {
    assert!(channel.is_closed());
    let mut items = Vec::new();
    while let Ok(item) = channel.receive().await {
        items.push(item);
    }
    items
}

#[track_caller]
fn assert_adds_up(report: PipelineReport) {
    assert_eq!(report.in_flight(), 0, "{report}");
    let fates = report.delivered + report.failed + report.abandoned;
    assert_eq!(report.received, fates, "{report}");
}

// S2-36
#[tokio::test(start_paused = true)]
async fn two_stages_overlap_and_their_workers_run_in_parallel() {
    let start = Instant::now();
    let output = Channel::bounded(16);
    let double = |n: u32| sleep::<_, Never>(millis(100)).map(move |()| n * 2);
    let print = |n: u32| sleep::<_, Never>(millis(50)).map(move |()| format!("Processed: {n}"));
    let report = Pipeline::from_channel(filled(1..=10))
        .via(stage("double", double).workers(2))
        .via(stage("print", print).workers(3))
        .to_channel(output.clone())
        .run()
        .await
        .unwrap();
    assert_eq!(start.elapsed(), millis(550));
    assert_eq!(
        report.to_string(),
        "10 received = 10 delivered + 0 failed + 0 abandoned"
    );
    let mut printed = drain(&output).await;
    let mut expected: Vec<_> = (1..=10).map(|n| format!("Processed: {}", n * 2)).collect();
    printed.sort();
    expected.sort();
    assert_eq!(printed, expected);
}

// S2-37
#[tokio::test]
async fn failures_of_every_stage_reach_the_error_channel() {
    let (output, errors) = (Channel::bounded(16), Channel::bounded(16));
    let validate = |n: i32| async move {
        if n < 0 {
            Err(format!("Negative number: {n}"))
        } else {
            Ok(n)
        }
    };
    let process = |n: i32| async move {
        if n % 7 == 0 {
            Err(format!("Cannot process multiple of 7: {n}"))
        } else {
            Ok(n)
        }
    };
    let report = Pipeline::from_channel(filled([-5, 1, 2, 7, -3, 4, 14, 5, 6, 8]))
        .via(stage("validate", validate).workers(2))
        .via(stage("process", process).workers(2))
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run()
        .await
        .unwrap();
    assert_eq!((report.delivered, report.failed), (6, 4));
    assert_adds_up(report);
    let mut successes = drain(&output).await;
    successes.sort_unstable();
    assert_eq!(successes, [1, 2, 4, 5, 6, 8]);
    let failures = drain(&errors).await;
    let mut failures: Vec<_> = failures.iter().map(Failed::to_string).collect();
    failures.sort();
    assert_eq!(
        failures,
        [
            "stage process: Cannot process multiple of 7: 14",
            "stage process: Cannot process multiple of 7: 7",
            "stage validate: Negative number: -3",
            "stage validate: Negative number: -5",
        ]
    );
}

#[derive(Clone, Debug)]
struct Event {
    kind: &'static str,
    user: &'static str,
    segment: &'static str,
}

// S2-38
#[tokio::test(start_paused = true)]
async fn events_pass_four_stages_and_are_counted_once() {
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
    let report = Pipeline::from_channel(filled(lines))
        .via(stage("parse", parse).workers(2))
        .via(stage("validate", validate))
        .via(stage("enrich", enrich).workers(3))
        .via(stage("count", count).workers(2))
        .to_channel(output.clone())
        .run()
        .await
        .unwrap();
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
}

// S2-39
#[tokio::test]
async fn a_sliding_window_of_one_worker_is_exact() {
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
    Pipeline::from_channel(filled((0..50).map(|n| (n * 200, value(n)))))
        .via(stage("window", slide))
        .to_channel(output.clone())
        .run()
        .await
        .unwrap();
    let results = drain(&output).await;
    assert_eq!(results.iter().map(|result| result.0).sum::<u64>(), 495);
    let expected = (0..50_u64).map(|n| {
        let first = n.saturating_sub(10);
        let max = (first..=n).map(value).max();
        (n - first + 1, first * 200, n * 200, max)
    });
    assert!(results.into_iter().eq(expected));
}

// S2-43
#[tokio::test]
async fn without_an_error_channel_the_first_failure_is_the_end_of_the_run() {
    let output = Channel::bounded(8);
    let third = |n: u32| async move { if n == 3 { Err("three") } else { Ok(n) } };
    let run = Pipeline::from_channel(filled(1..=7))
        .via(stage("third", third))
        .to_channel(output.clone())
        .run();
    let Err(PipelineError::Failed { failed, report }) = run.await else {
        panic!("the run has to fail");
    };
    assert_eq!(failed.fault, Fault::Error("three"));
    assert_eq!(&*failed.stage, "third");
    assert_eq!(report.failed, 1);
    assert_adds_up(report);
    assert_eq!(drain(&output).await.len() as u64, report.delivered);
}

// S2-45
#[tokio::test(start_paused = true)]
async fn a_producer_is_held_back_when_nobody_reads_the_output() {
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
    let progress = connected.progress();
    let run = produce.fork().flat_map(move |_producer| connected.run());
    assert!(run.timeout(Duration::from_secs(60)).await.is_err());
    let sent = *sent.lock().unwrap();
    assert!((4..=8).contains(&sent), "{sent} items were sent");
    assert_eq!(progress.report().delivered, 2);
    assert_adds_up(progress.report());
}

// S2-46
#[tokio::test]
async fn a_pipeline_with_no_input_ends_and_closes_its_channels() {
    let (output, errors) = (Channel::bounded(1), Channel::bounded(1));
    let report = Pipeline::from_channel(filled([0_u8; 0]))
        .via(stage("first", |n| async move { Err::<u8, _>(n) }).workers(3))
        .via(stage("second", |n| async move { Ok(n) }).workers(2))
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run()
        .await
        .unwrap();
    assert_eq!(report, PipelineReport::default());
    assert!(drain(&output).await.is_empty());
    assert!(drain(&errors).await.is_empty());
}

// S2-48
#[tokio::test]
async fn one_worker_in_every_stage_keeps_the_order() {
    let output = Channel::bounded(100_000);
    let report = Pipeline::from_stream(Stream::range(0..100_000))
        .via(stage("first", |n: u32| succeed::<_, Never, _>(n)).buffer(5))
        .via(stage("second", |n: u32| async move {
            if n.is_multiple_of(3) {
                tokio::task::yield_now().await;
            }
            Ok(n)
        }))
        .via(stage("third", |n| async move { Ok(n) }).buffer(0))
        .to_channel(output.clone())
        .run()
        .await
        .unwrap();
    assert_eq!(report.delivered, 100_000);
    assert!(drain(&output).await.into_iter().eq(0..100_000));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_waits_gives_the_rest_of_its_batch_to_the_others() {
    for stages in [1, 2] {
        let start = Instant::now();
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
        assert_eq!(run.run().await.unwrap().delivered, 32);
        assert_eq!(start.elapsed(), millis(800), "{stages} stages");
    }
}

#[tokio::test]
async fn a_pipeline_without_stages_passes_everything_on() {
    let output = Channel::bounded(8);
    let run = Pipeline::<(), Never, _>::from_channel(filled(0..5)).to_channel(output.clone());
    assert_eq!(run.run().await.unwrap().delivered, 5);
    assert_eq!(drain(&output).await, [0, 1, 2, 3, 4]);
    let output = Channel::bounded(8);
    let run = Pipeline::<(), Never, _>::from_stream(Stream::range(0..5)).to_channel(output.clone());
    assert_eq!(run.run().await.unwrap().delivered, 5);
    assert_eq!(drain(&output).await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_defect_is_the_failure_of_its_item_and_not_the_end_of_the_worker() {
    let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
    let divide = |n: i32| {
        assert!(n != 3, "three is right out");
        async move { Ok::<_, Never>(12 / (n - 1)) }
    };
    let report = Pipeline::from_channel(filled(0..5))
        .via(stage("divide", divide))
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run()
        .await
        .unwrap();
    assert_eq!((report.delivered, report.failed), (3, 2));
    assert_eq!(drain(&output).await, [-12, 12, 4]);
    let messages: Vec<_> = drain(&errors)
        .await
        .into_iter()
        .map(|failed| match failed.fault {
            Fault::Defect(defect) => defect.message().to_owned(),
            Fault::Error(error) => match error {},
        })
        .collect();
    assert_eq!(
        messages,
        ["attempt to divide by zero", "three is right out"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_that_dies_is_a_defect_of_the_run_and_closes_both_channels() {
    let (output, errors) = (Channel::<u32>::bounded(8), Channel::bounded(8));
    let broken = Stream::range(0..5).map(|n| {
        assert!(n < 3, "a broken source");
        n
    });
    let connected = Pipeline::<_, Never, _>::from_stream(broken)
        .to_channel(output.clone())
        .with_error_channel(errors.clone());
    let progress = connected.progress();
    let exit = connected.run().run_exit().await;
    let defect = exit.cause().and_then(Cause::defect).unwrap();
    assert!(defect.message().contains("a broken source"), "{defect}");
    assert!(output.is_closed());
    assert!(errors.is_closed());
    assert_adds_up(progress.report());
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_joins_an_interrupted_fiber_does_not_end_the_run_as_a_success() {
    let output = Channel::bounded(8);
    let join = |n: u32| {
        effect(async move |cx: Cx<()>| {
            if n == 2 {
                let fiber = cx.fork(never::<_, Never, u32>());
                fiber.interrupt_fork();
                return cx.run(fiber.join()).await;
            }
            Ok(n)
        })
    };
    let connected = Pipeline::from_channel(filled(0..5))
        .via(stage("join", join))
        .to_channel(output.clone());
    let progress = connected.progress();
    let exit = connected.run().run_exit().await;
    assert!(!exit.is_success(), "{exit:?}");
    assert_adds_up(progress.report());
    assert!(output.is_closed());
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_after_a_run_whose_source_died() {
    let output = Channel::<u32>::bounded(8);
    let broken = Stream::range(0..5).map(|n| {
        assert!(n < 3, "a broken source");
        n
    });
    let run = Pipeline::<_, Never, _>::from_stream(broken)
        .to_channel(output)
        .run();
    let committed = Arc::new(Mutex::new(false));
    let commit = Arc::clone(&committed);
    let program = effect(async move |cx: Cx<()>| {
        let report = cx.run(run).await;
        *commit.lock().unwrap() = true;
        report
    });
    assert!(program.run_exit().await.cause().is_some_and(Cause::is_die));
    assert!(!*committed.lock().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_interrupted_before_it_begins_closes_both_channels() {
    let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
    let run = Pipeline::<(), String, u32>::from_channel(Channel::bounded(4))
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run();
    let program = effect(async move |cx: Cx<()>| {
        let fiber = cx.fork(run);
        cx.run(fiber.interrupt()).await
    });
    let Ok(exit) = program.await;
    assert!(exit.is_interrupt());
    assert!(output.is_closed());
    assert!(errors.is_closed());
}

#[tokio::test(start_paused = true)]
async fn the_defects_of_an_items_finalizers_are_that_items_and_no_others() {
    let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
    let work = |n: u32| {
        sync::<_, &str, _, _>(move || {
            assert!(n != 2, "body");
            n
        })
        .flat_map(|n| {
            if n == 3 {
                fail("typed").erase()
            } else {
                succeed(n).erase()
            }
        })
        .ensuring(sync(move || assert!(n == 0, "inner")))
        .ensuring(sync(move || assert!(n == 0, "outer")))
    };
    let report = Pipeline::from_channel(filled([1, 0, 2, 0, 3, 0]))
        .via(stage("work", work))
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run()
        .await
        .unwrap();
    assert_eq!((report.delivered, report.failed), (3, 3));
    assert_eq!(drain(&output).await, [0, 0, 0]);
    let faults = drain(&errors).await.into_iter().map(|failed| {
        let first = match failed.fault {
            Fault::Error(error) => error.to_owned(),
            Fault::Defect(defect) => defect.message().to_owned(),
        };
        let then = failed.then.iter().map(|defect| defect.message().to_owned());
        [first]
            .into_iter()
            .chain(then)
            .collect::<Vec<_>>()
            .join(", ")
    });
    assert_eq!(
        faults.collect::<Vec<_>>(),
        ["inner, outer", "body, inner, outer", "typed, inner, outer"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_waits_to_report_a_failure_leaves_the_rest_to_others() {
    let (output, errors) = (Channel::bounded(64), Channel::bounded(0));
    let pick = |n: u32| async move { if n == 0 { Err("first") } else { Ok(n) } };
    let run = Pipeline::from_channel(filled(0..32))
        .via(stage("pick", pick).workers(2))
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run();
    let inside = output.clone();
    let program = effect(async move |cx: Cx<()>| {
        let fiber = cx.fork(run);
        cx.sleep(millis(1)).await;
        // Nobody has read the failure yet.
        assert_eq!(inside.len(), 31);
        assert!(errors.receive().await.is_ok());
        cx.run(fiber.join()).await
    });
    let report = program.await.unwrap();
    assert_eq!((report.delivered, report.failed), (31, 1));
    assert_eq!(drain(&output).await.len(), 31);
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_never_waits_lets_its_run_be_interrupted() {
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
            effect::yield_now().await;
        }
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        assert!(exit.is_interrupt());
        Ok::<_, Never>(*done.lock().unwrap())
    });
    let Ok(done) = program.await;
    // Tokio comes back to the fiber that interrupts after 61 turns of the worker.
    assert!(
        done < ITEMS / 2,
        "{done} items were done before the interruption was seen"
    );
}

/// Something whose drop may be a bug.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(self.0 != 3, "a bug in a drop");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_whose_effect_panics_when_it_is_dropped_has_failed() {
    let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
    let hold = |n: u32| {
        let bomb = Bomb(n);
        succeed::<_, Never, _>(n).on_interrupt(sync(move || drop(bomb)))
    };
    let report = Pipeline::from_channel(filled(0..6))
        .via(stage("hold", hold))
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run()
        .await
        .unwrap();
    assert_eq!((report.delivered, report.failed), (5, 1));
    assert_eq!(drain(&output).await, [0, 1, 2, 4, 5]);
    let failed = drain(&errors).await.pop().unwrap().to_string();
    assert!(failed.contains("a bug in a drop"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_closed_output_ends_a_run_whose_only_worker_waits() {
    let output = Channel::bounded(1);
    let wait = |n: u32| async move {
        if n == 3 {
            std::future::pending::<()>().await;
        }
        Ok::<_, Never>(n)
    };
    let run = Pipeline::from_channel(filled(0..6))
        .via(stage("wait", wait))
        .to_channel(output.clone())
        .run();
    let program = effect(async move |cx: Cx<()>| {
        let fiber = cx.fork(run);
        cx.sleep(millis(1)).await;
        output.close();
        cx.run(fiber.join()).await
    });
    let error = program.await.unwrap_err();
    assert!(matches!(error, PipelineError::OutputClosed { .. }));
    assert_adds_up(error.report());
}
