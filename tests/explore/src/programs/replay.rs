//! A replay with past and live events, calls and a timer, that is interrupted and dropped: all of it cleans up.

use std::time::{Duration, SystemTime};

use effect::prelude::*;
use effect::simulation::{Case, Trial};
use effect::{Events, Every, Replay};

const SECOND: Duration = Duration::from_secs(1);

/// Handles an event: holds something meanwhile, and may panic.
fn handle(trial: &Trial, what: u64) -> Effect<(), Never, ()> {
    let (books, trial) = (trial.finalizers(), trial.clone());
    let (released, probe) = (books.clone(), trial.probe());
    effect(async move |cx: Cx<()>| {
        books.acquired(what);
        cx.sleep(SECOND / 2).await;
        trial.fault_point();
        Ok(())
    })
    .ensuring(sleep(SECOND / 4).map(move |()| {
        for held in released.held() {
            released.released(held);
        }
        drop(probe);
    }))
    .erase_once()
}

pub(super) fn case(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let program = effect(async move |cx: Cx<()>| {
        let begun = cx.wall_now();
        let at = |n: u32| begun - 4 * SECOND + n * SECOND;
        let (past, other, ticks, calls) =
            (trial.clone(), trial.clone(), trial.clone(), trial.clone());
        let live = trial.clone();
        let events = Events::past([(at(0), 0), (at(2), 1)])
            .then_live(move |feed| {
                effect(async move |cx: Cx<()>| {
                    for n in 2..4 {
                        cx.sleep(SECOND).await;
                        live.fault_point();
                        cx.run(feed.event_now(n)).await?;
                    }
                    Ok(())
                })
            })
            .on_live(handle(&trial, 100));
        let replay = Replay::new();
        let timeline = replay.timeline();
        timeline.call_later(at(1), handle(&calls, 101));
        let replay = replay
            .events(events, move |_at: SystemTime, n| handle(&past, n))
            .events(Events::past([(at(2), 10)]), move |_at, n| handle(&other, n))
            .timer(Every::new(SECOND).until(6 * SECOND), move |_at| {
                handle(&ticks, 102)
            });
        let running = cx.fork_named("replay", replay.run());
        let waits = cx.random() % 8;
        trial
            .droppable(cx.sleep(SECOND * u32::try_from(waits).unwrap_or(0)))
            .await;
        if cx.random().is_multiple_of(2) {
            drop(cx.run(running.interrupt()).await);
        } else {
            drop(cx.run(running.exit()).await);
        }
        Ok(())
    });
    Case::new(program)
}
