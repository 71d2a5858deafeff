//! One stream after the other, and streams of streams.

use crate::common::{Log, everywhere, in_turns, on_both, secs};
use effect::prelude::*;
use effect::{Emitter, Queue};

/// A stream that holds something while it runs, and is slow to let go of it.
fn holding(log: &Log, name: &'static str, items: std::ops::Range<u32>) -> StreamE<(), Never, u32> {
    let (begun, ended) = (log.clone(), log.clone());
    let acquire = sync(move || begun.write(format!("opens {name}")));
    let release = move |()| sleep(secs(1)).map(move |()| ended.write(format!("closes {name}")));
    let resource = acquire_release(acquire, release);
    // Made once: it is no closure that runs twice.
    let resource = resource.erase();
    StreamE::scoped(resource.map(move |()| StreamE::from_iter(items))).erase()
}

// T102, of what is released
#[test]
fn a_stream_begins_when_the_one_before_it_has_let_go() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let streams = holding(&log, "a", 0..2).concat(holding(&log, "b", 2..4));
        let both = [streams.clone().erase(), {
            let log = log.clone();
            Stream::from_iter(["a", "b"])
                .enumerate()
                .flat_map(move |(n, name)| {
                    let first = n as u32 * 2;
                    holding(&log, name, first..first + 2).into_results()
                })
                .map_effect(from_result)
                .erase()
        }];
        for stream in both {
            assert_eq!(cx.run(stream.collect_results()).await, Ok(vec![0, 1, 2, 3]));
            assert_eq!(log.lines(), ["opens a", "closes a", "opens b", "closes b"]);
            log.clear();
        }
        // Pulled, and not erased.
        let pulled = streams.clone().run_for_each(|_| sleep::<_, Never>(secs(1)));
        assert_eq!(cx.run(pulled).await, Ok(()));
        assert_eq!(log.lines(), ["opens a", "closes a", "opens b", "closes b"]);
        log.clear();
        // Of a stream that is cut short, it is a drop that owes.
        let cut = holding(&log, "a", 0..9)
            .take(2)
            .concat(holding(&log, "b", 2..4));
        let pulled = cut.clone().run_for_each(|_| sleep::<_, Never>(secs(1)));
        let pulled = pulled.erase();
        let nested = Stream::from_iter(["a", "b"]).flat_map({
            let log = log.clone();
            move |name| holding(&log, name, 0..9).take(2).into_values()
        });
        let runs = [
            pulled,
            cut.clone().run_drain().erase(),
            cut.erase().run_drain().erase(),
            nested.run_drain().erase(),
        ];
        for run in runs {
            assert_eq!(cx.run(run).await, Ok(()));
            assert_eq!(log.lines(), ["opens a", "closes a", "opens b", "closes b"]);
            log.clear();
        }
        // Taken from: what has not begun is never opened.
        let one = streams.take(2).run_drain();
        assert_eq!(cx.run(one).await, Ok(()));
        assert_eq!(log.lines(), ["opens a", "closes a"]);
    });
}

// T75
#[test]
fn a_stream_that_is_never_run_makes_nothing() {
    on_both(async |_: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        drop(Stream::<(), u8>::suspend(move || {
            noted.write("made");
            Stream::empty()
        }));
        let noted = log.clone();
        drop(Stream::<(), u8>::generate(async move |_, _| {
            noted.write("ran")
        }));
        drop(holding(&log, "a", 0..2));
        assert!(log.lines().is_empty());
    });
}

fn down_from(n: u32) -> Stream<(), u32> {
    if n == 0 {
        return Stream::empty().erase();
    }
    Stream::once(n)
        .concat(Stream::suspend(move || down_from(n - 1)))
        .erase()
}

// T107
#[test]
fn a_stream_that_goes_on_with_itself_takes_constant_stack() {
    in_turns(async |cx: Cx<()>| {
        assert_eq!(cx.run(down_from(100_000).run_count()).await, Ok(100_000));
        let pulled = down_from(100_000).run_for_each(|_| succeed::<(), Never, _>(()));
        assert_eq!(cx.run(pulled).await, Ok(()));
    });
}

// T107, id_effect 10
#[test]
fn a_long_chain_costs_an_item_the_same_however_it_is_nested() {
    in_turns(async |cx: Cx<()>| {
        const LINKS: u32 = 100_000;
        let one = |n: u32| Stream::<(), _>::once(n).erase();
        let left = (0..LINKS).fold(Stream::empty().erase(), |chain, n| {
            chain.concat(one(n)).erase()
        });
        let right = (0..LINKS).rev().fold(Stream::empty().erase(), |chain, n| {
            one(n).concat(chain).erase()
        });
        for chain in [left, right] {
            let Ok(all) = cx.run(chain.clone().run_collect()).await;
            assert_eq!(all, (0..LINKS).collect::<Vec<_>>());
            // A million steps a link would take minutes.
            let Ok(first) = cx.run(chain.run_head()).await;
            assert_eq!(first, Some(0));
        }
    });
}

// T107
#[test]
fn streams_of_streams_nest_deeply() {
    in_turns(async |cx: Cx<()>| {
        let mut stream: Stream<(), u32> = Stream::once(0).erase();
        for _ in 0..10_000 {
            stream = stream.flat_map(|n| Stream::once(n + 1)).erase();
        }
        assert_eq!(cx.run(stream.clone().run_collect()).await, Ok(vec![10_000]));
        drop(stream);
        let mut mapped: Stream<(), u32> = Stream::range(0..2).erase();
        for _ in 0..10_000 {
            mapped = mapped.map(|n| n + 1).erase();
        }
        assert_eq!(cx.run(mapped.run_collect()).await, Ok(vec![10_000, 10_001]));
    });
}

#[test]
fn a_body_goes_on_past_an_item_when_the_next_is_wanted() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let stream = Stream::generate(async move |_: Cx<()>, mut out: Emitter<u32>| {
            for n in 0.. {
                noted.write(format!("makes {n}"));
                out.emit(n).await;
            }
        });
        let noted = log.clone();
        let run = stream.take(2).run_for_each(move |n| {
            let log = noted.clone();
            sleep::<_, Never>(secs(1)).map(move |()| log.write(format!("takes {n}")))
        });
        let Ok(()) = cx.run(run).await;
        assert_eq!(log.lines(), ["makes 0", "takes 0", "makes 1", "takes 1"]);
    });
}

#[test]
fn a_body_may_emit_from_a_fiber_of_its_own() {
    everywhere(async |cx: Cx<()>| {
        let stream = Stream::generate(async |cx: Cx<()>, mut out: Emitter<u32>| {
            let fiber = cx.fork(effect(async move |cx: Cx<()>| {
                for n in 0..5 {
                    cx.sleep(secs(1)).await;
                    out.emit(n).await;
                }
                Ok::<_, Never>(())
            }));
            let Ok(()) = cx.run(fiber.join()).await;
        });
        assert_eq!(cx.run(stream.run_collect()).await, Ok(vec![0, 1, 2, 3, 4]));
    });
}

#[test]
fn a_body_may_emit_beside_something_else() {
    everywhere(async |cx: Cx<()>| {
        let stream = Stream::generate(async |cx: Cx<()>, mut out: Emitter<u32>| {
            let emitting = async {
                for n in 0..3 {
                    out.emit(n).await;
                }
            };
            // Each side is polled with a waker of its own.
            let mut both = futures::stream::FuturesUnordered::new();
            both.push(futures::future::Either::Left(emitting));
            both.push(futures::future::Either::Right(cx.sleep(secs(5))));
            while futures::StreamExt::next(&mut both).await.is_some() {}
        });
        let run = stream.run_for_each(|_| sleep::<_, Never>(secs(1)));
        let begin = cx.now();
        let Ok(()) = cx.run(run).await;
        assert_eq!(cx.now() - begin, secs(5));
    });
}

/// What is interrupted loses nothing that was not asked for.
#[test]
fn what_is_not_taken_stays_in_the_queue() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::unbounded();
        for n in 0..10 {
            queue.try_offer(n).unwrap();
        }
        let some = Stream::from_queue(queue.clone()).take(3).run_collect();
        assert_eq!(cx.run(some).await, Ok(vec![0, 1, 2]));
        let slow = Stream::from_queue(queue.clone()).run_for_each(|_| sleep::<_, Never>(secs(1)));
        assert!(cx.run(slow.timeout(secs(2) - secs(1) / 2)).await.is_err());
        assert_eq!(queue.len(), 5);
        queue.close();
        let rest = Stream::from_queue(queue).run_collect();
        assert_eq!(cx.run(rest).await, Ok(vec![5, 6, 7, 8, 9]));
    });
}

#[test]
fn failures_that_never_end_starve_no_inner_stream() {
    everywhere(async |cx: Cx<()>| {
        let failing =
            Stream::<(), _>::from_iter(0_u32..).map(|n| if n == 0 { Ok(n) } else { Err(n) });
        let elements = StreamE::new(failing.into_source());
        let flattened = elements.flat_map_par(2, |_| StreamE::from_iter(10..13));
        let Ok(all) = cx.run(flattened.take(6).run_collect()).await;
        let values: Vec<_> = all.into_iter().filter_map(Result::ok).collect();
        assert_eq!(values, [10, 11, 12]);
    });
}

#[test]
fn an_item_whose_emit_is_dropped_before_it_is_asked_for_is_not_emitted() {
    everywhere(async |cx: Cx<()>| {
        let numbers = Stream::generate(async |_: Cx<()>, mut out: Emitter<u32>| {
            // Asked for, and handed over.
            assert!(futures::poll!(out.emit(1)).is_pending());
            // Nobody has asked for another one yet.
            assert!(futures::poll!(out.emit(2)).is_pending());
            out.emit(3).await;
        });
        let Ok(all) = cx.run(numbers.run_collect()).await;
        assert_eq!(all, [1, 3]);
    });
}
