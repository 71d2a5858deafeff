//! Items from some tasks to others through a channel, one at a time: so many senders, so many receivers, so much room.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use std::future::Future;
use std::sync::Arc;

use effect::{Channel, Cx, effect};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::work;
use crate::drive::{Failed, in_tokio, in_two_threads};
use crate::workload::{Contender, Target, Workload};

/// Every shape, on one thread and on two.
pub(crate) const ALL: &[Workload] = &[
    workload::<1, 1, 1, ONE>("channel_1_1_cap1"),
    workload::<4, 1, 1, ONE>("channel_4_1_cap1"),
    workload::<1, 4, 1, ONE>("channel_1_4_cap1"),
    workload::<4, 4, 1, ONE>("channel_4_4_cap1"),
    workload::<1, 1, 64, ONE>("channel_1_1_cap64"),
    workload::<4, 1, 64, ONE>("channel_4_1_cap64"),
    workload::<1, 4, 64, ONE>("channel_1_4_cap64"),
    workload::<4, 4, 64, ONE>("channel_4_4_cap64"),
    workload::<1, 1, 1024, ONE>("channel_1_1_cap1024"),
    workload::<4, 1, 1024, ONE>("channel_4_1_cap1024"),
    workload::<1, 4, 1024, ONE>("channel_1_4_cap1024"),
    workload::<4, 4, 1024, ONE>("channel_4_4_cap1024"),
    workload::<1, 1, 1, TWO>("channel_1_1_cap1_threads"),
    workload::<4, 1, 1, TWO>("channel_4_1_cap1_threads"),
    workload::<1, 4, 1, TWO>("channel_1_4_cap1_threads"),
    workload::<4, 4, 1, TWO>("channel_4_4_cap1_threads"),
    workload::<1, 1, 64, TWO>("channel_1_1_cap64_threads"),
    workload::<4, 1, 64, TWO>("channel_4_1_cap64_threads"),
    workload::<1, 4, 64, TWO>("channel_1_4_cap64_threads"),
    workload::<4, 4, 64, TWO>("channel_4_4_cap64_threads"),
    workload::<1, 1, 1024, TWO>("channel_1_1_cap1024_threads"),
    workload::<4, 1, 1024, TWO>("channel_4_1_cap1024_threads"),
    workload::<1, 4, 1024, TWO>("channel_1_4_cap1024_threads"),
    workload::<4, 4, 1024, TWO>("channel_4_4_cap1024_threads"),
];

/// Whether the tasks run on one thread, or on two.
const ONE: bool = false;
const TWO: bool = true;

const fn workload<const S: usize, const R: usize, const C: usize, const THREADS: bool>(
    name: &'static str,
) -> Workload {
    Workload {
        name,
        about: if THREADS {
            "SENDERS_RECEIVERS_CAPACITY, two threads; an operation is one item"
        } else {
            "SENDERS_RECEIVERS_CAPACITY, one thread; an operation is one item"
        },
        timed: 200_000,
        counted: 20_000,
        targets: &[Target::TimesHand(1.0)],
        contenders: const {
            &[
                Contender {
                    name: "hand",
                    about: "tokio::sync::mpsc, several receivers by turns under a tokio Mutex",
                    run: |n| hand::<S, R>(C, THREADS, n),
                },
                Contender {
                    name: "ours",
                    about: "Channel::bounded, send, receive, in fibers",
                    run: |n| ours::<S, R>(C, THREADS, n),
                },
                Contender {
                    name: "ours_tasks",
                    about: "the same in tokio's tasks",
                    run: |n| ours_tasks::<S, R>(C, THREADS, n),
                },
                Contender {
                    name: "ours_many",
                    about: "send_many, receive_many of at most 32, in fibers",
                    run: |n| ours_many::<S, R>(C, THREADS, n),
                },
                Contender {
                    name: "flume",
                    about: "flume::bounded",
                    run: |n| flume::<S, R>(C, THREADS, n),
                },
                Contender {
                    name: "kanal",
                    about: "kanal::bounded_async",
                    run: |n| kanal::<S, R>(C, THREADS, n),
                },
                Contender {
                    name: "async_chan",
                    about: "async_channel::bounded",
                    run: |n| async_channel::<S, R>(C, THREADS, n),
                },
                Contender {
                    name: "crossfire",
                    about: "crossfire::mpmc::bounded_async",
                    run: |n| crossfire::<S, R>(C, THREADS, n),
                },
            ]
        },
    }
}

/// How many items are sent, or received, at once, where many are.
const MANY: usize = 32;

/// What the sender of this number sends, of so many.
fn share_of<const S: usize>(sender: usize, n: u64) -> impl Iterator<Item = u64> {
    (sender as u64..n).step_by(S)
}

/// Runs senders and receivers as tasks of tokio.
fn in_tasks<const S: usize, const R: usize, F, G>(
    threads: bool,
    senders: [F; S],
    receivers: [G; R],
    close: impl FnOnce() + Send + 'static,
) -> u64
where
    F: Future<Output = ()> + Send + 'static,
    G: Future<Output = u64> + Send + 'static,
{
    let body = async move {
        let (mut sending, mut receiving) = (JoinSet::new(), JoinSet::new());
        receivers.into_iter().for_each(|receiver| {
            receiving.spawn(receiver);
        });
        senders.into_iter().for_each(|sender| {
            sending.spawn(sender);
        });
        sending.join_all().await;
        close();
        (receiving.join_all().await.into_iter()).fold(0, u64::wrapping_add)
    };
    if threads {
        in_two_threads(body)
    } else {
        in_tokio(body)
    }
}

/// Runs senders and receivers as fibers.
fn in_fibers<const S: usize, const R: usize, F, G>(
    threads: bool,
    senders: [F; S],
    receivers: [G; R],
    close: impl FnOnce() + Send + 'static,
) -> u64
where
    F: Future<Output = ()> + Send + 'static,
    G: Future<Output = u64> + Send + 'static,
{
    let body = effect(async move |cx: Cx<()>| {
        let receivers =
            receivers.map(|receiver| cx.fork(async { Ok::<_, Failed>(receiver.await) }));
        let senders = senders.map(|sender| {
            cx.fork(async {
                sender.await;
                Ok::<_, Failed>(())
            })
        });
        for sender in senders {
            cx.run(sender.join()).await?;
        }
        close();
        let mut sum = 0_u64;
        for receiver in receivers {
            sum = sum.wrapping_add(cx.run(receiver.join()).await?);
        }
        Ok::<_, Failed>(sum)
    });
    let body = async { body.await.expect("no contender fails") };
    if threads {
        in_two_threads(body)
    } else {
        in_tokio(body)
    }
}

fn hand<const S: usize, const R: usize>(capacity: usize, threads: bool, n: u64) -> u64 {
    let (sender, mut receiver) = mpsc::channel(capacity);
    let senders = std::array::from_fn::<_, S, _>(|number| {
        let sender = sender.clone();
        async move {
            for item in share_of::<S>(number, n) {
                sender.send(item).await.expect("it is received to the end");
            }
        }
    });
    drop(sender);
    if R == 1 {
        let receiving = async move {
            let mut sum = 0_u64;
            while let Some(item) = receiver.recv().await {
                sum = sum.wrapping_add(work(item));
            }
            sum
        };
        return in_tasks(threads, senders, [receiving], || ());
    }
    let receiver = Arc::new(Mutex::new(receiver));
    let receivers = [(); R].map(|()| {
        let receiver = Arc::clone(&receiver);
        async move {
            let mut sum = 0_u64;
            loop {
                let received = receiver.lock().await.recv().await;
                let Some(item) = received else { return sum };
                sum = sum.wrapping_add(work(item));
            }
        }
    });
    in_tasks(threads, senders, receivers, || ())
}

/// Both ends of our channel, one item at a time.
fn ends<const S: usize, const R: usize>(
    channel: &Channel<u64>,
    n: u64,
) -> (
    [impl Future<Output = ()> + Send + use<S, R>; S],
    [impl Future<Output = u64> + Send + use<S, R>; R],
) {
    let senders = std::array::from_fn(|number| {
        let channel = channel.clone();
        async move {
            for item in share_of::<S>(number, n) {
                channel.send(item).await.expect("it is received to the end");
            }
        }
    });
    let receivers = std::array::from_fn(|_| {
        let channel = channel.clone();
        async move {
            let mut sum = 0_u64;
            while let Ok(item) = channel.receive().await {
                sum = sum.wrapping_add(work(item));
            }
            sum
        }
    });
    (senders, receivers)
}

fn ours<const S: usize, const R: usize>(capacity: usize, threads: bool, n: u64) -> u64 {
    let channel = Channel::bounded(capacity);
    let (senders, receivers) = ends::<S, R>(&channel, n);
    in_fibers(threads, senders, receivers, move || channel.close())
}

fn ours_tasks<const S: usize, const R: usize>(capacity: usize, threads: bool, n: u64) -> u64 {
    let channel = Channel::bounded(capacity);
    let (senders, receivers) = ends::<S, R>(&channel, n);
    in_tasks(threads, senders, receivers, move || channel.close())
}

fn ours_many<const S: usize, const R: usize>(capacity: usize, threads: bool, n: u64) -> u64 {
    let channel = Channel::bounded(capacity);
    let senders = std::array::from_fn::<_, S, _>(|number| {
        let channel = channel.clone();
        async move {
            let mut items = share_of::<S>(number, n);
            loop {
                let batch: Vec<_> = items.by_ref().take(MANY).collect();
                if batch.is_empty() {
                    return;
                }
                let sent = channel.send_many(batch).await;
                sent.expect("it is received to the end");
            }
        }
    });
    let receivers = [(); R].map(|()| {
        let channel = channel.clone();
        async move {
            let mut sum = 0_u64;
            while let Ok(items) = channel.receive_many(MANY).await {
                sum = (items.into_iter().map(work)).fold(sum, u64::wrapping_add);
            }
            sum
        }
    });
    in_fibers(threads, senders, receivers, move || channel.close())
}

/// A peer whose senders and receivers are cloned, and which ends with its last sender.
macro_rules! peer {
    ($name:ident, $bounded:expr, $send:ident, $receive:ident) => {
        fn $name<const S: usize, const R: usize>(capacity: usize, threads: bool, n: u64) -> u64 {
            let (sender, receiver) = $bounded(capacity);
            let senders = std::array::from_fn::<_, S, _>(|number| {
                let sender = sender.clone();
                async move {
                    for item in share_of::<S>(number, n) {
                        sender.$send(item).await.expect("it is received to the end");
                    }
                }
            });
            drop(sender);
            let receivers = [(); R].map(|()| {
                let receiver = receiver.clone();
                async move {
                    let mut sum = 0_u64;
                    while let Ok(item) = receiver.$receive().await {
                        sum = sum.wrapping_add(work(item));
                    }
                    sum
                }
            });
            drop(receiver);
            in_tasks(threads, senders, receivers, || ())
        }
    };
}

peer!(flume, ::flume::bounded, send_async, recv_async);
peer!(kanal, ::kanal::bounded_async, send, recv);
peer!(async_channel, ::async_channel::bounded, send, recv);
peer!(crossfire, ::crossfire::mpmc::bounded_async, send, recv);
