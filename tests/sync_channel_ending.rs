//! How a channel ends: for a reason that all may ask for, and while somebody still has it.

use std::io;
use std::time::Duration;

use crate::common::{everywhere, on_both};
use crate::sync_channel::drain;
use effect::prelude::*;
use effect::sync::{TryReceiveError, TrySendError};
use futures::poll;

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::BrokenPipe)
}

// T65
#[test]
fn a_reason_comes_after_the_items_and_to_all() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        channel.send_many([1, 2]).await.unwrap();
        let ended = cx.fork(channel.await_closed());
        let receivers = [(); 4].map(|()| {
            let channel = channel.clone();
            cx.fork(async move {
                let received = channel.receive().await;
                let reason = channel.close_reason();
                Ok::<_, Never>(received.map_err(|_| reason.expect("it says why").to_string()))
            })
        });
        channel.close_with(broken());
        let mut received = Vec::new();
        for receiver in receivers {
            let Ok(item) = cx.run(receiver.join()).await;
            received.push(item);
        }
        received.sort_unstable();
        let failed = || Err("broken pipe".to_owned());
        assert_eq!(received, [Ok(1), Ok(2), failed(), failed()]);
        let reason = cx.run(ended.join()).await.unwrap_err();
        assert!(reason.downcast_ref::<io::Error>().is_some());
    });
}

// T65
#[test]
fn the_first_to_close_says_why() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::<u8>::bounded(1);
        assert!(channel.close_reason().is_none());
        channel.close_with(broken());
        channel.close_with(std::fmt::Error);
        channel.close();
        assert_eq!(channel.abort(), []);
        assert_eq!(channel.close_reason().unwrap().to_string(), "broken pipe");
        let closed = Channel::<u8>::bounded(1);
        closed.close();
        closed.close_with(broken());
        assert!(closed.close_reason().is_none());
        assert!(closed.await_closed().await.is_ok());
    });
}

// T65
#[test]
fn close_with_hands_their_items_back_to_those_who_wait() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(1).await.unwrap();
        let sender = channel.clone();
        let sender = cx.fork(async move { Ok::<_, Never>(sender.send(2).await) });
        cx.sleep(Duration::from_millis(1)).await;
        channel.close_with(broken());
        assert_eq!(cx.run(sender.join()).await, Ok(Err(SendError(2))));
        assert_eq!(channel.try_send(3), Err(TrySendError::Closed(3)));
        assert_eq!(drain(&channel).await, [1]);
    });
}

// T65
#[test]
fn a_channel_has_ended_when_it_is_drained_and_not_before() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        channel.send_many([1, 2]).await.unwrap();
        let ended = cx.fork(channel.await_closed());
        channel.close();
        assert_eq!(channel.receive().await, Ok(1));
        let mut batch = Vec::new();
        assert_eq!(channel.claim_now(1, |item| batch.push(item)), Ok(1));
        cx.sleep(Duration::from_millis(1)).await;
        // What is claimed may come back.
        assert!(!ended.is_done());
        channel.release(1, batch.drain(..));
        cx.sleep(Duration::from_millis(1)).await;
        assert!(!ended.is_done());
        assert_eq!(channel.receive().await, Ok(2));
        assert!(cx.run(ended.join()).await.is_ok());
    });
}

// T65
#[test]
fn abort_ends_all_who_wait_at_once() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(1).await.unwrap();
        let ended = cx.fork(channel.await_closed());
        let sender = channel.clone();
        let sender = cx.fork(async move { Ok::<_, Never>(sender.send(2).await) });
        cx.sleep(Duration::from_millis(1)).await;
        assert_eq!(channel.abort(), [1]);
        assert_eq!(cx.run(sender.join()).await, Ok(Err(SendError(2))));
        assert!(cx.run(ended.join()).await.is_ok());
        let empty = Channel::<u8>::bounded(1);
        let receivers = [(); 3].map(|()| {
            let empty = empty.clone();
            cx.fork(async move { Ok::<_, Never>(empty.receive().await) })
        });
        cx.sleep(Duration::from_millis(1)).await;
        assert_eq!(empty.abort(), []);
        for receiver in receivers {
            assert_eq!(cx.run(receiver.join()).await, Ok(Err(ChannelClosed)));
        }
    });
}

#[test]
fn a_weak_handle_keeps_nothing_alive() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        let (weak, another) = (channel.downgrade(), channel.clone());
        drop(channel);
        weak.upgrade().unwrap().send(1).await.unwrap();
        assert_eq!(another.receive().await, Ok(1));
        another.close();
        // Closed, it is still there.
        assert!(weak.upgrade().unwrap().is_closed());
        drop(another);
        assert!(weak.clone().upgrade().is_none());
    });
}

#[test]
fn whoever_waits_or_has_a_permit_keeps_a_channel_alive() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        let weak = channel.downgrade();
        let mut receive = channel.receive();
        drop(channel);
        assert!(poll!(&mut receive).is_pending());
        let permit = weak.upgrade().unwrap().try_reserve().unwrap();
        permit.send(1);
        assert_eq!(receive.await, Ok(1));
        assert!(weak.upgrade().is_none());
    });
}

#[test]
fn what_is_tried_says_why_it_was_in_vain() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        assert_eq!(channel.try_receive(), Err(TryReceiveError::Empty));
        assert_eq!(channel.try_send(1), Ok(()));
        let mut waits = channel.send(2);
        assert!(poll!(&mut waits).is_pending());
        assert_eq!(channel.try_receive(), Ok(1));
        // The room is another's.
        assert_eq!(channel.try_send(3), Err(TrySendError::Full(3)));
        waits.await.unwrap();
        channel.close();
        assert_eq!(channel.try_send(4), Err(TrySendError::Closed(4)));
        assert_eq!(channel.try_receive(), Ok(2));
        assert_eq!(channel.try_receive(), Err(TryReceiveError::Closed));
    });
}

// T66
#[test]
fn at_a_rendezvous_nobody_receives_what_another_waits_for() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(0);
        assert_eq!(channel.try_send(1), Err(TrySendError::Full(1)));
        let mut receive = channel.receive();
        assert!(poll!(&mut receive).is_pending());
        assert_eq!(channel.try_send(1), Ok(()));
        assert_eq!(channel.try_receive(), Err(TryReceiveError::Empty));
        assert_eq!(receive.await, Ok(1));
    });
}

#[test]
fn a_deadlock_names_what_each_side_of_a_channel_waits_for() {
    let full = Channel::bounded(1);
    full.try_send(1).unwrap();
    let program = effect(async move |_: Cx<()>| full.reserve().await.map(|_| ()));
    let deadlock = VirtualTime::new().run(program).unwrap_err().to_string();
    assert!(
        deadlock.contains("waits for room in a channel at tests/sync_channel_ending.rs"),
        "{deadlock}"
    );
}
