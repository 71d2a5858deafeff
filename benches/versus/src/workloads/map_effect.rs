//! A stream through an async step, which waits now and then.

use std::future::ready;

use effect::{Stream, yield_now};
use futures::{StreamExt, TryStreamExt};
use id_effect::HNil;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "map_effect",
    about: "a range through an async step that yields every 256 items, and fold; an operation is one item",
    timed: 1_000_000,
    counted: 100_000,
    targets: &[Target::TimesHand(1.5)],
    contenders: &[
        Contender {
            name: "hand",
            about: "a loop that awaits, in an async fn",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Stream::range, map_effect, run_fold",
            run: ours,
        },
        Contender {
            name: "futures",
            about: "stream::iter, then, try_fold",
            run: futures,
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, map_effect, run_fold",
            run: id_effect,
        },
    ],
};

/// Every which item yields.
const YIELDING: u64 = 256;

async fn step(value: u64) -> Result<u64, Failed> {
    if value.is_multiple_of(YIELDING) {
        yield_now().await;
    }
    Ok(work(value))
}

fn hand(n: u64) -> u64 {
    async fn sum(n: u64) -> Result<u64, Failed> {
        let mut sum = 0_u64;
        for i in 0..n {
            sum = sum.wrapping_add(step(i).await?);
        }
        Ok(sum)
    }
    in_tokio(sum(n)).expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let stream = Stream::range(0..n).map_effect(step);
        let sum = stream.run_fold(Ok(0_u64), |sum, item| Ok(sum?.wrapping_add(item?)));
        let Ok(sum) = cx.run(sum).await;
        sum
    })
}

fn futures(n: u64) -> u64 {
    in_tokio(
        futures::stream::iter(0..n)
            .then(step)
            .try_fold(0_u64, |sum, value| ready(Ok(sum.wrapping_add(value)))),
    )
    .expect("no contender fails")
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let stream = id_effect::Stream::<u64, Failed, HNil>::from_iterable(0..n).map_effect(|i| {
            if i.is_multiple_of(YIELDING) {
                id_effect::yield_fiber().map(move |()| work(i))
            } else {
                id_effect::succeed(work(i))
            }
        });
        ctx.bind(stream.run_fold(0, u64::wrapping_add)).await
    })
}
