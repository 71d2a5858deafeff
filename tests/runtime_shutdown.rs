//! A runtime ends when nothing is owed on it any more: not even by what plain tokio code has dropped.

use std::time::Duration;

use crate::common::{Log, in_virtual_time, secs, virtual_runtime};
use effect::prelude::*;
use effect::{Runtime, TokioRuntime};
use futures::FutureExt;
use tokio::runtime::Handle;

/// Starts an effect as a root of its own, and drops it once it waits, as somebody's `select!` does.
async fn begin_and_drop(effect: Effect<(), Never, ()>) {
    let begun = effect.into_future().now_or_never();
    assert_eq!(begun, None);
}

fn waits_with(finalizer: Effect<(), Never, ()>) -> Effect<(), Never, ()> {
    never().ensuring(finalizer).erase()
}

// id_effect 1
#[test]
fn run_waits_for_the_finalizers_of_what_a_tokio_timeout_drops() {
    let log = Log::new();
    let short = Duration::from_millis(5);
    let inner = waits_with(log.note_after(4 * short, "finalized"));
    let body = effect(move |_: Cx<()>| async move {
        #[allow(clippy::disallowed_methods, reason = "a foreign drop is its topic")]
        let late = tokio::time::timeout(short, inner.into_future());
        assert!(late.await.is_err());
        Ok::<_, Never>(())
    });
    assert_eq!(run(body).unwrap(), Exit::Success(()));
    assert_eq!(log.lines(), ["finalized"]);
}

// id_effect 1
#[test]
fn the_finalizers_of_a_tokio_task_that_is_aborted_run() {
    let log = Log::new();
    in_virtual_time(async {
        let root = waits_with(log.note_after(secs(1), "finalized"));
        #[allow(clippy::disallowed_methods, reason = "a foreign abort is its topic")]
        let task = tokio::spawn(root.into_future());
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        TokioRuntime::current().wait_for_orphans().await;
        assert_eq!(log.lines(), ["finalized"]);
    });
}

#[test]
fn run_waits_for_what_is_dropped_while_it_waits() {
    let log = Log::new();
    let short = Duration::from_millis(5);
    let innermost = waits_with(log.note_after(short, "innermost"));
    let note = log.note_after(short, "inner");
    let inner = waits_with(
        effect(async move |cx: Cx<()>| {
            begin_and_drop(innermost.clone()).await;
            cx.run(note.clone()).await
        })
        .erase_once(),
    );
    let body = effect(move |_: Cx<()>| begin_and_drop(inner).map(Ok::<_, Never>));
    assert_eq!(run(body).unwrap(), Exit::Success(()));
    let mut lines = log.lines();
    lines.sort();
    assert_eq!(lines, ["inner", "innermost"]);
}

#[test]
fn orphans_are_waited_for_until_the_last_has_ended() {
    let log = Log::new();
    in_virtual_time(async {
        for (delay, line) in [(3, "three"), (1, "one"), (2, "two")] {
            begin_and_drop(waits_with(log.note_after(secs(delay), line))).await;
        }
        let runtime = TokioRuntime::current();
        let begin = runtime.now();
        futures::join!(runtime.wait_for_orphans(), runtime.wait_for_orphans());
        assert_eq!(runtime.now() - begin, secs(3));
        assert_eq!(log.lines(), ["one", "two", "three"]);
        runtime.wait_for_orphans().await;
        assert_eq!(runtime.now() - begin, secs(3));
    });
}

#[test]
fn orphans_are_those_of_one_runtime() {
    let with_orphan = virtual_runtime();
    with_orphan.block_on(begin_and_drop(waits_with(never().erase())));
    let waits = |handle: &Handle| {
        let runtime = TokioRuntime::new(handle.clone());
        runtime.wait_for_orphans().now_or_never().is_none()
    };
    let without = virtual_runtime();
    assert!(!waits(without.handle()));
    assert!(waits(with_orphan.handle()));
    let handle = with_orphan.handle().clone();
    drop(with_orphan);
    assert!(!waits(&handle), "they ended with their runtime");
    TokioRuntime::new(handle.clone()).spawn_orphan(async {}.boxed());
    assert!(!waits(&handle), "there is nothing to start them any more");
}
