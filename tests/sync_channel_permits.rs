//! A permit is room that is kept: nobody else has it, it outlives the close, and it is given back when it is not used.

use std::collections::VecDeque;
use std::time::Duration;

use crate::common::{everywhere, on_both};
use crate::sync_channel::drain;
use crate::sync_channel_crowds::Unsent;
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::sync::{TryReceiveError, TrySendError};
use effect::yield_now;
use futures::{FutureExt, poll};

#[test]
fn a_permit_keeps_room_that_nobody_else_has() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(2);
        let permit = channel.reserve().await.unwrap();
        channel.try_send(1).unwrap();
        assert_eq!(channel.try_send(2), Err(TrySendError::Full(2)));
        let mut waits = channel.send(3);
        assert!(poll!(&mut waits).is_pending());
        assert_eq!(channel.len(), 1);
        permit.send(4);
        assert_eq!(channel.receive_many(9).await, Ok(vec![1, 4]));
        assert!(poll!(&mut waits).is_ready());
        assert_eq!(channel.receive().await, Ok(3));
    });
}

#[test]
fn a_permit_that_is_dropped_gives_its_room_to_the_next_in_turn() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        let permit = channel.reserve().await.unwrap();
        let mut first = channel.send(1);
        assert!(poll!(&mut first).is_pending());
        let mut second = channel.reserve();
        assert!(poll!(&mut second).is_pending());
        let first = cx.fork(async move { Ok::<_, Never>(first.await) });
        let second = cx.fork(async move {
            second.await.unwrap().send(2);
            Ok::<_, Never>(())
        });
        drop(permit);
        cx.sleep(Duration::from_millis(1)).await;
        // Also when nobody receives.
        assert_eq!(channel.len(), 1);
        assert_eq!(channel.receive().await, Ok(1));
        assert_eq!(channel.receive().await, Ok(2));
        assert_eq!(cx.run(first.join()).await, Ok(Ok(())));
        assert_eq!(cx.run(second.join()).await, Ok(()));
    });
}

#[test]
fn what_is_left_of_many_permits_is_given_back() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(4);
        let mut permits = channel.reserve_many(4).await.unwrap();
        let one = permits.next().unwrap();
        permits.send_all(&mut VecDeque::from([1]));
        drop(permits);
        assert_eq!(
            channel.try_reserve_many(3).map(|_| ()),
            Err(TrySendError::Full(()))
        );
        assert!(channel.try_reserve_many(2).is_ok());
        drop(one);
        assert!(channel.try_reserve_many(3).is_ok());
        assert_eq!(channel.len(), 1);
    });
}

#[test]
fn many_permits_take_no_more_items_than_there_is_room_for() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(4);
        let mut permits = channel.reserve_many(2).await.unwrap();
        let mut items = VecDeque::from([1, 2, 3]);
        permits.send_all(&mut items);
        assert_eq!((permits.len(), items), (0, VecDeque::from([3])));
        assert!(permits.next().is_none());
    });
}

// T62
#[test]
fn permits_and_sends_are_served_in_turn() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(2);
        channel.send_many([0, 0]).await.unwrap();
        // Two at once, so those behind them wait although there is room for one.
        let mut many = channel.reserve_many(2);
        assert!(poll!(&mut many).is_pending());
        let mut one = channel.send(3);
        assert!(poll!(&mut one).is_pending());
        assert_eq!(channel.receive().await, Ok(0));
        assert!(poll!(&mut one).is_pending());
        assert_eq!(channel.try_send(4), Err(TrySendError::Full(4)));
        assert!(poll!(&mut many).is_pending());
        assert_eq!(channel.receive().await, Ok(0));
        assert!(poll!(&mut one).is_pending());
        let mut permits = many.await.unwrap();
        permits.send_all(&mut VecDeque::from([1, 2]));
        assert_eq!(channel.receive().await, Ok(1));
        one.await.unwrap();
        assert_eq!(drain_now(&channel), [2, 3]);
    });
}

fn drain_now<T>(channel: &Channel<T>) -> Vec<T> {
    std::iter::from_fn(|| channel.try_receive().ok()).collect()
}

// T62, T67
#[test]
fn who_waits_for_much_room_and_goes_lets_those_behind_it_in() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(2);
        channel.send_many([0, 0]).await.unwrap();
        let mut many = channel.reserve_many(2);
        assert!(poll!(&mut many).is_pending());
        let mut one = channel.send(1);
        assert!(poll!(&mut one).is_pending());
        assert_eq!(channel.receive().await, Ok(0));
        assert!(poll!(&mut one).is_pending());
        drop(many);
        assert!(one.now_or_never().is_some());
    });
}

#[test]
fn a_reserve_that_is_dropped_after_it_was_woken_passes_its_room_on() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(2);
        channel.send_many([0, 0]).await.unwrap();
        let mut many = channel.reserve_many(2);
        assert!(poll!(&mut many).is_pending());
        let mut one = channel.send(1);
        assert!(poll!(&mut one).is_pending());
        assert_eq!(drain_now(&channel), [0, 0]);
        // All of the room is promised to the first.
        assert_eq!(channel.try_send(2), Err(TrySendError::Full(2)));
        drop(many);
        assert!(one.now_or_never().is_some());
        assert_eq!(channel.try_send(2), Ok(()));
    });
}

// T65
#[test]
fn a_closed_channel_takes_the_item_of_a_permit_and_ends_after_it() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let [used, unused] = [(); 2].map(|()| channel.try_reserve().unwrap());
        let receivers = [(); 2].map(|()| {
            let channel = channel.clone();
            cx.fork(async move { Ok::<_, Never>(channel.receive().await) })
        });
        let ended = cx.fork(channel.await_closed());
        channel.close();
        assert_eq!(channel.send(0).await, Err(SendError(0)));
        assert!(channel.reserve().await.is_err());
        assert_eq!(
            channel.try_reserve().map(|_| ()),
            Err(TrySendError::Closed(()))
        );
        cx.sleep(Duration::from_millis(1)).await;
        assert!(receivers.iter().all(|receiver| !receiver.is_done()));
        assert_eq!(channel.try_receive(), Err(TryReceiveError::Empty));
        used.send(1);
        cx.sleep(Duration::from_millis(1)).await;
        assert!(!ended.is_done());
        drop(unused);
        let mut received = Vec::new();
        for receiver in receivers {
            let Ok(item) = cx.run(receiver.join()).await;
            received.extend(item);
        }
        assert_eq!(received, [1]);
        assert!(cx.run(ended.join()).await.is_ok());
        assert_eq!(channel.try_receive(), Err(TryReceiveError::Closed));
    });
}

// T65
#[test]
fn an_aborted_channel_still_takes_the_item_of_a_permit() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(2);
        channel.send(1).await.unwrap();
        let permit = channel.reserve().await.unwrap();
        assert_eq!(channel.abort(), [1]);
        permit.send(2);
        assert_eq!(drain(&channel).await, [2]);
    });
}

// T65
#[test]
fn close_sends_those_away_who_wait_for_room() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        channel.send_many([1, 2]).await.unwrap();
        let (one, many) = (cx.fork(channel.reserve()), cx.fork(channel.reserve_many(2)));
        cx.sleep(Duration::from_millis(1)).await;
        channel.close();
        assert!(cx.run(one.join()).await.is_err());
        assert!(cx.run(many.join()).await.is_err());
        assert_eq!(drain(&channel).await, [1, 2]);
    });
}

// T66
#[test]
fn at_a_rendezvous_room_is_a_receiver_that_waits() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(0);
        let mut reserve = channel.reserve();
        assert!(poll!(&mut reserve).is_pending());
        let mut gone = channel.receive();
        assert!(poll!(&mut gone).is_pending());
        drop(gone);
        assert!(poll!(&mut reserve).is_pending());
        let mut receive = channel.receive();
        assert!(poll!(&mut receive).is_pending());
        let permit = reserve.await.unwrap();
        assert!(channel.try_reserve().is_err());
        permit.send(1);
        assert_eq!(receive.await, Ok(1));
    });
}

#[test]
#[should_panic(expected = "a channel of 2 will never have room for 3")]
fn to_reserve_more_than_there_ever_is_panics() {
    drop(Channel::<u8>::bounded(2).reserve_many(3));
}

/// Those who reserve, send and receive may go at any moment: no item is lost, and no room.
fn comings_and_goings(trial: &Trial) -> Case<Never, ()> {
    let channel = Channel::<u64>::bounded(2 + trial.capacity(2));
    let (tickets, trial) = (trial.tickets(), trial.clone());
    let (all, room) = (tickets.clone(), channel.clone());
    let program = effect(async move |cx: Cx<()>| {
        let mut fibers = Vec::new();
        for count in [1, 2] {
            let (channel, tickets, trial) = (channel.clone(), tickets.clone(), trial.clone());
            fibers.push(cx.fork(effect(async move |cx: Cx<()>| {
                for _ in 0..3 {
                    let reserved = trial.droppable(channel.reserve_many(count)).await;
                    let Some(Ok(permits)) = reserved else {
                        return Ok::<_, Never>(());
                    };
                    if cx.random().is_multiple_of(3) {
                        // Not used.
                        continue;
                    }
                    yield_now().await;
                    permits.for_each(|permit| permit.send(tickets.issue()));
                }
                Ok(())
            })));
        }
        let (output, issued, dropped) = (channel.clone(), tickets.clone(), trial.clone());
        fibers.push(cx.fork(effect(async move |_: Cx<()>| {
            for _ in 0..4 {
                let mut unsent = Unsent::new(&issued);
                let sent = dropped.droppable(output.send(unsent.item)).await;
                unsent.sent = matches!(sent, Some(Ok(())));
            }
            Ok::<_, Never>(())
        })));
        for _ in 0..2 {
            let (channel, tickets, trial) = (channel.clone(), tickets.clone(), trial.clone());
            fibers.push(cx.fork(effect(async move |_: Cx<()>| {
                while let Some(Ok(item)) = trial.droppable(channel.receive()).await {
                    tickets.settle(item, "received");
                }
                Ok::<_, Never>(())
            })));
        }
        cx.sleep(Duration::from_secs(1)).await;
        channel.close();
        cx.sleep(Duration::from_secs(1)).await;
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        Ok(())
    });
    Case::new(program).check(move |_| {
        for item in room.abort() {
            all.settle(item, "left");
        }
        assert!(all.open().is_empty(), "{:?} are lost", all.open());
        // All of the room was given back, or this would not have ended.
        assert_eq!(room.try_receive(), Err(TryReceiveError::Closed));
    })
}

// T67
#[test]
fn whoever_reserves_sends_and_receives_may_go_at_any_moment() {
    Sim::new()
        .runs(5_000)
        .on_all_cores()
        .test(comings_and_goings);
}
