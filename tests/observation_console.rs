//! Fibers are tasks to tokio-console: the spans and events that it knows tasks by.

mod common;
#[path = "common/spans.rs"]
mod spans;

use common::secs;
use effect::prelude::*;
use spans::Seen;
use tracing::level_filters::LevelFilter;

fn seen(level: LevelFilter) -> (u32, Seen) {
    let line = line!();
    let body = effect(async |cx: Cx<()>| {
        let worker = cx.fork_named("worker", sleep::<_, Never>(secs(1)).zip(sleep(secs(1))));
        cx.run(worker.join()).await
    });
    let seen = Seen::of(level, |_| {
        let exit = VirtualTime::new().run(body).unwrap();
        assert!(exit.is_success());
    });
    (line, seen)
}

#[test]
fn a_fiber_is_a_task_of_the_console() {
    let (line, seen) = seen(LevelFilter::TRACE);
    assert_eq!(seen.spans("runtime.spawn").len(), 2, "the root as well");
    let task = seen.span("runtime.spawn", "task.name", "worker");
    assert_eq!(task.target, "tokio::task");
    assert_eq!(task.parent, None);
    assert_eq!(
        (&*task.fields["kind"], &*task.fields["task.id"]),
        ("task", "2")
    );
    assert_eq!(task.fields["loc.file"], file!());
    assert_eq!(task.fields["loc.line"], (line + 2).to_string());
    assert!(task.fields.contains_key("loc.col"));
    assert_eq!((task.entered, task.left), (3, 3), "once a poll");
    assert!(task.closed);
}

#[test]
fn each_wake_of_a_fiber_is_told() {
    let (_, seen) = seen(LevelFilter::TRACE);
    let task = seen.span("runtime.spawn", "task.name", "worker");
    let woken = seen.told("tokio::task::waker");
    let woken = woken
        .iter()
        .filter(|wake| wake.fields["task.id"] == task.id.to_string());
    let ops: Vec<_> = woken.map(|wake| wake.fields["op"].clone()).collect();
    assert_eq!(ops, ["waker.wake_by_ref"; 2], "one for each of its timers");
}

#[test]
fn nothing_is_told_where_the_console_does_not_listen() {
    let (_, seen) = seen(LevelFilter::DEBUG);
    assert!(seen.spans("runtime.spawn").is_empty());
    assert!(seen.told("tokio::task::waker").is_empty());
    assert_eq!(seen.spans("fiber").len(), 2);
}
