//! Many, of which so many run at once.

use effect::for_each_par;
use futures::{StreamExt, TryStreamExt};
use stillwater::effect::prelude::{EffectExt, from_async};

use super::{work, yielded};
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "for_each_par16",
    about: "a hundred that yield once each, 16 at once, collected in order; an operation is one item",
    timed: 100_000,
    counted: 20_000,
    targets: &[Target::TimesHand(1.2)],
    contenders: &[
        Contender {
            name: "hand",
            about: "stream::iter, map, buffered, try_collect",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "for_each_par",
            run: ours,
        },
        Contender {
            name: "stillwater",
            about: "par_all_limit of boxed effects, in the order in which they end",
            run: stillwater,
        },
        Contender {
            name: "id_effect",
            about: "for_each_par, which forks each",
            run: id_effect,
        },
    ],
};

/// How many run at once.
const AT_ONCE: usize = 16;

/// How many there are in a batch.
const BATCH: u64 = 100;

fn total(values: &[u64]) -> u64 {
    values.iter().fold(0, |sum, value| sum.wrapping_add(*value))
}

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for _ in 0..n / BATCH {
            let values: Vec<u64> = futures::stream::iter(0..BATCH)
                .map(yielded)
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
            sum = sum.wrapping_add(total(&values));
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let mut sum = 0_u64;
        for _ in 0..n / BATCH {
            let values: Vec<u64> = cx.run(for_each_par(0..BATCH, AT_ONCE, yielded)).await?;
            sum = sum.wrapping_add(total(&values));
        }
        Ok(sum)
    })
}

fn stillwater(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for _ in 0..n / BATCH {
            let effects = (0..BATCH).map(|i| from_async(move |_: &()| yielded(i)).boxed());
            let values =
                stillwater::effect::parallel::par_all_limit(effects.collect(), AT_ONCE, &()).await;
            sum = sum.wrapping_add(total(&values.expect("no contender fails")));
        }
        sum
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let mut sum = 0_u64;
        for _ in 0..n / BATCH {
            let values = id_effect::for_each_par(
                0..BATCH,
                |i| id_effect::yield_fiber::<Failed, id_effect::HNil>().map(move |()| work(i)),
                id_effect::Concurrency::Bounded(AT_ONCE),
            );
            sum = sum.wrapping_add(total(&ctx.bind(values).await?));
        }
        Ok(sum)
    })
}
