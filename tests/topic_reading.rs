//! What consumers read: everything, in the order of its partition, with its metadata.

use effect::prelude::*;
use effect::{Partitions, Position, Start, Topic};

use crate::common::{by_chance, everywhere, on_both, secs};

/// A topic of one partition with these values in it, closed.
async fn closed(cx: &Cx<()>, values: impl IntoIterator<Item = u32>) -> Topic<&'static str, u32> {
    let topic = Topic::in_memory("orders", Partitions::of(1));
    for value in values {
        cx.run(topic.publish("key", value)).await.unwrap();
    }
    topic.close();
    topic
}

// S3-14
#[test]
fn items_are_keys_and_values() {
    on_both(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1));
        cx.run(topic.publish("k1", 1)).await.unwrap();
        cx.run(topic.publish("k2", 2)).await.unwrap();
        topic.close();
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(all) = cx.run(reader.items().run_collect()).await;
        assert_eq!(all, [("k1", 1), ("k2", 2)]);
    });
}

// S3-14. In virtual time alone, whose time of day follows its clock.
#[test]
fn events_say_where_and_when_their_records_were_published() {
    by_chance(3, async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(3));
        let begin = cx.wall_now();
        cx.run(topic.publish_to(2, "k1", 1)).await.unwrap();
        cx.sleep(secs(5)).await;
        let placed = cx.run(topic.publish_to(2, "k2", 2)).await.unwrap();
        let position = |partition, offset| Position { partition, offset };
        assert_eq!(placed, position(2, 1));
        topic.close();
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(events) = cx.run(reader.events().run_collect()).await;
        let seen: Vec<_> = events
            .iter()
            .map(|event| {
                (
                    &*event.topic,
                    event.partition,
                    event.offset,
                    event.key,
                    event.value,
                )
            })
            .collect();
        assert_eq!(seen, [("orders", 2, 0, "k1", 1), ("orders", 2, 1, "k2", 2)]);
        assert_eq!(events[1].timestamp.duration_since(begin).unwrap(), secs(5));
    });
}

// S3-01
#[test]
fn each_group_has_all_records_in_order() {
    everywhere(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(2));
        let collect = |name| {
            let reader = topic.subscribe(name, Start::Earliest).unwrap();
            cx.fork(reader.items::<()>().run_collect())
        };
        let (a, b) = (collect("a"), collect("b"));
        for n in 0..5 {
            cx.run(topic.publish((), n)).await.unwrap();
        }
        topic.close();
        let expected: Vec<_> = (0..5).map(|n| ((), n)).collect();
        assert_eq!(cx.run(a.join()).await, Ok::<_, Never>(expected.clone()));
        assert_eq!(cx.run(b.join()).await, Ok::<_, Never>(expected));
        assert_eq!((topic.committed(0), topic.held(0)), (5, 0));
    });
}

// S3-34
#[test]
fn a_new_group_begins_with_the_earliest_or_with_the_latest() {
    everywhere(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1));
        for n in 0..3 {
            cx.run(topic.publish((), n)).await.unwrap();
        }
        let earliest = topic.subscribe("earliest", Start::Earliest).unwrap();
        let latest = topic.subscribe("latest", Start::Latest).unwrap();
        for n in 3..6 {
            cx.run(topic.publish((), n)).await.unwrap();
        }
        topic.close();
        let values = async |consumer: effect::Consumer<(), u32>| {
            let values = consumer.items::<()>().map(|(_, value)| value);
            let Ok(all) = cx.run(values.run_collect()).await;
            all
        };
        assert_eq!(values(earliest).await, [0, 1, 2, 3, 4, 5]);
        assert_eq!(values(latest).await, [3, 4, 5]);
    });
}

// S3-34
#[test]
fn a_known_group_goes_on_where_it_was() {
    everywhere(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..6).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(events) = cx.run(reader.events::<()>().take(3).run_collect()).await;
        events[0].ack();
        events[2].ack();
        drop((events, reader));
        // It is not new, so where it would begin does not matter.
        let reader = topic.subscribe("reader", Start::Latest).unwrap();
        assert_eq!(reader.committed(0), Some(1));
        let values = reader.items().map(|(_, value)| value);
        let Ok(rest) = cx.run(values.run_collect()).await;
        assert_eq!(rest, [1, 3, 4, 5]);
        assert_eq!(reader.committed(0), Some(6));
    });
}

// S3-34
#[test]
fn nothing_is_delivered_before_it_is_wanted() {
    on_both(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..3).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let events = reader.events::<()>();
        drop(events.clone());
        let Ok(first) = cx.run(events.take(1).run_collect()).await;
        assert_eq!(first[0].offset, 0);
        // Of the others none was delivered, so none is delivered again.
        let Ok(rest) = cx.run(reader.events().run_collect()).await;
        let offsets: Vec<_> = rest.iter().map(|event| event.offset).collect();
        assert_eq!(offsets, [1, 2]);
    });
}

#[test]
fn a_group_has_one_consumer_whose_streams_share_the_records() {
    everywhere(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(3).holding(2));
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        assert!(topic.subscribe("reader", Start::Earliest).is_err());
        let workers: Vec<_> = (0..3)
            .map(|_| cx.fork(reader.items::<()>().run_collect()))
            .collect();
        drop(reader);
        for n in 0..20_u32 {
            cx.run(topic.publish(n, n)).await.unwrap();
        }
        topic.close();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(cx.run(worker.join()).await.unwrap());
        }
        all.sort_unstable();
        let expected: Vec<_> = (0..20).map(|n| (n, n)).collect();
        assert_eq!(all, expected);
        assert!(topic.subscribe("reader", Start::Earliest).is_ok());
    });
}

#[test]
fn partitions_take_turns() {
    on_both(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(2));
        for n in 0..3 {
            cx.run(topic.publish_to(0, (), n)).await.unwrap();
        }
        cx.run(topic.publish_to(1, (), 9)).await.unwrap();
        topic.close();
        let reader = topic.subscribe_unnamed(Start::Earliest);
        let Ok(all) = cx.run(reader.items().map(|(_, n)| n).run_collect()).await;
        assert_eq!(all, [0, 9, 1, 2]);
    });
}

#[test]
fn the_names_of_topics_are_plain() {
    for name in ["", "a/b", "..\\", "ä", &"x".repeat(201)] {
        let name = name.to_owned();
        let made = std::panic::catch_unwind(|| {
            Topic::<(), ()>::in_memory(name.as_str(), Partitions::of(1))
        });
        assert!(made.is_err(), "{name}");
    }
}

#[test]
fn what_topics_are_read_by_moves_between_threads_and_is_shared() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Topic<String, u32>>();
    is_send_and_sync::<effect::Consumer<String, u32>>();
    is_send_and_sync::<effect::Event<String, u32>>();
}
