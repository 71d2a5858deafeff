//! Races, pairs and time limits: the loser has cleaned up before anybody goes on.

use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Tickets, Trial};

const fn micros(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// Waits as long as chance says, then succeeds or fails, and cleans up for a while. It is open until then.
fn runner(trial: &Trial, open: &Tickets, number: u64) -> Effect<(), u64, u64> {
    let (trial, open) = (trial.clone(), open.clone());
    effect(async move |cx: Cx<()>| {
        let (ticket, probe, closes) = (open.issue(), trial.probe(), open.clone());
        let inside = trial.clone();
        let body = effect(async move |cx: Cx<()>| {
            cx.sleep(micros(cx.random() % 40)).await;
            inside.fault_point();
            if cx.random().is_multiple_of(3) {
                Err(number)
            } else {
                Ok(number)
            }
        });
        let clean_up = sleep(micros(7)).map(move |()| {
            closes.settle(ticket, "closed");
            drop(probe);
        });
        cx.run(body.ensuring(clean_up)).await
    })
    .erase_once()
}

pub(super) fn case(trial: &Trial) -> Case<Never, ()> {
    let open = trial.tickets();
    let (trial, books) = (trial.clone(), open.clone());
    let program = effect(async move |cx: Cx<()>| {
        let all_closed = || {
            trial.expect(
                open.open().is_empty(),
                "somebody goes on before the loser has ended",
            )
        };
        let go = |number| runner(&trial, &open, number);
        drop(cx.run(go(1).race_first(go(2)).exit()).await);
        all_closed();
        drop(cx.run(go(3).race_ok(go(4)).exit()).await);
        all_closed();
        drop(cx.run(go(5).zip_par(go(6)).exit()).await);
        all_closed();
        let limited = go(7).timeout(micros(20)).exit();
        drop(cx.run(limited).await);
        all_closed();
        let nested = go(8).race_first(go(9).zip_par(go(10)).map(|(one, _)| one));
        let retried = nested.timeout(micros(30)).exit();
        drop(cx.run(retried).await);
        all_closed();
        Ok(())
    });
    Case::new(program).check(move |exit| {
        if exit.is_some() {
            assert_eq!(books.open(), [], "somebody has not cleaned up");
        }
    })
}
