//! A run that is drained, paused and resumed, and what becomes of failures that nobody reads.

use crate::common::pipelines::{
    any_capacity, any_workers, assert_adds_up, drain, filled, read_slowly, wait,
};
use crate::common::{everywhere, millis, ticks};
use effect::prelude::*;
use effect::{ErrorsFull, yield_now};

const ITEMS: u64 = 16;

fn slow(n: u64) -> Effect<(), u64, u64> {
    effect(async move |cx: Cx<()>| {
        wait(&cx).await;
        Ok(n)
    })
    .erase_once()
}

#[test]
fn a_stream_that_never_ends_is_drained() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(any_capacity(&cx));
        let connected = Pipeline::from_stream(Stream::from_iter(0..))
            .via(
                stage("slow", slow)
                    .workers(any_workers(&cx))
                    .buffer(any_capacity(&cx)),
            )
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        let outputs = read_slowly(&cx, &output);
        cx.sleep(millis(cx.random() % 20)).await;
        handle.drain();
        let at = handle.report().received;
        let report = cx.run(run.join()).await.unwrap();
        assert_adds_up(&report);
        assert_eq!((report.failed, report.abandoned), (0, 0));
        let Ok(outputs) = cx.run(outputs.join()).await;
        assert_eq!(outputs.len() as u64, report.delivered);
        // A batch may have been on its way.
        assert!(report.received <= at + 64, "{at}, then {report}");
    });
}

#[test]
fn a_stream_that_waits_for_ever_is_drained() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(any_capacity(&cx));
        let few = Stream::range(0..3).merge(Stream::from_channel(Channel::bounded(1)));
        let connected = Pipeline::from_stream(few)
            .via(
                stage("slow", slow)
                    .workers(any_workers(&cx))
                    .buffer(any_capacity(&cx)),
            )
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        let outputs = read_slowly(&cx, &output);
        cx.sleep(millis(100)).await;
        handle.drain();
        let report = cx.run(run.join()).await.unwrap();
        assert_eq!((report.received, report.delivered), (3, 3), "{report}");
        let Ok(outputs) = cx.run(outputs.join()).await;
        assert_eq!(outputs.len(), 3);
    });
}

#[test]
fn a_stream_that_ticks_is_drained_between_two_ticks() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let connected = Pipeline::from_stream(ticks(millis(10)))
            .via(stage("slow", slow))
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        cx.sleep(millis(55)).await;
        handle.drain();
        let report = cx.run(run.join()).await.unwrap();
        assert_eq!(drain(&output).await, [0, 1, 2, 3, 4]);
        assert_adds_up(&report);
    });
}

#[test]
fn an_input_that_is_never_closed_is_drained_and_keeps_the_rest() {
    everywhere(async |cx: Cx<()>| {
        let (input, output) = (Channel::bounded(64), Channel::bounded(any_capacity(&cx)));
        input.send_many(0..ITEMS).await.unwrap();
        let connected = Pipeline::from_channel(input.clone())
            .via(stage("first", slow).workers(any_workers(&cx)))
            .via(
                stage("second", slow)
                    .workers(any_workers(&cx))
                    .buffer(any_capacity(&cx)),
            )
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        let outputs = read_slowly(&cx, &output);
        cx.sleep(millis(cx.random() % 20)).await;
        handle.drain();
        let report = cx.run(run.join()).await.unwrap();
        assert_adds_up(&report);
        let Ok(outputs) = cx.run(outputs.join()).await;
        assert_eq!(outputs.len() as u64, report.received);
        assert!(!input.is_closed());
        input.close();
        assert!(drain(&input).await.into_iter().eq(report.received..ITEMS));
    });
}

#[test]
fn a_run_that_is_drained_before_it_begins_takes_nothing() {
    everywhere(async |cx: Cx<()>| {
        let (input, output) = (Channel::bounded(8), Channel::bounded(8));
        input.send_many(0..4).await.unwrap();
        let connected = Pipeline::from_channel(input.clone())
            .via(stage("slow", slow))
            .to_channel(output.clone());
        connected.handle().drain();
        let report = cx.run(connected.run()).await.unwrap();
        assert_eq!((report.received, input.len()), (0, 4));
        assert!(output.is_closed());
        let connected = Pipeline::from_stream(Stream::range(0..4))
            .via(stage("slow", slow))
            .to_channel(Channel::bounded(8));
        connected.handle().drain();
        let report = cx.run(connected.run()).await.unwrap();
        assert_eq!(report.received, 0);
    });
}

#[test]
fn a_run_that_is_paused_takes_nothing_until_it_is_resumed() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(any_capacity(&cx));
        let from_channel = cx.random().is_multiple_of(2);
        let input = if from_channel {
            Pipeline::from_channel(filled(0..ITEMS))
        } else {
            Pipeline::from_stream(Stream::range(0..ITEMS))
        };
        let connected = input
            .via(
                stage("first", slow)
                    .workers(any_workers(&cx))
                    .buffer(any_capacity(&cx)),
            )
            .via(
                stage("second", slow)
                    .workers(any_workers(&cx))
                    .buffer(any_capacity(&cx)),
            )
            .to_channel(output.clone());
        let handle = connected.handle();
        // Before it begins.
        handle.pause();
        let run = cx.fork(connected.run());
        let outputs = read_slowly(&cx, &output);
        cx.sleep(millis(50)).await;
        assert_eq!(handle.report().received, 0);
        handle.resume();
        for _ in 0..3 {
            cx.sleep(millis(cx.random() % 8)).await;
            handle.pause();
            // What is inside goes on, to the end.
            cx.sleep(millis(1000)).await;
            let report = handle.report();
            assert_eq!(report.in_flight(), 0, "{report}");
            assert_eq!(report.delivered, report.received, "{report}");
            handle.resume();
        }
        let report = cx.run(run.join()).await.unwrap();
        assert_eq!(
            (report.received, report.delivered),
            (ITEMS, ITEMS),
            "{report}"
        );
        let Ok(outputs) = cx.run(outputs.join()).await;
        assert_eq!(outputs.len() as u64, ITEMS);
    });
}

#[test]
fn a_run_that_is_paused_can_be_drained_and_interrupted() {
    everywhere(async |cx: Cx<()>| {
        for drains in [true, false] {
            let input = Channel::bounded(64);
            input.send_many(0..ITEMS).await.unwrap();
            let output = Channel::bounded(64);
            let connected = Pipeline::from_channel(input.clone())
                .via(stage("slow", slow).workers(2))
                .to_channel(output.clone());
            let handle = connected.handle();
            let run = cx.fork(connected.run());
            cx.sleep(millis(3)).await;
            handle.pause();
            cx.sleep(millis(20)).await;
            let before = handle.report();
            if drains {
                handle.drain();
                let report = cx.run(run.join()).await.unwrap();
                assert_eq!(report.received, before.received);
            } else {
                let Ok(exit) = cx.run(run.interrupt()).await;
                assert!(exit.is_interrupt());
            }
            assert_adds_up(&handle.report());
            assert_eq!(handle.report().received + input.len() as u64, ITEMS);
            assert_eq!(drain(&output).await.len() as u64, before.delivered);
        }
    });
}

#[test]
fn failures_that_find_no_room_are_counted_and_nobody_has_to_read_them() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(any_capacity(&cx));
        let errors = Channel::bounded(any_capacity(&cx));
        let odd = |n: u64| {
            slow(n).flat_map(move |n| async move { if n % 2 == 1 { Err(n) } else { Ok(n) } })
        };
        let work = stage("odd", odd)
            .workers(any_workers(&cx))
            .buffer(any_capacity(&cx));
        let work = if cx.random().is_multiple_of(2) {
            work.ordered()
        } else {
            work
        };
        let run = Pipeline::from_channel(filled(0..ITEMS))
            .via(work)
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .when_errors_are_full(ErrorsFull::Count)
            .run();
        let outputs = read_slowly(&cx, &output);
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let kept = errors.len() as u64;
        assert_eq!(kept, (errors.capacity() as u64).min(ITEMS / 2));
        assert_eq!(
            (report.failed, report.unreported),
            (ITEMS / 2, ITEMS / 2 - kept)
        );
        let Ok(outputs) = cx.run(outputs.join()).await;
        assert_eq!(outputs.len() as u64, ITEMS / 2);
    });
}

#[test]
fn two_runs_that_share_an_input_do_not_keep_items_from_each_other() {
    everywhere(async |cx: Cx<()>| {
        let input = Channel::bounded(any_capacity(&cx));
        let outputs = [Channel::bounded(64), Channel::bounded(64)];
        let runs = outputs.clone().map(|output| {
            let long = |n: u64| sleep::<_, Never>(millis(100)).map(move |()| n);
            let connected = Pipeline::from_channel(input.clone())
                .via(stage("long", long))
                .to_channel(output);
            cx.fork(connected.run())
        });
        // Both wait for items now.
        cx.sleep(millis(1)).await;
        let start = cx.now();
        for n in 0..6 {
            input.send(n).await.unwrap();
            for _ in 0..cx.random() % 3 {
                yield_now().await;
            }
        }
        input.close();
        let mut received = 0;
        for run in runs {
            received += cx.run(run.join()).await.unwrap().received;
        }
        assert_eq!(received, 6);
        assert_eq!(cx.now() - start, millis(300));
    });
}

#[test]
fn a_run_that_is_paused_leaves_a_shared_input_to_others() {
    everywhere(async |cx: Cx<()>| {
        let (input, output) = (Channel::bounded(4), Channel::bounded(64));
        let connected = Pipeline::from_channel(input.clone())
            .via(stage("slow", slow).workers(any_workers(&cx)))
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        cx.sleep(millis(1)).await;
        handle.pause();
        cx.sleep(millis(1)).await;
        let other = input.clone();
        let reader = cx.fork(async move { Ok::<_, Never>(other.receive().await) });
        cx.sleep(millis(1)).await;
        input.send(1).await.unwrap();
        let Ok(received) = cx.run(reader.join()).await;
        assert_eq!(received, Ok(1));
        input.close();
        handle.resume();
        let report = cx.run(run.join()).await.unwrap();
        assert_eq!(report.received, 0);
    });
}
