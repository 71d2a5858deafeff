//! Streams that merge, run effects, recover, and stop early: what was pulled is seen, in order, and what was begun ends.

use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Trial};
use effect::yield_now;

/// A source that takes its time, by way of a channel that a fiber fills.
fn ticks(cx: &Cx<()>, trial: &Trial, from: u64) -> Channel<u64> {
    let channel = Channel::bounded(trial.capacity(2));
    let (fill, close, trial) = (channel.clone(), channel.clone(), trial.clone());
    let filling = effect(async move |cx: Cx<()>| {
        for n in from..from + 5 {
            cx.sleep(Duration::from_micros(cx.random() % 6)).await;
            trial.fault_point();
            if fill.send(n).await.is_err() {
                break;
            }
        }
        Ok::<_, Never>(())
    });
    drop(cx.fork_named("ticks", filling.ensuring(sync(move || close.close()))));
    channel
}

/// An effect for each element, which holds something, and fails for some.
fn step(trial: &Trial, n: u64) -> Effect<(), u64, u64> {
    let (books, trial) = (trial.finalizers(), trial.clone());
    let released = books.clone();
    let acquire = sync(move || books.acquired(n));
    let held = acquire_release(acquire, move |()| {
        sleep(Duration::from_micros(1)).map(move |()| released.released(n))
    });
    held.flat_map(move |()| {
        effect(async move |_: Cx<()>| {
            yield_now().await;
            trial.fault_point();
            if n % 4 == 2 { Err(n) } else { Ok(n * 10) }
        })
    })
    .scoped()
    .erase_once()
}

pub(super) fn case(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let program = effect(async move |cx: Cx<()>| {
        let (low, high) = (ticks(&cx, &trial, 0), ticks(&cx, &trial, 100));
        let merged = Stream::from_channel(low.clone()).merge(Stream::from_channel(high.clone()));
        let (works, again) = (trial.clone(), trial.clone());
        let recovered = merged
            .map_effect(move |n| step(&works, n))
            .recover(move |n| step(&again, n + 1))
            .take(7)
            .run_collect();
        let seen = trial.droppable(cx.run(recovered)).await;
        low.close();
        high.close();
        let Some(Ok(seen)) = seen else {
            return Ok(());
        };
        trial.expect(seen.len() <= 7, "more was taken than was asked for");
        let values: Vec<_> = seen.iter().flatten().copied().collect();
        for high in [false, true] {
            let side = values.iter().filter(|n| (**n >= 1_000) == high);
            trial.expect(side.is_sorted(), "a side has lost its order");
        }
        Ok(())
    });
    Case::new(program)
}
