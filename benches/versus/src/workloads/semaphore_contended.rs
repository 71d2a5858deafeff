//! A permit that two want, of which one has to wait each time.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use std::sync::Arc;

use effect::sync::Semaphore;
use effect::{Cx, IntoEffect, effect};

use super::{work, yielded};
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "semaphore_contended",
    about: "two that yield once while they hold the only permit; an operation is one permit",
    timed: 100_000,
    counted: 10_000,
    targets: &[],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio::sync::Semaphore",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Semaphore::with_permit",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "Semaphore::with_permit",
            run: id_effect,
        },
    ],
};

fn hand(n: u64) -> u64 {
    async fn worker(semaphore: Arc<tokio::sync::Semaphore>, n: u64) -> Result<u64, Failed> {
        let mut sum = 0_u64;
        for i in 0..n {
            let permit = semaphore.acquire().await.expect("nobody closes it");
            sum = sum.wrapping_add(yielded(i).await?);
            drop(permit);
        }
        Ok(sum)
    }
    in_tokio(async move {
        let semaphore = Arc::new(tokio::sync::Semaphore::new(1));
        let other = tokio::spawn(worker(Arc::clone(&semaphore), n / 2));
        let ours = worker(semaphore, n - n / 2).await?;
        let theirs = other.await.expect("no contender panics")?;
        Ok::<_, Failed>(ours.wrapping_add(theirs))
    })
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let semaphore = Semaphore::new(1);
        let worker = |n: u64| {
            let semaphore = semaphore.clone();
            effect(async move |cx: Cx<()>| {
                let mut sum = 0_u64;
                for i in 0..n {
                    let held = semaphore.with_permit(yielded(i).into_effect());
                    sum = sum.wrapping_add(cx.run(held).await?);
                }
                Ok::<_, Failed>(sum)
            })
        };
        let other = cx.fork(worker(n / 2));
        let ours = cx.run(worker(n - n / 2)).await?;
        let theirs = cx.run(other.join()).await?;
        Ok(ours.wrapping_add(theirs))
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let semaphore = id_effect::Semaphore::new(1);
        let worker = |n: u64| {
            let semaphore = semaphore.clone();
            id_effect::Effect::<u64, Failed, id_effect::HNil>::from_ctx(async move |ctx| {
                let mut sum = 0_u64;
                for i in 0..n {
                    let job = id_effect::yield_fiber().map(move |()| work(i));
                    sum = sum.wrapping_add(ctx.bind(semaphore.with_permit(job)).await?);
                }
                Ok(sum)
            })
        };
        let other = ctx.bind(worker(n / 2).fork().widen::<Failed>()).await?;
        let ours = ctx.bind(worker(n - n / 2)).await?;
        let theirs = ctx.bind(other.join()).await?;
        Ok(ours.wrapping_add(theirs))
    })
}
