//! Items in groups that are full, or have waited long enough.

#![allow(
    clippy::disallowed_methods,
    reason = "timers of plain tokio are what this is measured against"
)]

use std::future::{self, Future, poll_fn};
use std::mem::replace;
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::Duration;

use effect::{Stream, yield_now};
use futures::StreamExt;
use tokio::time::{Instant, sleep_until};

use super::work;
use crate::drive::{Failed, in_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "chunks_within",
    about: "a range in groups of 64, or of what comes in a second, and fold; an operation is one item",
    timed: 2_000_000,
    counted: 200_000,
    targets: &[Target::TimesHand(1.5)],
    contenders: &[
        Contender {
            name: "hand",
            about: "a loop over the range that fills a group; nobody waits, so there is no timer",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Stream::range, map, chunks_within, run_fold",
            run: ours,
        },
        Contender {
            name: "tokio",
            about: "stream::iter, map, chunks_timeout of tokio-stream, fold",
            run: tokio,
        },
    ],
};

pub(crate) const YIELDING: Workload = Workload {
    name: "chunks_within_yielding",
    about: "the same of a source that yields every 16 items",
    timed: 200_000,
    counted: 20_000,
    targets: &[Target::TimesHand(1.2)],
    contenders: &[
        Contender {
            name: "hand",
            about: "a loop that polls the source, or else one timer, which is reset for each group",
            run: hand_yielding,
        },
        Contender {
            name: "ours",
            about: "Stream::range, map_effect, chunks_within, run_fold",
            run: ours_yielding,
        },
        Contender {
            name: "tokio",
            about: "stream::iter, then, chunks_timeout of tokio-stream, fold",
            run: tokio_yielding,
        },
    ],
};

/// How many make a group.
const GROUP: usize = 64;

/// How long the first of a group waits for others.
const WITHIN: Duration = Duration::from_secs(1);

/// Every which item of a source that yields does.
const EVERY: u64 = 16;

async fn now_and_then(value: u64) -> Result<u64, Failed> {
    if value.is_multiple_of(EVERY) {
        yield_now().await;
    }
    Ok(work(value))
}

fn add(sum: u64, group: Vec<u64>) -> u64 {
    group
        .iter()
        .fold(sum, |sum, value| sum.wrapping_add(*value))
}

fn hand(n: u64) -> u64 {
    async fn sum(n: u64) -> u64 {
        let mut sum = 0;
        let mut group = Vec::with_capacity(GROUP);
        for i in 0..n {
            group.push(work(i));
            if group.len() == GROUP {
                sum = add(sum, replace(&mut group, Vec::with_capacity(GROUP)));
            }
        }
        add(sum, group)
    }
    in_tokio(sum(n))
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let groups = Stream::range(0..n).map(work).chunks_within(GROUP, WITHIN);
        let Ok(sum) = cx.run(groups.run_fold(0, add)).await;
        Ok(sum)
    })
}

fn tokio(n: u64) -> u64 {
    in_tokio(async {
        let source = futures::stream::iter(0..n).map(work);
        let groups = tokio_stream::StreamExt::chunks_timeout(source, GROUP, WITHIN);
        groups
            .fold(0, |sum, group| future::ready(add(sum, group)))
            .await
    })
}

fn hand_yielding(n: u64) -> u64 {
    in_tokio(async {
        let mut source = pin!(futures::stream::iter(0..n).then(now_and_then));
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut sum = 0;
        let mut group = Vec::with_capacity(GROUP);
        let mut ended = false;
        while !ended {
            poll_fn(|task| {
                while group.len() < GROUP {
                    match source.poll_next_unpin(task) {
                        Poll::Ready(Some(item)) => {
                            if group.is_empty() {
                                timer.as_mut().reset(Instant::now() + WITHIN);
                            }
                            group.push(item?);
                        }
                        Poll::Ready(None) => {
                            ended = true;
                            break;
                        }
                        Poll::Pending if group.is_empty() => return Poll::Pending,
                        Poll::Pending => {
                            ready!(timer.as_mut().poll(task));
                            break;
                        }
                    }
                }
                Poll::Ready(Ok::<_, Failed>(()))
            })
            .await?;
            sum = add(sum, replace(&mut group, Vec::with_capacity(GROUP)));
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn ours_yielding(n: u64) -> u64 {
    in_effect(async move |cx| {
        let groups = Stream::range(0..n)
            .map_effect(now_and_then)
            .chunks_within(GROUP, WITHIN);
        cx.run(groups.run_fold_ok(0, add)).await
    })
}

fn tokio_yielding(n: u64) -> u64 {
    in_tokio(async {
        let source = futures::stream::iter(0..n)
            .then(now_and_then)
            .map(|item| item.expect("no item fails"));
        let groups = tokio_stream::StreamExt::chunks_timeout(source, GROUP, WITHIN);
        groups
            .fold(0, |sum, group| future::ready(add(sum, group)))
            .await
    })
}
