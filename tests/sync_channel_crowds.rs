//! Whoever sends and receives, however many, and goes at any moment: a channel loses nothing, and gives nothing twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{everywhere, on_both};
use crate::sync_channel::drain;
use effect::prelude::*;
use effect::simulation::{Case, Sim, Tickets, Trial};
use effect::sync::TryReceiveError;
use futures::poll;

// T62
#[test]
fn a_send_that_is_interrupted_while_it_waits_is_gone() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(1);
        channel.send(1).await.unwrap();
        let [interrupted, kept] = [2, 3].map(|n| cx.fork(channel.send(n)));
        cx.sleep(Duration::from_millis(1)).await;
        let Ok(exit) = cx.run(interrupted.interrupt()).await;
        assert!(exit.is_interrupt());
        assert_eq!(channel.receive().await, Ok(1));
        assert_eq!(channel.receive().await, Ok(3));
        assert_eq!(cx.run(kept.join()).await, Ok(()));
        assert!(channel.is_empty());
    });
}

// T62
#[test]
fn a_receiver_that_waits_is_room_for_one_who_comes_and_not_for_those_who_wait() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(1);
        let mut receive = channel.receive();
        assert!(poll!(&mut receive).is_pending());
        // One for which the receiver is woken, and one inside.
        channel.try_send(1).unwrap();
        channel.try_send(2).unwrap();
        assert!(channel.try_send(3).is_err());
        let [mut first, mut second] = [3, 4].map(|n| channel.send(n));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        assert_eq!(receive.await, Ok(1));
        assert!(poll!(&mut first).is_pending());
        assert_eq!(channel.receive().await, Ok(2));
        // Two would come in the order in which they are polled.
        let mut receive = channel.receive();
        assert!(poll!(&mut receive).is_pending());
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut first).is_ready());
        assert_eq!(receive.await, Ok(3));
    });
}

// T63
#[test]
fn to_receive_what_is_there_leaves_alone_what_waits_for_room() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(2);
        let mut send = channel.send_many(1..=5);
        assert!(poll!(&mut send).is_pending());
        assert_eq!(channel.receive_many(9).await, Ok(vec![1, 2]));
        assert_eq!(channel.try_receive(), Err(TryReceiveError::Empty));
        assert!(poll!(&mut send).is_pending());
        assert_eq!(channel.try_receive(), Ok(3));
    });
}

// T63
#[test]
fn many_sends_that_are_interrupted_leave_what_was_accepted() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let sending = cx.fork(channel.send_many(1..=5));
        cx.sleep(Duration::from_millis(1)).await;
        let Ok(exit) = cx.run(sending.interrupt()).await;
        assert!(exit.is_interrupt());
        channel.close();
        assert_eq!(drain(&channel).await, [1, 2]);
    });
}

/// So many who send and so many who receive: each item reaches one of the receivers, once.
#[track_caller]
fn check(senders: usize, receivers: usize, capacity: usize) {
    const EACH: usize = 20;
    everywhere(async move |cx: Cx<()>| {
        let channel = Channel::bounded(capacity);
        let sending: Vec<_> = (0..senders)
            .map(|sender| {
                let channel = channel.clone();
                cx.fork(async move {
                    let mut items = (0..EACH).map(|n| sender * EACH + n);
                    if sender % 2 == 1 {
                        channel
                            .send_many(items.by_ref().take(EACH / 2))
                            .await
                            .unwrap();
                    }
                    for item in items {
                        channel.send(item).await.unwrap();
                    }
                    Ok::<_, Never>(())
                })
            })
            .collect();
        let receiving: Vec<_> = (0..receivers)
            .map(|_| {
                let channel = channel.clone();
                cx.fork(async move { Ok::<_, Never>(drain(&channel).await) })
            })
            .collect();
        for sender in sending {
            assert_eq!(cx.run(sender.join()).await, Ok(()));
        }
        channel.close();
        let mut received = Vec::new();
        for receiver in receiving {
            received.extend(cx.run(receiver.join()).await.unwrap_or_default());
        }
        received.sort_unstable();
        assert!(received.into_iter().eq(0..senders * EACH));
    });
}

// T68
#[test]
fn one_who_sends_to_many_who_receive() {
    check(1, 4, 1);
}

// T68
#[test]
fn many_who_send_to_one_who_receives() {
    check(4, 1, 1);
}

// T68
#[test]
fn fewer_who_send_than_receive() {
    check(2, 4, 2);
}

// T68
#[test]
fn more_who_send_than_receive() {
    check(4, 2, 2);
}

// T68, T66
#[test]
fn many_who_meet_at_a_rendezvous() {
    check(3, 3, 0);
}

/// An item that was not sent, unless that is said: one that is received as well is settled twice.
pub(super) struct Unsent {
    tickets: Tickets,
    pub(super) item: u64,
    pub(super) sent: bool,
}

impl Unsent {
    pub(super) fn new(tickets: &Tickets) -> Self {
        Unsent {
            tickets: tickets.clone(),
            item: tickets.issue(),
            sent: false,
        }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        if !self.sent {
            self.tickets.settle(self.item, "not sent");
        }
    }
}

/// Those who send and receive may go at any moment: what was sent is received, or left, and what was not is not.
fn comings_and_goings(trial: &Trial, capacity: usize) -> Case<Never, ()> {
    let channel = Channel::<u64>::bounded(capacity);
    let (tickets, trial) = (trial.tickets(), trial.clone());
    let (all, left) = (tickets.clone(), channel.clone());
    let program = effect(async move |cx: Cx<()>| {
        let mut fibers = Vec::new();
        for _ in 0..3 {
            let (channel, tickets, trial) = (channel.clone(), tickets.clone(), trial.clone());
            fibers.push(cx.fork(effect(async move |_: Cx<()>| {
                for _ in 0..3 {
                    let mut unsent = Unsent::new(&tickets);
                    let sent = trial.droppable(channel.send(unsent.item)).await;
                    unsent.sent = matches!(sent, Some(Ok(())));
                }
                Ok::<_, Never>(())
            })));
        }
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
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        Ok(())
    });
    Case::new(program).check(move |_| {
        for item in left.abort() {
            all.settle(item, "left");
        }
        let lost: BTreeSet<_> = all.open().into_iter().collect();
        assert!(lost.is_empty(), "{lost:?} are lost");
    })
}

// T67
#[test]
fn a_send_or_a_receive_that_goes_at_any_moment_loses_nothing() {
    let program = |trial: &Trial| comings_and_goings(trial, trial.capacity(2));
    Sim::new().runs(10_000).on_all_cores().test(program);
}

// T67, T66
#[test]
fn whoever_goes_from_a_rendezvous_of_channels_loses_nothing() {
    let program = |trial: &Trial| comings_and_goings(trial, 0);
    Sim::new().runs(10_000).on_all_cores().test(program);
}

// T73
#[test]
fn what_is_inside_a_channel_comes_at_once() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(8);
        for n in 0..5 {
            channel.send(n).await.unwrap();
        }
        let received = channel.receive_many(usize::MAX).await;
        assert_eq!(received, Ok(vec![0, 1, 2, 3, 4]));
        channel.close();
        assert_eq!(channel.send(5).await, Err(SendError(5)));
    });
}

// T73
#[test]
fn to_send_a_stream_stops_it_when_the_channel_is_closed() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let evaluated = Arc::new(AtomicUsize::new(0));
        let (output, count) = (channel.clone(), Arc::clone(&evaluated));
        let all = Stream::range(0..1_000_u32).map(move |n| {
            count.fetch_add(1, Ordering::Relaxed);
            n
        });
        let sending = cx.fork(all.run_into_channel(&output));
        cx.sleep(Duration::from_millis(1)).await;
        channel.close();
        assert_eq!(drain(&channel).await, [0, 1]);
        // At most one more than were sent.
        assert_eq!(cx.run(sending.join()).await, Err(SendError(2)));
        assert_eq!(evaluated.load(Ordering::Relaxed), 3);
    });
}
