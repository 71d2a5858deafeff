//! The same records by another key, in the partitions of another topic.

use std::collections::BTreeMap;

use effect::prelude::*;
use effect::{Partitions, PublishError, RepartitionError, Start, Topic};

use crate::common::{by_chance, everywhere, on_both, secs};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    number: u32,
    account: u32,
}

/// Six orders of three accounts, in one partition.
async fn orders(cx: &Cx<()>) -> Topic<(), Order> {
    let topic = Topic::in_memory("orders", Partitions::of(1));
    for (number, account) in (0..).zip([0, 1, 2, 0, 1, 0]) {
        cx.run(topic.publish((), Order { number, account }))
            .await
            .unwrap();
    }
    topic.close();
    topic
}

/// The numbers of an account's orders, as a new consumer sees them, each in the partition of its account.
async fn by_account(cx: &Cx<()>, topic: &Topic<u32, Order>) -> BTreeMap<u32, Vec<u32>> {
    topic.close();
    let reader = topic.subscribe("totals", Start::Earliest).unwrap();
    let Ok(events) = cx.run(reader.events().run_collect()).await;
    let mut accounts = BTreeMap::<_, Vec<_>>::new();
    for event in events {
        assert_eq!(event.key, event.value.account);
        assert_eq!(event.partition, topic.partition_of(&event.key));
        accounts
            .entry(event.key)
            .or_default()
            .push(event.value.number);
        event.ack();
    }
    accounts
}

fn expected() -> BTreeMap<u32, Vec<u32>> {
    BTreeMap::from([(0, vec![0, 3, 5]), (1, vec![1, 4]), (2, vec![2])])
}

// S3-10
#[test]
fn records_of_one_field_are_in_one_partition_in_order() {
    everywhere(async |cx: Cx<()>| {
        let orders = orders(&cx).await;
        let accounts = Topic::in_memory("by-account", Partitions::of(4));
        let reader = orders.subscribe("repartitioner", Start::Earliest).unwrap();
        let done = reader.repartition(&accounts, |order| order.value.account);
        cx.run(done).await.unwrap();
        assert_eq!((orders.committed(0), orders.held(0)), (6, 0));
        assert_eq!(by_account(&cx, &accounts).await, expected());
    });
}

// S3-11
#[test]
fn a_key_may_take_an_effect() {
    everywhere(async |cx: Cx<()>| {
        let orders = orders(&cx).await;
        let accounts = Topic::in_memory("by-account", Partitions::of(4));
        let reader = orders.subscribe("repartitioner", Start::Earliest).unwrap();
        let done = reader.repartition_effect(&accounts, |order| {
            let Order { number, account } = order.value;
            sleep::<(), Never>(secs(u64::from(number % 2))).map(move |()| account)
        });
        cx.run(done).await.unwrap();
        assert_eq!(by_account(&cx, &accounts).await, expected());
    });
}

#[test]
fn a_record_without_a_key_stops_there_and_is_not_acknowledged() {
    on_both(async |cx: Cx<()>| {
        let orders = orders(&cx).await;
        let accounts = Topic::in_memory("by-account", Partitions::of(4));
        let reader = orders.subscribe("repartitioner", Start::Earliest).unwrap();
        let strict = reader.repartition_effect(&accounts, |order| {
            let Order { account, .. } = order.value;
            async move {
                if account == 2 {
                    Err("unknown")
                } else {
                    Ok(account)
                }
            }
        });
        assert_eq!(cx.run(strict).await, Err(RepartitionError::Key("unknown")));
        assert_eq!(reader.committed(0), Some(2));
        // It goes on with that one.
        let lenient = reader.repartition(&accounts, |order| order.value.account);
        cx.run(lenient).await.unwrap();
        assert_eq!(by_account(&cx, &accounts).await, expected());
    });
}

#[test]
fn a_record_is_acknowledged_once_it_is_published() {
    everywhere(async |cx: Cx<()>| {
        let orders = orders(&cx).await;
        let accounts = Topic::in_memory("by-account", Partitions::of(1).holding(2));
        let reader = orders.subscribe("repartitioner", Start::Earliest).unwrap();
        let running =
            cx.fork(reader.repartition::<(), _, _>(&accounts, |order| order.value.account));
        cx.sleep(secs(1)).await;
        assert_eq!(reader.committed(0), Some(2));
        accounts.close();
        let refused = cx.run(running.join()).await;
        let order = Order {
            number: 2,
            account: 2,
        };
        let closed = PublishError::Closed {
            key: 2,
            value: order,
        };
        assert_eq!(refused, Err(RepartitionError::Publish(closed)));
        assert_eq!(reader.committed(0), Some(2));
    });
}

// In virtual time alone, whose time of day follows its clock.
#[test]
fn timestamps_stay_what_they_were() {
    by_chance(3, async |cx: Cx<()>| {
        let begin = cx.wall_now();
        let orders = orders(&cx).await;
        cx.sleep(secs(60)).await;
        let accounts = Topic::in_memory("by-account", Partitions::of(1));
        let reader = orders.subscribe("repartitioner", Start::Earliest).unwrap();
        cx.run(reader.repartition(&accounts, |_| ())).await.unwrap();
        accounts.close();
        let reader = accounts.subscribe("reader", Start::Earliest).unwrap();
        let Ok(events) = cx.run(reader.events::<()>().run_collect()).await;
        assert!(
            events
                .iter()
                .all(|event| event.timestamp < begin + secs(60))
        );
        assert_eq!(events.len(), 6);
    });
}
