//! One fiber offers, another takes, an item at a time.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use effect::sync::Queue;
use tokio::sync::mpsc;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "queue_1_1",
    about: "one producer, one consumer, a queue of 64, one thread; an operation is one item",
    timed: 200_000,
    counted: 20_000,
    targets: &[Target::TimesHand(1.3)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio::sync::mpsc",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Queue::bounded",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "Queue::bounded, offer, take",
            run: id_effect,
        },
    ],
};

const CAPACITY: usize = 64;

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let (sender, mut receiver) = mpsc::channel(CAPACITY);
        tokio::spawn(async move {
            for i in 0..n {
                sender.send(i).await.expect("it is received to the end");
            }
        });
        let mut sum = 0_u64;
        while let Some(item) = receiver.recv().await {
            sum = sum.wrapping_add(work(item));
        }
        sum
    })
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let queue = Queue::bounded(CAPACITY);
        let output = queue.clone();
        drop(cx.fork(async move {
            for i in 0..n {
                output.offer(i).await.map_err(|_| Failed)?;
            }
            output.close();
            Ok::<_, Failed>(())
        }));
        let mut sum = 0_u64;
        while let Ok(item) = queue.take().await {
            sum = sum.wrapping_add(work(item));
        }
        Ok(sum)
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let queue = id_effect::Queue::bounded(CAPACITY);
        let offered = queue.clone();
        let producer =
            id_effect::Effect::<(), Failed, id_effect::HNil>::from_ctx(async move |ctx| {
                for i in 0..n {
                    ctx.bind(offered.offer::<Failed, _>(work(i))).await?;
                }
                Ok(())
            });
        let producer = ctx.bind(producer.fork().widen()).await?;
        let mut sum = 0_u64;
        for _ in 0..n {
            let item = ctx.bind(queue.take().map_err(|_| Failed)).await?;
            sum = sum.wrapping_add(item);
        }
        ctx.bind(producer.join()).await?;
        Ok(sum)
    })
}
