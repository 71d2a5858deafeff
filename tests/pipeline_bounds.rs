//! What is inside a pipeline is bounded, however fast its producer is.

use crate::common::pipelines::{assert_adds_up, wait};
use crate::common::{by_chance, millis, on_both, secs};
use effect::prelude::*;
use effect::yield_now;
use effect::{Blueprint, stage_sync};

/// The stages of a run, and how large its queues are.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    workers: usize,
    buffer: usize,
    output: usize,
    ordered: bool,
    several: bool,
}

impl Sizes {
    /// The sum of all capacities and workers, and one for each stage and source.
    fn bound(blueprint: &Blueprint) -> u64 {
        let nodes = blueprint.nodes().iter();
        let bound: usize = nodes.map(|node| node.buffer + node.workers + 1).sum();
        bound as u64
    }

    fn all() -> impl Iterator<Item = Sizes> {
        let workers = [1, 2, 8].into_iter();
        workers.flat_map(|workers| {
            [0, 1, 2, 64].into_iter().flat_map(move |buffer| {
                [(0, false, false), (1, true, false), (2, false, true)].map(
                    |(output, ordered, several)| Sizes {
                        workers,
                        buffer,
                        output,
                        ordered,
                        several,
                    },
                )
            })
        })
    }
}

fn slow(n: u64) -> Effect<(), Never, u64> {
    effect(async move |cx: Cx<()>| {
        wait(&cx).await;
        Ok(n)
    })
    .erase_once()
}

/// A producer that is always ready, and a consumer that takes its time; looks at the run at each step of its own.
async fn look(cx: Cx<()>, sizes: Sizes, from_stream: bool, items: u64) {
    let Sizes {
        workers,
        buffer,
        output,
        ordered,
        several,
    } = sizes;
    let (input, output) = (Channel::bounded(1), Channel::bounded(output));
    let (produces, closes) = (input.clone(), input.clone());
    let pipeline = if from_stream {
        Pipeline::from_stream(Stream::range(0..items))
    } else {
        Pipeline::from_channel(input)
    };
    let set = |stage: effect::Stage<_, _>| stage.workers(workers).buffer(buffer);
    let first = set(stage("first", slow));
    let first = if ordered { first.ordered() } else { first };
    let second = set(stage("second", slow));
    let connected = if several {
        let twice = stage_sync("twice", |n: u64| Ok::<_, Never>([n, n]));
        pipeline
            .flat_map(twice.workers(workers).buffer(buffer))
            .via(second)
            .to_channel(output.clone())
    } else {
        pipeline.via(first).via(second).to_channel(output.clone())
    };
    let handle = connected.handle();
    let run = cx.fork(connected.run());
    let producer = cx.fork(async move {
        if !from_stream {
            for n in 0..items {
                if produces.send(n).await.is_err() {
                    break;
                }
            }
        }
        closes.close();
        Ok::<_, Never>(())
    });
    let check = || {
        let report = handle.report();
        let inside = report.in_flight();
        assert!(
            inside <= Sizes::bound(handle.blueprint()),
            "{sizes:?}: {inside} inside: {report}"
        );
    };
    let mut read = 0;
    loop {
        // Much slower than the producer, which never waits.
        for _ in 0..cx.random() % 8 {
            yield_now().await;
            check();
        }
        cx.sleep(std::time::Duration::from_millis(1 + cx.random() % 5))
            .await;
        check();
        if output.receive().await.is_err() {
            break;
        }
        read += 1;
    }
    let Ok(()) = cx.run(producer.join()).await;
    let report = cx.run(run.join()).await.unwrap();
    assert_adds_up(&report);
    assert_eq!(report.delivered, read, "{sizes:?}");
    assert_eq!(read, if several { 2 * items } else { items });
}

#[test]
fn what_is_inside_is_at_most_all_capacities_workers_and_stages() {
    // All sizes by turns and on threads, and some under each seed.
    on_both(async |cx: Cx<()>| {
        for sizes in Sizes::all() {
            for from_stream in [false, true] {
                look(cx.clone(), sizes, from_stream, 16).await;
            }
        }
    });
    by_chance(150, async |cx: Cx<()>| {
        let (at, from_stream) = (cx.random() % 36, cx.random().is_multiple_of(2));
        let sizes = Sizes::all().nth(at as usize).unwrap();
        look(cx.clone(), sizes, from_stream, 30).await;
    });
}

#[test]
fn a_producer_that_is_a_thousand_times_faster_is_held_back() {
    by_chance(1, async |cx: Cx<()>| {
        for sizes in Sizes::all().filter(|sizes| sizes.buffer != 2) {
            look(cx.clone(), sizes, true, 200).await;
        }
    });
}

#[test]
fn results_that_one_source_of_a_merge_keeps_back_give_no_leave_to_another() {
    on_both(async |cx: Cx<()>| {
        let output = Channel::bounded(1);
        // The first of these takes long, so that the others wait for their turn.
        let first_slow = |n: u64| sleep(secs(if n == 0 { 10 } else { 0 })).map(move |()| n);
        let quick = Pipeline::<(), Never, _>::from_stream(Stream::range(100..1000))
            .via(stage_sync("quick", Ok));
        let connected = Pipeline::from_stream(Stream::range(0..8))
            .via(stage("in turn", first_slow).workers(4).buffer(4).ordered())
            .merge(quick)
            .via(stage("slow", |n: u64| sleep(millis(20)).map(move |()| n)).buffer(2))
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        let read = cx.fork(Stream::from_channel(output).run_collect());
        cx.sleep(secs(5)).await;
        let report = handle.report();
        let queued = report.stages.iter().find(|stage| &*stage.name == "slow");
        let queued = queued.unwrap().queued;
        // Its buffer, and a result of each worker before it.
        assert!(queued <= 2 + 4 + 1, "{queued}");
        let report = cx.run(run.join()).await.unwrap();
        assert_adds_up(&report);
        assert_eq!(cx.run(read.join()).await.unwrap().len(), 908);
    });
}
