//! Scopes in scopes: whatever ends them, all that was acquired is released, once and in reverse order.

use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Finalizers, Trial};
use effect::yield_now;

/// Acquires and releases something, and takes its time for both.
fn hold(trial: &Trial, books: &Finalizers, what: u64) -> Effect<(), &'static str, ()> {
    let (trial, acquired, released) = (trial.clone(), books.clone(), books.clone());
    let (probe, last) = (trial.probe(), trial.clone());
    let acquire = effect(async move |cx: Cx<()>| {
        cx.sleep(Duration::from_micros(what)).await;
        trial.fault_point();
        acquired.acquired(what);
        Ok(())
    });
    acquire_release(acquire, move |()| {
        effect(async move |cx: Cx<()>| {
            cx.sleep(Duration::from_micros(10)).await;
            released.released(what);
            drop(probe);
            last.fault_point();
            Ok::<_, Never>(())
        })
    })
    .erase_once()
}

/// Scopes in scopes, beside another of the same.
pub(super) fn case(trial: &Trial) -> Case<Never, ()> {
    let sides = [false, true].map(|fails| {
        let (outer, inner) = (trial.finalizers(), trial.finalizers());
        let trial = trial.clone();
        let nested = {
            let (one, two) = (hold(&trial, &inner, 3), hold(&trial, &inner, 4));
            let fault = trial.clone();
            one.flat_map(move |()| two)
                .flat_map(move |()| {
                    effect(async move |_: Cx<()>| {
                        yield_now().await;
                        fault.fault_point();
                        if fails { Err("fails") } else { Ok(()) }
                    })
                })
                .scoped()
        };
        let (first, second) = (hold(&trial, &outer, 1), hold(&trial, &outer, 2));
        let around = effect(async move |cx: Cx<()>| {
            cx.run(first).await?;
            cx.run(second).await?;
            let child = cx.fork_named("nested", nested);
            cx.sleep(Duration::from_micros(20)).await;
            // Not joined: a child that was interrupted would interrupt this one, where that has to wait.
            let exit = cx
                .run(child.exit())
                .await
                .unwrap_or_else(|never| match never {});
            if exit.is_success() {
                Ok(())
            } else {
                Err("fails")
            }
        });
        around.scoped().erase_once()
    });
    let [left, right] = sides;
    let program = effect(async move |cx: Cx<()>| {
        let left = cx.fork_named("left", left);
        let right = cx.run(right.uninterruptible().exit()).await?;
        drop(cx.run(left.interrupt()).await);
        drop(right);
        Ok(())
    });
    Case::new(program)
}
