//! The order in which a pipeline delivers: of one worker, and of an ordered stage with many.

use crate::common::everywhere;
use crate::common::pipelines::{
    any_capacity, any_workers, assert_adds_up, filled, read_slowly, wait,
};
use effect::prelude::*;

const ITEMS: u64 = 24;

/// Waits by chance. Every fifth item fails, and every seventh dies.
fn uneven(n: u64) -> Effect<(), u64, u64> {
    effect(async move |cx: Cx<()>| {
        wait(&cx).await;
        assert!(n % 7 != 6, "a bug");
        if n % 5 == 4 { Err(n) } else { Ok(n) }
    })
    .erase_once()
}

/// Those of which [`uneven`] makes something.
fn good() -> Vec<u64> {
    (0..ITEMS).filter(|n| n % 5 != 4 && n % 7 != 6).collect()
}

/// A pipeline of numbers, from a channel or from a stream as chance has it.
fn numbers(cx: &Cx<()>) -> Pipeline<(), u64, u64> {
    if cx.random().is_multiple_of(2) {
        Pipeline::from_channel(filled(0..ITEMS))
    } else {
        Pipeline::from_stream(Stream::range(0..ITEMS))
    }
}

/// Runs a pipeline whose output and errors are read slowly, and has what it delivers and how many items failed.
async fn run<T: effect::Value>(cx: &Cx<()>, pipeline: Pipeline<(), u64, T>) -> (Vec<T>, u64) {
    let output = Channel::bounded(any_capacity(cx));
    let errors = Channel::bounded(any_capacity(cx));
    let run = pipeline
        .to_channel(output.clone())
        .with_error_channel(errors.clone())
        .run();
    let (outputs, failures) = (read_slowly(cx, &output), read_slowly(cx, &errors));
    let report = cx.run(run).await.unwrap();
    assert_adds_up(&report);
    let Ok(outputs) = cx.run(outputs.join()).await;
    let Ok(failures) = cx.run(failures.join()).await;
    assert_eq!(report.delivered, outputs.len() as u64, "{report}");
    assert_eq!(report.failed, failures.len() as u64, "{report}");
    assert_eq!((report.abandoned, report.unreported), (0, 0));
    (outputs, report.failed)
}

#[test]
fn an_ordered_stage_keeps_the_order_around_failures() {
    everywhere(async |cx: Cx<()>| {
        let work = stage("work", uneven)
            .workers(any_workers(&cx))
            .buffer(any_capacity(&cx));
        let (delivered, _) = run(&cx, numbers(&cx).via(work.ordered())).await;
        assert_eq!(delivered, good());
    });
}

#[test]
fn ordered_stages_in_a_row_keep_the_order() {
    everywhere(async |cx: Cx<()>| {
        let pass = |n: u64| {
            effect(async move |cx: Cx<()>| {
                wait(&cx).await;
                Ok(n)
            })
        };
        let mut pipeline = numbers(&cx).via(stage("work", uneven).workers(3).ordered());
        for name in ["second", "third"] {
            let pass = stage(name, pass).workers(any_workers(&cx)).ordered();
            pipeline = pipeline.via(pass.buffer(any_capacity(&cx)));
        }
        let (delivered, _) = run(&cx, pipeline).await;
        assert_eq!(delivered, good());
    });
}

#[test]
fn an_ordered_stage_of_keys_keeps_the_order() {
    everywhere(async |cx: Cx<()>| {
        let work = stage("work", uneven).by_key(|n: &u64| n % 3);
        let work = work.workers(any_workers(&cx)).ordered();
        let (delivered, _) = run(&cx, numbers(&cx).via(work.buffer(any_capacity(&cx)))).await;
        assert_eq!(delivered, good());
    });
}

#[test]
fn an_ordered_flat_map_keeps_the_order() {
    everywhere(async |cx: Cx<()>| {
        let several = |n: u64| uneven(n).map(|n| (0..n % 4).map(move |part| (n, part)));
        let several = stage("several", several)
            .workers(any_workers(&cx))
            .buffer(any_capacity(&cx));
        let (delivered, _) = run(&cx, numbers(&cx).flat_map(several.ordered())).await;
        let parts = good()
            .into_iter()
            .flat_map(|n| (0..n % 4).map(move |part| (n, part)));
        assert!(delivered.into_iter().eq(parts));
    });
}

#[test]
fn an_ordered_stage_after_a_filter_waits_for_nothing_that_never_comes() {
    everywhere(async |cx: Cx<()>| {
        let work = || stage("work", uneven).workers(any_workers(&cx)).ordered();
        let pipeline = numbers(&cx)
            .filter("odd", |n| n % 2 == 1)
            .via(work())
            .filter("few", |n| n % 3 == 1)
            .via(work().buffer(any_capacity(&cx)));
        let (delivered, _) = run(&cx, pipeline).await;
        let expected = good().into_iter().filter(|n| n % 2 == 1 && n % 3 == 1);
        assert!(delivered.into_iter().eq(expected));
    });
}

#[test]
fn one_worker_in_every_stage_keeps_the_order_of_whatever_stages_there_are() {
    everywhere(async |cx: Cx<()>| {
        let buffer = || any_capacity(&cx);
        let several = |n: u64| uneven(n).map(|n| (0..n % 4).map(move |part| (n, part)));
        let pass = |pair: (u64, u64)| {
            effect(async move |cx: Cx<()>| {
                wait(&cx).await;
                Ok(pair)
            })
        };
        let pipeline = numbers(&cx)
            .via(stage("pass", |n: u64| async move { Ok(n) }).buffer(buffer()))
            .flat_map(stage("several", several).buffer(buffer()))
            .filter("some", |(n, part)| (n + part) % 3 != 0)
            .via(stage("slow", pass).buffer(buffer()));
        let (delivered, _) = run(&cx, pipeline).await;
        let parts = good()
            .into_iter()
            .flat_map(|n| (0..n % 4).map(move |part| (n, part)))
            .filter(|(n, part)| (n + part) % 3 != 0);
        assert!(delivered.into_iter().eq(parts));
    });
}
