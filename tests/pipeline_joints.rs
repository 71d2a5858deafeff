//! Where items come together and part: batches, branches, and pipelines that are merged.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::common::pipelines::{drain, filled};
use crate::common::{everywhere, millis, on_both, secs};
use effect::prelude::*;
use effect::{Either, stage_sync};

/// A pipeline of numbers, each after so many milliseconds more.
fn after(waits: impl IntoIterator<Item = u64>) -> Pipeline<(), Never, u64> {
    let waits: Vec<_> = waits.into_iter().collect();
    let items = Stream::from_iter(waits.into_iter().enumerate())
        .tap(|(_, wait)| sleep::<_, Never>(millis(*wait)))
        .into_values()
        .map(|(n, _)| n as u64);
    Pipeline::from_stream(items)
}

/// That what was received and made is all somewhere.
#[track_caller]
fn assert_complete(report: &PipelineReport) {
    assert!(report.adds_up(), "{report}");
    assert_eq!(report.in_flight(), 0, "{report}");
}

#[test]
fn a_batch_is_of_so_many_and_the_last_of_what_is_left() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(16);
        let run = Pipeline::<_, Never, _>::from_channel(filled(0..10))
            .batch(4, secs(1))
            .to_channel(output.clone())
            .run();
        let begun = cx.now();
        let report = cx.run(run).await.unwrap();
        // The last one does not wait for more than can come.
        assert_eq!(cx.now(), begun);
        assert_eq!(
            drain(&output).await,
            [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]
        );
        assert_eq!(
            report.to_string(),
            "10 received = 3 delivered + 0 failed + 7 joined + 0 abandoned"
        );
        assert_complete(&report);
    });
}

#[test]
fn a_batch_goes_on_when_its_first_item_has_waited_for_long_enough() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(16);
        // At 0, 400 and 900 ms; at 1500 ms; and at 9 s.
        let begun = cx.now();
        let stamp = move |batch: Vec<u64>| {
            effect(async move |cx: Cx<()>| Ok((batch, (cx.now() - begun).as_millis())))
        };
        let run = after([0, 400, 500, 600, 7500])
            .batch(10, secs(1))
            .via(stage("stamp", stamp))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let batches = drain(&output).await;
        assert_eq!(batches[..2], [(vec![0, 1, 2], 1000), (vec![3], 2500)]);
        // The source ends with the last item: nobody waits another second.
        assert_eq!(batches[2..], [(vec![4], 9000)]);
        assert_complete(&report);
    });
}

#[test]
fn a_batch_of_one_is_each_item() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(16);
        let run = Pipeline::<_, Never, _>::from_channel(filled(0..3))
            .batch(1, secs(1))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [[0], [1], [2]]);
        assert_eq!(report.joined, 0);
    });
}

#[test]
fn a_batch_within_no_time_is_of_what_is_there() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let run = Pipeline::<_, Never, _>::from_channel(filled(0..20))
            .batch(8, std::time::Duration::ZERO)
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let batches = drain(&output).await;
        assert!(batches.iter().all(|batch| (1..=8).contains(&batch.len())));
        assert!(batches.into_iter().flatten().eq(0..20));
        assert_complete(&report);
    });
}

#[test]
fn batches_of_what_several_workers_made_lose_nothing() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let work = |n: u64| sleep::<_, Never>(millis(n * 7 % 5)).map(move |()| n);
        let run = Pipeline::from_channel(filled(0..50))
            .via(stage("work", work).workers(4))
            .batch(8, secs(1))
            .via(stage_sync("sorted", |mut batch: Vec<u64>| {
                batch.sort_unstable();
                Ok(batch)
            }))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let batches = drain(&output).await;
        // All are full but the last.
        assert_eq!(batches.len(), 7);
        assert!(batches[..6].iter().all(|batch| batch.len() == 8));
        let mut items: Vec<_> = batches.into_iter().flatten().collect();
        items.sort_unstable();
        assert!(items.into_iter().eq(0..50));
        assert_complete(&report);
    });
}

#[test]
fn batches_of_an_ordered_stage_are_in_order() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let work = |n: u64| sleep::<_, Never>(millis(n * 7 % 5)).map(move |()| n);
        let run = Pipeline::from_channel(filled(0..30))
            .via(stage("work", work).workers(4).ordered())
            .filter("not of seven", |n: &u64| !n.is_multiple_of(7))
            .batch(5, secs(1))
            .flat_map(stage_sync("open", Ok))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let expected = (0..30).filter(|n| n % 7 != 0);
        assert!(drain(&output).await.into_iter().eq(expected));
        assert_eq!(
            report.to_string(),
            "30 received + 20 made = 25 delivered + 0 failed + 5 filtered + 20 joined + 0 abandoned"
        );
        assert_complete(&report);
    });
}

#[test]
fn a_batch_behind_failures_is_of_the_others() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(64), Channel::bounded(64));
        let odd = |n: u32| if n % 2 == 1 { Err("odd") } else { Ok(n) };
        let run = Pipeline::from_channel(filled(0..9))
            .via(stage_sync("even", odd))
            .batch(4, secs(1))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [vec![0, 2, 4, 6], vec![8]]);
        assert_eq!((report.failed, report.joined, errors.len()), (4, 3, 4));
        assert_complete(&report);
    });
}

#[test]
fn a_batch_that_fails_has_the_sources_of_all_its_items() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
        let save = |batch: Vec<u32>| {
            let full = batch.contains(&2);
            async move {
                if full {
                    Err("disk full")
                } else {
                    Ok(batch.len())
                }
            }
        };
        let run = Pipeline::from_channel(filled(["1", "2", "3", "4", "5"]))
            .keep_source()
            .via(stage_sync("parse", |text: &str| {
                text.parse().map_err(|_| "no number")
            }))
            .batch(3, secs(1))
            .via(stage("save", save))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let failed = drain(&errors).await.remove(0);
        assert_eq!(failed.source[..], ["1", "2", "3"]);
        assert_eq!(drain(&output).await, [2]);
        assert_eq!(
            report.to_string(),
            "5 received = 1 delivered + 1 failed + 3 joined + 0 abandoned"
        );
    });
}

#[test]
fn what_waits_for_its_batch_is_abandoned_when_the_run_is_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let input = Channel::bounded(8);
        input.send_many(vec![1, 2, 3]).await.unwrap();
        let connected = Pipeline::<_, Never, _>::from_channel(input)
            .batch(8, secs(3600))
            .to_channel(Channel::bounded(8));
        let handle = connected.handle();
        assert!(cx.run(connected.run().timeout(secs(60))).await.is_err());
        let report = handle.report();
        assert_eq!((report.received, report.abandoned), (3, 3));
        assert_complete(&report);
    });
}

#[test]
fn a_drain_sends_the_last_batch_on() {
    everywhere(async |cx: Cx<()>| {
        let (input, output) = (Channel::bounded(8), Channel::bounded(8));
        input.send_many(vec![1, 2, 3]).await.unwrap();
        let connected = Pipeline::<_, Never, _>::from_channel(input)
            .batch(8, secs(3600))
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        cx.sleep(secs(60)).await;
        handle.drain();
        let begun = cx.now();
        let report = cx.run(run.join()).await.unwrap();
        assert_eq!(cx.now(), begun);
        assert_eq!(drain(&output).await, [[1, 2, 3]]);
        assert_complete(&report);
    });
}

#[test]
fn batches_wait_for_room_behind_them() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(1);
        let save = |batch: Vec<u32>| sleep::<_, Never>(secs(1)).map(move |()| batch);
        let run = Pipeline::from_channel(filled(0..40))
            .batch(3, millis(100))
            .via(stage("save", save).buffer(1))
            .to_channel(output.clone())
            .run();
        let outputs = cx.fork(Stream::from_channel(output).run_collect());
        let report = cx.run(run).await.unwrap();
        let Ok(batches) = cx.run(outputs.join()).await;
        assert!(batches.into_iter().flatten().eq(0..40));
        assert_complete(&report);
    });
}

/// Even numbers to the left, odd ones to the right.
fn parity(n: u64) -> Result<Either<u64, u64>, &'static str> {
    Ok(if n.is_multiple_of(2) {
        Either::Left(n)
    } else {
        Either::Right(n)
    })
}

#[test]
fn each_way_of_a_branch_keeps_its_order() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let slow = |n: u64| sleep::<_, &'static str>(millis(3)).map(move |()| ("even", n));
        let run = Pipeline::from_channel(filled(0..40))
            .branch(
                stage_sync("parity", parity),
                |even| even.via(stage("slow", slow)),
                |odd| {
                    odd.via(stage_sync("first", Ok))
                        .via(stage_sync("second", |n| Ok(("odd", n))))
                },
            )
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let (even, odd): (Vec<_>, Vec<_>) = drain(&output)
            .await
            .into_iter()
            .partition(|(way, _)| *way == "even");
        assert!(even.into_iter().map(|(_, n)| n).eq((0..40).step_by(2)));
        assert!(odd.into_iter().map(|(_, n)| n).eq((1..40).step_by(2)));
        assert_complete(&report);
    });
}

#[test]
fn items_of_a_way_that_fails_are_failures_and_the_others_go_on() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(64), Channel::bounded(64));
        let run = Pipeline::from_channel(filled(0..10))
            .keep_source()
            .branch(
                stage_sync("parity", parity),
                |even| even.via(stage_sync("refuse", |_: u64| Err::<u64, _>("even"))),
                |odd| odd,
            )
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [1, 3, 5, 7, 9]);
        let failed = drain(&errors).await;
        assert!(failed.iter().all(|failed| &*failed.stage == "refuse"));
        let sources = failed.iter().map(|failed| failed.source[0]);
        assert!(sources.eq((0..10).step_by(2)));
        assert_eq!(
            report.to_string(),
            "10 received = 5 delivered + 5 failed + 0 abandoned"
        );
        assert_complete(&report);
    });
}

#[test]
fn without_an_error_channel_a_way_that_fails_ends_the_run() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let run = Pipeline::from_channel(filled(0..10))
            .branch(
                stage_sync("parity", parity),
                |even| even,
                |odd| odd.via(stage_sync("refuse", |_: u64| Err::<u64, _>("odd"))),
            )
            .to_channel(output.clone())
            .run();
        let error = cx.run(run).await.unwrap_err();
        assert!(matches!(error, PipelineError::Failed { .. }));
        assert!(output.is_closed());
        assert_complete(error.report());
    });
}

#[test]
fn ways_without_stages_are_the_items_themselves() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let run = Pipeline::from_channel(filled(0..10))
            .branch(stage_sync("parity", parity), |even| even, |odd| odd)
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let mut items = drain(&output).await;
        items.sort_unstable();
        assert!(items.into_iter().eq(0..10));
        assert_complete(&report);
    });
}

#[test]
fn a_way_that_is_never_gone_is_no_harm() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let left = |n: u64| Ok::<Either<u64, u64>, &'static str>(Either::Left(n));
        let run = Pipeline::from_channel(filled(0..10))
            .branch(
                stage_sync("left", left),
                |left| left.batch(4, secs(1)),
                |right| right.batch(4, secs(1)),
            )
            .to_channel(output.clone())
            .run();
        let begun = cx.now();
        let report = cx.run(run).await.unwrap();
        assert_eq!(cx.now(), begun);
        let batches = drain(&output).await;
        assert!(batches.into_iter().flatten().eq(0..10));
        assert_complete(&report);
    });
}

#[test]
fn branches_are_nested() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let half = |n: u64| {
            Ok(if n.is_multiple_of(4) {
                Either::Left(n)
            } else {
                Either::Right(n)
            })
        };
        let run = Pipeline::from_channel(filled(0..16))
            .branch(
                stage_sync("parity", parity),
                move |even| {
                    even.branch(
                        stage_sync("half", half),
                        |left| left.via(stage_sync("of four", |n| Ok((4, n)))),
                        |right| right.via(stage_sync("of two", |n| Ok((2, n)))),
                    )
                },
                |odd| odd.via(stage_sync("odd", |n| Ok((1, n)))),
            )
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let mut items = drain(&output).await;
        items.sort_unstable_by_key(|(_, n)| *n);
        let expected = (0..16).map(|n| match n % 4 {
            0 => (4, n),
            2 => (2, n),
            _ => (1, n),
        });
        assert!(items.into_iter().eq(expected));
        assert_complete(&report);
    });
}

#[test]
fn a_slow_way_holds_back_no_more_than_fits() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(64);
        let slow = |n: u64| sleep::<_, &'static str>(secs(1)).map(move |()| n);
        let run = Pipeline::from_channel(filled(0..20))
            .branch(
                stage_sync("parity", parity),
                |even| even.via(stage("slow", slow).buffer(1)),
                |odd| odd.via(stage_sync("fast", Ok).buffer(1)),
            )
            .to_channel(output.clone())
            .run();
        let begun = cx.now();
        let report = cx.run(run).await.unwrap();
        assert_eq!(cx.now() - begun, secs(10));
        assert_eq!(report.delivered, 20);
        assert_complete(&report);
    });
}

#[test]
fn a_way_that_is_not_of_its_pipeline_is_a_mistake() {
    let other = || Pipeline::<(), &'static str, _>::from_channel(filled([1_u64]));
    let built = catch_unwind(AssertUnwindSafe(|| {
        other().branch(stage_sync("parity", parity), |_| other(), |odd| odd)
    }));
    assert!(built.is_err());
}

#[test]
fn three_pipelines_are_merged_into_one() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(64), Channel::bounded(64));
        let numbers = Pipeline::from_channel(filled(0..10_u64));
        let words =
            Pipeline::from_stream(Stream::from_iter(["10", "11", "twelve", "13"]))
                .via(stage_sync("parse", |word: &'static str| {
                    word.parse().map_err(|_| word)
                }));
        let late = Stream::from_iter(14..20).tap(|_| sleep::<_, Never>(secs(1)));
        let run = numbers
            .merge(words)
            .merge(Pipeline::from_stream(late.into_values()))
            .via(stage_sync("all", Ok).workers(2))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let mut items = drain(&output).await;
        items.sort_unstable();
        assert!(items.into_iter().eq((0..20).filter(|n| *n != 12)));
        assert_eq!(errors.len(), 1);
        assert_eq!(
            report.to_string(),
            "20 received = 19 delivered + 1 failed + 0 abandoned"
        );
        assert_complete(&report);
    });
}

#[test]
fn a_merged_pipeline_ends_when_all_of_it_has() {
    everywhere(async |cx: Cx<()>| {
        let (open, output) = (Channel::bounded(4), Channel::bounded(8));
        let ended = Pipeline::<_, Never, _>::from_channel(filled([1, 2]));
        let run = ended
            .merge(Pipeline::from_channel(open.clone()))
            .to_channel(output.clone())
            .run();
        let run = cx.fork(run);
        cx.sleep(secs(1)).await;
        assert_eq!(output.len(), 2);
        assert!(!output.is_closed());
        open.send(3).await.unwrap();
        open.close();
        let report = cx.run(run.join()).await.unwrap();
        assert_eq!(drain(&output).await, [1, 2, 3]);
        assert_complete(&report);
    });
}

#[test]
fn merged_batches_wait_for_the_end_of_both() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(16);
        let run = after([0, 1000])
            .merge(after([500, 1000, 1000]))
            .batch(4, secs(60))
            .to_channel(output.clone())
            .run();
        let begun = cx.now();
        let report = cx.run(run).await.unwrap();
        assert_eq!(cx.now() - begun, millis(2500));
        // By their times: 0 at 0, 0' at 500, 1 at 1000, 1' at 1500, 2' at 2500.
        assert_eq!(drain(&output).await, [vec![0, 0, 1, 1], vec![2]]);
        assert_complete(&report);
    });
}

#[test]
fn each_source_of_a_merge_keeps_its_own_order() {
    on_both(async |cx: Cx<()>| {
        let output = Channel::bounded(4);
        let of = |offset: u32| {
            Pipeline::<_, Never, _>::from_channel(filled((0..500).map(move |n| offset + n)))
                .via(stage_sync("pass", Ok).buffer(2))
        };
        let run = of(0)
            .merge(of(1000))
            .merge(of(2000))
            .to_channel(output.clone())
            .run();
        let outputs = cx.fork(Stream::from_channel(output).run_collect());
        let report = cx.run(run).await.unwrap();
        let Ok(items) = cx.run(outputs.join()).await;
        for offset in [0, 1000, 2000] {
            let own = items
                .iter()
                .filter(|n| (offset..offset + 1000).contains(*n));
            assert!(own.copied().eq(offset..offset + 500));
        }
        assert_complete(&report);
    });
}

#[test]
fn what_nobody_reads_holds_all_joints_back() {
    on_both(async |cx: Cx<()>| {
        let output = Channel::<Vec<u64>>::bounded(1);
        let endless =
            || Pipeline::<_, &'static str, _>::from_stream(Stream::iterate(0_u64, |n| n + 1));
        let connected = endless()
            .merge(endless())
            .branch(
                stage_sync("parity", parity),
                |even| even,
                |odd| odd.via(stage_sync("odd", Ok)),
            )
            .batch(4, secs(1))
            .to_channel(output.clone());
        let handle = connected.handle();
        assert!(cx.run(connected.run().timeout(secs(60))).await.is_err());
        let report = handle.report();
        // Six places with 64 items before each at most, and a batch.
        assert!(report.received < 600, "{report}");
        assert_complete(&report);
    });
}
