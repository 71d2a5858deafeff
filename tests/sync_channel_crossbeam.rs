//! A channel beside crossbeam's, whose other end is a thread: what is stopped half-way loses nothing.

use crate::common::on_threads;
use crate::sync_channel::drain;
use crossbeam_channel::{bounded, unbounded};
use effect::prelude::*;

#[test]
fn what_comes_from_crossbeam_comes_in_order_and_leaves_the_channel_open() {
    on_threads(20, async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let (sender, receiver) = unbounded();
        (0..100).for_each(|n| sender.send(n).unwrap());
        drop(sender);
        let filling = cx.fork(channel.fill_from_crossbeam(receiver));
        for n in 0..100 {
            assert_eq!(channel.receive().await, Ok(n));
        }
        assert_eq!(cx.run(filling.join()).await, Ok(()));
        assert!(!channel.is_closed());
    });
}

#[test]
fn a_channel_that_is_closed_stops_the_thread_that_fills_it() {
    on_threads(20, async |cx: Cx<()>| {
        let channel = Channel::<u8>::bounded(1);
        let (_sender, receiver) = bounded(1);
        let filling = cx.fork(channel.fill_from_crossbeam(receiver));
        // The room that the thread may have does not keep the end from coming.
        channel.close();
        assert_eq!(channel.receive().await, Err(ChannelClosed));
        assert_eq!(cx.run(filling.join()).await, Err(ChannelClosed));
    });
}

#[test]
fn interrupted_half_way_each_item_is_in_one_of_the_two() {
    on_threads(20, async |cx: Cx<()>| {
        let channel = Channel::bounded(3);
        let (sender, receiver) = unbounded();
        (0..10).for_each(|n| sender.send(n).unwrap());
        let filling = cx.fork(channel.fill_from_crossbeam(receiver.clone()));
        let mut items = vec![channel.receive().await.unwrap()];
        drop(cx.run(filling.interrupt()).await);
        channel.close();
        items.extend(drain(&channel).await);
        items.extend(receiver.try_iter());
        assert!(items.into_iter().eq(0..10));
    });
}

#[test]
fn what_goes_to_crossbeam_goes_in_order_until_the_channel_ends() {
    on_threads(20, async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let (sender, receiver) = unbounded();
        let draining = cx.fork(channel.drain_into_crossbeam(sender));
        channel.send_many(0..100).await.unwrap();
        channel.close();
        assert_eq!(cx.run(draining.join()).await, Ok(()));
        assert!(receiver.into_iter().eq(0..100));
    });
}

#[test]
fn what_crossbeam_does_not_take_goes_back() {
    on_threads(20, async |cx: Cx<()>| {
        let channel = Channel::bounded(8);
        channel.send_many(0..8).await.unwrap();
        let (sender, receiver) = bounded(1);
        let draining = cx.fork(channel.drain_into_crossbeam(sender.clone()));
        let first = cx.run(blocking({
            let receiver = receiver.clone();
            move || receiver.recv()
        }));
        let mut items = vec![first.await.unwrap()];
        drop(cx.run(draining.interrupt()).await);
        items.extend(receiver.try_iter());
        drop(receiver);
        assert!(cx.run(channel.drain_into_crossbeam(sender)).await.is_err());
        channel.close();
        items.extend(drain(&channel).await);
        assert!(items.into_iter().eq(0..8));
    });
}
