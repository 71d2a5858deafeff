//! Somebody else's futures around ours, and ours in theirs: a `select!`, a root in a fiber, a blocking job.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Trial};
use futures::future::{FutureExt, select};

/// Holds something, and takes its time to let go of it.
fn hold(trial: &Trial, what: u64, wait: u64) -> Effect<(), Never, u64> {
    let (books, trial) = (trial.finalizers(), trial.clone());
    let released = books.clone();
    let acquire = sync(move || books.acquired(what));
    acquire_release(acquire, move |()| {
        sleep(Duration::from_micros(3)).map(move |()| released.released(what))
    })
    .flat_map(move |()| {
        effect(async move |cx: Cx<()>| {
            cx.sleep(Duration::from_micros(wait)).await;
            trial.fault_point();
            Ok(what)
        })
    })
    .scoped()
    .erase_once()
}

pub(super) fn case(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let program = effect(async move |cx: Cx<()>| {
        // The loser is dropped by a hand that knows nothing of finalizers.
        let one = hold(&trial, 1, cx.random() % 9);
        let other = hold(&trial, 2, cx.random() % 9);
        let _ = select(pin!(cx.run(one)), pin!(cx.run(other))).await;
        let dropped = trial.droppable(cx.run(hold(&trial, 3, 5))).await;
        trial.expect(dropped.is_none_or(|ended| ended == Ok(3)), "a wrong value");

        // A root of its own, inside of this fiber and dropped with it.
        let root = hold(&trial, 4, 4).run_on(Arc::clone(cx.runtime()));
        let _ = trial.droppable(root).await;

        let child = cx.fork_named("uninterruptible", hold(&trial, 5, 6).uninterruptible());
        let inside = trial.clone();
        let job = blocking(move || {
            inside.fault_point();
            Ok::<_, Never>(6)
        });
        let _ = cx.run(job.exit()).await;
        let _ = cx.run(child.interrupt()).await;
        // Polled once, and left where it is.
        let mut left = pin!(cx.run(hold(&trial, 7, 2)));
        let _ = left.as_mut().now_or_never();
        Ok(())
    });
    Case::new(program)
}
