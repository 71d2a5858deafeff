//! A stream through async steps, 16 at a time, and those of one key one after the other.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use effect::Stream;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::{ready_at_once, yielded};
use crate::drive::{Failed, in_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "map_effect_par_by_key",
    about: "a range, each second number of its neighbour's key, through an async step that is ready at once, 16 at a time, and fold; an operation is one item",
    timed: 1_000_000,
    counted: 100_000,
    targets: &[Target::TimesHand(1.0)],
    contenders: &[
        Contender {
            name: "hand",
            about: "FuturesUnordered, and a queue for each key of which one runs",
            run: |n| hand(n, ready_at_once),
        },
        Contender {
            name: "ours",
            about: "Stream::range, map_effect_par_by_key, run_fold",
            run: |n| ours(n, ready_at_once),
        },
    ],
};

pub(crate) const YIELDING: Workload = Workload {
    name: "map_effect_par_by_key_yielding",
    about: "the same with a step that yields once",
    timed: 200_000,
    counted: 20_000,
    targets: &[Target::TimesHand(1.0)],
    contenders: &[
        Contender {
            name: "hand",
            about: "FuturesUnordered, and a queue for each key of which one runs",
            run: |n| hand(n, yielded),
        },
        Contender {
            name: "ours",
            about: "Stream::range, map_effect_par_by_key, run_fold",
            run: |n| ours(n, yielded),
        },
    ],
};

/// How many run, or wait for one that does, at once.
const AT_ONCE: usize = 16;

/// One of 100 keys: two in a row have the same one.
const fn key(item: &u64) -> u64 {
    *item / 2 % 100
}

fn hand<Fut>(n: u64, step: fn(u64) -> Fut) -> u64
where
    Fut: Future<Output = Result<u64, Failed>>,
{
    let begin = move |key, item| async move { (key, step(item).await) };
    in_tokio(async {
        let mut source = 0..n;
        let mut running = FuturesUnordered::new();
        let mut waiting = HashMap::<u64, VecDeque<u64>>::new();
        let mut held = 0;
        let mut sum = 0_u64;
        loop {
            while held < AT_ONCE
                && let Some(item) = source.next()
            {
                held += 1;
                match waiting.entry(key(&item)) {
                    Entry::Occupied(mut queue) => queue.get_mut().push_back(item),
                    Entry::Vacant(queue) => {
                        running.push(begin(*queue.key(), item));
                        queue.insert(VecDeque::new());
                    }
                }
            }
            let Some((key, value)) = running.next().await else {
                return Ok::<_, Failed>(sum);
            };
            held -= 1;
            sum = sum.wrapping_add(value?);
            let queue = waiting.get_mut(&key).expect("a key that runs has a queue");
            match queue.pop_front() {
                Some(item) => running.push(begin(key, item)),
                None => {
                    waiting.remove(&key);
                }
            }
        }
    })
    .expect("no contender fails")
}

fn ours<Fut>(n: u64, step: fn(u64) -> Fut) -> u64
where
    Fut: Future<Output = Result<u64, Failed>> + Send + 'static,
{
    in_effect(async move |cx| {
        let stream = Stream::range(0..n).map_effect_par_by_key(AT_ONCE, key, step);
        let sum = stream.run_fold(Ok(0_u64), |sum, item| Ok(sum?.wrapping_add(item?)));
        let Ok(sum) = cx.run(sum).await;
        sum
    })
}
