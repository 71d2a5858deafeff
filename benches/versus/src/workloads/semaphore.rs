//! A permit around each of many short effects.

use std::sync::Arc;

use effect::sync::Semaphore;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "semaphore",
    about: "a permit, which nobody else wants, around a step that does not wait; an operation is one permit",
    timed: 100_000,
    counted: 10_000,
    targets: &[Target::TimesHand(2.0)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio::sync::Semaphore::acquire_owned",
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

async fn step(value: u64) -> Result<u64, Failed> {
    Ok(work(value))
}

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let semaphore = Arc::new(tokio::sync::Semaphore::new(2));
        let mut sum = 0_u64;
        for i in 0..n {
            let permit = Arc::clone(&semaphore).acquire_owned().await;
            let permit = permit.expect("nobody closes it");
            sum = sum.wrapping_add(step(i).await?);
            drop(permit);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let semaphore = Semaphore::new(2);
        let mut sum = 0_u64;
        for i in 0..n {
            let guarded = semaphore.with_permit(step(i));
            sum = sum.wrapping_add(cx.run(guarded).await?);
        }
        Ok(sum)
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let semaphore = id_effect::Semaphore::new(2);
        let mut sum = 0_u64;
        for i in 0..n {
            let step = id_effect::from_async::<_, Failed, id_effect::HNil, _, _>(move || step(i));
            sum = sum.wrapping_add(ctx.bind(semaphore.with_permit(step)).await?);
        }
        Ok(sum)
    })
}
