//! Two at once, of which both are wanted.

use effect::IntoEffect;
use stillwater::effect::prelude::from_async;

use super::{work, yielded};
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "zip_par",
    about: "runs two at once that yield once each; an operation is one pair",
    timed: 50_000,
    counted: 5_000,
    targets: &[],
    contenders: &[
        Contender {
            name: "hand",
            about: "futures::future::try_join",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Effect::zip_par",
            run: ours,
        },
        Contender {
            name: "stillwater",
            about: "par2, which does not end with the first failure",
            run: stillwater,
        },
        Contender {
            name: "id_effect",
            about: "zip_par, which forks both",
            run: id_effect,
        },
    ],
};

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let (left, right) = futures::future::try_join(yielded(i), yielded(i)).await?;
            sum = sum.wrapping_add(left).wrapping_add(right);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let both = yielded(i).into_effect().zip_par(yielded(i));
            let (left, right) = cx.run(both).await?;
            sum = sum.wrapping_add(left).wrapping_add(right);
        }
        Ok(sum)
    })
}

fn stillwater(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let left = from_async(move |_: &()| yielded(i));
            let right = from_async(move |_: &()| yielded(i));
            let (left, right) = stillwater::effect::parallel::par2(left, right, &()).await;
            sum = sum.wrapping_add(left?).wrapping_add(right?);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let one = || id_effect::yield_fiber::<Failed, id_effect::HNil>().map(move |()| work(i));
            let (left, right) = ctx.bind(id_effect::zip_par(one(), one())).await?;
            sum = sum.wrapping_add(left).wrapping_add(right);
        }
        Ok(sum)
    })
}
