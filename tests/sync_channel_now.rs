//! What a channel does without waiting: it takes and gives what it can, and takes nobody's turn.

use std::collections::VecDeque;
use std::time::Duration;

use crate::common::{everywhere, on_both};
use effect::prelude::*;
use futures::poll;

#[test]
fn what_is_pushed_without_waiting_does_not_overtake_those_who_wait() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(2);
        let mut waits = channel.send_many(1..=3);
        assert!(poll!(&mut waits).is_pending());
        assert_eq!(channel.receive().await, Ok(1));
        // The room is promised to the sender that waits.
        let mut items = VecDeque::from([4, 5]);
        assert_eq!(channel.push_now(&mut items), Ok(()));
        assert_eq!(items, [4, 5]);
        assert!(waits.await.is_ok());
        assert_eq!(channel.receive_many(2).await, Ok(vec![2, 3]));
        assert_eq!(channel.push_now(&mut items), Ok(()));
        assert_eq!((items.len(), channel.len()), (0, 2));
    });
}

#[test]
fn what_is_pushed_without_waiting_wakes_those_who_wait_for_it() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let receivers = [(); 2].map(|()| {
            let channel = channel.clone();
            cx.fork(async move { Ok::<_, Never>(channel.receive().await) })
        });
        cx.sleep(Duration::from_millis(1)).await;
        let mut items = VecDeque::from([1, 2]);
        assert_eq!(channel.push_now(&mut items), Ok(()));
        let mut received = Vec::new();
        for receiver in receivers {
            let Ok(item) = cx.run(receiver.join()).await;
            received.push(item.unwrap());
        }
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
    });
}

#[test]
fn a_closed_channel_leaves_what_is_pushed_in_its_supply() {
    let channel = Channel::bounded(2);
    let mut items = VecDeque::from([1, 2, 3]);
    assert_eq!(channel.push_now(&mut items), Ok(()));
    channel.close();
    assert_eq!(channel.push_now(&mut items), Err(ChannelClosed));
    assert_eq!(items, [3]);
}

#[test]
fn at_a_rendezvous_what_is_pushed_without_waiting_needs_a_receiver_that_waits() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(0);
        let mut items = VecDeque::from([1, 2]);
        assert_eq!(channel.push_now(&mut items), Ok(()));
        assert_eq!(items, [1, 2]);
        let mut receive = channel.receive();
        assert!(poll!(&mut receive).is_pending());
        assert_eq!(channel.push_now(&mut items), Ok(()));
        assert_eq!(items, [2]);
        assert_eq!(receive.await, Ok(1));
    });
}

#[test]
fn what_is_claimed_without_waiting_makes_room_for_those_who_wait() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let output = channel.clone();
        let sender = cx.fork(async move { Ok::<_, Never>(output.send_many(1..=4).await.is_ok()) });
        let mut batch = Vec::new();
        while batch.len() < 4 {
            channel.claim_now(4, |item| batch.push(item)).unwrap();
            effect::yield_now().await;
        }
        assert_eq!(batch, [1, 2, 3, 4]);
        assert_eq!(cx.run(sender.join()).await, Ok(true));
        channel.release(4, batch.drain(2..));
        assert_eq!(channel.receive_many(9).await, Ok(vec![3, 4]));
    });
}

#[test]
fn a_closed_channel_has_not_ended_while_something_is_claimed() {
    on_both(async |_: Cx<()>| {
        let (channel, mut batch) = (Channel::bounded(2), Vec::new());
        channel.send_many([1, 2]).await.unwrap();
        channel.close();
        assert_eq!(channel.claim_now(9, |item| batch.push(item)), Ok(2));
        assert_eq!(channel.claim_now(9, |item| batch.push(item)), Ok(0));
        let mut receive = channel.receive();
        assert!(poll!(&mut receive).is_pending());
        channel.release(2, batch.drain(1..));
        assert_eq!(receive.await, Ok(2));
        assert_eq!(channel.claim_now(9, |_| ()), Err(ChannelClosed));
    });
}
