//! Parents and children: nobody outlives its parent, and whoever joins hears of the end.

use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Trial};
use effect::yield_now;

/// A fiber with children of its own, which hold something, wait, and join or interrupt each other.
fn family(trial: &Trial, depth: u32) -> Effect<(), &'static str, u32> {
    let (books, trial) = (trial.finalizers(), trial.clone());
    let released = books.clone();
    effect(async move |cx: Cx<()>| {
        books.acquired(u64::from(depth));
        let _probe = trial.probe();
        if depth == 0 {
            cx.sleep(Duration::from_micros(cx.random() % 10)).await;
            trial.fault_point();
            return Ok(1);
        }
        let one = cx.fork_named("one", family(&trial, depth - 1));
        let other = cx.fork_named("other", family(&trial, depth - 1));
        // Left to its parent's end.
        let probe = trial.probe();
        drop(cx.fork_named("left", never::<_, Never, ()>().map(move |()| drop(probe))));
        yield_now().await;
        let seen = cx.run(one.join()).await?;
        trial.fault_point();
        let late = match cx.random() % 3 {
            0 => cx.run(other.interrupt()).await,
            1 => {
                other.interrupt_fork();
                cx.run(other.exit()).await
            }
            _ => cx.run(other.exit()).await,
        };
        let Ok(late) = late;
        Ok(seen + late.value().copied().unwrap_or(0))
    })
    .ensuring(sync(move || released.released(u64::from(depth))))
    .erase_once()
}

pub(super) fn case(trial: &Trial) -> Case<&'static str, u32> {
    Case::new(family(trial, 2)).check(|exit| {
        let seen = exit.as_ref().and_then(Exit::value);
        assert!(seen.is_none_or(|seen| (1..=4).contains(seen)), "{exit:?}");
    })
}
