//! No item is lost: what was received is delivered, failed or abandoned, and the rest is still in the input.

use std::time::Duration;

use crate::common::{everywhere, heavily, on_one_thread};
use effect::prelude::*;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

const SENT: u64 = 60;

/// What stands around a run: its input, its channels, and the counts.
struct Site {
    input: Channel<u64>,
    output: Channel<u64>,
    errors: Channel<Failed<u64>>,
}

impl Site {
    async fn new(capacity: usize) -> Self {
        let input = Channel::bounded(SENT as usize);
        input.send_many(0..SENT).await.unwrap();
        input.close();
        Site {
            input,
            output: Channel::bounded(capacity),
            errors: Channel::bounded(capacity),
        }
    }

    /// Three stages: a fast one that seldom waits, a slow one whose items fail now and then, and one that
    /// waits for some.
    fn pipeline(&self, failing: u64) -> effect::Connected<(), u64, u64> {
        let fast = |n: u64| {
            effect(async move |cx: Cx<()>| {
                if n % 4 == 2 {
                    cx.sleep(millis(3)).await;
                }
                Ok(n)
            })
        };
        let slow = move |n: u64| {
            sleep(millis(n % 5 * 7 + 3)).flat_map(move |()| async move {
                if n % failing == failing - 1 {
                    Err(n)
                } else {
                    Ok(n)
                }
            })
        };
        let some = |n: u64| {
            effect(async move |cx: Cx<()>| {
                if n.is_multiple_of(3) {
                    cx.sleep(millis(10)).await;
                }
                Ok(n)
            })
        };
        Pipeline::from_channel(self.input.clone())
            .via(stage("fast", fast).workers(2))
            .via(stage("slow", slow).workers(4).buffer(3))
            .via(stage("some", some).workers(2).buffer(1))
            .to_channel(self.output.clone())
    }

    /// Checks that each item that was sent is in one place, and in one only.
    #[track_caller]
    fn check(&self, report: &PipelineReport, read: &[u64], read_errors: u64) {
        let (left, delivered) = (rest(&self.input), rest(&self.output));
        let errors = rest(&self.errors);
        assert_eq!(report.in_flight(), 0, "{report}");
        let fates = report.delivered + report.failed + report.abandoned;
        assert_eq!(report.received, fates, "{report}");
        assert_eq!(left.len() as u64 + fates, SENT, "{report}");
        assert_eq!(delivered.len() as u64 + read.len() as u64, report.delivered);
        assert!(errors.len() as u64 + read_errors <= report.failed);
        let mut seen = [left, delivered, read.to_vec()].concat();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "an item is in two places");
        assert!(self.output.is_closed());
    }
}

/// What is inside of a channel now.
#[track_caller]
fn rest<T>(channel: &Channel<T>) -> Vec<T> {
    let mut items = Vec::new();
    while let Some(Ok(item)) = futures::FutureExt::now_or_never(channel.receive()) {
        items.push(item);
    }
    items
}

#[test]
fn a_run_that_ends_well_delivers_everything() {
    everywhere(async |cx: Cx<()>| {
        let site = Site::new(100).await;
        let report = cx.run(site.pipeline(u64::MAX).run()).await.unwrap();
        assert_eq!((report.delivered, report.abandoned), (SENT, 0));
        site.check(&report, &[], 0);
    });
}

#[test]
fn a_run_with_failures_delivers_them_to_the_error_channel() {
    everywhere(async |cx: Cx<()>| {
        let site = Site::new(100).await;
        let connected = site.pipeline(4).with_error_channel(site.errors.clone());
        let report = cx.run(connected.run()).await.unwrap();
        assert_eq!((report.delivered, report.failed), (45, 15));
        assert_eq!(site.errors.len(), 15);
        assert!(site.errors.is_closed());
        site.check(&report, &[], 0);
    });
}

#[test]
fn a_run_that_fails_fast_abandons_what_it_had_begun_and_leaves_the_rest() {
    everywhere(async |cx: Cx<()>| {
        for failing in [1, 2, 7, 30, 60] {
            let site = Site::new(100).await;
            let error = cx.run(site.pipeline(failing).run()).await.unwrap_err();
            let PipelineError::Failed { failed, report } = error else {
                panic!("{error}");
            };
            assert_eq!(&*failed.stage, "slow");
            assert!(report.failed >= 1);
            site.check(&report, &[], 0);
        }
    });
}

#[test]
fn several_items_that_fail_at_once_are_one_failure_of_the_run() {
    everywhere(async |cx: Cx<()>| {
        let site = Site::new(100).await;
        let same = |n: u64| sleep(millis(10)).flat_map(move |()| fail::<_, _, u64>(n));
        let run = Pipeline::from_channel(site.input.clone())
            .via(stage("same", same).workers(4))
            .to_channel(site.output.clone());
        let PipelineError::Failed { report, .. } = cx.run(run.run()).await.unwrap_err() else {
            panic!("the run has to fail");
        };
        assert_eq!((report.failed, report.abandoned), (1, 3));
        site.check(&report, &[], 0);
    });
}

#[test]
fn an_interrupted_run_loses_nothing_at_whatever_step() {
    // Each run of it is 320 pipelines.
    heavily(async |cx: Cx<()>| {
        for capacity in [2, 100] {
            for step in 0..160 {
                let site = Site::new(capacity).await;
                let connected = site.pipeline(4).with_error_channel(site.errors.clone());
                let handle = connected.handle();
                let run = effect(async move |cx: Cx<()>| {
                    let run = cx.fork(connected.run());
                    for _ in 0..step {
                        cx.sleep(millis(1)).await;
                    }
                    let exit = cx.run(run.interrupt()).await?;
                    Ok::<_, Never>((exit, handle.report()))
                });
                let Ok((exit, report)) = cx.run(run).await;
                assert!(exit.is_success() || exit.is_interrupt(), "{exit:?}");
                if step > 0 {
                    assert!(site.errors.is_closed());
                    site.check(&report, &[], 0);
                }
            }
        }
    });
}

#[test]
fn an_interrupted_run_leaves_what_it_had_not_begun_in_the_input_in_order() {
    // On threads, both workers may have a batch in hand at once: which items they have begun is not known then, and
    // whoever gives the rest back last puts it ahead of the other's.
    on_one_thread(async |cx: Cx<()>| {
        let site = Site::new(100).await;
        let slow = |n: u64| sleep::<_, Never>(millis(10)).map(move |()| n);
        let connected = Pipeline::from_channel(site.input.clone())
            .via(stage("slow", slow).workers(2))
            .to_channel(site.output.clone());
        let handle = connected.handle();
        assert!(cx.run(connected.run().timeout(millis(35))).await.is_err());
        let report = handle.report();
        assert_eq!((report.delivered, report.abandoned), (6, 2));
        let left: Vec<_> = rest(&site.input);
        assert!(left.iter().copied().eq(8..SENT), "{left:?}");
    });
}

#[test]
fn a_run_under_a_timeout_has_ended_when_the_timeout_is_seen() {
    everywhere(async |cx: Cx<()>| {
        for limit in [0, 1, 5, 20, 50, 90, 10_000] {
            let site = Site::new(100).await;
            let connected = site.pipeline(4).with_error_channel(site.errors.clone());
            let handle = connected.handle();
            let timed = cx.run(connected.run().timeout(millis(limit))).await;
            assert_eq!(timed.is_ok(), limit == 10_000);
            site.check(&handle.report(), &[], 0);
        }
    });
}

#[test]
fn a_consumer_that_stops_reading_loses_nothing() {
    everywhere(async |cx: Cx<()>| {
        let site = Site::new(2).await;
        let connected = site.pipeline(u64::MAX);
        let handle = connected.handle();
        let read = Stream::from_channel(site.output.clone()).take(10);
        let run = connected.run().timeout(Duration::from_secs(5)).exit();
        let Ok((timed, read)) = cx.run(run.zip_par(read.run_collect())).await;
        assert!(!timed.is_success());
        assert_eq!(read.len(), 10);
        site.check(&handle.report(), &read, 0);
    });
}

#[test]
fn an_output_that_is_closed_early_ends_the_run_with_counts_that_add_up() {
    everywhere(async |cx: Cx<()>| {
        for reads in [0, 1, 10, 40] {
            let site = Site::new(2).await;
            let output = site.output.clone();
            let read = effect(async move |_: Cx<()>| {
                let mut read = Vec::new();
                for _ in 0..reads {
                    read.push(output.receive().await.unwrap());
                }
                output.close();
                Ok::<_, Never>(read)
            });
            let run = site.pipeline(u64::MAX).run().exit();
            let Ok((exit, read)) = cx.run(run.zip_par(read)).await;
            let error = exit.cause().and_then(Cause::failure).unwrap();
            let PipelineError::OutputClosed { report } = error else {
                panic!("{error}");
            };
            site.check(report, &read, 0);
        }
    });
}

#[test]
fn an_error_channel_that_is_closed_early_fails_the_run() {
    everywhere(async |cx: Cx<()>| {
        for reads in [0, 3] {
            let site = Site::new(1).await;
            let errors = site.errors.clone();
            let output = site.output.clone();
            let read = effect(async move |_: Cx<()>| {
                for _ in 0..reads {
                    errors.receive().await.unwrap();
                }
                errors.close();
                Ok::<_, Never>(())
            });
            let connected = site.pipeline(4).with_error_channel(site.errors.clone());
            let run = connected.run().exit();
            let collected = Stream::from_channel(output).run_collect();
            let Ok(((exit, ()), read)) = cx.run(run.zip_par(read).zip_par(collected)).await;
            let error = exit.cause().and_then(Cause::failure).unwrap();
            let PipelineError::Failed { report, .. } = error else {
                panic!("{error}");
            };
            assert!(report.failed > reads);
            site.check(report, &read, reads);
        }
    });
}

#[test]
fn an_interrupted_run_of_a_stream_accounts_for_all_that_it_pulled() {
    everywhere(async |cx: Cx<()>| {
        for limit in 0..40 {
            let output = Channel::bounded(3);
            let slow = |n: u64| sleep::<_, Never>(millis(n % 3 * 4)).map(move |()| n);
            let connected = Pipeline::from_stream(Stream::range(0..u64::MAX))
                .via(stage("slow", slow).workers(3).buffer(2))
                .to_channel(output.clone());
            let handle = connected.handle();
            assert!(
                cx.run(connected.run().timeout(millis(limit)))
                    .await
                    .is_err()
            );
            let report = handle.report();
            assert_eq!(report.in_flight(), 0, "{report}");
            assert_eq!(report.received, report.delivered + report.abandoned);
            assert_eq!(rest(&output).len() as u64, report.delivered);
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_items_on_many_threads_are_all_accounted_for() {
    let (output, errors) = (Channel::bounded(64), Channel::bounded(64));
    let check = |n: u64| async move { if n % 10 == 9 { Err(n) } else { Ok(n) } };
    let wait = |n: u64| async move {
        if n.is_multiple_of(7) {
            tokio::task::yield_now().await;
        }
        Ok(n)
    };
    let run = Pipeline::from_stream(Stream::range(0..100_000_u64))
        .via(stage("check", check).workers(4))
        .via(stage("wait", wait).workers(4))
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run();
    let both = effect(async move |cx: Cx<()>| {
        let delivered = cx.fork(Stream::from_channel(output).run_collect());
        let failed = cx.fork(Stream::from_channel(errors).run_collect());
        let report = cx.run(run).await.unwrap();
        let delivered = cx.run(delivered.join()).await?;
        Ok::<_, Never>((report, delivered, cx.run(failed.join()).await?))
    });
    let Ok((report, mut delivered, failed)) = both.await;
    assert_eq!(report.received, 100_000);
    assert_eq!((report.delivered, report.failed), (90_000, 10_000));
    assert_eq!(failed.len(), 10_000);
    delivered.sort_unstable();
    assert!(
        delivered
            .into_iter()
            .eq((0..100_000).filter(|n| n % 10 != 9))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_interrupted_run_on_many_threads_is_accounted_for() {
    for yields in [0, 1, 10, 100, 1000] {
        let (input, output) = (Channel::bounded(10_000), Channel::bounded(10_000));
        input.send_many(0..10_000_u64).await.unwrap();
        let wait = |n: u64| async move {
            tokio::task::yield_now().await;
            Ok::<_, Never>(n)
        };
        let connected = Pipeline::from_channel(input.clone())
            .via(stage("first", wait).workers(4))
            .via(stage("second", wait).workers(4))
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = effect(async move |cx: Cx<()>| {
            let run = cx.fork(connected.run());
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            cx.run(run.interrupt()).await
        });
        let Ok(exit) = run.await;
        assert!(exit.is_interrupt(), "{exit:?}");
        let report = handle.report();
        assert_eq!(report.in_flight(), 0, "{report}");
        let (left, delivered) = (rest(&input), rest(&output));
        assert_eq!(delivered.len() as u64, report.delivered);
        assert_eq!(
            left.len() as u64 + report.delivered + report.abandoned,
            10_000
        );
    }
}
