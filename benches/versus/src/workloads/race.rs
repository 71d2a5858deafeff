//! Two at once, of which the first to end wins.

use std::future::pending;
use std::pin::pin;

use effect::{IntoEffect, never};
use futures::future::{Either, select};
use stillwater::effect::prelude::{EffectExt, from_async};

use super::{work, yielded};
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "race",
    about: "races one that yields once with one that never ends; an operation is one race",
    timed: 50_000,
    counted: 5_000,
    targets: &[Target::TimesHand(1.3)],
    contenders: &[
        Contender {
            name: "hand",
            about: "futures::future::select of pinned futures, shorter than tokio::select!",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "race_first with never",
            run: ours,
        },
        Contender {
            name: "stillwater",
            about: "race of boxed effects",
            run: stillwater,
        },
        Contender {
            name: "id_effect",
            about: "race_first, which forks both",
            run: id_effect,
        },
    ],
};

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let left = pin!(yielded(i));
            sum = sum.wrapping_add(match select(left, pending()).await {
                Either::Left((first, _)) | Either::Right((first, _)) => first?,
            });
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let race = yielded(i).into_effect().race_first(never());
            sum = sum.wrapping_add(cx.run(race).await?);
        }
        Ok(sum)
    })
}

fn stillwater(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let left = from_async(move |_: &()| yielded(i)).boxed();
            let right = from_async(|_: &()| pending()).boxed();
            let first = stillwater::effect::prelude::race(vec![left, right], &()).await;
            sum = sum.wrapping_add(first.expect("no contender fails"));
        }
        sum
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let left = id_effect::yield_fiber::<Failed, id_effect::HNil>().map(move |()| work(i));
            let right = id_effect::from_async(pending);
            sum = sum.wrapping_add(ctx.bind(left.race_first(right)).await?);
        }
        Ok(sum)
    })
}
