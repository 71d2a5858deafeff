//! What a hub publishes reaches everybody who has subscribed, in one order, and a slow subscriber does what was said.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{everywhere, on_both};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::sync::{Hub, PublishError, ReceiveError, Subscription};
use effect::yield_now;
use futures::{FutureExt, StreamExt, poll};

/// All that a subscription gets until its hub has ended.
async fn drain<T: Clone>(mut subscription: Subscription<T>) -> Vec<T> {
    let mut messages = Vec::new();
    while let Ok(message) = subscription.receive().await {
        messages.push(message);
    }
    messages
}

// S2-70
#[test]
fn all_subscribers_get_all_messages_and_a_late_one_those_after_it_came() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(16);
        let early = [(); 2].map(|()| hub.subscribe());
        hub.publish(1).await.unwrap();
        let late = hub.subscribe();
        hub.publish(2).await.unwrap();
        hub.publish(3).await.unwrap();
        let fibers = early.map(|one| cx.fork(drain(one).map(Ok::<_, Never>)));
        let late = cx.fork(drain(late).map(Ok::<_, Never>));
        cx.sleep(Duration::from_millis(1)).await;
        hub.close();
        for fiber in fibers {
            assert_eq!(cx.run(fiber.join()).await, Ok(vec![1, 2, 3]));
        }
        assert_eq!(cx.run(late.join()).await, Ok(vec![2, 3]));
    });
}

/// So many publishers of so many messages each, and what each of the subscribers has had.
fn crowd(
    hub: Hub<(usize, usize)>,
    publishers: usize,
    subscribers: usize,
    each: usize,
) -> Effect<(), Never, Vec<Vec<(usize, usize)>>> {
    effect(async move |cx: Cx<()>| {
        let subscribed = (0..subscribers).map(|_| hub.subscribe());
        let reading = subscribed.map(|one| cx.fork(drain(one).map(Ok::<_, Never>)));
        let reading: Vec<_> = reading.collect();
        let writing: Vec<_> = (0..publishers)
            .map(|me| {
                let hub = hub.clone();
                cx.fork(effect(async move |_: Cx<()>| {
                    for n in 0..each {
                        // A dropping hub refuses some.
                        let _ = hub.publish((me, n)).await;
                    }
                    Ok::<_, Never>(())
                }))
            })
            .collect();
        for publisher in writing {
            cx.run(publisher.join()).await?;
        }
        hub.close();
        let mut received = Vec::new();
        for subscriber in reading {
            received.push(cx.run(subscriber.join()).await?);
        }
        Ok(received)
    })
    .erase_once()
}

#[track_caller]
fn assert_all_got_all(received: &[Vec<(usize, usize)>], publishers: usize, each: usize) {
    for messages in received {
        assert_eq!(messages.len(), publishers * each);
        assert_order_of_each(messages, publishers);
        assert_eq!(messages, &received[0], "they see another order");
    }
}

#[track_caller]
fn assert_order_of_each(messages: &[(usize, usize)], publishers: usize) {
    for me in 0..publishers {
        let mine = messages.iter().filter(|(by, _)| *by == me);
        let numbers: Vec<_> = mine.map(|(_, n)| *n).collect();
        assert!(
            numbers.windows(2).all(|pair| pair[0] < pair[1]),
            "overtaken"
        );
    }
}

/// How many publish, and how many have subscribed.
const SHAPES: [(usize, usize); 3] = [(1, 1), (1, 4), (3, 4)];

// T69
#[test]
fn a_hub_that_waits_or_stores_misses_nothing() {
    everywhere(async |cx: Cx<()>| {
        for (publishers, subscribers) in SHAPES {
            for hub in [Hub::bounded(1), Hub::bounded(3), Hub::unbounded()] {
                let Ok(received) = cx.run(crowd(hub, publishers, subscribers, 20)).await;
                assert_all_got_all(&received, publishers, 20);
            }
        }
    });
}

// T69
#[test]
fn a_hub_that_drops_has_all_get_the_same() {
    everywhere(async |cx: Cx<()>| {
        for (publishers, subscribers) in SHAPES {
            let Ok(received) = cx
                .run(crowd(Hub::dropping(3), publishers, subscribers, 20))
                .await;
            assert!(received[0].len() >= 3);
            for messages in &received {
                assert_eq!(
                    messages, &received[0],
                    "dropped for one, and not for another"
                );
                assert_order_of_each(messages, publishers);
            }
        }
    });
}

// T69
#[test]
fn a_hub_that_slides_has_all_get_the_newest() {
    everywhere(async |cx: Cx<()>| {
        for (publishers, subscribers) in SHAPES {
            let Ok(received) = cx
                .run(crowd(Hub::sliding(3), publishers, subscribers, 20))
                .await;
            for messages in &received {
                assert_order_of_each(messages, publishers);
                assert_eq!(messages.last(), received[0].last());
                assert!(messages.len() >= 3);
            }
        }
    });
}

// T69
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hub_that_waits_or_stores_misses_nothing_on_threads() {
    for (publishers, subscribers) in SHAPES {
        for hub in [Hub::bounded(1), Hub::bounded(16), Hub::unbounded()] {
            let Ok(received) = crowd(hub, publishers, subscribers, 2_000).await;
            assert_all_got_all(&received, publishers, 2_000);
        }
    }
}

// T69
#[test]
fn a_late_subscriber_gets_the_last_of_a_hub_that_replays() {
    on_both(async |_: Cx<()>| {
        let hub = Hub::bounded(16).replay(2);
        let early = hub.subscribe();
        let nothing_yet = hub.subscribe();
        for n in 1..=3 {
            hub.publish(n).await.unwrap();
        }
        let late = hub.subscribe();
        hub.publish(4).await.unwrap();
        hub.close();
        let after_the_end = hub.subscribe();
        assert_eq!(drain(late).await, [2, 3, 4]);
        assert_eq!(drain(after_the_end).await, [3, 4]);
        assert_eq!(drain(early).await, [1, 2, 3, 4]);
        assert_eq!(drain(nothing_yet).await, [1, 2, 3, 4]);
        assert_eq!(drain(hub.subscribe()).await, [3, 4]);
    });
}

#[test]
fn what_is_replayed_costs_a_publisher_nothing_and_a_slow_subscriber_no_message() {
    on_both(async |_: Cx<()>| {
        let hub = Hub::sliding(1).replay(3);
        let mut slow = hub.subscribe();
        for n in 1..=4 {
            hub.publish(n).await.unwrap();
        }
        // It has missed what another gets as a replay.
        let mut late = hub.subscribe();
        assert_eq!((late.len(), slow.len(), slow.missed()), (3, 1, 3));
        assert_eq!((slow.receive().await, slow.poll()), (Ok(4), None));
        assert_eq!((late.poll(), late.poll()), (Some(2), Some(3)));
        drop(late);
        hub.publish(5).await.unwrap();
        assert_eq!(slow.poll(), Some(5));
        assert_eq!(hub.subscribe().collect::<Vec<_>>().now_or_never(), None);
        hub.close();
        assert_eq!(drain(hub.subscribe()).await, [3, 4, 5]);
    });
}

#[test]
fn publishers_wait_in_turn_for_the_slowest() {
    on_both(async |_: Cx<()>| {
        let hub = Hub::bounded(1);
        let (mut fast, mut slow) = (hub.subscribe(), hub.subscribe());
        hub.publish(0).await.unwrap();
        let (mut first, mut second) = (hub.publish(1), hub.publish(2));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        assert_eq!(fast.receive().await, Ok(0));
        assert!(poll!(&mut first).is_pending());
        assert_eq!(slow.receive().await, Ok(0));
        // The room is the first one's.
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut first).is_ready());
        assert_eq!((fast.poll(), slow.poll()), (Some(1), Some(1)));
        drop(second);
        assert_eq!(hub.publish(3).now_or_never(), Some(Ok(())));
        assert_eq!(fast.poll(), Some(3));
    });
}

#[test]
fn a_subscriber_that_goes_is_not_waited_for() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1);
        let (mut stays, goes) = (hub.subscribe(), hub.subscribe());
        hub.publish(1).await.unwrap();
        let publishing = cx.fork(hub.publish(2));
        cx.sleep(Duration::from_millis(1)).await;
        assert_eq!(stays.receive().await, Ok(1));
        assert!(!publishing.is_done());
        drop(goes);
        assert_eq!(cx.run(publishing.join()).await, Ok(()));
        assert_eq!(stays.receive().await, Ok(2));
    });
}

#[test]
fn a_publisher_that_is_interrupted_while_it_waits_publishes_nothing() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1);
        let mut subscription = hub.subscribe();
        hub.publish(1).await.unwrap();
        let [gone, kept] = [2, 3].map(|n| cx.fork(hub.publish(n)));
        cx.sleep(Duration::from_millis(1)).await;
        drop(cx.run(gone.interrupt()).await);
        assert_eq!(subscription.receive().await, Ok(1));
        assert_eq!(subscription.receive().await, Ok(3));
        assert_eq!(cx.run(kept.join()).await, Ok(()));
        assert!(subscription.is_empty());
    });
}

#[test]
fn close_lets_in_those_who_wait_and_refuses_those_who_come() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1);
        let subscription = hub.subscribe();
        hub.publish(1).await.unwrap();
        let waits = cx.fork(hub.publish(2));
        cx.sleep(Duration::from_millis(1)).await;
        hub.close();
        hub.close();
        assert_eq!(hub.publish(3).await, Err(PublishError::Closed(3)));
        assert_eq!(drain(subscription).await, [1, 2]);
        assert_eq!(cx.run(waits.join()).await, Ok(()));
    });
}

#[test]
fn subscribers_hear_of_the_end_also_when_the_last_publisher_gives_up() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1);
        let (mut fast, slow) = (hub.subscribe(), hub.subscribe());
        hub.publish(1).await.unwrap();
        let waits = cx.fork(hub.publish(2));
        cx.sleep(Duration::from_millis(1)).await;
        hub.close();
        assert_eq!(fast.receive().await, Ok(1));
        let end = cx.fork(async move { Ok::<_, Never>(fast.receive().await) });
        cx.sleep(Duration::from_millis(1)).await;
        assert!(!end.is_done());
        drop(cx.run(waits.interrupt()).await);
        assert_eq!(cx.run(end.join()).await, Ok(Err(ReceiveError::Closed)));
        assert_eq!(drain(slow).await, [1]);
    });
}

/// A message whose clone and whose drop look at its hub, as ones do that hold a handle to it.
struct LooksAt(Hub<LooksAt>);

impl Clone for LooksAt {
    fn clone(&self) -> Self {
        let _ = self.0.is_closed();
        LooksAt(self.0.clone())
    }
}

impl Drop for LooksAt {
    fn drop(&mut self) {
        // Would wait for ever if the lock were held.
        let _ = self.0.is_closed();
    }
}

#[test]
fn messages_are_cloned_and_dropped_when_the_lock_is_free() {
    let hub = Hub::sliding(1).replay(1);
    let mut subscriptions = [hub.subscribe(), hub.subscribe()];
    for _ in 0..3 {
        assert!(hub.publish(LooksAt(hub.clone())).now_or_never().is_some());
        assert!(subscriptions[0].poll().is_some());
    }
    drop(subscriptions);
}

#[test]
fn a_receive_that_is_dropped_leaves_no_waker() {
    let program = |_: &Trial| {
        let hub = Hub::<u8>::bounded(1);
        let subscription = hub.subscribe();
        // The subscription outlives the fiber that has waited with it.
        let kept = Arc::new(futures::lock::Mutex::new(subscription));
        let after = Arc::clone(&kept);
        let program = effect(async move |cx: Cx<()>| {
            let waits = effect(async move |_: Cx<()>| {
                let mut subscription = kept.lock().await;
                Ok::<_, Never>(subscription.receive().await)
            });
            let waits = waits.timeout(Duration::from_secs(1));
            assert!(cx.run(waits).await.is_err());
            Ok::<_, Never>(())
        });
        Case::new(program).check(move |_| drop((after, hub)))
    };
    Sim::new().runs(100).test(program);
}

/// Some who subscribe and publish while another closes: all of them end.
fn racing(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    Case::new(effect(async move |cx: Cx<()>| {
        let hub = Hub::bounded(trial.capacity(2)).replay(1);
        let subscribing = [(); 3].map(|()| {
            let (hub, trial) = (hub.clone(), trial.clone());
            cx.fork(effect(async move |cx: Cx<()>| {
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
            }))
        });
        let output = hub.clone();
        let publishing = cx.fork(effect(async move |_: Cx<()>| {
            for n in 0..3 {
                if trial.droppable(output.publish(n)).await.is_none() {
                    break;
                }
            }
            Ok::<_, Never>(())
        }));
        let closing = cx.fork(
            effect(async move |cx: Cx<()>| {
                for _ in 0..cx.random() % 4 {
                    yield_now().await;
                }
                hub.close();
                Ok::<_, Never>(())
            })
            .uninterruptible(),
        );
        for fiber in subscribing.into_iter().chain([publishing, closing]) {
            drop(cx.run(fiber.exit()).await);
        }
        Ok(())
    }))
}

// T70
#[test]
fn to_subscribe_while_the_hub_is_closed_ends_in_any_order() {
    Sim::new().runs(10_000).on_all_cores().test(racing);
}

// T70
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn to_subscribe_while_the_hub_is_closed_ends_on_threads() {
    let program = effect(async |cx: Cx<()>| {
        for _ in 0..10_000 {
            let hub = Hub::<u8>::bounded(1);
            let other = hub.clone();
            let ends = cx.fork(effect(async move |_: Cx<()>| {
                Ok::<_, Never>(other.subscribe().receive().await)
            }));
            let publishing = cx.fork(hub.publish(1));
            hub.close();
            let Ok(_) = cx.run(ends.join()).await;
            drop(cx.run(publishing.exit()).await);
        }
        Ok::<_, Never>(())
    });
    let limit = Duration::from_secs(60);
    assert_eq!(program.timeout(limit).await, Ok(()));
}

// T71
#[test]
fn a_hundred_subscribers_see_two_publishers_in_the_same_order() {
    everywhere(async |cx: Cx<()>| {
        let Ok(received) = cx.run(crowd(Hub::bounded(4), 2, 100, 20)).await;
        assert_all_got_all(&received, 2, 20);
    });
}

// T71
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_subscribers_see_two_publishers_in_the_same_order_on_threads() {
    let Ok(received) = crowd(Hub::bounded(16), 2, 100, 500).await;
    assert_all_got_all(&received, 2, 500);
}

#[test]
fn a_subscription_is_a_source_of_a_stream() {
    on_both(async |cx: Cx<()>| {
        let hub = Hub::unbounded();
        let subscription = hub.subscribe();
        for n in 1..=3 {
            hub.publish(n).await.unwrap();
        }
        hub.close();
        let doubled = Stream::from_stream(subscription)
            .map(|n| n * 2)
            .run_collect();
        assert_eq!(cx.run(doubled).await, Ok::<_, Never>(vec![2, 4, 6]));
    });
}

#[test]
fn what_nobody_hears_is_not_kept() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let hub = Hub::bounded(2).replay(1);
    for _ in 0..5 {
        let published = hub.publish(Counted(Arc::clone(&dropped)));
        assert!(
            published
                .now_or_never()
                .is_some_and(|published| published.is_ok())
        );
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 4);
}

#[test]
#[should_panic(expected = "a hub has room for at least one message")]
fn a_hub_without_room_panics() {
    drop(Hub::<u8>::bounded(0));
}

#[test]
#[should_panic(expected = "a hub says what it replays before it is shared")]
fn to_say_too_late_what_a_hub_replays_panics() {
    let hub = Hub::<u8>::bounded(1);
    let _subscription = hub.subscribe();
    drop(hub.replay(1));
}
