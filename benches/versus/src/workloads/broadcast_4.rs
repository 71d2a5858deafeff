//! One stream for four fibers, who each take all of it.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use effect::Stream;
use futures::future::join_all;
use id_effect::HNil;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "broadcast_4",
    about: "a range to four fibers, room for 64, a fold in each, one thread; an operation is one item to all",
    timed: 100_000,
    counted: 10_000,
    targets: &[Target::TimesHand(1.5), Target::Times(1.0, "mpsc")],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio::sync::broadcast, whose sender yields so that nobody lags",
            run: hand,
        },
        Contender {
            name: "mpsc",
            about: "a bounded mpsc channel of tokio for each, and a clone",
            run: by_channels,
        },
        Contender {
            name: "ours",
            about: "Stream::range, broadcast, run_fold of each",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, broadcast, run_fold of each",
            run: id_effect,
        },
    ],
};

const CAPACITY: usize = 64;
const CONSUMERS: usize = 4;

fn add(sum: u64, item: u64) -> u64 {
    sum.wrapping_add(work(item))
}

async fn joined(tasks: Vec<JoinHandle<u64>>) -> u64 {
    let sums = join_all(tasks).await;
    sums.into_iter()
        .map(|sum| sum.expect("no contender panics"))
        .fold(0, u64::wrapping_add)
}

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let (sender, _) = broadcast::channel(CAPACITY);
        let consumers = (0..CONSUMERS).map(|_| {
            let mut receiver = sender.subscribe();
            tokio::spawn(async move {
                let mut sum = 0;
                while let Ok(item) = receiver.recv().await {
                    sum = add(sum, item);
                }
                sum
            })
        });
        let consumers = consumers.collect();
        tokio::spawn(async move {
            for i in 0..n {
                // It does not wait for those who are behind by itself.
                if (i + 1).is_multiple_of(CAPACITY as u64) {
                    while !sender.is_empty() {
                        tokio::task::yield_now().await;
                    }
                }
                sender.send(i).expect("somebody listens");
            }
        });
        joined(consumers).await
    })
}

fn by_channels(n: u64) -> u64 {
    in_tokio(async {
        let mut senders = Vec::new();
        let mut consumers = Vec::new();
        for _ in 0..CONSUMERS {
            let (sender, mut receiver) = mpsc::channel(CAPACITY);
            senders.push(sender);
            consumers.push(tokio::spawn(async move {
                let mut sum = 0;
                while let Some(item) = receiver.recv().await {
                    sum = add(sum, item);
                }
                sum
            }));
        }
        tokio::spawn(async move {
            for i in 0..n {
                for sender in &senders {
                    sender.send(i).await.expect("somebody receives");
                }
            }
        });
        joined(consumers).await
    })
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let Ok(streams) = cx
            .run(Stream::range(0..n).broadcast::<CONSUMERS>(CAPACITY))
            .await;
        let consumers = streams.map(|stream| cx.fork(stream.run_fold(0, add)));
        let mut sum = 0_u64;
        for consumer in consumers {
            let Ok(its) = cx.run(consumer.join()).await;
            sum = sum.wrapping_add(its);
        }
        Ok(sum)
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let items = id_effect::Stream::<u64, Failed, HNil>::from_iterable(0..n);
        let (streams, pump) = ctx.bind(items.broadcast(CAPACITY, CONSUMERS)).await?;
        let mut consumers = Vec::new();
        for stream in streams {
            consumers.push(ctx.bind(stream.run_fold(0, add).fork().widen()).await?);
        }
        ctx.bind(pump).await?;
        let mut sum = 0_u64;
        for consumer in consumers {
            sum = sum.wrapping_add(ctx.bind(consumer.join()).await?);
        }
        Ok(sum)
    })
}
