//! A stream behind a type that a signature can name, and an async step for each of its items.

use effect::Stream;
use futures::StreamExt;
use id_effect::HNil;

use super::{ready_at_once, work};
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "stream_erased_pulled",
    about: "a range through map, erased, then an async step that is ready at once, and fold; an operation is one item",
    timed: 1_000_000,
    counted: 100_000,
    targets: &[Target::TimesHand(1.0)],
    contenders: &[
        Contender {
            name: "hand",
            about: "stream::iter, map, boxed, then, fold",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Stream::range, map, erase, map_effect, run_fold",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, map_serial, map_effect, run_fold",
            run: id_effect,
        },
    ],
};

fn hand(n: u64) -> u64 {
    in_tokio(
        futures::stream::iter(0..n)
            .map(work)
            .boxed()
            .then(ready_at_once)
            .fold(Ok::<_, Failed>(0_u64), async |sum, item| {
                Ok(sum?.wrapping_add(item?))
            }),
    )
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let stream = Stream::range(0..n)
            .map(work)
            .erase()
            .map_effect(ready_at_once);
        let sum = stream.run_fold(Ok(0_u64), |sum, item| Ok(sum?.wrapping_add(item?)));
        let Ok(sum) = cx.run(sum).await;
        sum
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let stream = id_effect::Stream::<u64, Failed, HNil>::from_iterable(0..n)
            .map_serial(work)
            .map_effect(|value| id_effect::succeed(work(value)));
        ctx.bind(stream.run_fold(0, u64::wrapping_add)).await
    })
}
