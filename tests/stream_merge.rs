//! A merge gives both sides their turn, and keeps going what it has begun.

use std::sync::Arc;
use std::time::Duration;

use crate::common::everywhere;
use effect::prelude::*;
use tokio::sync::Mutex;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The items of a range, each after a while.
fn every(delay: Duration, numbers: std::ops::Range<u32>) -> Stream<(), u32> {
    Stream::range(numbers)
        .map_effect(move |n| {
            let half = sleep::<_, Never>(delay / 2);
            // In two steps, so that the second begins late if nobody polls.
            half.flat_map(move |()| sleep(delay / 2)).map(move |()| n)
        })
        .into_results()
        .map(|Ok(n)| n)
        .erase()
}

// S2-20
#[test]
fn a_merge_has_all_items_of_both_sides_each_in_its_order() {
    everywhere(async |cx: Cx<()>| {
        let run = Stream::from_iter([1, 3, 5])
            .merge(Stream::from_iter([2, 4, 6]))
            .run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all.len(), 6);
        let (even, odd): (Vec<_>, Vec<_>) = all.into_iter().partition(|n| n % 2 == 0);
        assert_eq!((odd, even), (vec![1, 3, 5], vec![2, 4, 6]));
    });
}

#[test]
fn two_sides_that_are_always_ready_alternate() {
    everywhere(async |cx: Cx<()>| {
        let run = Stream::from_iter([1, 2, 3, 4, 5])
            .merge(Stream::from_iter([10]))
            .run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [1, 10, 2, 3, 4, 5]);
    });
}

#[test]
fn a_merge_with_an_empty_side_is_the_other_side() {
    everywhere(async |cx: Cx<()>| {
        let run = Stream::range(0..3).merge(Stream::range(0..0)).run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [0, 1, 2]);
        let run = Stream::range(0..0).merge(Stream::range(0..3)).run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [0, 1, 2]);
        let run = Stream::range(0..0).merge(Stream::range(0..0)).run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [0_u8; 0]);
    });
}

// S2-20
#[test]
fn a_merge_emits_as_items_come_and_ends_when_both_sides_have() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        let merged = every(millis(100), 0..3).merge(every(millis(70), 10..12));
        let Ok(all) = cx.run(merged.run_collect()).await;
        assert_eq!(all, [10, 0, 11, 1, 2]);
        assert_eq!(cx.now() - start, millis(300));
    });
}

#[test]
fn a_merge_of_failing_sides_keeps_both_kinds_of_elements() {
    everywhere(async |cx: Cx<()>| {
        let run = StreamE::from_results([Ok(1), Err("a"), Ok(2)])
            .merge(StreamE::from_results([Err("b"), Ok(3)]))
            .partition();
        let Ok((mut values, mut errors)) = cx.run(run).await;
        values.sort_unstable();
        errors.sort_unstable();
        assert_eq!((values, errors), (vec![1, 2, 3], vec!["a", "b"]));
    });
}

#[test]
fn what_a_merge_has_begun_goes_on_while_the_body_waits() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        // Each side's effect takes 100 ms, as the body does; none of them waits for another.
        let merged = every(millis(100), 0..1).merge(every(millis(150), 10..11));
        let run = merged.run_for_each(|_| sleep::<_, Never>(millis(100)));
        let Ok(()) = cx.run(run).await;
        assert_eq!(cx.now() - start, millis(300));
        let start = cx.now();
        let merged = every(millis(100), 0..1).merge(every(millis(400), 10..11));
        let run = merged.run_for_each(|_| sleep::<_, Never>(millis(300)));
        let Ok(()) = cx.run(run).await;
        assert_eq!(cx.now() - start, millis(700));
    });
}

/// Two sides whose effects hold the same lock for a while.
fn contenders(lock: &Arc<Mutex<()>>) -> Stream<(), u32> {
    let side = |numbers: std::ops::Range<u32>| {
        let lock = Arc::clone(lock);
        StreamE::range(numbers).map_effect(move |n| {
            let lock = Arc::clone(&lock);
            effect(async move |cx: Cx<()>| {
                let _held = lock.lock().await;
                cx.sleep(millis(10)).await;
                Ok::<_, Never>(n)
            })
        })
    };
    side(0..5)
        .merge(side(10..15))
        .into_results()
        .map(|Ok(n)| n)
        .erase()
}

#[test]
fn sides_and_body_that_share_a_lock_do_not_deadlock() {
    everywhere(async |cx: Cx<()>| {
        let lock = Arc::new(Mutex::new(()));
        let body_lock = Arc::clone(&lock);
        let run = contenders(&lock).run_for_each(move |_| {
            let lock = Arc::clone(&body_lock);
            effect(async move |cx: Cx<()>| {
                let _held = lock.lock().await;
                cx.sleep(millis(10)).await;
                Ok::<_, Never>(())
            })
        });
        let timed = cx.run(run.timeout(Duration::from_secs(10))).await;
        assert_eq!(timed, Ok(()));
    });
}

#[test]
fn sides_and_a_later_effect_that_share_a_lock_do_not_deadlock() {
    everywhere(async |cx: Cx<()>| {
        for group in [1, 3] {
            let lock = Arc::new(Mutex::new(()));
            let effect_lock = Arc::clone(&lock);
            let run = contenders(&lock)
                .chunks(group)
                .map_effect(move |items| {
                    let lock = Arc::clone(&effect_lock);
                    effect(async move |cx: Cx<()>| {
                        let _held = lock.lock().await;
                        cx.sleep(millis(10)).await;
                        Ok::<_, Never>(items.len())
                    })
                })
                .run_fold(0, |sum, count| sum + count.unwrap_or(0));
            let timed = cx.run(run.timeout(Duration::from_secs(10))).await;
            assert_eq!(timed, Ok(10));
        }
    });
}

#[test]
fn an_effect_that_runs_lets_the_merge_before_it_go_on() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        let merged = every(millis(100), 0..1).merge(every(millis(400), 10..11));
        let run = merged
            .map_effect(|n| sleep::<_, Never>(millis(300)).map(move |()| n))
            .run_collect();
        let Ok(all) = cx.run(run).await;
        assert_eq!(all, [Ok(0), Ok(10)]);
        assert_eq!(cx.now() - start, millis(700));
    });
}

#[test]
fn an_interrupted_merge_runs_the_finalizers_of_both_sides() {
    everywhere(async |cx: Cx<()>| {
        let released = Channel::bounded(2);
        let side = |name: &'static str| {
            let released = released.clone();
            Stream::range(0..3).map_effect(move |_| {
                let released = released.clone();
                never::<(), Never, ()>().ensuring(effect(async move |cx: Cx<()>| {
                    cx.sleep(millis(10)).await;
                    released.send(name).await.unwrap();
                    Ok(())
                }))
            })
        };
        let run = side("left").merge(side("right")).run_collect();
        assert!(cx.run(run.timeout(millis(5))).await.is_err());
        let mut names = released.receive_many(2).await.unwrap();
        names.sort_unstable();
        assert_eq!(names, ["left", "right"]);
    });
}
