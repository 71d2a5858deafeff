//! A stream through plain closures.

use std::future::ready;

use effect::Stream;
use futures::StreamExt;
use id_effect::HNil;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "stream_map_filter_fold",
    about: "a range through map, filter and fold; an operation is one item",
    timed: 2_000_000,
    counted: 200_000,
    targets: &[Target::TimesHand(1.2), Target::Times(0.6, "futures")],
    contenders: &[
        Contender {
            name: "hand",
            about: "a plain loop in an async fn, which never yields",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Stream::range, map, filter, run_fold",
            run: ours,
        },
        Contender {
            name: "futures",
            about: "stream::iter, map, filter, fold",
            run: futures,
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, map_serial, filter_serial, run_fold",
            run: id_effect,
        },
    ],
};

pub(super) fn is_wanted(value: &u64) -> bool {
    !value.is_multiple_of(3)
}

fn hand(n: u64) -> u64 {
    async fn sum(n: u64) -> u64 {
        let mut sum = 0_u64;
        for i in 0..n {
            let value = work(i);
            if is_wanted(&value) {
                sum = sum.wrapping_add(value);
            }
        }
        sum
    }
    in_tokio(sum(n))
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let stream = Stream::range(0..n).map(work).filter(is_wanted);
        let Ok(sum) = cx.run(stream.run_fold(0, u64::wrapping_add)).await;
        Ok(sum)
    })
}

fn futures(n: u64) -> u64 {
    in_tokio(
        futures::stream::iter(0..n)
            .map(work)
            .filter(|value| ready(is_wanted(value)))
            .fold(0_u64, |sum, value| ready(sum.wrapping_add(value))),
    )
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let stream = id_effect::Stream::<u64, Failed, HNil>::from_iterable(0..n)
            .map_serial(work)
            .filter_serial(is_wanted);
        ctx.bind(stream.run_fold(0, u64::wrapping_add)).await
    })
}
