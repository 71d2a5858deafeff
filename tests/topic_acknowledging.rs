//! When a record is done: when every group says so, and never otherwise.

use effect::prelude::*;
use effect::{Partitions, Position, Start, Topic};

use crate::common::dice::Dice;
use crate::common::{Log, everywhere, in_turns, on_both, secs};

/// A topic of one partition with these values in it, closed.
async fn closed(cx: &Cx<()>, values: impl IntoIterator<Item = u32>) -> Topic<(), u32> {
    let topic = Topic::in_memory("orders", Partitions::of(1));
    for value in values {
        cx.run(topic.publish((), value)).await.unwrap();
    }
    topic.close();
    topic
}

/// How many groups wait for each of the first records.
fn waited_for(topic: &Topic<(), u32>, records: u64) -> Vec<usize> {
    let position = |offset| Position {
        partition: 0,
        offset,
    };
    (0..records)
        .map(|offset| topic.waiting_for(position(offset)))
        .collect()
}

// S3-02
#[test]
fn a_record_is_done_when_all_groups_have_acknowledged_it() {
    everywhere(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..5).await;
        let a = topic.subscribe("a", Start::Earliest).unwrap();
        let b = topic.subscribe("b", Start::Earliest).unwrap();
        assert_eq!(waited_for(&topic, 5), [2; 5]);
        let Ok(_) = cx.run(a.items::<()>().run_collect()).await;

        let gate = effect::sync::Latch::new(1);
        let opened = gate.clone();
        let slow = b.items().map_effect(move |(_, n)| {
            let opened = opened.clone();
            async move {
                if n == 2 {
                    opened.wait().await;
                }
                Ok::<_, Never>(n)
            }
        });
        let slow = cx.fork(slow.run_drain());
        let is_at_two = || waited_for(&topic, 5) == [0, 0, 1, 1, 1];
        while !is_at_two() {
            effect::yield_now().await;
        }
        assert_eq!((topic.committed(0), topic.held(0)), (2, 3));
        gate.count_down();
        cx.run(slow.join()).await.unwrap();
        assert_eq!(waited_for(&topic, 5), [0; 5]);
        assert_eq!((topic.committed(0), topic.held(0)), (5, 0));
    });
}

// S3-05
#[test]
fn an_item_is_acknowledged_when_the_next_one_is_asked_for() {
    on_both(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..3).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let looking = reader.clone();
        let seen = reader.items().map(move |(_, n)| (n, looking.committed(0)));
        let Ok(seen) = cx.run(seen.run_collect()).await;
        assert_eq!(seen, [(0, Some(0)), (1, Some(1)), (2, Some(2))]);
        assert_eq!(reader.committed(0), Some(3));
    });
}

#[test]
fn the_last_item_of_a_stream_that_is_dropped_is_not_acknowledged() {
    on_both(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..3).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(_) = cx.run(reader.items::<()>().take(2).run_collect()).await;
        assert_eq!(reader.committed(0), Some(1));
        let Ok(rest) = cx.run(reader.items().map(|(_, n)| n).run_collect()).await;
        assert_eq!(rest, [1, 2]);
    });
}

// S3-07
#[test]
fn an_event_is_acknowledged_by_hand_and_a_second_time_changes_nothing() {
    on_both(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..3).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(mut events) = cx.run(reader.events::<()>().run_collect()).await;
        let handled = events.remove(1).handle(async |_| Ok::<_, Never>(()));
        cx.run(handled).await.unwrap();
        assert_eq!(waited_for(&topic, 3), [1, 0, 1]);
        assert_eq!(reader.committed(0), Some(0));
        events[0].ack();
        events[0].ack();
        assert!(events[0].is_acked());
        drop(events);
        assert_eq!(waited_for(&topic, 3), [0, 0, 1]);
        assert_eq!(reader.committed(0), Some(2));
    });
}

#[test]
fn what_is_dropped_without_an_ack_comes_again_and_before_the_rest() {
    everywhere(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..5).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let failing = reader.events::<()>().map_effect(|event| {
            event.handle(async |record| match record.value {
                1 => Err("refused"),
                2 => panic!("broken"),
                n => Ok(n),
            })
        });
        let Ok(exit) = cx.run(cx.fork(failing.run_collect()).exit()).await;
        assert!(exit.cause().unwrap().is_die(), "{exit:?}");
        assert_eq!(reader.committed(0), Some(1));
        let Ok(rest) = cx.run(reader.items().map(|(_, n)| n).run_collect()).await;
        assert_eq!(rest, [1, 2, 3, 4]);
    });
}

#[test]
fn an_event_that_outlives_its_stream_comes_again_when_it_is_dropped() {
    on_both(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1));
        cx.run(topic.publish((), 0)).await.unwrap();
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(late) = cx.run(reader.events::<()>().take(1).run_collect()).await;
        let newer = reader.events::<()>().map(|event| event.offset).take(1);
        let newer = cx.fork(newer.run_collect());
        cx.sleep(secs(1)).await;
        assert!(!newer.is_done());
        drop(late);
        assert_eq!(cx.run(newer.join()).await, Ok::<_, Never>(vec![0]));
    });
}

#[test]
fn an_ack_after_its_group_was_forgotten_changes_nothing() {
    on_both(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..2).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(events) = cx.run(reader.events::<()>().run_collect()).await;
        assert!(topic.unsubscribe("reader"));
        assert!(!topic.unsubscribe("reader"));
        events[0].ack();
        drop(events);
        assert_eq!(reader.committed(0), None);
        let other = topic.subscribe("reader", Start::Earliest).unwrap();
        drop(reader);
        assert!(topic.subscribe("reader", Start::Earliest).is_err());
        let Ok(all) = cx.run(other.items().map(|(_, n)| n).run_collect()).await;
        assert_eq!(all, [0, 1]);
    });
}

// S3-28
#[test]
fn what_is_filtered_out_is_acknowledged() {
    in_turns(async |cx: Cx<()>| {
        const VALUES: [u32; 6] = [1000, 3000, 99, 5000, 3, 9999];
        let topic = closed(&cx, VALUES).await;
        let by_hand = topic.subscribe("by hand", Start::Earliest).unwrap();
        let large = by_hand
            .events::<()>()
            .filter_map(|event| event.filter(|record| record.value > 1000));
        let Ok(large) = cx.run(large.run_collect()).await;
        let values: Vec<_> = large.iter().map(|event| event.value).collect();
        assert_eq!(values, [3000, 5000, 9999]);
        assert_eq!(waited_for(&topic, 6), [0, 1, 0, 1, 0, 1]);
        for event in &large {
            event.ack();
        }
        assert_eq!(by_hand.committed(0), Some(6));

        let topic = closed(&cx, VALUES).await;
        let on_advance = topic.subscribe("on advance", Start::Earliest).unwrap();
        let large = on_advance.items().filter(|(_, value)| *value > 1000);
        let Ok(large) = cx.run(large.run_collect()).await;
        assert_eq!(large, [((), 3000), ((), 5000), ((), 9999)]);
        assert_eq!(on_advance.committed(0), Some(6));
    });
}

#[test]
fn a_run_that_ends_at_its_first_failure_and_is_retried_keeps_the_order() {
    everywhere(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..5).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let log = Log::new();
        let writing = log.clone();
        let run = reader.events::<()>().run_for_each(move |event| {
            let log = writing.clone();
            event.handle(async move |record| {
                // Each other one fails when it is tried first.
                let line = record.value.to_string();
                let is_first = !log.lines().contains(&line);
                log.write(line);
                if is_first && record.value % 2 == 1 {
                    return Err("not yet");
                }
                Ok(())
            })
        });
        assert_eq!(cx.run(run.retry(Schedule::recurs(9))).await, Ok(()));
        assert_eq!(log.lines(), ["0", "1", "1", "2", "3", "3", "4"]);
        assert_eq!(reader.committed(0), Some(5));
    });
}

#[test]
fn what_a_stream_has_dropped_does_not_come_to_it_again() {
    on_both(async |cx: Cx<()>| {
        let topic = closed(&cx, 0..4).await;
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let other = reader.clone();
        // Another one is opened meanwhile, and takes one record.
        let dropping = reader.events::<()>().map_effect(move |event| {
            let newer = other.events().take(usize::from(event.offset == 0));
            newer.run_collect().map(move |taken| {
                taken.iter().for_each(|event| event.ack());
                event.value
            })
        });
        let dropped = dropping.into_results().take(9).run_collect();
        assert_eq!(cx.run(dropped).await, Ok(vec![Ok(0), Ok(2), Ok(3)]));
        let Ok(rest) = cx.run(reader.items().map(|(_, n)| n).run_collect()).await;
        assert_eq!(rest, [0, 2, 3]);
    });
}

#[test]
fn what_was_for_a_stream_that_is_gone_is_for_the_ones_after_it() {
    on_both(async |cx: Cx<()>| {
        let topic = Topic::in_memory("orders", Partitions::of(1));
        cx.run(topic.publish((), 0)).await.unwrap();
        let reader = topic.subscribe("reader", Start::Earliest).unwrap();
        let Ok(first) = cx.run(reader.events::<()>().take(1).run_collect()).await;
        let mut newer = Vec::new();
        for _ in 0..3 {
            newer.push(cx.fork(reader.events::<()>().take(1).run_collect()));
            cx.sleep(secs(1)).await;
        }
        let last = newer.pop().unwrap();
        drop(first);
        for stream in newer {
            let Ok(_) = cx.run(stream.interrupt()).await;
        }
        cx.sleep(secs(1)).await;
        // It was taken by one of them: dropped there, it is for the last.
        let Ok(taken) = cx.run(last.join()).await;
        assert_eq!(taken[0].offset, 0);
        drop(taken);
        let Ok(again) = cx.run(reader.events::<()>().take(1).run_collect()).await;
        again[0].ack();
        assert_eq!(reader.committed(0), Some(1));
    });
}

#[test]
fn what_all_have_committed_is_what_the_slowest_group_has() {
    on_both(async |cx: Cx<()>| {
        let mut dice = Dice(cx.random());
        let topic = Topic::in_memory("orders", Partitions::of(1));
        let mut groups = Vec::new();
        for n in 0..300_u32 {
            match dice.roll(5) {
                0 => {
                    let start = [Start::Earliest, Start::Latest][usize::from(n % 2 == 0)];
                    groups.push((topic.subscribe_unnamed(start), Vec::new()));
                }
                1 if !groups.is_empty() => {
                    groups.remove(n as usize % groups.len());
                }
                2 => _ = cx.run(topic.publish((), n)).await.unwrap(),
                _ if !groups.is_empty() => {
                    let index = n as usize % groups.len();
                    let (group, events) = &mut groups[index];
                    let new = group.events::<()>().timeout(secs(1));
                    let Ok(new) = cx.run(new.into_results().run_collect()).await;
                    events.extend(new.into_iter().flatten());
                    for event in events
                        .iter()
                        .filter(|event| event.offset % 3 != u64::from(n % 3))
                    {
                        event.ack();
                    }
                }
                _ => {}
            }
            let committed = groups.iter().filter_map(|(group, _)| group.committed(0));
            if let Some(least) = committed.min() {
                assert_eq!(topic.committed(0), least);
            }
        }
    });
}
