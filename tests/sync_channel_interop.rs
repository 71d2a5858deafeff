//! A channel beside those of other crates: as a sink, as a stream, and with tokio's. What is dropped half-way loses nothing.

use std::pin::Pin;
use std::time::Duration;

use crate::common::{everywhere, on_both};
use crate::sync_channel::drain;
use effect::prelude::*;
use effect::simulation::{Case, Sim, Tickets, Trial};
use futures::{FutureExt, Sink, SinkExt, StreamExt, poll, stream};
use tokio::sync::mpsc;

#[test]
fn a_sink_sends_all_in_order_and_leaves_the_channel_open() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let sink = channel.clone().into_sink();
        let sending = cx.fork(async move {
            let sent = stream::iter(0..50).map(Ok).forward(sink).await;
            Ok::<_, Never>(sent.is_ok())
        });
        for n in 0..50 {
            assert_eq!(channel.receive().await, Ok(n));
        }
        assert_eq!(cx.run(sending.join()).await, Ok(true));
        assert!(!channel.is_closed());
    });
}

#[test]
fn a_sink_hands_back_what_a_closed_channel_refuses() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        let mut sink = channel.clone().into_sink();
        sink.send(1).await.unwrap();
        let mut waits = sink.send(2);
        assert!(poll!(&mut waits).is_pending());
        channel.close();
        assert_eq!(waits.await, Err(SendError(2)));
        assert_eq!(drain(&channel).await, [1]);
    });
}

#[test]
fn a_sink_that_is_ready_has_room_and_gives_it_back() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        let mut sink = channel.clone().into_sink();
        futures::future::poll_fn(|task| Pin::new(&mut sink).poll_ready(task))
            .await
            .unwrap();
        assert!(channel.try_send(1).is_err());
        sink.close().await.unwrap();
        assert_eq!(channel.try_send(1), Ok(()));
        let mut waits = sink.feed(2);
        assert!(poll!(&mut waits).is_pending());
        drop(sink);
        assert_eq!(channel.receive().await, Ok(1));
        assert_eq!(channel.try_send(3), Ok(()));
    });
}

#[test]
fn a_stream_ends_with_the_channel() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let output = channel.clone();
        let sending = cx.fork(async move {
            output.send_many(0..20).await.unwrap();
            output.close();
            Ok::<_, Never>(())
        });
        let mut stream = channel.into_stream();
        let received: Vec<_> = stream.by_ref().collect().await;
        assert!(received.into_iter().eq(0..20));
        assert_eq!(stream.next().await, None);
        assert_eq!(cx.run(sending.join()).await, Ok(()));
    });
}

#[test]
fn a_stream_that_is_dropped_when_it_was_woken_leaves_the_item_to_the_next() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        let mut stream = channel.clone().into_stream();
        assert!(poll!(stream.next()).is_pending());
        let mut next = channel.receive();
        assert!(poll!(&mut next).is_pending());
        channel.send(1).await.unwrap();
        drop(stream);
        assert_eq!(next.now_or_never(), Some(Ok(1)));
    });
}

#[test]
fn to_be_filled_by_one_that_has_nothing_ends_when_the_channel_is_closed() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::<u8>::bounded(1);
        let filling = cx.fork(channel.fill_from(stream::pending()));
        cx.sleep(Duration::from_millis(1)).await;
        channel.close();
        // The room that it had does not keep the end from coming.
        assert_eq!(channel.receive().await, Err(ChannelClosed));
        assert_eq!(cx.run(filling.join()).await, Err(ChannelClosed));
    });
}

#[test]
fn to_be_filled_takes_no_item_before_there_is_room_for_it() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        let mut numbers = stream::iter(1..=5);
        let mut filling = Box::pin(channel.fill_from(&mut numbers));
        assert!(poll!(&mut filling).is_pending());
        drop(filling);
        assert_eq!(channel.receive().await, Ok(1));
        assert_eq!(numbers.next().await, Some(2));
    });
}

#[test]
fn to_be_drained_ends_when_the_other_side_is_gone_and_loses_nothing() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(4);
        channel.send_many([1, 2, 3]).await.unwrap();
        let (sender, mut receiver) = mpsc::channel(1);
        let mut draining = Box::pin(channel.drain_into_tokio(&sender));
        assert!(poll!(&mut draining).is_pending());
        drop(draining);
        assert_eq!(receiver.recv().await, Some(1));
        let mut draining = Box::pin(channel.drain_into_tokio(sender));
        assert!(poll!(&mut draining).is_pending());
        assert_eq!(receiver.recv().await, Some(2));
        drop(receiver);
        assert!(draining.await.is_err());
        assert_eq!(channel.receive().await, Ok(3));
    });
}

#[test]
fn to_be_drained_that_waits_for_an_item_ends_when_the_other_side_is_gone() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::<u8>::bounded(1);
        let (sender, receiver) = mpsc::channel(1);
        let draining = cx.fork(channel.drain_into_tokio(sender));
        cx.sleep(Duration::from_millis(1)).await;
        drop(receiver);
        assert!(cx.run(draining.join()).await.is_err());
    });
}

/// The three channels that items are in, and what becomes of those that are there in the end.
struct Places {
    tickets: Tickets,
    from: mpsc::Receiver<u64>,
    channel: Channel<u64>,
    to: mpsc::Receiver<u64>,
}

impl Drop for Places {
    fn drop(&mut self) {
        let settle = |item| self.tickets.settle(item, "there in the end");
        std::iter::from_fn(|| self.from.try_recv().ok()).for_each(settle);
        self.channel.abort().into_iter().for_each(settle);
        std::iter::from_fn(|| self.to.try_recv().ok()).for_each(settle);
    }
}

/// From tokio, through our channel, and back to tokio, by pumps that may go at any moment: each item is in one of the three.
fn there_and_back(trial: &Trial) -> Case<Never, ()> {
    let (tickets, trial) = (trial.tickets(), trial.clone());
    let all = tickets.clone();
    let channel = Channel::bounded(trial.capacity(2));
    let program = effect(async move |cx: Cx<()>| {
        let (sender, from) = mpsc::channel(4);
        let (output, to) = mpsc::channel(1);
        let mut places = Places {
            tickets: tickets.clone(),
            from,
            channel: channel.clone(),
            to,
        };
        for _ in 0..4 {
            sender.try_send(tickets.issue()).unwrap();
        }
        let filling = trial.droppable(channel.fill_from_tokio(&mut places.from));
        let draining = trial.droppable(channel.drain_into_tokio(&output));
        let receiving = async {
            for _ in 0..3 {
                cx.sleep(Duration::from_millis(1)).await;
                if let Ok(item) = places.to.try_recv() {
                    tickets.settle(item, "received");
                }
            }
            drop(sender);
            channel.close();
            // Or the last would wait for room.
            places.to.close();
        };
        futures::join!(filling, draining, receiving);
        Ok(())
    });
    Case::new(program).check(move |_| {
        assert!(all.open().is_empty(), "{:?} are lost", all.open());
    })
}

// T67
#[test]
fn pumps_that_go_at_any_moment_lose_nothing() {
    Sim::new().runs(2_000).on_all_cores().test(there_and_back);
}
