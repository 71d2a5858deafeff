//! Items by the time that they tell: which windows they are in, when those are emitted, and who is late.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::common::dice::Dice;
use crate::common::{everywhere, in_turns, on_both, secs};
use effect::prelude::*;
use effect::{Late, Window, Windows};

/// A time, by its seconds after the epoch.
fn at(second: i64) -> SystemTime {
    let distance = secs(second.unsigned_abs());
    if second < 0 {
        SystemTime::UNIX_EPOCH - distance
    } else {
        SystemTime::UNIX_EPOCH + distance
    }
}

fn second(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

/// What came out, in seconds: a window, or an item that was late.
#[derive(Clone, Debug, PartialEq)]
enum Out<K> {
    Window(K, i64, i64, Vec<i64>),
    Late(i64),
}

fn out<K>(element: Result<Window<Vec<i64>, K>, Late<i64>>) -> Out<K> {
    match element {
        Ok(window) => Out::Window(
            window.key,
            second(window.start),
            second(window.end),
            window.value,
        ),
        Err(late) => Out::Late(late.item),
    }
}

/// What becomes of items that are their own times.
#[track_caller]
fn check(windows: Windows, times: &'static [i64], expected: &'static [(i64, i64, &[i64])]) {
    everywhere(async move |cx: Cx<()>| {
        let windowed = Stream::from_iter(times).windowed(windows, |time| at(**time));
        let windowed = windowed.map(|window| {
            let times: Vec<_> = window.value.into_iter().copied().collect();
            (second(window.start), second(window.end), times)
        });
        let all = cx.run(windowed.collect_results()).await.unwrap();
        let expected = expected
            .iter()
            .map(|(start, end, times)| (*start, *end, times.to_vec()));
        assert_eq!(all, expected.collect::<Vec<_>>());
    });
}

#[test]
fn a_window_begins_with_its_start_and_ends_before_its_end() {
    check(
        Windows::tumbling(secs(10)),
        &[0, 9, 10, 19, 20, 40],
        &[
            (0, 10, &[0, 9]),
            (10, 20, &[10, 19]),
            (20, 30, &[20]),
            (40, 50, &[40]),
        ],
    );
}

#[test]
fn windows_before_the_epoch_are_windows() {
    check(
        Windows::tumbling(secs(10)),
        &[-11, -10, -1, 0],
        &[(-20, -10, &[-11]), (-10, 0, &[-10, -1]), (0, 10, &[0])],
    );
}

#[test]
fn windows_begin_where_they_are_told_to() {
    for origin in [3, -7, 1_003] {
        check(
            Windows::tumbling(secs(10)).aligned_to(at(origin)),
            &[2, 3, 12, 13],
            &[(-7, 3, &[2]), (3, 13, &[3, 12]), (13, 23, &[13])],
        );
    }
}

#[test]
fn an_item_is_in_all_windows_that_overlap_there() {
    check(
        Windows::sliding(secs(10), secs(4)),
        &[9, 12],
        &[
            (0, 10, &[9]),
            (4, 14, &[9, 12]),
            (8, 18, &[9, 12]),
            (12, 22, &[12]),
        ],
    );
}

#[test]
fn an_item_between_windows_that_are_apart_is_in_none() {
    // The last one comes late as well, and there is nothing that it is late for.
    check(
        Windows::sliding(secs(2), secs(10)),
        &[1, 5, 11, 30, 25],
        &[(0, 2, &[1]), (10, 12, &[11]), (30, 32, &[30])],
    );
}

#[test]
fn sessions_are_apart_by_the_gap_or_more() {
    check(
        Windows::sessions(secs(10)),
        &[0, 9, 18, 28, 29, 60],
        &[(0, 28, &[0, 9, 18]), (28, 39, &[28, 29]), (60, 70, &[60])],
    );
}

#[test]
fn an_item_between_sessions_makes_them_one() {
    check(
        Windows::sessions(secs(10)).lateness(secs(60)),
        &[20, 38, 0, 29, 1],
        &[(0, 11, &[0, 1]), (20, 48, &[20, 29, 38])],
    );
}

#[test]
fn a_session_begins_earlier_when_an_item_comes_that_is_older() {
    check(
        Windows::sessions(secs(10)).lateness(secs(60)),
        &[20, 15, 15, 29],
        &[(15, 39, &[20, 15, 15, 29])],
    );
}

#[test]
fn no_window_is_empty_however_far_time_jumps() {
    const FAR: i64 = 1 << 60;
    check(
        Windows::sliding(secs(2), secs(1)).lateness(secs(1)),
        &[-FAR, 0, FAR],
        &[
            (-FAR - 1, -FAR + 1, &[-FAR]),
            (-FAR, -FAR + 2, &[-FAR]),
            (-1, 1, &[0]),
            (0, 2, &[0]),
            (FAR - 1, FAR + 1, &[FAR]),
            (FAR, FAR + 2, &[FAR]),
        ],
    );
}

/// When windows are emitted, and what is late: what came out for each item that went in.
#[track_caller]
fn check_each(windows: Windows, expected: &'static [(i64, &'static [&'static str])]) {
    everywhere(async move |cx: Cx<()>| {
        let items = Stream::from_iter(expected).map(|(time, _)| *time);
        // What a window needs to be emitted has been pulled by then, and not more.
        let clock = Arc::new(std::sync::Mutex::new(Vec::new()));
        let pulled = Arc::clone(&clock);
        let items = items.inspect(move |_| pulled.lock().unwrap().push(Vec::new()));
        let seen = Arc::clone(&clock);
        let run = items
            .windowed(windows, |time| at(*time))
            .run_for_each(move |element| {
                let shown = match element {
                    Ok(window) => format!("{:?}", window.value),
                    Err(late) => format!("{} is {:?} late", late.item, late.behind),
                };
                seen.lock().unwrap().last_mut().unwrap().push(shown);
                succeed::<(), Never, _>(())
            });
        let Ok(()) = cx.run(run).await;
        let expected: Vec<_> = expected.iter().map(|(_, shown)| shown.to_vec()).collect();
        assert_eq!(*clock.lock().unwrap(), expected);
    });
}

#[test]
fn a_window_is_emitted_once_the_watermark_is_at_its_end() {
    check_each(
        Windows::tumbling(secs(10)).lateness(secs(3)),
        &[
            (1, &[]),
            (12, &[]),
            (9, &[]),
            (13, &["[1, 9]"]),
            (10, &[]),
            (9, &["9 is 1s late"]),
            (40, &["[12, 13, 10]"]),
            (5, &["5 is 32s late", "[40]"]),
        ],
    );
}

#[test]
fn an_item_joins_those_of_its_windows_that_are_open() {
    check_each(
        Windows::sliding(secs(10), secs(5)),
        &[
            (7, &[]),
            (11, &["[7]"]),
            // Of 0 to 10, which is closed, and of 5 to 15.
            (8, &[]),
            (15, &["[7, 11, 8]"]),
            (4, &["4 is 11s late"]),
            (14, &["[11, 15, 14]", "[15]"]),
        ],
    );
}

#[test]
fn an_item_is_late_for_sessions_if_its_own_would_be_closed_and_none_is_near() {
    check_each(
        Windows::sessions(secs(10)).lateness(secs(5)),
        &[
            (0, &[]),
            // The watermark is at 15.
            (20, &["[0]"]),
            (5, &["5 is 10s late"]),
            (6, &[]),
            // At 22: that is closed, but near to what is open.
            (27, &["[6]"]),
            (10, &["10 is 12s late"]),
            (11, &[]),
            (60, &["[20, 27, 11]", "[60]"]),
        ],
    );
}

/// What becomes of keys and seconds, and whatever is late.
async fn by_key<K: effect::Value + Clone + Eq + std::hash::Hash>(
    cx: &Cx<()>,
    windows: Windows,
    items: Vec<(K, i64)>,
) -> Vec<Out<K>> {
    let windowed =
        Stream::from_iter(items).windowed(windows, |(key, time)| (at(*time), key.clone()));
    let windowed = windowed.map(|window| Window {
        key: window.key,
        start: window.start,
        end: window.end,
        value: window.value.into_iter().map(|(_, time)| time).collect(),
    });
    let windowed = windowed.map_error(|late| Late {
        item: late.item.1,
        behind: late.behind,
    });
    let Ok(all) = cx.run(windowed.run_collect()).await;
    all.into_iter().map(out).collect()
}

#[test]
fn windows_come_by_their_ends_then_by_their_starts_then_as_they_were_opened() {
    everywhere(async |cx: Cx<()>| {
        let items = vec![
            ("d", 25),
            ("c", 20),
            ("b", 20),
            ("a", 22),
            ("b", 12),
            ("a", 15),
            ("d", 29),
        ];
        let sessions = Windows::sessions(secs(10)).lateness(secs(60));
        let all = by_key(&cx, sessions, items).await;
        let expected = [
            Out::Window("b", 12, 30, vec![20, 12]),
            Out::Window("c", 20, 30, vec![20]),
            Out::Window("a", 15, 32, vec![22, 15]),
            Out::Window("d", 25, 39, vec![25, 29]),
        ];
        assert_eq!(all, expected);
        let items = vec![("c", 5), ("a", 1), ("b", 3), ("a", 15), ("c", 2)];
        let all = by_key(&cx, Windows::tumbling(secs(10)).lateness(secs(20)), items).await;
        let expected = [
            Out::Window("c", 0, 10, vec![5, 2]),
            Out::Window("a", 0, 10, vec![1]),
            Out::Window("b", 0, 10, vec![3]),
            Out::Window("a", 10, 20, vec![15]),
        ];
        assert_eq!(all, expected);
        // Two that became one are as old as the older.
        let items = vec![
            ("a", 20),
            ("b", 5),
            ("b", 14),
            ("b", 20),
            ("a", 5),
            ("a", 14),
        ];
        let all = by_key(&cx, sessions, items).await;
        let expected = [
            Out::Window("a", 5, 30, vec![5, 14, 20]),
            Out::Window("b", 5, 30, vec![5, 14, 20]),
        ];
        assert_eq!(all, expected);
    });
}

#[test]
fn the_time_of_one_key_is_that_of_all() {
    everywhere(async |cx: Cx<()>| {
        let items = vec![("a", 1), ("b", 20), ("a", 2)];
        let all = by_key(&cx, Windows::tumbling(secs(10)), items).await;
        let expected = [
            Out::Window("a", 0, 10, vec![1]),
            Out::Late(2),
            Out::Window("b", 20, 30, vec![20]),
        ];
        assert_eq!(all, expected);
    });
}

#[test]
fn windows_at_both_ends_of_time_overflow_nothing() {
    in_turns(async |cx: Cx<()>| {
        let far = |ahead: bool| {
            let steps = (0..64).rev().map(|bit| Duration::from_secs(1 << bit));
            steps.fold(SystemTime::UNIX_EPOCH, |time, step| {
                let next = if ahead {
                    time.checked_add(step)
                } else {
                    time.checked_sub(step)
                };
                next.unwrap_or(time)
            })
        };
        let (first, last) = (far(false), far(true));
        for size in [Duration::from_nanos(7), secs(1 << 40), Duration::MAX] {
            for windows in [
                Windows::tumbling(size),
                Windows::sliding(size, Duration::MAX),
                Windows::sessions(size),
                Windows::tumbling(size).aligned_to(first),
                Windows::sessions(size).lateness(Duration::MAX),
            ] {
                let items = Stream::from_iter([first, last, SystemTime::UNIX_EPOCH]);
                let windowed = items.windowed(windows, |time| *time).run_collect();
                let Ok(all) = cx.run(windowed).await;
                for window in all.into_iter().flatten() {
                    assert!(window.start <= window.value[0], "{windows:?}: {window:?}");
                    assert!(window.value[0] <= window.end, "{windows:?}: {window:?}");
                }
            }
        }
    });
}

#[test]
fn windows_of_no_size_are_refused() {
    let second = secs(1);
    let refused: [fn(Duration) -> Windows; 4] = [
        |_| Windows::tumbling(Duration::ZERO),
        |second| Windows::sliding(Duration::ZERO, second),
        |second| Windows::sliding(second, Duration::ZERO),
        |_| Windows::sessions(Duration::ZERO),
    ];
    for make in refused {
        assert!(std::panic::catch_unwind(|| make(second)).is_err());
    }
}

#[test]
fn a_failure_flows_on_in_its_place_and_touches_no_window() {
    everywhere(async |cx: Cx<()>| {
        #[derive(Debug, PartialEq)]
        enum Bad {
            Said(&'static str),
            Late(i64),
        }
        impl From<Late<i64>> for Bad {
            fn from(late: Late<i64>) -> Self {
                Bad::Late(late.item)
            }
        }
        let elements = [
            Err(Bad::Said("first")),
            Ok(1),
            Err(Bad::Said("between")),
            Ok(11),
            Ok(2),
            Err(Bad::Said("last")),
        ];
        let windows = Windows::tumbling(secs(10));
        let windowed = StreamE::from_results(elements).windowed_fold(
            windows,
            |time| at(*time),
            0,
            |count, _| count + 1,
            |_, _| panic!("these are never joined"),
        );
        let counts = windowed.map(|window| (second(window.start), window.value));
        let Ok(all) = cx.run(counts.run_collect()).await;
        let expected = [
            Err(Bad::Said("first")),
            Err(Bad::Said("between")),
            Ok((0, 1)),
            Err(Bad::Late(2)),
            Err(Bad::Said("last")),
            Ok((10, 1)),
        ];
        assert_eq!(all, expected);
    });
}

#[test]
fn late_items_have_an_output_of_their_own() {
    everywhere(async |cx: Cx<()>| {
        let late = Channel::bounded(10);
        let items = Stream::from_iter([1, 11, 2, 21, 3]);
        let windowed = items.windowed(Windows::tumbling(secs(10)), |time| at(*time));
        let in_time = windowed.map(|window| window.value).route_errors(&late);
        let Ok((windows, _)) = cx.run(in_time.partition()).await;
        assert_eq!(windows, [[1], [11], [21]]);
        late.close();
        let Ok(late) = cx.run(Stream::from_channel(late).run_collect()).await;
        assert_eq!(
            late.iter().map(|late| late.item).collect::<Vec<_>>(),
            [2, 3]
        );
    });
}

#[test]
fn a_key_is_forgotten_with_its_last_window() {
    everywhere(async |cx: Cx<()>| {
        for windows in [
            Windows::tumbling(secs(1)),
            Windows::sliding(secs(3), secs(1)),
            Windows::sessions(secs(2)),
        ] {
            let keys: Vec<Arc<u32>> = (0..100).map(Arc::new).collect();
            let items: Vec<_> = keys.iter().map(Arc::downgrade).zip(0..).collect();
            let run = Stream::from_iter(items)
                .windowed_fold(
                    windows,
                    |(key, time)| (at(*time), key.upgrade().unwrap()),
                    (),
                    |(), _| (),
                    |(), ()| (),
                )
                .map(|window| drop(window.key))
                .run_for_each(move |_| {
                    let held = keys.iter().filter(|key| Arc::strong_count(key) > 1);
                    let held = held.count();
                    assert!(held <= 3, "{held} keys are held, in {windows:?}");
                    succeed::<(), Never, _>(())
                });
            let Ok(()) = cx.run(run).await;
        }
    });
}

#[test]
fn what_is_open_is_dropped_with_an_interrupted_run() {
    everywhere(async |cx: Cx<()>| {
        let held = Arc::new(());
        let item = Arc::clone(&held);
        let endless = Stream::once(item).concat(Stream::never());
        let windowed = endless.windowed(Windows::tumbling(secs(1)), |_| at(0));
        let Err(_) = cx.run(windowed.run_drain().timeout(secs(1))).await else {
            panic!("it never ends");
        };
        assert_eq!(Arc::strong_count(&held), 1);
    });
}

#[test]
fn a_window_without_end_lets_others_run() {
    on_both(async |cx: Cx<()>| {
        let endless = Stream::repeat_item(1).windowed_fold(
            Windows::tumbling(Duration::MAX),
            |_| at(0),
            0,
            |count, _| count + 1,
            |_, _| 0,
        );
        let other = effect(async |_: Cx<()>| {
            effect::yield_now().await;
            Ok("the other")
        });
        let windowing = endless.run_drain().map(|()| "the windows");
        assert_eq!(cx.run(windowing.race_first(other)).await, Ok("the other"));
    });
}

#[test]
fn an_item_of_many_windows_is_as_much_of_a_turn_as_they_are() {
    on_both(async |cx: Cx<()>| {
        let added = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&added);
        let at_once = Stream::repeat_item(1).windowed_fold(
            Windows::sliding(Duration::from_secs(1000), Duration::from_secs(1)),
            move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                at(0)
            },
            0,
            |count, _| count + 1,
            |_, _| 0,
        );
        let other = effect(async move |_: Cx<()>| {
            effect::yield_now().await;
            Ok(added.load(Ordering::SeqCst))
        });
        let windowing = at_once.run_drain().map(|()| u64::MAX);
        let added = cx.run(windowing.race_first(other)).await.unwrap();
        // Each in a thousand windows: one for each turn.
        assert!(added <= 2, "{added}");
    });
}

/// Windows, and the times and keys of items, by chance.
struct Given {
    windows: Windows,
    shape: Shape,
    lateness: i64,
    items: Vec<(u64, i64)>,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Aligned { size: i64, every: i64 },
    Sessions { gap: i64 },
}

impl Given {
    fn by_chance(seed: u64) -> Given {
        let mut dice = Dice(seed);
        let mut between = |low: i64, high: i64| low + dice.roll((high - low + 1) as u64) as i64;
        let length = between(1, 12);
        let shape = match between(0, 3) {
            0 => Shape::Sessions { gap: length },
            1 => Shape::Aligned {
                size: length,
                every: length,
            },
            _ => Shape::Aligned {
                size: length,
                every: between(1, 12),
            },
        };
        let lateness = between(0, 15);
        let windows = match shape {
            Shape::Aligned { size, every } if size == every => Windows::tumbling(secs(size as u64)),
            Shape::Aligned { size, every } => {
                Windows::sliding(secs(size as u64), secs(every as u64))
            }
            Shape::Sessions { gap } => Windows::sessions(secs(gap as u64)),
        };
        let (keys, span) = (between(1, 3), between(0, 30));
        let mut now = -20;
        let items = (0..between(0, 40)).map(|_| {
            now += between(0, 4);
            (between(1, keys) as u64, now - between(0, span))
        });
        let items = items.collect();
        Given {
            windows: windows.lateness(secs(lateness as u64)),
            shape,
            lateness,
            items,
        }
    }
}

/// A window, and when it is emitted.
#[derive(Clone, Debug)]
struct Naive {
    key: u64,
    start: i64,
    end: i64,
    opened: usize,
    items: Vec<i64>,
}

/// What comes out, by definition: for each item, all windows that there are are looked at.
fn naive(given: &Given) -> Vec<Out<u64>> {
    let mut out = Vec::new();
    let mut open: Vec<Naive> = Vec::new();
    let mut latest = i64::MIN / 2;
    for (n, (key, time)) in given.items.iter().copied().enumerate() {
        latest = latest.max(time);
        let watermark = latest - given.lateness;
        match given.shape {
            Shape::Aligned { size, every } => {
                let starts = (-100..300).map(|start| start * every);
                let its = starts.filter(|start| *start <= time && time < start + size);
                let its: Vec<_> = its.collect();
                let are_open = its.iter().filter(|start| **start + size > watermark);
                if !its.is_empty() && are_open.clone().count() == 0 {
                    out.push(Out::Late(time));
                }
                for start in are_open {
                    match open
                        .iter_mut()
                        .find(|window| (window.key, window.start) == (key, *start))
                    {
                        Some(window) => window.items.push(time),
                        None => open.push(Naive {
                            key,
                            start: *start,
                            end: start + size,
                            opened: n,
                            items: vec![time],
                        }),
                    }
                }
            }
            Shape::Sessions { gap } => {
                let is_near = |window: &Naive| {
                    let near = |item: &i64| (item - time).abs() < gap;
                    window.key == key && window.items.iter().any(near)
                };
                let (near, others): (Vec<_>, Vec<_>) = open.into_iter().partition(is_near);
                open = others;
                if near.is_empty() && time + gap <= watermark {
                    out.push(Out::Late(time));
                } else {
                    let mut items: Vec<_> = near
                        .iter()
                        .flat_map(|window| window.items.clone())
                        .collect();
                    items.push(time);
                    open.push(Naive {
                        key,
                        start: *items.iter().min().unwrap(),
                        end: items.iter().max().unwrap() + gap,
                        opened: near.iter().map(|window| window.opened).min().unwrap_or(n),
                        items,
                    });
                }
            }
        }
        open = emit(open, watermark, &mut out);
    }
    emit(open, i64::MAX, &mut out);
    out
}

/// Emits those that are closed, and has the others.
fn emit(mut open: Vec<Naive>, watermark: i64, out: &mut Vec<Out<u64>>) -> Vec<Naive> {
    open.sort_by_key(|window| (window.end, window.start, window.opened));
    let (closed, open) = open.into_iter().partition(|window| window.end <= watermark);
    let closed: Vec<Naive> = closed;
    out.extend(closed.into_iter().map(|window| {
        let mut items = window.items;
        items.sort_unstable();
        Out::Window(window.key, window.start, window.end, items)
    }));
    open
}

/// What comes out, with the items of each window by their times: of sessions that become one, those of the earlier come first.
async fn sorted(cx: &Cx<()>, windows: Windows, items: Vec<(u64, i64)>) -> Vec<Out<u64>> {
    let all = by_key(cx, windows, items).await.into_iter();
    let sorted = all.map(|out| match out {
        Out::Window(key, start, end, mut items) => {
            items.sort_unstable();
            Out::Window(key, start, end, items)
        }
        late @ Out::Late(_) => late,
    });
    sorted.collect()
}

#[test]
fn what_comes_out_is_what_windows_are_by_definition() {
    in_turns(async |cx: Cx<()>| {
        for seed in 0..2_000 {
            let given = Given::by_chance(seed);
            let all = sorted(&cx, given.windows, given.items.clone()).await;
            assert_eq!(
                all,
                naive(&given),
                "seed {seed}: {:?}, {:?}",
                given.windows,
                given.items
            );
        }
    });
}

/// In which windows an item is, and how often it is late, if it is in one at least.
fn places(out: &[Out<u64>], of: (u64, i64)) -> (Vec<(i64, i64)>, usize) {
    let mut places = Vec::new();
    let mut late = 0;
    for out in out {
        match out {
            Out::Window(key, start, end, items) => {
                let here = items.iter().filter(|item| (*key, **item) == of).count();
                places.extend(std::iter::repeat_n((*start, *end), here));
            }
            Out::Late(time) => late += usize::from(*time == of.1),
        }
    }
    (places, late)
}

#[test]
fn each_item_is_in_its_windows_or_late_and_never_both() {
    in_turns(async |cx: Cx<()>| {
        for seed in 0..2_000 {
            let mut given = Given::by_chance(seed);
            // Each time once, so that items can be told apart.
            let mut times = std::collections::BTreeSet::new();
            given.items.retain(|(_, time)| times.insert(*time));
            let all = sorted(&cx, given.windows, given.items.clone()).await;
            for item in given.items {
                let (places, late) = places(&all, item);
                assert!(
                    places
                        .iter()
                        .all(|(start, end)| *start <= item.1 && item.1 < *end)
                );
                let mut once = places.clone();
                once.dedup();
                assert_eq!(places, once, "seed {seed}: {item:?} is somewhere twice");
                let fate = places.len() + late;
                match given.shape {
                    Shape::Aligned { size, every } => {
                        assert!(late == 0 || fate == 1, "seed {seed}: {item:?} is both");
                        assert!(fate > 0 || every > size, "seed {seed}: {item:?} is lost");
                    }
                    Shape::Sessions { .. } => assert_eq!(fate, 1, "seed {seed}: {item:?}"),
                }
            }
        }
    });
}

#[test]
fn the_order_within_the_lateness_makes_no_difference() {
    in_turns(async |cx: Cx<()>| {
        for seed in 0..2_000 {
            let mut given = Given::by_chance(seed);
            given.items.sort_by_key(|(_, time)| *time);
            let mut dice = Dice(seed + 1_000_000);
            // Delayed by up to the lateness, none is that much older than one that came before.
            let mut delayed = given.items.clone();
            delayed
                .sort_by_cached_key(|(_, time)| time + dice.roll(given.lateness as u64 + 1) as i64);
            let by_window = |mut all: Vec<Out<u64>>| {
                // As they were opened depends on the order.
                all.sort_by_key(|out| match out {
                    Out::Window(key, start, end, _) => (*end, *start, *key),
                    Out::Late(time) => panic!("seed {seed}: {time} is late"),
                });
                all
            };
            let in_order = by_window(sorted(&cx, given.windows, given.items).await);
            let out_of_order = by_window(sorted(&cx, given.windows, delayed.clone()).await);
            assert_eq!(in_order, out_of_order, "seed {seed}: {delayed:?}");
        }
    });
}
