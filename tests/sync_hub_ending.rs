//! A hub ends as a queue does: received, with an error, or at once, and whoever waits for that is told.

use std::time::Duration;

use crate::common::{everywhere, on_both, secs};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::sync::{Hub, PublishError, ReceiveError, Subscription};
use effect::yield_now;
use futures::{FutureExt, poll};

/// All that a subscription gets, and what it is told then.
async fn drain<E: Clone>(mut subscription: Subscription<u32, E>) -> (Vec<u32>, ReceiveError<E>) {
    let mut messages = Vec::new();
    loop {
        match subscription.receive().await {
            Ok(message) => messages.push(message),
            Err(end) => return (messages, end),
        }
    }
}

#[test]
fn an_error_comes_after_the_messages_and_to_every_subscriber() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(2).with_error();
        let subscribed = [(); 3].map(|()| hub.subscribe());
        let mut never_read = hub.subscribe();
        let reading = subscribed.map(|one| cx.fork(drain(one).map(Ok::<_, Never>)));
        hub.publish_all([1, 2]).await.unwrap();
        let waits = cx.fork(hub.publish(3));
        cx.sleep(secs(1)).await;
        hub.close_with("why");
        hub.close();
        hub.close_with("another reason");
        assert_eq!(hub.publish(4).await, Err(PublishError::Closed(4)));
        for n in 1..=3 {
            assert_eq!(never_read.receive().await, Ok(n));
        }
        for _ in 0..2 {
            let end = never_read.receive().await;
            assert_eq!(end, Err(ReceiveError::Failed("why")));
        }
        let all = (vec![1, 2, 3], ReceiveError::Failed("why"));
        for subscriber in reading {
            assert_eq!(cx.run(subscriber.join()).await, Ok(all.clone()));
        }
        assert_eq!(cx.run(waits.join()).await, Ok(()));
        // Who comes later is told the same.
        assert_eq!(
            drain(hub.subscribe()).await,
            (vec![], ReceiveError::Failed("why"))
        );
    });
}

#[test]
fn a_hub_has_ended_when_every_subscriber_has_received_all_and_not_before() {
    everywhere(async |_: Cx<()>| {
        let hub = Hub::bounded(2).with_error();
        let (mut fast, mut slow, goes) = (hub.subscribe(), hub.subscribe(), hub.subscribe());
        hub.publish_all([1, 2]).await.unwrap();
        let mut ended = hub.await_closed();
        assert!(poll!(&mut ended).is_pending());
        hub.close_with("why");
        assert!(poll!(&mut ended).is_pending());
        assert_eq!((fast.poll(), fast.poll()), (Some(1), Some(2)));
        assert!(poll!(&mut ended).is_pending());
        assert_eq!((slow.poll(), slow.poll()), (Some(1), Some(2)));
        assert!(poll!(&mut ended).is_pending());
        drop(goes);
        assert_eq!(ended.await, Err("why"));
        assert_eq!(hub.await_closed().await, Err("why"));
    });
}

#[test]
fn a_hub_without_subscribers_ends_when_it_is_closed() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(2).replay(2);
        hub.publish_all([1, 2, 3]).await.unwrap();
        let ended = cx.fork(hub.await_closed());
        cx.sleep(secs(1)).await;
        assert!(!ended.is_done());
        hub.close();
        // Who comes for what is replayed is not waited for, whether it comes before that fiber or after.
        let late = hub.subscribe();
        assert_eq!(cx.run(ended.join()).await, Ok(()));
        assert_eq!(hub.await_closed().await, Ok(()));
        assert_eq!(drain(late).await, (vec![2, 3], ReceiveError::Closed));
    });
}

#[test]
fn a_hub_ends_when_the_last_who_waits_to_publish_gives_up() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1);
        let mut subscription = hub.subscribe();
        let publishing = cx.fork(hub.publish_all([1, 2]));
        cx.sleep(secs(1)).await;
        hub.close();
        let mut other = hub.subscribe();
        let ended = cx.fork(hub.await_closed());
        drop(cx.run(publishing.interrupt()).await);
        assert!(!ended.is_done());
        assert_eq!(subscription.receive().await, Ok(1));
        assert_eq!(cx.run(ended.join()).await, Ok(()));
        assert_eq!(subscription.receive().await, Err(ReceiveError::Closed));
        assert_eq!(other.receive().await, Err(ReceiveError::Closed));
    });
}

#[test]
fn a_hub_ends_when_those_who_wait_have_published_to_nobody() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1);
        let subscription = hub.subscribe();
        let publishing = [(); 2].map(|()| cx.fork(hub.publish_all([1, 2])));
        cx.sleep(secs(1)).await;
        hub.close();
        let ended = cx.fork(hub.await_closed());
        cx.sleep(secs(1)).await;
        assert!(!ended.is_done());
        drop(subscription);
        assert_eq!(cx.run(ended.join()).await, Ok(()));
        for publisher in publishing {
            assert_eq!(cx.run(publisher.join()).await, Ok(()));
        }
    });
}

#[test]
fn abort_drops_what_is_there_and_ends_all_who_wait_at_once() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        let hub = Hub::bounded(2).replay(2);
        let (behind, mut ahead) = (hub.subscribe(), hub.subscribe());
        hub.publish_all([1, 2]).await.unwrap();
        assert_eq!((ahead.poll(), ahead.poll()), (Some(1), Some(2)));
        let waits = cx.fork(async move { Ok::<_, Never>(ahead.receive().await) });
        let publishing = cx.fork(hub.publish(3));
        let many = cx.fork(hub.publish_all([4, 5]));
        let ended = cx.fork(hub.await_closed());
        cx.sleep(Duration::from_millis(1)).await;
        hub.abort();
        hub.abort();
        assert!(hub.is_closed() && behind.is_empty());
        assert_eq!(cx.run(waits.join()).await, Ok(Err(ReceiveError::Closed)));
        assert_eq!(
            cx.run(publishing.join()).await,
            Err(PublishError::Closed(3))
        );
        assert_eq!(
            cx.run(many.join()).await,
            Err(PublishError::Closed(vec![4, 5]))
        );
        assert_eq!(cx.run(ended.join()).await, Ok(()));
        assert_eq!(
            (behind.missed(), drain(behind).await),
            (0, (vec![], ReceiveError::Closed))
        );
        // Nothing is replayed either.
        assert_eq!(drain(hub.subscribe()).await, (vec![], ReceiveError::Closed));
        assert_eq!(hub.publish(6).await, Err(PublishError::Closed(6)));
        assert_eq!(cx.now() - start, Duration::from_millis(1));
    });
}

#[test]
fn abort_after_close_sends_away_those_who_were_to_be_let_in() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1).with_error();
        let subscription = hub.subscribe();
        hub.publish(1).await.unwrap();
        let publishing = cx.fork(hub.publish(2));
        cx.sleep(secs(1)).await;
        hub.close_with("why");
        let ended = cx.fork(hub.await_closed());
        cx.sleep(secs(1)).await;
        hub.abort();
        assert_eq!(
            cx.run(publishing.join()).await,
            Err(PublishError::Closed(2))
        );
        assert_eq!(cx.run(ended.join()).await, Err("why"));
        assert_eq!(
            drain(subscription).await,
            (vec![], ReceiveError::Failed("why"))
        );
    });
}

#[test]
fn abort_after_the_end_leaves_nothing_to_replay() {
    on_both(async |_: Cx<()>| {
        let hub = Hub::bounded(1).replay(1);
        hub.publish(1).await.unwrap();
        hub.close();
        let late = hub.subscribe();
        assert_eq!(late.len(), 1);
        hub.abort();
        assert_eq!(drain(late).await, (vec![], ReceiveError::Closed));
        assert_eq!(hub.await_closed().await, Ok(()));
    });
}

#[test]
fn who_was_promised_room_when_the_hub_is_aborted_leaves_no_trace() {
    on_both(async |_: Cx<()>| {
        let hub = Hub::bounded(1);
        let mut subscription = hub.subscribe();
        hub.publish(1).await.unwrap();
        let [mut comes, mut goes, mut waits] = [2, 3, 4].map(|n| hub.publish(n));
        for publisher in [&mut comes, &mut goes, &mut waits] {
            assert!(poll!(publisher).is_pending());
        }
        assert_eq!(subscription.poll(), Some(1));
        hub.abort();
        drop(goes);
        assert_eq!(comes.await, Err(PublishError::Closed(2)));
        assert_eq!(waits.await, Err(PublishError::Closed(4)));
        assert_eq!(subscription.receive().await, Err(ReceiveError::Closed));
    });
}

#[test]
fn to_wait_for_the_end_of_a_hub_can_be_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::<u32>::bounded(1);
        let ended = cx.fork(hub.await_closed());
        cx.sleep(secs(1)).await;
        drop(cx.run(ended.interrupt()).await);
        hub.close();
        assert_eq!(hub.await_closed().await, Ok(()));
    });
}

/// A message whose drop looks at its hub, as that of one does that holds a handle to it.
#[derive(Clone)]
struct LooksAt(Hub<LooksAt>);

impl Drop for LooksAt {
    fn drop(&mut self) {
        // Would wait for ever if the lock were held.
        let _ = self.0.is_closed();
    }
}

#[test]
fn what_is_aborted_is_dropped_when_the_lock_is_free() {
    let hub = Hub::bounded(4).replay(1);
    let subscription = hub.subscribe();
    for _ in 0..3 {
        assert!(hub.try_publish(LooksAt(hub.clone())).is_ok());
    }
    hub.abort();
    assert!(subscription.is_empty());
}

/// Some who subscribe and publish, any of whom may go, while another ends the hub in one way or another: all of them end,
/// and so does whoever waits for it.
fn racing(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    Case::new(effect(async move |cx: Cx<()>| {
        let hub = Hub::bounded(trial.capacity(2)).replay(1).with_error();
        let mut fibers = Vec::new();
        for _ in 0..3 {
            let (hub, trial) = (hub.clone(), trial.clone());
            fibers.push(cx.fork(effect(async move |cx: Cx<()>| {
                if cx.random().is_multiple_of(2) {
                    yield_now().await;
                }
                let mut subscription = hub.subscribe();
                let mut last = None;
                while let Some(Ok(n)) = trial.droppable(subscription.receive()).await {
                    trial.expect(last < Some(n), "a message was overtaken");
                    last = Some(n);
                }
                Ok::<_, Never>(())
            })));
        }
        let (output, droppable) = (hub.clone(), trial.clone());
        fibers.push(cx.fork(effect(async move |_: Cx<()>| {
            drop(droppable.droppable(output.publish_all(0..3)).await);
            drop(droppable.droppable(output.publish_all(3..5)).await);
            Ok::<_, Never>(())
        })));
        let mourned = hub.clone();
        fibers.push(cx.fork(effect(async move |_: Cx<()>| {
            let error = trial.droppable(mourned.await_closed()).await;
            let expected = [None, Some(Ok(())), Some(Err("why"))];
            trial.expect(expected.contains(&error), "it ended with another error");
            trial.expect(error.is_none() || mourned.is_closed(), "it ended too early");
            Ok::<_, Never>(())
        })));
        fibers.push(
            cx.fork(
                effect(async move |cx: Cx<()>| {
                    for _ in 0..cx.random() % 4 {
                        yield_now().await;
                    }
                    match cx.random() % 4 {
                        0 => hub.close(),
                        1 => hub.close_with("why"),
                        2 => hub.abort(),
                        _ => {
                            hub.close_with("why");
                            yield_now().await;
                            hub.abort();
                        }
                    }
                    Ok::<_, Never>(())
                })
                .uninterruptible(),
            ),
        );
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        Ok(())
    }))
}

#[test]
fn however_a_hub_ends_all_who_use_it_end_in_any_order() {
    Sim::new().runs(10_000).on_all_cores().test(racing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_a_hub_ends_all_who_use_it_end_on_threads() {
    let program = effect(async |cx: Cx<()>| {
        for round in 0..3_000_u32 {
            let hub = Hub::<u32>::bounded(1);
            let reading = [(); 2].map(|()| {
                let other = hub.clone();
                cx.fork(effect(async move |_: Cx<()>| {
                    Ok::<_, Never>(drain(other.subscribe()).await.1)
                }))
            });
            let publishing = cx.fork(hub.publish_all(0..3));
            let ended = cx.fork(hub.await_closed());
            if round.is_multiple_of(2) {
                hub.close();
            } else {
                hub.abort();
            }
            for subscriber in reading {
                assert_eq!(cx.run(subscriber.join()).await, Ok(ReceiveError::Closed));
            }
            drop(cx.run(publishing.exit()).await);
            assert_eq!(cx.run(ended.join()).await, Ok(()));
        }
        Ok::<_, Never>(())
    });
    assert_eq!(program.timeout(secs(60)).await, Ok(()));
}

#[test]
fn a_deadlock_names_the_end_that_is_waited_for() {
    let hub = Hub::<u32>::bounded(1);
    let program = effect(async move |_: Cx<()>| Ok::<_, Never>(hub.await_closed().await));
    let deadlock = VirtualTime::new().run(program).unwrap_err().to_string();
    assert!(
        deadlock.contains("waits for the end of a hub at tests/sync_hub_ending.rs"),
        "{deadlock}"
    );
}

#[test]
#[should_panic(expected = "a hub says what it fails with before it is shared")]
fn to_say_too_late_what_a_hub_fails_with_panics() {
    let hub = Hub::<u8>::bounded(1);
    let _subscription = hub.subscribe();
    drop(hub.with_error::<&str>());
}
