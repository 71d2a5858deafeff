//! Who waits for whom: publishers for the slowest group, and nobody for one that has left.

use effect::prelude::*;
use effect::{Partitions, PublishError, Start, Topic};

use crate::common::{by_chance, everywhere, on_both, on_one_thread, secs};

// S3-33
#[test]
fn a_slow_group_holds_up_the_others_until_it_leaves() {
    everywhere(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(2));
        let a = topic.subscribe("a", Start::Earliest).unwrap();
        let b = topic.subscribe_unnamed(Start::Earliest);
        let publisher = topic.clone();
        let publishing = effect(async move |cx: Cx<()>| {
            for n in 0..10 {
                cx.run(publisher.publish((), n)).await?;
            }
            publisher.close();
            Ok::<_, PublishError<(), u32>>(())
        });
        let publishing = cx.fork(publishing);
        let a = cx.fork(a.items::<()>().map(|(_, n)| n).run_collect());
        cx.sleep(secs(1)).await;
        // What b has not read is held, and no more than that.
        assert_eq!((topic.held(0), topic.committed(0)), (2, 0));
        drop(b);
        cx.run(publishing.join()).await.unwrap();
        let expected: Vec<_> = (0..10).collect();
        assert_eq!(cx.run(a.join()).await, Ok::<_, Never>(expected));
    });
}

// S3-33
#[test]
fn a_named_group_holds_what_it_has_not_done_until_it_is_forgotten() {
    on_both(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(1));
        drop(topic.subscribe("b", Start::Earliest).unwrap());
        cx.run(topic.publish((), 0)).await.unwrap();
        let waits = cx.run(topic.publish((), 1).timeout(secs(1))).await;
        assert!(waits.is_err());
        let a = topic.subscribe("a", Start::Latest).unwrap();
        assert!(topic.unsubscribe("b"));
        cx.run(topic.publish((), 1)).await.unwrap();
        topic.close();
        let Ok(all) = cx.run(a.items().run_collect()).await;
        assert_eq!(all, [((), 1)]);
    });
}

#[test]
fn what_is_published_before_anybody_subscribes_waits_for_them() {
    everywhere(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(2));
        let publisher = topic.clone();
        let publishing = Stream::range(0..6).run_for_each(move |n| publisher.publish((), n));
        let publishing = cx.fork(publishing.map({
            let topic = topic.clone();
            move |()| topic.close()
        }));
        cx.sleep(secs(1)).await;
        assert_eq!(topic.held(0), 2);
        let late = topic.subscribe("late", Start::Earliest).unwrap();
        let Ok(all) = cx.run(late.items().map(|(_, n)| n).run_collect()).await;
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        cx.run(publishing.join()).await.unwrap();
    });
}

// In virtual time alone, whose time of day follows its clock.
#[test]
fn a_record_is_as_old_as_the_publishing_that_waited() {
    by_chance(3, async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(1));
        let begin = cx.wall_now();
        cx.run(topic.publish((), 0)).await.unwrap();
        let waits = cx.fork(topic.publish((), 1));
        cx.sleep(secs(5)).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let read = reader.events::<()>().take(2).map(|event| {
            event.ack();
            event.timestamp
        });
        let Ok(read) = cx.run(read.run_collect()).await;
        assert_eq!(read, [begin; 2]);
        cx.run(waits.join()).await.unwrap();
    });
}

// On one thread, since who waits first is then who was forked first.
#[test]
fn those_who_publish_are_served_in_turn_and_one_that_leaves_holds_up_nobody() {
    on_one_thread(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(1));
        cx.run(topic.publish((), 0)).await.unwrap();
        let mut waiting = Vec::new();
        for n in 1..5 {
            waiting.push(cx.fork(topic.publish((), n)));
            cx.sleep(secs(1)).await;
        }
        let Ok(_) = cx.run(waiting.remove(1).interrupt()).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(all) = cx
            .run(reader.items().take(4).map(|(_, n)| n).run_collect())
            .await;
        assert_eq!(all, [0, 1, 3, 4]);
        for publisher in waiting {
            cx.run(publisher.join()).await.unwrap();
        }
    });
}

#[test]
fn closing_hands_back_what_waits_and_ends_those_who_read() {
    everywhere(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(1));
        cx.run(topic.publish("first", 0)).await.unwrap();
        let waits = cx.fork(topic.publish("second", 1));
        let reader = topic.subscribe("reader", Start::Latest).unwrap();
        drop(topic.subscribe("other", Start::Earliest).unwrap());
        let reads = cx.fork(reader.items::<()>().run_collect());
        cx.sleep(secs(1)).await;
        topic.close();
        let refused = cx.run(waits.join()).await;
        let read = cx.run(reads.join()).await.unwrap();
        match refused {
            // With only the one that begins with the latest, there was room for a while.
            Ok(_) => assert_eq!(read, [("second", 1)]),
            Err(refused) => {
                assert_eq!(
                    refused,
                    PublishError::Closed {
                        key: "second",
                        value: 1
                    }
                );
                assert!(read.is_empty());
            }
        }
    });
}

#[test]
fn a_group_that_is_forgotten_ends_its_streams() {
    on_both(async |cx: Cx<()>| {
        let topic = Topic::<(), u32>::in_memory("orders", Partitions::of(1));
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let reads = cx.fork(reader.items::<()>().run_collect());
        cx.sleep(secs(1)).await;
        assert!(topic.unsubscribe("reader"));
        assert_eq!(cx.run(reads.join()).await, Ok::<_, Never>(vec![]));
    });
}

#[test]
fn room_for_several_is_for_as_many_who_wait() {
    everywhere(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(3));
        for n in 0..3 {
            cx.run(topic.publish((), n)).await.unwrap();
        }
        let waiting: Vec<_> = (3..6).map(|n| cx.fork(topic.publish((), n))).collect();
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(events) = cx.run(reader.events::<()>().take(3).run_collect()).await;
        cx.sleep(secs(1)).await;
        // The first one last, which makes room for three at once.
        events.iter().rev().for_each(|event| event.ack());
        for publisher in waiting {
            cx.run(publisher.join()).await.unwrap();
        }
        assert_eq!(topic.held(0), 3);
    });
}
