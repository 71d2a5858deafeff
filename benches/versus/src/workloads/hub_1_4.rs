//! One fiber publishes, and four get every message.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use effect::sync::Hub;
use futures::future::join_all;
use tokio::sync::broadcast;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "hub_1_4",
    about: "one publisher, four subscribers, room for 64, one thread; an operation is one message to all",
    timed: 100_000,
    counted: 10_000,
    targets: &[Target::TimesHand(1.3)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio::sync::broadcast, whose sender yields so that nobody lags",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Hub::bounded",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "PubSub::bounded, a queue for each subscriber",
            run: id_effect,
        },
    ],
};

const CAPACITY: usize = 64;
const SUBSCRIBERS: usize = 4;

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let (sender, _) = broadcast::channel(CAPACITY);
        let subscribers: Vec<_> = (0..SUBSCRIBERS)
            .map(|_| {
                let mut receiver = sender.subscribe();
                tokio::spawn(async move {
                    let mut sum = 0_u64;
                    while let Ok(item) = receiver.recv().await {
                        sum = sum.wrapping_add(work(item));
                    }
                    sum
                })
            })
            .collect();
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
        let sums = join_all(subscribers).await;
        sums.into_iter()
            .map(|sum| sum.expect("no contender panics"))
            .fold(0, u64::wrapping_add)
    })
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let hub = Hub::bounded(CAPACITY);
        let subscribers: Vec<_> = (0..SUBSCRIBERS)
            .map(|_| {
                let mut subscription = hub.subscribe();
                cx.fork(async move {
                    let mut sum = 0_u64;
                    while let Ok(item) = subscription.receive().await {
                        sum = sum.wrapping_add(work(item));
                    }
                    Ok::<_, Failed>(sum)
                })
            })
            .collect();
        drop(cx.fork(async move {
            for i in 0..n {
                hub.publish(i).await.map_err(|_| Failed)?;
            }
            hub.close();
            Ok::<_, Failed>(())
        }));
        let mut sum = 0_u64;
        for subscriber in subscribers {
            sum = sum.wrapping_add(cx.run(subscriber.join()).await?);
        }
        Ok(sum)
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let hub = id_effect::PubSub::bounded(CAPACITY);
        let scope = id_effect::Scope::new();
        let mut subscribers = Vec::new();
        for _ in 0..SUBSCRIBERS {
            let queue: id_effect::Queue<u64> = ctx.bind(hub.subscribe::<Failed, _>(&scope)).await?;
            let subscriber =
                id_effect::Effect::<u64, Failed, id_effect::HNil>::from_ctx(async move |ctx| {
                    let mut sum = 0_u64;
                    for _ in 0..n {
                        let message = ctx.bind(queue.take().map_err(|_| Failed)).await?;
                        sum = sum.wrapping_add(message);
                    }
                    Ok(sum)
                });
            subscribers.push(ctx.bind(subscriber.fork().widen()).await?);
        }
        for i in 0..n {
            ctx.bind(hub.publish::<Failed, _>(work(i))).await?;
        }
        let mut sum = 0_u64;
        for subscriber in subscribers {
            sum = sum.wrapping_add(ctx.bind(subscriber.join()).await?);
        }
        Ok(sum)
    })
}
