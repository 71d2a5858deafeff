//! A stream of items of 100 keys, which are summed by key.

#![allow(
    clippy::disallowed_methods,
    reason = "tasks of plain tokio are what this is measured against"
)]

use std::collections::HashMap;

use effect::{Groups, Stream, StreamE};
use futures::future::join_all;
use id_effect::HNil;
use tokio::sync::mpsc;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "group_by_100_keys",
    about: "a range by key, 100 keys, each with room for 16, and a sum for each; an operation is one item",
    timed: 1_000_000,
    counted: 100_000,
    targets: &[Target::TimesHand(1.0)],
    contenders: &[
        Contender {
            name: "hand",
            about: "a task for each key, and a map of their bounded mpsc senders",
            run: hand,
        },
        Contender {
            name: "loop",
            about: "a map of the sums",
            run: in_a_loop,
        },
        Contender {
            name: "ours",
            about: "Stream::range, group_by, flat_map_par, run_fold of each group",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, group_by, run_fold of each group",
            run: id_effect,
        },
    ],
};

const KEYS: u64 = 100;

/// How many items of a key wait.
const HOLDING: usize = 16;

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let mut groups = HashMap::new();
        let mut tasks = Vec::new();
        for i in 0..n {
            let group = groups.entry(i % KEYS).or_insert_with(|| {
                let (sender, mut receiver) = mpsc::channel(HOLDING);
                tasks.push(tokio::spawn(async move {
                    let mut sum = 0_u64;
                    while let Some(item) = receiver.recv().await {
                        sum = sum.wrapping_add(work(item));
                    }
                    sum
                }));
                sender
            });
            group.send(i).await.expect("somebody receives");
        }
        drop(groups);
        let sums = join_all(tasks).await;
        sums.into_iter()
            .map(|sum| sum.expect("no contender panics"))
            .fold(0, u64::wrapping_add)
    })
}

fn in_a_loop(n: u64) -> u64 {
    async fn sum(n: u64) -> u64 {
        let mut groups = HashMap::<_, u64>::new();
        for i in 0..n {
            let sum = groups.entry(i % KEYS).or_default();
            *sum = sum.wrapping_add(work(i));
        }
        groups.into_values().fold(0, u64::wrapping_add)
    }
    in_tokio(sum(n))
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let groups = Stream::range(0..n)
            .group_by(Groups::at_most(KEYS as usize).holding(HOLDING), |i| {
                i % KEYS
            });
        let sums = groups.flat_map_par(KEYS as usize, |(_, items)| {
            let sum = items.run_fold(0_u64, |sum, item| sum.wrapping_add(work(item)));
            StreamE::from_effect(sum).into_values()
        });
        let Ok(sum) = cx.run(sums.run_fold(0, u64::wrapping_add)).await;
        Ok(sum)
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let sums = id_effect::Stream::<u64, Failed, HNil>::from_iterable(0..n).group_by(
            HOLDING,
            |i| i % KEYS,
            |_, items| {
                let sum = items.run_fold(0_u64, |sum, item| sum.wrapping_add(work(item)));
                id_effect::Stream::from_effect(sum.map(|sum| vec![sum]))
            },
        );
        ctx.bind(sums.run_fold(0, u64::wrapping_add)).await
    })
}
