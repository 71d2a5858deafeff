//! A stream through plain closures, behind a type that a signature can name, and folded.

use std::future::ready;

use effect::Stream;
use futures::StreamExt;
use id_effect::HNil;

use super::stream_map_filter_fold::is_wanted;
use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "stream_erased",
    about: "a range through map and filter, erased, and fold; an operation is one item",
    timed: 2_000_000,
    counted: 200_000,
    targets: &[Target::TimesHand(1.0)],
    contenders: &[
        Contender {
            name: "hand",
            about: "stream::iter, map, filter, boxed, fold",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Stream::range, map, filter, erase, run_fold",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, map_serial, filter_serial, run_fold: it knows no other type",
            run: id_effect,
        },
    ],
};

fn hand(n: u64) -> u64 {
    in_tokio(
        futures::stream::iter(0..n)
            .map(work)
            .filter(|value| ready(is_wanted(value)))
            .boxed()
            .fold(0_u64, |sum, value| ready(sum.wrapping_add(value))),
    )
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let stream = Stream::range(0..n).map(work).filter(is_wanted).erase();
        let Ok(sum) = cx.run(stream.run_fold(0, u64::wrapping_add)).await;
        Ok(sum)
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let stream = id_effect::Stream::<u64, Failed, HNil>::from_iterable(0..n)
            .map_serial(work)
            .filter_serial(is_wanted);
        ctx.bind(stream.run_fold(0, u64::wrapping_add)).await
    })
}
