//! Nothing is lost: whenever a consumer is interrupted, what it has acknowledged was processed, and the rest comes again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use effect::prelude::*;
use effect::{Consumer, Partitions, Position, PublishError, Start, Topic};

use crate::common::dice::Dice;
use crate::common::{everywhere, secs};

const RECORDS: u64 = 30;
const PARTITIONS: u32 = 3;

type Processed = Arc<Mutex<Vec<Position>>>;

/// Processes records, several at a time, each for a while, and some of them not at all at first; acknowledges what it has
/// processed.
fn process(reader: &Consumer<u64, u64>, processed: &Processed, seed: u64) -> Effect<(), Never, ()> {
    let processed = Arc::clone(processed);
    let handled = reader.events().map_effect_par(4, move |event| {
        let processed = Arc::clone(&processed);
        let mut dice = Dice(seed ^ event.value);
        let takes = Duration::from_millis(dice.roll(20));
        let fails = seed != 0 && dice.roll(5) == 0;
        event.handle(move |record| {
            effect(async move |cx: Cx<()>| {
                cx.sleep(takes).await;
                if fails {
                    return Err("not now");
                }
                processed.lock().unwrap().push(Position {
                    partition: record.partition,
                    offset: record.offset,
                });
                Ok(())
            })
        })
    });
    handled.into_results().run_drain().erase()
}

fn publish(topic: &Topic<u64, u64>) -> Effect<(), PublishError<u64, u64>, ()> {
    let topic = topic.clone();
    effect(async move |cx: Cx<()>| {
        for n in 0..RECORDS {
            cx.run(topic.publish(n % 7, n)).await?;
            cx.sleep(Duration::from_millis(n % 3)).await;
        }
        topic.close();
        Ok(())
    })
    .erase()
}

/// Whether all before what is committed was processed.
fn check(topic: &Topic<u64, u64>, reader: &Consumer<u64, u64>, processed: &Processed) {
    let processed: BTreeSet<_> = processed.lock().unwrap().iter().copied().collect();
    for partition in 0..PARTITIONS {
        let committed = reader.committed(partition).unwrap();
        for offset in 0..committed {
            let position = Position { partition, offset };
            assert!(
                processed.contains(&position),
                "{position:?} was not processed"
            );
        }
        assert_eq!(topic.committed(partition), committed);
    }
}

#[test]
fn what_is_acknowledged_was_processed_and_the_rest_comes_again() {
    everywhere(async |cx: Cx<()>| {
        let mut dice = Dice(cx.random());
        let topic = Topic::in_memory("orders", Partitions::of(PARTITIONS).holding(8));
        let processed = Processed::default();
        let publishing = cx.fork(publish(&topic));
        let mut reader = topic.subscribe("reader", Start::Earliest).unwrap();
        for _ in 0..6 {
            let seed = 1 + dice.roll(1 << 32);
            let running = cx.fork(process(&reader, &processed, seed));
            cx.sleep(Duration::from_millis(dice.roll(30))).await;
            let Ok(_) = cx.run(running.interrupt()).await;
            check(&topic, &reader, &processed);
            if dice.roll(2) == 0 {
                drop(reader);
                reader = topic.subscribe("reader", Start::Earliest).unwrap();
            }
        }
        // Nobody fails any more, and so nothing is left.
        cx.run(process(&reader, &processed, 0)).await.unwrap();
        cx.run(publishing.join()).await.unwrap();
        check(&topic, &reader, &processed);
        let processed: BTreeSet<_> = processed.lock().unwrap().iter().copied().collect();
        assert_eq!(processed.len() as u64, RECORDS);
        for partition in 0..PARTITIONS {
            assert_eq!(topic.held(partition), 0);
        }
    });
}

#[test]
fn an_interrupted_publish_has_published_or_not_and_lets_the_others_on() {
    everywhere(async |cx: Cx<()>| {
        let mut dice = Dice(cx.random());
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(2));
        let publishers: Vec<_> = (0..12).map(|n| cx.fork(topic.publish((), n))).collect();
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let reads = cx.fork(reader.items::<()>().map(|(_, n)| n).run_collect());
        let mut published = BTreeSet::new();
        for (n, publisher) in (0..).zip(publishers) {
            let exit = match dice.roll(2) {
                0 => cx.run(publisher.interrupt()).await,
                _ => cx.run(publisher.exit()).await,
            };
            if exit.unwrap().is_success() {
                published.insert(n);
            }
        }
        cx.sleep(secs(1)).await;
        topic.close();
        let read = cx.run(reads.join()).await.unwrap();
        assert_eq!(read.len(), published.len());
        assert_eq!(BTreeSet::from_iter(read), published);
    });
}

#[test]
fn an_interrupted_repartitioning_publishes_each_record_once_and_in_order() {
    everywhere(async |cx: Cx<()>| {
        let mut dice = Dice(cx.random());
        let topic = Topic::in_memory("orders", Partitions::of(1).holding(4));
        let publishing = cx.fork(publish(&topic));
        let by_key = Topic::in_memory("by-key", Partitions::of(2).holding(64));
        let reader = topic.subscribe("repartitioner", Start::Earliest).unwrap();
        let repartition = || {
            reader.repartition_effect::<(), _, _, _>(&by_key, |record| {
                let n = record.value;
                sleep::<(), Never>(Duration::from_millis(n % 4)).map(move |()| n % 5)
            })
        };
        for _ in 0..4 {
            let running = cx.fork(repartition());
            cx.sleep(Duration::from_millis(dice.roll(30))).await;
            let Ok(_) = cx.run(running.interrupt()).await;
        }
        cx.run(repartition()).await.unwrap();
        cx.run(publishing.join()).await.unwrap();
        by_key.close();
        let reader = by_key.subscribe("reader", Start::Earliest).unwrap();
        let Ok(all) = cx.run(reader.items().run_collect()).await;
        for key in 0..5 {
            let of_key: Vec<_> = all
                .iter()
                .filter(|(k, _)| *k == key)
                .map(|(_, n)| *n)
                .collect();
            let expected: Vec<_> = (0..RECORDS).filter(|n| n % 5 == key).collect();
            assert_eq!(of_key, expected);
        }
    });
}
