//! Many messages at once, and messages that do not wait: what is not published comes back.

use crate::common::{everywhere, on_both, secs};
use effect::prelude::*;
use effect::sync::{Hub, PublishError, Subscription};
use futures::{FutureExt, poll};

/// What there is to receive now.
fn all<E: Clone>(subscription: &mut Subscription<u32, E>) -> Vec<u32> {
    std::iter::from_fn(|| subscription.poll()).collect()
}

#[test]
fn who_only_tries_to_publish_never_waits() {
    everywhere(async |_: Cx<()>| {
        let hub = Hub::bounded(2);
        assert_eq!(hub.try_publish(0), Ok(()), "to nobody");
        let (mut fast, mut slow) = (hub.subscribe(), hub.subscribe());
        assert_eq!((hub.try_publish(1), hub.try_publish(2)), (Ok(()), Ok(())));
        assert_eq!(all(&mut fast), [1, 2]);
        assert_eq!(hub.try_publish(3), Err(PublishError::Full(3)));
        assert_eq!(slow.poll(), Some(1));
        assert_eq!(hub.try_publish(4), Ok(()));
        hub.close();
        assert_eq!(hub.try_publish(5), Err(PublishError::Closed(5)));
        assert_eq!((all(&mut fast), all(&mut slow)), (vec![4], vec![2, 4]));
    });
}

#[test]
fn who_only_tries_to_publish_overtakes_nobody() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1);
        let mut subscription = hub.subscribe();
        assert_eq!(hub.try_publish(1), Ok(()));
        let mut waits = hub.publish(2);
        assert!(poll!(&mut waits).is_pending());
        assert_eq!(subscription.poll(), Some(1));
        // The room is the other's.
        assert_eq!(hub.try_publish(3), Err(PublishError::Full(3)));
        assert_eq!(waits.await, Ok(()));
        assert_eq!(all(&mut subscription), [2]);
        assert_eq!(hub.try_publish(4), Ok(()));
        drop(subscription);
        cx.sleep(secs(1)).await;
        assert_eq!(hub.try_publish(5), Ok(()));
    });
}

#[test]
fn who_only_tries_to_publish_does_what_the_hub_was_made_to_do() {
    on_both(async |_: Cx<()>| {
        let (dropping, sliding) = (Hub::dropping(1), Hub::sliding(1));
        let (mut one, mut other) = (dropping.subscribe(), sliding.subscribe());
        assert_eq!(
            (dropping.try_publish(1), sliding.try_publish(1)),
            (Ok(()), Ok(()))
        );
        assert_eq!(dropping.try_publish(2), Err(PublishError::Full(2)));
        assert_eq!(sliding.try_publish(2), Ok(()));
        assert_eq!((all(&mut one), all(&mut other)), (vec![1], vec![2]));
        assert_eq!(other.missed(), 1);
        let unbounded = Hub::unbounded();
        let mut third = unbounded.subscribe();
        assert!((0..100).all(|n| unbounded.try_publish(n).is_ok()));
        assert_eq!(all(&mut third).len(), 100);
    });
}

#[test]
fn many_messages_come_in_their_order_as_there_is_room() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(3);
        let (mut fast, mut slow) = (hub.subscribe(), hub.subscribe());
        let publishing = cx.fork(hub.publish_all(0..10));
        let received = cx.fork(async move {
            let mut received = Vec::new();
            while received.len() < 10 {
                received.push(fast.receive().await.unwrap());
            }
            Ok::<_, Never>(received)
        });
        for n in 0..10 {
            assert!(slow.len() <= 3);
            assert_eq!(slow.receive().await, Ok(n));
        }
        assert_eq!(cx.run(publishing.join()).await, Ok(()));
        assert_eq!(cx.run(received.join()).await, Ok((0..10).collect()));
    });
}

#[test]
fn many_messages_for_which_there_is_room_come_at_once() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(5);
        let mut subscription = hub.subscribe();
        let publishing = [0, 10].map(|n| cx.fork(hub.publish_all(n..n + 5)));
        let mut received = Vec::new();
        for _ in 0..2 {
            cx.sleep(secs(1)).await;
            received.extend(all(&mut subscription));
        }
        for publisher in publishing {
            assert_eq!(cx.run(publisher.join()).await, Ok(()));
        }
        // Whoever was first, the other did not come in between.
        let orders = [
            [0, 1, 2, 3, 4, 10, 11, 12, 13, 14],
            [10, 11, 12, 13, 14, 0, 1, 2, 3, 4],
        ];
        assert!(orders.iter().any(|order| received == order), "{received:?}");
    });
}

#[test]
fn who_waits_with_many_is_not_overtaken_by_one() {
    on_both(async |_: Cx<()>| {
        let hub = Hub::bounded(1);
        let mut subscription = hub.subscribe();
        let (mut many, mut one) = (hub.publish_all([1, 2]), hub.publish(9));
        assert!(poll!(&mut many).is_pending());
        assert!(poll!(&mut one).is_pending());
        assert_eq!(subscription.poll(), Some(1));
        assert!(poll!(&mut one).is_pending());
        assert!(poll!(&mut many).is_ready());
        assert_eq!(subscription.poll(), Some(2));
        assert_eq!(one.await, Ok(()));
    });
}

#[test]
fn many_messages_to_nobody_need_no_room() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1).replay(2);
        assert_eq!(hub.publish_all(0..10).now_or_never(), Some(Ok(())));
        assert_eq!(hub.publish_all([]).now_or_never(), Some(Ok(())));
        let mut late = hub.subscribe();
        // Two are replayed, so it is behind already.
        let publishing = cx.fork(hub.publish_all(10..13));
        for n in 8..13 {
            assert_eq!(late.receive().await, Ok(n));
        }
        assert_eq!(cx.run(publishing.join()).await, Ok(()));
    });
}

#[test]
fn those_who_wait_go_on_when_the_last_subscriber_is_gone() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(1).replay(1);
        let subscription = hub.subscribe();
        let publishing = [(); 3].map(|()| cx.fork(hub.publish_all(0..5)));
        cx.sleep(secs(1)).await;
        assert!(publishing.iter().all(|fiber| !fiber.is_done()));
        drop(subscription);
        for publisher in publishing {
            assert_eq!(cx.run(publisher.join()).await, Ok(()));
        }
        assert_eq!(hub.subscribe().poll(), Some(4));
    });
}

#[test]
fn a_dropping_hub_hands_back_the_messages_it_has_no_room_for() {
    on_both(async |_: Cx<()>| {
        let (dropping, sliding) = (Hub::dropping(2), Hub::sliding(2));
        let (mut one, mut other) = (dropping.subscribe(), sliding.subscribe());
        let refused = dropping.publish_all([1, 2, 3, 4]).await;
        assert_eq!(refused, Err(PublishError::Full(vec![3, 4])));
        assert_eq!(sliding.publish_all([1, 2, 3, 4]).await, Ok(()));
        assert_eq!((all(&mut one), all(&mut other)), (vec![1, 2], vec![3, 4]));
        assert_eq!((one.missed(), other.missed()), (0, 2));
    });
}

#[test]
fn a_publisher_of_many_that_is_interrupted_has_published_the_first_of_them() {
    everywhere(async |cx: Cx<()>| {
        let hub = Hub::bounded(2);
        let mut subscription = hub.subscribe();
        let publishing = cx.fork(hub.publish_all(1..10));
        cx.sleep(secs(1)).await;
        let waits = cx.fork(hub.publish(99));
        cx.sleep(secs(1)).await;
        drop(cx.run(publishing.interrupt()).await);
        for n in [1, 2, 99] {
            assert_eq!(subscription.receive().await, Ok(n));
        }
        assert_eq!(cx.run(waits.join()).await, Ok(()));
        assert!(subscription.is_empty());
    });
}
