//! Items by key: streams of groups, and effects in order for each key.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};

use crate::common::{everywhere, heavily, in_turns, secs};
use effect::prelude::*;
use effect::{Defect, DroppedGroup, Emitter, Groups, Source};

/// What came of which key, in order.
fn by_key(all: Vec<(u32, u32)>) -> BTreeMap<u32, Vec<u32>> {
    let mut by_key = BTreeMap::<_, Vec<u32>>::new();
    for (key, item) in all {
        by_key.entry(key).or_default().push(item);
    }
    by_key
}

fn expected(keys: u32, items: u32) -> BTreeMap<u32, Vec<u32>> {
    by_key((0..items).map(|n| (n % keys, n)).collect())
}

// T97
#[test]
fn groups_have_all_items_of_their_keys_in_order() {
    heavily(async |cx: Cx<()>| {
        let groups = Stream::range(0..10_000_u32).group_by(Groups::at_most(100), |n| n % 100);
        let counted = groups.flat_map_par(100, |(key, items)| {
            let first = AtomicU32::new(1);
            items.map(move |n| (key, n, first.swap(0, Ordering::Relaxed)))
        });
        let Ok(all) = cx.run(counted.run_collect()).await;
        // There is room for each group, so none ends early.
        assert_eq!(all.iter().filter(|(_, _, first)| *first == 1).count(), 100);
        let all = all.into_iter().map(|(key, n, _)| (key, n)).collect();
        assert_eq!(by_key(all), expected(100, 10_000));
    });
}

// T98
#[test]
fn more_keys_than_are_taken_at_once_hang_nowhere() {
    everywhere(async |cx: Cx<()>| {
        for (open, width, holding) in [(40, 4, 1), (4, 40, 1), (1, 1, 1), (40, 1, 3), (2, 4, 16)] {
            let limits = Groups::at_most(open).holding(holding);
            let groups = Stream::range(0..120_u32).group_by(limits, |n| n % 40);
            let taken = groups.flat_map_par(width, |(key, items)| items.map(move |n| (key, n)));
            let Ok(all) = cx.run(taken.run_collect()).await;
            assert_eq!(by_key(all), expected(40, 120), "{open} {width} {holding}");
        }
    });
}

#[test]
fn groups_that_are_taken_one_after_the_other_hang_nowhere() {
    everywhere(async |cx: Cx<()>| {
        let groups = Stream::range(0..60_u32).group_by(Groups::at_most(7).holding(2), |n| n % 5);
        let taken = groups.flat_map(|(key, items)| items.map(move |n| (key, n)));
        let Ok(all) = cx.run(taken.run_collect()).await;
        assert_eq!(by_key(all), expected(5, 60));
    });
}

#[test]
fn groups_go_to_other_fibers() {
    everywhere(async |cx: Cx<()>| {
        let groups = Stream::range(0..60_u32).group_by(Groups::at_most(4).holding(2), |n| n % 6);
        let body = effect(async move |cx: Cx<()>| {
            let forked = groups.map_effect(move |(key, items)| {
                let slow = items
                    .tap(move |_| sleep(secs(u64::from(key % 2))))
                    .into_values();
                slow.map(move |n| (key, n)).run_collect().fork::<Never>()
            });
            let fibers = cx.run(forked.collect_results()).await?;
            let mut all = Vec::new();
            for fiber in fibers {
                all.extend(cx.run(fiber.join()).await?);
            }
            Ok::<_, Never>(all)
        });
        let Ok(all) = cx.run(body).await;
        assert_eq!(by_key(all), expected(6, 60));
    });
}

// T97
#[test]
fn a_group_that_is_filtered_out_holds_up_nobody() {
    everywhere(async |cx: Cx<()>| {
        for dropped in [DroppedGroup::Reopen, DroppedGroup::DropItems] {
            let limits = Groups::at_most(10).holding(1).dropped(dropped);
            let groups = Stream::range(0..100_u32).group_by(limits, |n| n % 10);
            let some = groups.filter(|(key, _)| key % 5 == 0);
            let taken = some.flat_map_par(10, |(key, items)| items.map(move |n| (key, n)));
            let Ok(all) = cx.run(taken.run_collect()).await;
            let mut wanted = expected(10, 100);
            wanted.retain(|key, _| key % 5 == 0);
            assert_eq!(by_key(all), wanted);
        }
    });
}

// T99
#[test]
fn what_comes_for_a_group_that_was_dropped_is_dropped_if_so_wanted() {
    everywhere(async |cx: Cx<()>| {
        let limits = Groups::at_most(2).dropped(DroppedGroup::DropItems);
        // More keys than groups: those that were dropped take no room.
        let groups = Stream::range(0..60_u32).group_by(limits, |n| n / 10);
        let taken = groups.flat_map_par(2, |(key, items)| items.take(2).map(move |n| (key, n)));
        let Ok(all) = cx.run(taken.run_collect()).await;
        let wanted = (0..6).map(|key| (key, vec![key * 10, key * 10 + 1]));
        assert_eq!(by_key(all), wanted.collect());
    });
}

// T99
#[test]
fn what_a_dropped_group_has_not_emitted_is_another_group() {
    everywhere(async |cx: Cx<()>| {
        for holding in [1, 2, 16] {
            let limits = Groups::at_most(3).holding(holding);
            let groups = Stream::range(0..62_u32).group_by(limits, |n| n % 3);
            let pairs = groups.flat_map_par(3, |(key, items)| items.take(2).map(move |n| (key, n)));
            let Ok(all) = cx.run(pairs.run_collect()).await;
            assert_eq!(by_key(all), expected(3, 62));
        }
    });
}

// T99
#[test]
fn a_group_that_is_busy_does_not_hold_up_others_while_it_has_room() {
    in_turns(async |cx: Cx<()>| {
        let limits = Groups::at_most(2).holding(10);
        let groups = Stream::range(0..20_u32).group_by(limits, |n| n % 2);
        let begin = cx.now();
        let taken = groups.flat_map_par(2, move |(key, items)| {
            let pause = secs(u64::from(1 - key));
            let each = items.tap(move |_| sleep(pause)).into_values();
            each.map_effect(move |_| {
                effect(async move |cx: Cx<()>| Ok::<_, Never>((key, (cx.now() - begin).as_secs())))
            })
            .into_values()
        });
        let Ok(all) = cx.run(taken.run_collect()).await;
        // The busy one has one in hand, and ten to take.
        let fast = all.iter().filter(|(key, at)| *key == 1 && *at == 0);
        assert_eq!(fast.count(), 10);
        assert_eq!(all.last(), Some(&(0, 10)));
    });
}

#[test]
fn no_more_is_pulled_than_somebody_waits_for() {
    everywhere(async |cx: Cx<()>| {
        let pulled = Arc::new(AtomicU32::new(0));
        let counting = Arc::clone(&pulled);
        let numbers = Stream::range(0..100_u32).inspect(move |_| {
            counting.fetch_add(1, Ordering::SeqCst);
        });
        let groups = numbers.group_by(Groups::at_most(9).holding(9), |n| n % 4);
        let body = effect(async move |cx: Cx<()>| {
            let seen = groups.flat_map(|(_, items)| items);
            let each = seen.run_for_each(move |n| {
                // For the next of the first group, three of others were found.
                assert_eq!(pulled.load(Ordering::SeqCst), n + 1);
                let next = if n < 8 { Ok(()) } else { Err(n) };
                sleep(secs(1)).flat_map(move |()| from_result(next))
            });
            Ok::<_, Never>(cx.run(each).await)
        });
        assert_eq!(cx.run(body).await, Ok(Err(8)));
    });
}

// T97
#[test]
fn failures_pass_between_groups() {
    everywhere(async |cx: Cx<()>| {
        let elements = StreamE::from_iter(0..40_u32).map_result(|n: Result<u32, u32>| match n {
            Ok(n) if n % 10 == 9 => Err(n),
            other => other,
        });
        let groups = elements.group_by(Groups::at_most(2).holding(1), |n| n % 3);
        let taken = groups.flat_map_par(2, |(key, items)| {
            items.map(move |n| (key, n)).map_effect(succeed)
        });
        let Ok((values, errors)) = cx.run(taken.partition()).await;
        assert_eq!(errors, [9, 19, 29, 39]);
        let wanted = (0..40).filter(|n| n % 10 != 9).map(|n| (n % 3, n));
        assert_eq!(by_key(values), by_key(wanted.collect()));
    });
}

// T97
#[test]
fn a_defect_reaches_each_group() {
    everywhere(async |cx: Cx<()>| {
        let breaking = Stream::range(0..9_u32).inspect(|n| assert!(*n < 4, "no {n}"));
        let groups = breaking.group_by(Groups::at_most(2), |n| n % 2);
        let body = effect(async move |cx: Cx<()>| {
            let forked = groups.map_effect(|(_, items)| items.run_count().fork::<Never>());
            let to_fibers = Channel::bounded(8);
            let sent = to_fibers.clone();
            let sending = forked.into_values().run_for_each(move |fiber| {
                let sent = sent.clone();
                async move { sent.send(fiber).await.map_err(|_| ()) }
            });
            let ended = cx.run(sending.exit()).await?;
            assert_eq!(defect_of(&ended), Some("no 4"));
            to_fibers.close();
            while let Ok(fiber) = to_fibers.receive().await {
                let ended = cx.run(fiber.exit()).await?;
                let defect = defect_of(&ended).expect("it has not seen all");
                assert!(defect.contains("has not seen all of its items"), "{defect}");
            }
            Ok::<_, Never>(())
        });
        let Ok(()) = cx.run(body).await;
    });
}

fn defect_of<E, A>(exit: &Exit<E, A>) -> Option<&str> {
    exit.cause()?.defect().map(Defect::message)
}

#[test]
fn effects_of_one_key_run_in_order_and_those_of_others_beside() {
    everywhere(async |cx: Cx<()>| {
        for limit in [1, 3, 16] {
            let running = Arc::new(Mutex::new(Vec::<u32>::new()));
            let done = Stream::range(0..60_u32).map_effect_par_by_key(
                limit,
                |n| n % 7,
                move |n| {
                    let running = Arc::clone(&running);
                    effect(async move |cx: Cx<()>| {
                        {
                            let mut running = running.lock().unwrap();
                            assert!(!running.contains(&(n % 7)), "{n} beside one of its key");
                            running.push(n % 7);
                            assert!(running.len() <= limit);
                        }
                        cx.sleep(secs(u64::from(n % 4))).await;
                        running.lock().unwrap().retain(|key| *key != n % 7);
                        Ok::<_, Never>((n % 7, n))
                    })
                },
            );
            let Ok(all) = cx.run(done.into_values().run_collect()).await;
            assert_eq!(by_key(all), expected(7, 60));
        }
    });
}

#[test]
fn effects_of_many_keys_take_the_time_of_the_longest_key() {
    everywhere(async |cx: Cx<()>| {
        let begin = cx.now();
        let items = Stream::from_iter([(1, 1), (2, 1), (1, 1), (3, 2), (1, 1)]);
        let done = items.map_effect_par_by_key(
            5,
            |(key, _)| *key,
            |(key, seconds)| sleep::<_, Never>(secs(seconds)).map(move |()| key),
        );
        let Ok(all) = cx.run(done.into_values().run_collect()).await;
        assert_eq!(all.len(), 5);
        assert_eq!(cx.now() - begin, secs(3));
    });
}

#[test]
fn a_failed_effect_lets_the_next_of_its_key_run() {
    everywhere(async |cx: Cx<()>| {
        let done = Stream::range(0..6_u32)
            .map_effect_par_by_key(
                4,
                |_| (),
                |n| from_result(if n % 2 == 0 { Err(n) } else { Ok(n) }),
            )
            .retry_each(Schedule::recurs(1));
        let Ok(all) = cx.run(done.run_collect()).await;
        assert_eq!(all, [Err(0), Ok(1), Err(2), Ok(3), Err(4), Ok(5)]);
    });
}

#[test]
fn many_keys_with_late_items_conserve_all() {
    everywhere(async |cx: Cx<()>| {
        let source = Stream::generate(async |cx: Cx<()>, mut out: Emitter<u32>| {
            for n in 0..80 {
                if n % 7 == 0 {
                    cx.sleep(secs(1)).await;
                }
                out.emit(n).await;
            }
        });
        let groups = source.group_by(Groups::at_most(3).holding(2), |n| (n * n) % 11);
        let taken = groups.flat_map_par(2, |(key, items)| {
            let slow = items
                .tap(move |n| sleep(secs(u64::from(n % 3))))
                .into_values();
            slow.take(3).map(move |n| (key, n))
        });
        let Ok(all) = cx.run(taken.run_collect()).await;
        assert_eq!(
            by_key(all),
            by_key((0..80).map(|n| ((n * n) % 11, n)).collect())
        );
    });
}

fn poll<S: futures::Stream>(stream: &mut Pin<Box<S>>, waker: &Waker) -> Poll<Option<S::Item>> {
    stream.as_mut().poll_next(&mut Context::from_waker(waker))
}

/// Something that goes with a waker.
struct Kept<T> {
    _kept: Mutex<T>,
}

impl<T: Send> Wake for Kept<T> {
    fn wake(self: Arc<Self>) {}
}

fn keeping<T: Send + 'static>(kept: T) -> Waker {
    let _kept = Mutex::new(kept);
    Waker::from(Arc::new(Kept { _kept }))
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "what hangs the thread is to fail the test"
)]
fn a_group_may_go_with_the_waker_that_another_has() {
    let (ended, done) = mpsc::channel();
    // Under a lock, it would wait for ever.
    std::thread::spawn(move || {
        in_turns(async |cx: Cx<()>| {
            let nobody = Waker::noop();
            for way in 0..4 {
                let numbers = Stream::<(), _>::range(0..2_u32).concat(Stream::never());
                let groups = numbers.group_by(Groups::at_most(3), |n| *n);
                let mut groups = Box::pin(groups.into_source().open(&cx));
                let Poll::Ready(Some((0, one))) = poll(&mut groups, nobody) else {
                    panic!("it has a group");
                };
                let Poll::Ready(Some((1, other))) = poll(&mut groups, nobody) else {
                    panic!("it has another");
                };
                let mut one = Box::pin(one.into_source().open(&cx));
                assert_eq!(poll(&mut one, nobody), Poll::Ready(Some(0)));
                assert!(poll(&mut groups, nobody).is_pending());
                let waker = keeping(other);
                if way < 2 {
                    assert!(poll(&mut one, &waker).is_pending());
                } else {
                    assert!(poll(&mut groups, &waker).is_pending());
                }
                drop(waker);
                match way {
                    0 => assert!(poll(&mut one, nobody).is_pending()),
                    1 => drop(one),
                    2 => assert!(poll(&mut groups, nobody).is_pending()),
                    _ => drop(groups),
                }
            }
        });
        let _ = ended.send(());
    });
    let limit = std::time::Duration::from_secs(60);
    assert_eq!(done.recv_timeout(limit), Ok(()));
}

#[test]
fn what_a_group_holds_goes_with_it_after_the_stream_of_groups() {
    in_turns(async |cx: Cx<()>| {
        for comes_to_its_end in [true, false] {
            let item = Arc::new(());
            let items = vec![Arc::clone(&item); 6];
            let mut n = 0;
            let groups = Stream::<(), _>::from_iter(items).group_by(
                Groups::at_most(2).dropped(DroppedGroup::DropItems),
                move |_| {
                    n += 1;
                    n % 2
                },
            );
            let mut groups = Box::pin(groups.into_source().open(&cx));
            let nobody = Waker::noop();
            let mut open = Vec::new();
            while let Poll::Ready(Some((_, group))) = poll(&mut groups, nobody) {
                open.push(Box::pin(group.into_source().open(&cx)));
            }
            assert_eq!(open.len(), 2);
            if comes_to_its_end {
                drop(groups);
                assert!(poll(&mut open[0], nobody).is_ready());
                drop(open.remove(0));
            } else {
                assert!(poll(&mut open[0], nobody).is_ready());
                drop(open.remove(0));
                // It has had no time to look after that one.
                drop(groups);
            }
            assert_eq!(Arc::strong_count(&item), 1 + 3);
        }
    });
}

#[test]
fn who_waits_for_the_last_item_is_not_woken_for_each() {
    /// Counts how often it is woken.
    struct Counting(AtomicU32);
    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    in_turns(async |cx: Cx<()>| {
        let groups = Stream::<(), _>::range(0..32_u32).group_by(Groups::at_most(2), |n| n % 2);
        let mut groups = Box::pin(groups.into_source().open(&cx));
        let woken = Arc::new(Counting(AtomicU32::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut open = Vec::new();
        while let Poll::Ready(Some((_, group))) = poll(&mut groups, &waker) {
            open.push(Box::pin(group.into_source().open(&cx)));
        }
        for taken in 1..=32 {
            assert!(poll(&mut open[taken % 2], &waker).is_ready());
            let woken = woken.0.load(Ordering::SeqCst);
            assert_eq!(woken, u32::from(taken == 32), "after {taken}");
            if taken < 32 {
                assert!(poll(&mut groups, &waker).is_pending());
            }
        }
        assert!(matches!(poll(&mut groups, &waker), Poll::Ready(None)));
    });
}
