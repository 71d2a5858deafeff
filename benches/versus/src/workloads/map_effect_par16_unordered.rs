//! A stream through async steps, 16 at a time, as they end.

use std::future::ready;

use effect::Stream;
use futures::{StreamExt, TryStreamExt};
use id_effect::HNil;

use super::{ready_at_once, work, yielded};
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "map_effect_par16_unordered",
    about: "a range through an async step that is ready at once, 16 at a time, as they end, and fold; an operation is one item",
    timed: 1_000_000,
    counted: 100_000,
    targets: &[Target::TimesHand(1.1)],
    contenders: &[
        Contender {
            name: "hand",
            about: "stream::iter, map, buffer_unordered, try_fold",
            run: |n| hand(n, ready_at_once),
        },
        Contender {
            name: "ours",
            about: "Stream::range, map_effect_par_unordered, run_fold",
            run: |n| ours(n, ready_at_once),
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, map_effect_par, run_fold: it knows no other order",
            run: |n| id_effect(n, |i| id_effect::succeed(work(i))),
        },
    ],
};

pub(crate) const YIELDING: Workload = Workload {
    name: "map_effect_par16_unordered_yielding",
    about: "a range through an async step that yields once, 16 at a time, as they end, and fold; an operation is one item",
    timed: 200_000,
    counted: 20_000,
    targets: &[Target::TimesHand(1.1)],
    contenders: &[
        Contender {
            name: "hand",
            about: "stream::iter, map, buffer_unordered, try_fold",
            run: |n| hand(n, yielded),
        },
        Contender {
            name: "ours",
            about: "Stream::range, map_effect_par_unordered, run_fold",
            run: |n| ours(n, yielded),
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, map_effect_par, run_fold: it knows no other order",
            run: |n| id_effect(n, |i| id_effect::yield_fiber().map(move |()| work(i))),
        },
    ],
};

/// How many run at once.
const AT_ONCE: usize = 16;

fn hand<Fut>(n: u64, step: fn(u64) -> Fut) -> u64
where
    Fut: Future<Output = Result<u64, Failed>>,
{
    in_tokio(
        futures::stream::iter(0..n)
            .map(step)
            .buffer_unordered(AT_ONCE)
            .try_fold(0_u64, |sum, value| ready(Ok(sum.wrapping_add(value)))),
    )
    .expect("no contender fails")
}

fn ours<Fut>(n: u64, step: fn(u64) -> Fut) -> u64
where
    Fut: Future<Output = Result<u64, Failed>> + Send + 'static,
{
    in_effect(async move |cx| {
        let stream = Stream::range(0..n).map_effect_par_unordered(AT_ONCE, step);
        let sum = stream.run_fold(Ok(0_u64), |sum, item| Ok(sum?.wrapping_add(item?)));
        let Ok(sum) = cx.run(sum).await;
        sum
    })
}

fn id_effect(n: u64, step: fn(u64) -> id_effect::Effect<u64, Failed, HNil>) -> u64 {
    in_id_effect(async move |ctx| {
        let stream = id_effect::Stream::<u64, Failed, HNil>::from_iterable(0..n)
            .map_effect_par(AT_ONCE, step);
        ctx.bind(stream.run_fold(0, u64::wrapping_add)).await
    })
}
