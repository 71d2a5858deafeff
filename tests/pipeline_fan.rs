//! Stages that make several items of one, or none.

use std::iter;

use crate::common::pipelines::{
    any_capacity, any_workers, assert_adds_up, drain, filled, read_slowly, wait,
};
use crate::common::{everywhere, millis};
use effect::prelude::*;
use effect::stage_sync;

const ITEMS: u64 = 16;

fn slow<T: effect::Value>(item: T) -> Effect<(), u64, T> {
    effect(async move |cx: Cx<()>| {
        wait(&cx).await;
        Ok(item)
    })
    .erase_once()
}

#[test]
fn all_that_comes_of_an_item_is_delivered_however_slowly_it_is_read() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(any_capacity(&cx));
        let several = stage_sync("several", |n: u64| Ok::<_, u64>((0..n % 5).map(move |_| n)));
        let run = Pipeline::from_channel(filled(0..ITEMS))
            .flat_map(several.workers(any_workers(&cx)))
            .to_channel(output.clone())
            .run();
        let outputs = read_slowly(&cx, &output);
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let Ok(mut outputs) = cx.run(outputs.join()).await;
        outputs.sort_unstable();
        assert!(
            outputs
                .into_iter()
                .eq((0..ITEMS).flat_map(|n| (0..n % 5).map(move |_| n)))
        );
        assert_eq!(report.filtered, 4, "{report}");
    });
}

#[test]
fn what_comes_of_an_item_waits_for_the_next_stage_and_is_not_forgotten_there() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(any_capacity(&cx));
        let several = |n: u64| slow(n).map(|n| (0..n % 5).map(move |_| n));
        let several = stage("several", several)
            .workers(any_workers(&cx))
            .buffer(any_capacity(&cx));
        let next = stage("next", slow)
            .workers(any_workers(&cx))
            .buffer(any_capacity(&cx));
        let run = Pipeline::from_stream(Stream::range(0..ITEMS))
            .flat_map(several)
            .via(next)
            .to_channel(output.clone())
            .run();
        let outputs = read_slowly(&cx, &output);
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let Ok(mut outputs) = cx.run(outputs.join()).await;
        outputs.sort_unstable();
        assert!(
            outputs
                .into_iter()
                .eq((0..ITEMS).flat_map(|n| (0..n % 5).map(move |_| n)))
        );
    });
}

#[test]
fn an_iterator_that_panics_half_way_keeps_what_it_has_given() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (
            Channel::bounded(any_capacity(&cx)),
            Channel::bounded(any_capacity(&cx)),
        );
        let broken = |n: u64| {
            let parts = (0..4).map(move |part| {
                assert!(n % 3 != 2 || part < 2, "a broken iterator");
                (n, part)
            });
            slow(parts)
        };
        let broken = stage("broken", broken)
            .workers(any_workers(&cx))
            .buffer(any_capacity(&cx));
        let broken = if cx.random().is_multiple_of(2) {
            broken.ordered()
        } else {
            broken
        };
        let run = Pipeline::from_stream(Stream::range(0..9))
            .flat_map(broken)
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let (outputs, failures) = (read_slowly(&cx, &output), read_slowly(&cx, &errors));
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let Ok(mut outputs) = cx.run(outputs.join()).await;
        outputs.sort_unstable();
        let whole = (0..9).flat_map(|n| (0..4).map(move |part| (n, part)));
        let whole = whole.filter(|(n, part)| n % 3 != 2 || *part < 2);
        assert!(outputs.into_iter().eq(whole));
        let Ok(failures) = cx.run(failures.join()).await;
        assert_eq!((failures.len(), report.failed), (3, 3));
    });
}

#[test]
fn an_endless_iterator_is_bounded_and_can_be_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(any_capacity(&cx));
        let room = output.capacity() as u64;
        let (workers, buffer) = (any_workers(&cx), any_capacity(&cx));
        let endless = stage_sync("endless", |n: u64| Ok::<_, u64>(iter::repeat(n)));
        let connected = Pipeline::from_channel(filled(0..ITEMS))
            .flat_map(endless.workers(workers))
            .via(stage("next", slow).workers(workers).buffer(buffer))
            .to_channel(output.clone());
        let handle = connected.handle();
        let run = cx.fork(connected.run());
        let receives = output.clone();
        for _ in 0..20 {
            receives.receive().await.unwrap();
            let inside = handle.report().in_flight();
            let bound = room + 2 * workers as u64 + buffer as u64 + 2;
            assert!(inside <= bound, "{inside} > {bound}: {}", handle.report());
        }
        let Ok(exit) = cx.run(run.interrupt()).await;
        assert!(exit.is_interrupt());
        assert_adds_up(&handle.report());
        let left = drain(&output).await.len() as u64;
        assert_eq!(handle.report().delivered, 20 + left);
    });
}

#[test]
fn what_is_filtered_is_counted_and_makes_room() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (
            Channel::bounded(any_capacity(&cx)),
            Channel::bounded(any_capacity(&cx)),
        );
        let run = Pipeline::from_stream(Stream::range(0..ITEMS))
            .filter("no fives", |n| {
                assert!(n % 8 != 7, "a bug");
                n % 5 != 0
            })
            .via(
                stage("next", slow)
                    .workers(any_workers(&cx))
                    .buffer(any_capacity(&cx)),
            )
            .filter("none above ten", |n| *n <= 10)
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let (outputs, failures) = (read_slowly(&cx, &output), read_slowly(&cx, &errors));
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let Ok(mut outputs) = cx.run(outputs.join()).await;
        outputs.sort_unstable();
        assert_eq!(outputs, [1, 2, 3, 4, 6, 8, 9]);
        let Ok(failures) = cx.run(failures.join()).await;
        assert_eq!((failures.len(), report.filtered), (2, 7), "{report}");
    });
}

#[test]
fn each_of_several_has_the_source_that_it_came_of() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(64), Channel::bounded(64));
        let several = stage_sync("several", |n: u64| Ok((0..n).map(move |part| (n, part))));
        let run = Pipeline::from_channel(filled(0..4))
            .keep_source()
            .flat_map(several.workers(2))
            .via(stage("second fails", |(n, part): (u64, u64)| async move {
                effect::yield_now().await;
                if part == 1 { Err(n) } else { Ok(n) }
            }))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let failures = drain(&errors).await;
        assert_eq!(failures.len(), 2);
        for failed in failures {
            let Fault::Error(n) = failed.fault else {
                panic!("{failed:?}");
            };
            assert_eq!(failed.source[..], [n]);
        }
        cx.sleep(millis(1)).await;
    });
}

/// Something whose items cannot be had.
struct Broken;

impl IntoIterator for Broken {
    type Item = u64;
    type IntoIter = iter::Empty<u64>;

    fn into_iter(self) -> iter::Empty<u64> {
        panic!("no iterator")
    }
}

#[test]
fn an_item_that_cannot_be_iterated_has_failed() {
    everywhere(async |cx: Cx<()>| {
        for ordered in [false, true] {
            let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
            let broken = stage_sync("broken", |_: u64| Ok::<_, u64>(Broken)).workers(2);
            let broken = if ordered { broken.ordered() } else { broken };
            let run = Pipeline::from_channel(filled(0..3))
                .flat_map(broken)
                .to_channel(output.clone())
                .with_error_channel(errors.clone())
                .run();
            let report = cx.run(run).await.unwrap();
            assert_adds_up(&report);
            assert_eq!((report.failed, drain(&errors).await.len()), (3, 3));
        }
    });
}
