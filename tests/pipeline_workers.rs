//! What each worker of a stage has of its own: a resource, or a state; and that workers take each item once.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::pipelines::{assert_adds_up, drain, filled};
use crate::common::{Log, everywhere, heavily, millis, on_threads, secs};
use effect::prelude::*;
use effect::{stage_state, stage_sync, stage_with};

/// Resources that are counted.
#[derive(Clone, Default)]
struct Resources {
    acquired: Arc<AtomicU32>,
    released: Arc<AtomicU32>,
}

impl Resources {
    /// Acquires one, by its number from 1; from the number `fails_at` on, it fails.
    fn acquire(&self, fails_at: u32) -> Effect<(), &'static str, u32> {
        let (acquired, released) = (Arc::clone(&self.acquired), Arc::clone(&self.released));
        let acquire = effect(async move |cx: Cx<()>| {
            cx.sleep(millis(10)).await;
            if acquired.load(Ordering::Relaxed) + 1 >= fails_at {
                return Err("no connection");
            }
            Ok(acquired.fetch_add(1, Ordering::Relaxed) + 1)
        });
        let release = move |_| {
            let released = Arc::clone(&released);
            // It takes its time, and is waited for.
            sleep::<_, Never>(millis(10)).map(move |()| {
                released.fetch_add(1, Ordering::Relaxed);
            })
        };
        acquire_release(acquire, release).erase_once()
    }

    fn counts(&self) -> (u32, u32) {
        (
            self.acquired.load(Ordering::Relaxed),
            self.released.load(Ordering::Relaxed),
        )
    }
}

// S2-35
#[test]
fn each_worker_has_a_resource_which_is_released_at_the_end() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let resources = Resources::default();
        let open = resources.clone();
        let double = |_connection, n: u32| sleep(millis(5)).map(move |()| n * 2);
        let run = Pipeline::from_channel(filled(1..=4))
            .via(stage_with("double", move || open.acquire(u32::MAX), double).workers(2))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(resources.counts(), (2, 2));
        assert_eq!(drain(&output).await.iter().sum::<u32>(), 20);
        assert_adds_up(&report);
    });
}

#[test]
fn a_resource_is_never_used_by_two_items_at_a_time() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(32);
        let open = || sync::<_, Never, _, _>(|| AtomicBool::new(false));
        let work = |busy: Arc<AtomicBool>, n: u64| {
            assert!(!busy.swap(true, Ordering::Relaxed), "it is in use");
            sleep(millis(n % 3)).map(move |()| {
                busy.store(false, Ordering::Relaxed);
                n
            })
        };
        let run = Pipeline::from_channel(filled(0..24))
            .via(stage_with("use", open, work).workers(3).ordered())
            .to_channel(output.clone())
            .run();
        cx.run(run).await.unwrap();
        assert!(drain(&output).await.into_iter().eq(0..24));
    });
}

// S2-35
#[test]
fn resources_are_released_when_a_worker_fails() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let resources = Resources::default();
        let open = resources.clone();
        let refuse = |_connection, n: u32| async move { if n == 3 { Err("three") } else { Ok(n) } };
        let run = Pipeline::from_channel(filled(1..=4))
            .via(stage_with("refuse", move || open.acquire(u32::MAX), refuse).workers(2))
            .to_channel(output.clone())
            .run();
        let error = cx.run(run).await.unwrap_err();
        assert!(matches!(error, PipelineError::Failed { .. }), "{error}");
        // Whoever sees the end finds them released.
        assert_eq!(resources.counts(), (2, 2));
        assert!(output.is_closed());
    });
}

#[test]
fn a_resource_outlives_an_item_that_panics_with_it() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
        let resources = Resources::default();
        let open = resources.clone();
        let work = |connection: Arc<u32>, n: u32| {
            assert_ne!(n, 2, "a bug");
            succeed((n, *connection))
        };
        let run = Pipeline::from_channel(filled(1..=4))
            .via(stage_with("work", move || open.acquire(u32::MAX), work))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [(1, 1), (3, 1), (4, 1)]);
        assert_eq!((report.failed, resources.counts()), (1, (1, 1)));
    });
}

// S2-35
#[test]
fn resources_are_released_when_the_run_is_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let resources = Resources::default();
        let open = resources.clone();
        let never_ends = |_connection, n: u32| sleep(secs(3600)).map(move |()| n);
        let run = Pipeline::from_channel(filled(1..=4))
            .via(stage_with("wait", move || open.acquire(u32::MAX), never_ends).workers(2))
            .to_channel(output.clone())
            .run();
        assert!(cx.run(run.timeout(secs(60))).await.is_err());
        assert_eq!(resources.counts(), (2, 2));
        assert!(output.is_closed());
    });
}

#[test]
fn resources_are_released_when_the_run_is_interrupted_while_they_are_acquired() {
    heavily(async |cx: Cx<()>| {
        for after in [5, 15, 25] {
            let resources = Resources::default();
            let open = resources.clone();
            let run = Pipeline::from_channel(filled(1..=4))
                .via(
                    stage_with(
                        "wait",
                        move || open.acquire(u32::MAX),
                        |_connection, n: u32| succeed(n),
                    )
                    .workers(3),
                )
                .to_channel(Channel::bounded(8))
                .run();
            assert!(cx.run(run.timeout(millis(after))).await.is_err());
            let (acquired, released) = resources.counts();
            assert_eq!(acquired, released, "after {after} ms");
        }
    });
}

#[test]
fn an_acquisition_that_fails_is_the_runs_failure_and_what_was_acquired_is_released() {
    everywhere(async |cx: Cx<()>| {
        let (input, output) = (filled(1..=4), Channel::bounded(8));
        let resources = Resources::default();
        let open = resources.clone();
        let run = Pipeline::from_channel(input.clone())
            .via(stage_sync("first", Ok::<u32, &'static str>))
            .via(
                stage_with(
                    "save",
                    move || open.acquire(3),
                    |_connection, n: u32| succeed(n),
                )
                .workers(4),
            )
            .to_channel(output.clone())
            .run();
        let error = cx.run(run).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("stage save was not ready: no connection"),
            "{error}"
        );
        let PipelineError::NotReady { fault, report, .. } = error else {
            panic!("another error");
        };
        assert_eq!(fault, Fault::Error("no connection"));
        assert_eq!(resources.counts(), (2, 2));
        // Nothing was taken.
        assert_eq!((report.received, input.len()), (0, 4));
        assert!(output.is_closed());
    });
}

#[test]
fn an_acquisition_that_panics_is_the_runs_failure() {
    everywhere(async |cx: Cx<()>| {
        let open = || -> Effect<(), Never, ()> { panic!("a bug") };
        let run = Pipeline::from_channel(filled(1..=4))
            .via(stage_with("save", open, |_connection, n: u32| succeed(n)))
            .to_channel(Channel::bounded(8))
            .run();
        let Err(PipelineError::NotReady { fault, .. }) = cx.run(run).await else {
            panic!("it has to fail");
        };
        assert!(matches!(fault, Fault::Defect(_)));
    });
}

#[test]
fn resources_of_all_stages_and_ways_are_ready_before_the_first_item() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let open = |name: &'static str| {
            let log = log.clone();
            move || {
                let log = log.clone();
                sync::<_, Never, _, _>(move || log.write(name))
            }
        };
        let note = log.clone();
        let first = move |_connection, n: u32| {
            note.write("item");
            succeed::<_, Never, _>(n)
        };
        let pass = |_connection, n: u32| succeed::<_, Never, _>(n);
        let side = Pipeline::from_channel(filled([2])).via(stage_with("side", open("side"), pass));
        let run = Pipeline::from_channel(filled([1]))
            .via(stage_with("first", open("first"), first))
            .merge(side)
            .batch(2, secs(1))
            .flat_map(stage_sync("open", Ok))
            .via(stage_with("last", open("last"), pass))
            .to_channel(Channel::bounded(8))
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(report.delivered, 2);
        let lines = log.lines();
        assert_eq!(lines.iter().filter(|line| *line != "item").count(), 3);
        assert_eq!(lines.last().map(String::as_str), Some("item"), "{lines:?}");
    });
}

#[test]
fn a_state_is_made_anew_after_a_panic() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
        let made = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&made);
        let init = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            0
        };
        let sum = |sum: &mut u32, n: u32| {
            *sum += n;
            assert_ne!(n, 3, "half-done");
            if n == 5 { Err("five") } else { Ok(*sum) }
        };
        let run = Pipeline::from_channel(filled(1..=6))
            .via(stage_state("sum", init, sum))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        // 3 takes the sum with it; 5 only fails, and is in it.
        assert_eq!(drain(&output).await, [1, 3, 4, 4 + 5 + 6]);
        assert_eq!((report.failed, made.load(Ordering::Relaxed)), (2, 2));
    });
}

#[test]
fn there_are_no_more_states_than_workers() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let made = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&made);
        let init = move || counted.fetch_add(1, Ordering::Relaxed);
        let run = Pipeline::from_channel(filled(0..64))
            .via(stage_state("number", init, |_: &mut u32, n: u32| Ok::<_, Never>(n)).workers(3))
            .to_channel(output.clone())
            .run();
        cx.run(run).await.unwrap();
        let mut items = drain(&output).await;
        items.sort_unstable();
        assert!(items.into_iter().eq(0..64));
        let made = made.load(Ordering::Relaxed);
        assert!((1..=3).contains(&made), "{made} states");
    });
}

// S0-11
#[test]
fn five_workers_take_sixty_items_once_each() {
    everywhere(async |cx: Cx<()>| {
        let input = Channel::bounded(100);
        let taken = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&taken);
        let work = move |n: u64| {
            noted.lock().unwrap().push(n);
            sleep::<_, Never>(millis(10 + n % 7)).map(move |()| n)
        };
        let output = Channel::bounded(60);
        let connected = Pipeline::from_channel(input.clone())
            .via(stage("work", work).workers(5))
            .to_channel(output.clone());
        let produce = effect(async move |_: Cx<()>| {
            for n in 0..60 {
                input.send(n).await.unwrap();
            }
            input.close();
            Ok::<_, Never>(())
        });
        let both = produce.fork().flat_map(move |_producer| connected.run());
        let report = cx.run(both).await.unwrap();
        assert_eq!(
            report.to_string(),
            "60 received = 60 delivered + 0 failed + 0 abandoned"
        );
        assert_eq!(report.stage("work").unwrap().running, 0);
        let mut taken = taken.lock().unwrap().clone();
        let mut delivered = drain(&output).await;
        taken.sort_unstable();
        delivered.sort_unstable();
        assert!(taken.into_iter().eq(0..60));
        assert!(delivered.into_iter().eq(0..60));
    });
}

// S0-13
#[test]
fn three_stages_keep_the_order_of_what_the_first_lets_through() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let progress = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&progress);
        let count = move |done: &mut u32, n: u32| {
            *done += 1;
            if (*done).is_multiple_of(10) {
                told.lock().unwrap().push(*done);
            }
            Ok(n)
        };
        let run = Pipeline::<_, Never, _>::from_stream(Stream::range(0..60))
            .filter("truthy", |n: &u32| *n != 0)
            .via(stage_sync("second", Ok))
            .via(stage_state("third", || 0, count))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert!(drain(&output).await.into_iter().eq(1..60));
        assert_eq!(
            report.to_string(),
            "60 received = 59 delivered + 0 failed + 1 filtered + 0 abandoned"
        );
        assert_eq!(*progress.lock().unwrap(), [10, 20, 30, 40, 50]);
    });
}

#[test]
fn an_ordered_stage_that_reads_a_channel_gives_back_nothing_out_of_order() {
    everywhere(async |cx: Cx<()>| {
        // Some wait and some do not: a batch of those that do not is cut short by one that does.
        let wait = |n: u64| {
            effect(async move |cx: Cx<()>| {
                if n % 3 == 1 {
                    cx.sleep(millis(10 - n % 10)).await;
                }
                Ok::<_, Never>(n)
            })
        };
        let output = Channel::bounded(40);
        let run = Pipeline::from_channel(filled(0..40))
            .via(stage("wait", wait).workers(4).ordered())
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert!(drain(&output).await.into_iter().eq(0..40));
        assert_adds_up(&report);
    });
}

/// Two runners find the next result at the same time, again and again.
#[test]
fn results_of_an_ordered_stage_are_passed_on_by_whoever_comes_first() {
    on_threads(5, async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let run = Pipeline::<_, Never, _>::from_stream(Stream::range(0..20_000_u64))
            .via(stage_sync("pass", Ok).workers(8).ordered().buffer(8))
            .to_channel(output.clone())
            .run();
        let outputs = cx.fork(Stream::from_channel(output).run_collect());
        let report = cx.run(run).await.unwrap();
        let Ok(items) = cx.run(outputs.join()).await;
        assert!(items.into_iter().eq(0..20_000));
        assert_adds_up(&report);
    });
}
