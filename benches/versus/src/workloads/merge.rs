//! Two streams as one.

use std::future::ready;

use effect::Stream;
use futures::StreamExt;
use id_effect::HNil;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "merge",
    about: "two ranges through map, merged, and fold; an operation is one item",
    timed: 2_000_000,
    counted: 200_000,
    targets: &[Target::TimesHand(1.2)],
    contenders: &[
        Contender {
            name: "hand",
            about: "stream::iter, map, select, fold",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Stream::range, map, merge, run_fold",
            run: ours,
        },
        Contender {
            name: "tokio",
            about: "stream::iter, map, merge of tokio-stream, fold",
            run: tokio,
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, map_serial, merge, run_fold",
            run: id_effect,
        },
    ],
};

/// The items of each side.
fn sides(n: u64) -> [std::ops::Range<u64>; 2] {
    [0..n / 2, n / 2..n]
}

fn hand(n: u64) -> u64 {
    let [left, right] = sides(n).map(|side| futures::stream::iter(side).map(work));
    in_tokio(
        futures::stream::select(left, right)
            .fold(0_u64, |sum, value| ready(sum.wrapping_add(value))),
    )
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let [left, right] = sides(n).map(|side| Stream::range(side).map(work));
        let Ok(sum) = cx
            .run(left.merge(right).run_fold(0, u64::wrapping_add))
            .await;
        Ok(sum)
    })
}

fn tokio(n: u64) -> u64 {
    let [left, right] = sides(n).map(|side| futures::stream::iter(side).map(work));
    in_tokio(
        tokio_stream::StreamExt::merge(left, right)
            .fold(0_u64, |sum, value| ready(sum.wrapping_add(value))),
    )
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let [left, right] = sides(n).map(|side| {
            id_effect::Stream::<u64, Failed, HNil>::from_iterable(side).map_serial(work)
        });
        ctx.bind(left.merge(right).run_fold(0, u64::wrapping_add))
            .await
    })
}
