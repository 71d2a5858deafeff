//! Whole pipelines, as somebody would write them: a crowd of workers, three stages, tries after waits, and connections.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::pipelines::{assert_adds_up, drain, filled, wait};
use crate::common::{everywhere, millis};
use effect::prelude::*;
use effect::{stage_sync, stage_with};

// S0-11
#[test]
fn a_crowd_of_workers_does_everything_once() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(100);
        let (running, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (count, highest) = (Arc::clone(&running), Arc::clone(&most));
        let work = move |n: u64| {
            let (enters, leaves) = (Arc::clone(&running), Arc::clone(&running));
            let most = Arc::clone(&most);
            effect(async move |cx: Cx<()>| {
                let now = enters.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                wait(&cx).await;
                Ok::<_, Never>(n)
            })
            .ensuring(sync(move || {
                leaves.fetch_sub(1, Ordering::SeqCst);
            }))
        };
        let run = Pipeline::from_channel(filled(0..60))
            .via(stage("work", work).workers(5).buffer(100))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let mut done = drain(&output).await;
        done.sort_unstable();
        assert!(done.into_iter().eq(0..60));
        assert_eq!(count.load(Ordering::SeqCst), 0);
        assert!(highest.load(Ordering::SeqCst) <= 5);
    });
}

// S0-13
#[test]
fn three_stages_pass_on_what_the_first_lets_through() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let progress = Arc::new(Mutex::new(Vec::new()));
        let pass = |n: u64| Ok::<_, Never>(n);
        let run = Pipeline::from_stream(Stream::range(0..60))
            .filter("truthy", |n| *n != 0)
            .via(stage_sync("second", pass))
            .via(stage_sync("third", pass))
            .to_channel(output.clone())
            .run();
        let told = Arc::clone(&progress);
        let results = cx.fork(async move {
            let mut results = Vec::new();
            while let Ok(result) = output.receive().await {
                results.push(result);
                if results.len().is_multiple_of(10) {
                    told.lock().unwrap().push(results.len());
                }
            }
            Ok::<_, Never>(results)
        });
        let report = cx.run(run).await.unwrap();
        assert_eq!(
            (report.received, report.filtered, report.delivered),
            (60, 1, 59)
        );
        let Ok(results) = cx.run(results.join()).await;
        assert!(results.into_iter().eq(1..60));
        assert_eq!(*progress.lock().unwrap(), [10, 20, 30, 40, 50]);
    });
}

// S0-19
#[test]
fn what_fails_is_tried_again_after_longer_and_longer_waits() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(20), Channel::bounded(20));
        let tries = Arc::new(Mutex::new(BTreeMap::<u64, u32>::new()));
        let counts = Arc::clone(&tries);
        let work = move |n: u64| {
            let mut tries = counts.lock().unwrap();
            let tried = tries.entry(n).or_default();
            *tried += 1;
            let fails = n == 5 || (n.is_multiple_of(7) && *tried == 1);
            async move { if fails { Err(n) } else { Ok(n) } }
        };
        // Half a second, and then a whole one.
        let policy = Schedule::linear(millis(500)).times(2);
        let run = Pipeline::from_channel(filled(0..20))
            .via(stage("work", work).retry(policy))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let start = cx.now();
        let report = cx.run(run).await.unwrap();
        assert_eq!(cx.now() - start, millis(3 * 500 + 1500));
        assert_eq!((report.delivered, report.failed), (19, 1));
        let failed: Vec<_> = drain(&errors).await.into_iter().collect();
        assert_eq!(failed[0].fault, Fault::Error(5));
        assert_eq!(failed[0].attempts, 3);
        let tries = tries.lock().unwrap();
        assert_eq!(tries[&5], 3);
        assert_eq!(tries.values().sum::<u32>(), 20 + 3 + 2);
    });
}

/// A pipeline whose two workers have a connection each, of which this counts those that are opened and closed.
fn with_connections(
    counts: &Arc<(AtomicU64, AtomicU64)>,
    output: &Channel<u64>,
) -> effect::Connected<(), &'static str, u64> {
    let counts = Arc::clone(counts);
    let connect = move || {
        let (opens, closes) = (Arc::clone(&counts), Arc::clone(&counts));
        let open = sync::<_, &str, _, _>(move || {
            opens.0.fetch_add(1, Ordering::SeqCst);
        });
        acquire_release(open, move |()| {
            sync(move || {
                closes.1.fetch_add(1, Ordering::SeqCst);
            })
        })
    };
    let double = |_: Arc<()>, n: u64| {
        effect(async move |cx: Cx<()>| {
            wait(&cx).await;
            match n {
                100 => Err("failed"),
                101 => cx.run(never::<(), &str, u64>()).await,
                n => Ok(n * 2),
            }
        })
    };
    Pipeline::from_stream(
        Stream::from_iter([1, 2, 3, 4]).concat(Stream::from_channel(input_of(output))),
    )
    .via(stage_with("double", connect, double).workers(2))
    .to_channel(output.clone())
}

/// Nothing more, where the output has room for four; else what fails, or waits for ever.
fn input_of(output: &Channel<u64>) -> Channel<u64> {
    match output.capacity() {
        4 => filled([]),
        5 => filled([100]),
        _ => filled([101]),
    }
}

// S2-35
#[test]
fn a_connection_of_each_worker_is_opened_and_closed_once_however_the_run_ends() {
    everywhere(async |cx: Cx<()>| {
        let counts = || Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let both = |counts: &(AtomicU64, AtomicU64)| {
            (
                counts.0.load(Ordering::SeqCst),
                counts.1.load(Ordering::SeqCst),
            )
        };
        // It ends well.
        let (output, connections) = (Channel::bounded(4), counts());
        let run = with_connections(&connections, &output).run();
        cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await.into_iter().sum::<u64>(), 20);
        assert_eq!(both(&connections), (2, 2));
        // It fails.
        let (output, connections) = (Channel::bounded(5), counts());
        let run = with_connections(&connections, &output).run();
        assert!(cx.run(run).await.is_err());
        assert_eq!(both(&connections), (2, 2));
        // It is interrupted.
        let (output, connections) = (Channel::bounded(6), counts());
        let run = cx.fork(with_connections(&connections, &output).run());
        cx.sleep(millis(50)).await;
        let Ok(exit) = cx.run(run.interrupt()).await;
        assert!(exit.is_interrupt());
        assert_eq!(both(&connections), (2, 2));
    });
}
