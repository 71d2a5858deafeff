//! A channel loses nothing: not when it is full, not when it closes, not when a waiting side is dropped.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{everywhere, on_both};
use effect::prelude::*;
use futures::future::{join, join_all};
use futures::{FutureExt, poll};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// All that is received until the channel has ended.
pub(super) async fn drain<T>(channel: &Channel<T>) -> Vec<T> {
    let mut items = Vec::new();
    while let Ok(item) = channel.receive().await {
        items.push(item);
    }
    items
}

// S2-01
#[test]
fn a_slow_consumer_gets_all_messages_in_order_and_then_the_end() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        let channel = Channel::bounded(3);
        let output = channel.clone();
        let producer = cx.fork(effect(async move |cx: Cx<()>| {
            for n in 1..=5 {
                output.send(format!("Message {n}")).await.unwrap();
                cx.sleep(millis(100)).await;
            }
            output.close();
            Ok::<_, Never>(())
        }));
        let consumer = cx.fork(effect(async move |cx: Cx<()>| {
            let mut messages = Vec::new();
            while let Ok(message) = channel.receive().await {
                messages.push(message);
                cx.sleep(millis(200)).await;
            }
            Ok::<_, Never>(messages)
        }));
        let Ok(()) = cx.run(producer.join()).await;
        let Ok(messages) = cx.run(consumer.join()).await;
        let expected: Vec<_> = (1..=5).map(|n| format!("Message {n}")).collect();
        assert_eq!(messages, expected);
        assert_eq!(cx.now() - start, Duration::from_secs(1));
    });
}

// S2-02
#[test]
fn close_wakes_every_waiting_receiver_at_once() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        let channel = Channel::<u8>::bounded(1);
        let receivers = [(); 3].map(|()| {
            let channel = channel.clone();
            cx.fork(async move { Ok::<_, Never>(channel.receive().await) })
        });
        cx.sleep(millis(10)).await;
        channel.close();
        for receiver in receivers {
            assert_eq!(cx.run(receiver.join()).await, Ok(Err(ChannelClosed)));
        }
        assert_eq!(cx.now() - start, millis(10));
    });
}

// S2-03
#[test]
fn a_closed_channel_gives_out_what_is_inside_first() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(2);
        channel.send_many([1, 2]).await.unwrap();
        channel.close();
        assert_eq!(channel.receive().await, Ok(1));
        assert_eq!(channel.receive().await, Ok(2));
        assert_eq!(channel.receive().await, Err(ChannelClosed));
        assert_eq!(channel.receive_many(4).await, Err(ChannelClosed));
    });
}

// S2-04
#[test]
fn a_send_after_close_hands_the_item_back() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(2);
        channel.close();
        assert_eq!(channel.send(1).await, Err(SendError(1)));
        assert_eq!(channel.send_many([2, 3]).await, Err(SendError(vec![2, 3])));
        assert!(channel.is_empty());
    });
}

// S2-05
#[test]
fn to_close_twice_is_to_close_once() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(1).await.unwrap();
        channel.close();
        channel.close();
        assert!(channel.is_closed());
        assert_eq!(channel.receive().await, Ok(1));
        assert_eq!(channel.receive().await, Err(ChannelClosed));
    });
}

// S2-07
#[test]
fn a_full_channel_holds_its_sender_back_to_the_pace_of_the_consumer() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        let channel = Channel::bounded(2);
        let output = channel.clone();
        let producer = cx.fork(effect(async move |cx: Cx<()>| {
            let mut sent = Vec::new();
            for n in 0..10 {
                output.send(n).await.unwrap();
                sent.push((cx.now() - start).as_millis());
            }
            output.close();
            Ok::<_, Never>(sent)
        }));
        let consumer = cx.fork(effect(async move |cx: Cx<()>| {
            let mut received = Vec::new();
            cx.sleep(millis(1500)).await;
            while let Ok(n) = channel.receive().await {
                received.push((n, (cx.now() - start).as_millis()));
                cx.sleep(millis(500)).await;
            }
            Ok::<_, Never>(received)
        }));
        let Ok(sent) = cx.run(producer.join()).await;
        let Ok(received) = cx.run(consumer.join()).await;
        assert_eq!(sent, [0, 0, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000]);
        let expected: Vec<_> = (0..10).map(|n| (n, 1500 + 500 * n as u128)).collect();
        assert_eq!(received, expected);
        assert_eq!(received.last(), Some(&(9, 6000)));
    });
}

/// Four producers of so many items each, and what each of the consumers has of them.
fn crowd(consumers: usize, each: usize) -> Effect<(), Never, Vec<Vec<(usize, usize)>>> {
    let channel = Channel::bounded(16);
    let producers = (0..4).map(|producer| {
        let channel = channel.clone();
        effect(async move |_: Cx<()>| {
            for n in 0..each {
                channel.send((producer, n)).await.unwrap();
            }
            Ok::<_, Never>(())
        })
    });
    let receivers = (0..consumers).map(|_| {
        let channel = channel.clone();
        effect(async move |_: Cx<()>| Ok::<_, Never>(drain(&channel).await))
    });
    let (producers, receivers) = (producers.collect::<Vec<_>>(), receivers.collect::<Vec<_>>());
    effect(async move |cx: Cx<()>| {
        let producers: Vec<_> = producers.into_iter().map(|p| cx.fork(p)).collect();
        let receivers: Vec<_> = receivers.into_iter().map(|r| cx.fork(r)).collect();
        for producer in producers {
            cx.run(producer.join()).await?;
        }
        channel.close();
        let mut received = Vec::new();
        for receiver in receivers {
            received.push(cx.run(receiver.join()).await?);
        }
        Ok(received)
    })
    .erase_once()
}

#[track_caller]
fn assert_each_reached_one(received: Vec<Vec<(usize, usize)>>, each: usize) {
    assert_eq!(received.iter().map(Vec::len).sum::<usize>(), 4 * each);
    let distinct: HashSet<_> = received.into_iter().flatten().collect();
    assert_eq!(distinct.len(), 4 * each);
}

#[track_caller]
fn assert_order_of_each_producer(received: &[Vec<(usize, usize)>], each: usize) {
    let [received] = received else {
        panic!("{} consumers", received.len());
    };
    assert_eq!(received.len(), 4 * each);
    for producer in 0..4 {
        let numbers = received.iter().filter(|(by, _)| *by == producer);
        assert!(numbers.map(|(_, n)| *n).eq(0..each));
    }
}

// S2-09
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_item_of_many_producers_reaches_one_of_many_consumers_once() {
    let Ok(received) = crowd(3, 25_000).await;
    assert_each_reached_one(received, 25_000);
}

// S2-09
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lone_consumer_sees_the_order_of_each_producer() {
    let Ok(received) = crowd(1, 25_000).await;
    assert_order_of_each_producer(&received, 25_000);
}

// S2-09
#[test]
fn a_crowd_loses_nothing_in_any_order() {
    everywhere(async |cx: Cx<()>| {
        let Ok(received) = cx.run(crowd(3, 100)).await;
        assert_each_reached_one(received, 100);
        let Ok(received) = cx.run(crowd(1, 100)).await;
        assert_order_of_each_producer(&received, 100);
    });
}

#[test]
fn a_send_that_is_dropped_while_it_waits_sends_nothing() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(1).await.unwrap();
        let (mut dropped, mut kept) = (channel.send(2), channel.send(3));
        assert!(poll!(&mut dropped).is_pending());
        assert!(poll!(&mut kept).is_pending());
        drop(dropped);
        assert_eq!(channel.receive().await, Ok(1));
        assert!(poll!(&mut kept).is_ready());
        assert_eq!(channel.receive().await, Ok(3));
    });
}

#[test]
fn a_send_that_is_dropped_after_it_was_woken_passes_its_room_on() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(1).await.unwrap();
        let (mut dropped, mut kept) = (channel.send(2), channel.send(3));
        assert!(poll!(&mut dropped).is_pending());
        assert!(poll!(&mut kept).is_pending());
        assert_eq!(channel.receive().await, Ok(1));
        // The room is promised to the first, so the second still waits.
        assert!(poll!(&mut kept).is_pending());
        drop(dropped);
        assert!(poll!(&mut kept).is_ready());
        assert_eq!(channel.receive().await, Ok(3));
    });
}

#[test]
fn a_receive_that_is_dropped_after_it_was_woken_leaves_the_item_inside() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        let mut dropped = channel.receive();
        assert!(poll!(&mut dropped).is_pending());
        channel.send(1).await.unwrap();
        drop(dropped);
        assert_eq!(channel.receive().now_or_never(), Some(Ok(1)));
    });
}

#[test]
fn a_receive_that_is_dropped_after_it_was_woken_wakes_the_next_receiver() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        let mut dropped = channel.receive();
        assert!(poll!(&mut dropped).is_pending());
        let other = channel.clone();
        let waiting = effect(async move |_: Cx<()>| Ok::<_, Never>(other.receive().await));
        let run = effect(async move |cx: Cx<()>| {
            let waiting = cx.fork(waiting);
            cx.sleep(millis(1)).await;
            channel.send(1).await.unwrap();
            drop(dropped);
            cx.run(waiting.join()).await
        });
        let received = cx.run(run.timeout(Duration::from_secs(1))).await;
        assert_eq!(received, Ok(Ok(1)));
    });
}

#[test]
fn senders_are_served_in_turn() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(0).await.unwrap();
        let mut senders: Vec<_> = (1..=5).map(|n| channel.send(n)).collect();
        for sender in &mut senders {
            assert!(poll!(sender).is_pending());
        }
        assert_eq!(channel.receive().await, Ok(0));
        // Whoever comes now waits behind those who wait already.
        let mut late = channel.send(6);
        assert!(poll!(&mut late).is_pending());
        senders.push(late);
        let (received, sent) = join(
            async {
                let mut received = Vec::new();
                for _ in 0..6 {
                    received.push(channel.receive().await.unwrap());
                }
                received
            },
            // Polled from the last to the first, to no avail.
            join_all(senders.into_iter().rev()),
        )
        .await;
        assert_eq!(received, [1, 2, 3, 4, 5, 6]);
        assert!(sent.into_iter().all(|sent| sent.is_ok()));
    });
}

#[test]
fn send_many_sends_what_there_is_room_for_and_waits_with_the_rest() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(3);
        let mut send = channel.send_many(0..7);
        assert!(poll!(&mut send).is_pending());
        assert_eq!(channel.len(), 3);
        assert_eq!(channel.receive_many(2).await, Ok(vec![0, 1]));
        assert!(poll!(&mut send).is_pending());
        assert_eq!(channel.receive_many(100).await, Ok(vec![2, 3, 4]));
        assert!(poll!(&mut send).is_ready());
        assert_eq!(channel.receive_many(100).await, Ok(vec![5, 6]));
    });
}

#[test]
fn receive_many_waits_for_one_item_and_not_for_more() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(8);
        let mut receive = channel.receive_many(4);
        assert!(poll!(&mut receive).is_pending());
        channel.send(1).await.unwrap();
        assert_eq!(receive.now_or_never(), Some(Ok(vec![1])));
    });
}

#[test]
#[should_panic(expected = "a claim on 1 items is given up, and 0 are claimed")]
fn to_give_up_a_claim_that_nobody_has_panics() {
    Channel::<u8>::bounded(1).release(1, std::iter::empty());
}

#[test]
#[should_panic(expected = "receive_many takes at least one item")]
fn receive_many_of_none_panics() {
    drop(Channel::<u8>::bounded(1).receive_many(0));
}

#[test]
fn to_send_nothing_needs_no_room() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(1).await.unwrap();
        assert!(channel.send_many([]).now_or_never().is_some());
    });
}

#[test]
fn close_wakes_waiting_senders_and_hands_their_items_back() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(1).await.unwrap();
        let (one, many) = (channel.clone(), channel.clone());
        let one = cx.fork(async move { Ok::<_, Never>(one.send(2).await) });
        let many = cx.fork(async move { Ok::<_, Never>(many.send_many([3, 4]).await) });
        cx.sleep(millis(5)).await;
        channel.close();
        assert_eq!(cx.run(one.join()).await, Ok(Err(SendError(2))));
        assert_eq!(cx.run(many.join()).await, Ok(Err(SendError(vec![3, 4]))));
        assert_eq!(drain(&channel).await, [1]);
    });
}

#[test]
fn a_sender_that_was_promised_room_gets_its_item_back_when_the_channel_closes() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(1).await.unwrap();
        let mut send = channel.send(2);
        assert!(poll!(&mut send).is_pending());
        assert_eq!(channel.receive().await, Ok(1));
        channel.close();
        assert_eq!(send.await, Err(SendError(2)));
        assert_eq!(channel.receive().await, Err(ChannelClosed));
    });
}

/// A waker whose drop looks at the channel, as one does that holds the last reference to a task.
struct LooksAt(Channel<u32>);

impl std::task::Wake for LooksAt {
    fn wake(self: Arc<Self>) {}
}

impl Drop for LooksAt {
    fn drop(&mut self) {
        // Would wait for ever if the lock were held.
        assert!(self.0.is_empty());
    }
}

#[test]
fn a_waker_is_dropped_when_the_lock_is_free() {
    let channel = Channel::bounded(1);
    let mut receive = Box::pin(channel.receive());
    for _ in 0..2 {
        let waker = Arc::new(LooksAt(channel.clone())).into();
        let polled = receive
            .as_mut()
            .poll(&mut std::task::Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    drop(receive);
}

#[test]
fn every_receiver_hears_of_the_end_also_when_the_last_items_come_back() {
    // Where a receiver waits for ever, this is a deadlock.
    everywhere(async |cx: Cx<()>| {
        let input = Channel::bounded(2);
        input.send_many([0, 1]).await.unwrap();
        input.close();
        let endless = |_: u32| never::<(), Never, u32>();
        let run = Pipeline::from_channel(input.clone())
            .via(stage("endless", endless))
            .to_channel(Channel::bounded(2))
            .run();
        let pipeline = cx.fork(run);
        cx.sleep(Duration::from_secs(1)).await;
        // The pipeline holds both items, one of them not begun. Two wait for them.
        let receive = async move |_: Cx<()>| Ok::<_, Never>(input.receive().await);
        let both = effect(receive.clone()).zip_par(effect(receive));
        let both = cx.fork(both);
        cx.sleep(Duration::from_secs(1)).await;
        let Ok(_) = cx.run(pipeline.interrupt()).await;
        let Ok(both) = cx.run(both.join()).await;
        assert_eq!(both, (Ok(1), Err(ChannelClosed)));
    });
}
