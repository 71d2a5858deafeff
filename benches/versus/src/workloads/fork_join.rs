//! A task of its own, and its result.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use effect::succeed;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "fork_join",
    about: "forks a fiber and joins it; an operation is one fiber",
    timed: 50_000,
    counted: 5_000,
    targets: &[Target::TimesHand(1.4)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio::spawn, and await of the handle",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Cx::fork and Fiber::join",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "fork and join",
            run: id_effect,
        },
    ],
};

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let task = tokio::spawn(async move { Ok::<_, Failed>(work(i)) });
            sum = sum.wrapping_add(task.await.expect("no contender panics")?);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let fiber = cx.fork(succeed::<_, Failed, _>(i).map(work));
            sum = sum.wrapping_add(cx.run(fiber.join()).await?);
        }
        Ok(sum)
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let child = id_effect::succeed::<_, Failed, id_effect::HNil>(i).map(work);
            let joined = child.fork().widen().flat_map(|fiber| fiber.join());
            sum = sum.wrapping_add(ctx.bind(joined).await?);
        }
        Ok(sum)
    })
}
