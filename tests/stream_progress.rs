//! What has begun goes on, whoever waits, and for whatever.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use crate::common::{Log, on_both, secs};
use effect::prelude::*;
use effect::{Deferred, Emitter, yield_now};

type Signal = Deferred<Never, ()>;

fn wait(signal: &Signal) -> Effect<(), Never, ()> {
    let signal = signal.clone();
    effect(async move |_: Cx<()>| signal.wait().await).erase()
}

/// Gives the signal after a while.
fn give(signal: &Signal, seconds: u64) -> Effect<(), Never, ()> {
    let signal = signal.clone();
    sleep(secs(seconds))
        .map(move |()| {
            let _ = signal.succeed(());
        })
        .erase()
}

/// Two numbers: the first takes a second, and the second gives the signal after two.
fn giving(signal: &Signal) -> impl FnMut(u32) -> Effect<(), Never, u32> + Clone + Send + 'static {
    let signal = signal.clone();
    move |n| {
        let work = match n {
            0 => sleep(secs(1)).erase(),
            _ => give(&signal, 2),
        };
        work.map(move |()| n).erase()
    }
}

/// The consumer waits for the signal, with the first item in hand.
async fn runs_to_its_end(cx: &Cx<()>, name: &str, stream: Stream<(), u32>, signal: Signal) {
    let begin = cx.now();
    let run = stream.run_for_each(move |_| wait(&signal));
    let ended = cx.run(run.timeout(secs(100))).await;
    // Who is polled for the limit is polled for all else as well.
    assert!(ended.is_ok() && cx.now() - begin < secs(100), "{name}");
}

#[test]
fn what_was_asked_goes_on_while_the_consumer_has_something_else() {
    type Apply = fn(Stream<(), u32>) -> Stream<(), u32>;
    let operators: [(&str, Apply); 4] = [
        ("map_effect_par", |s| {
            let again = s.map_effect_par(2, |n| sleep::<_, Never>(secs(1)).map(move |()| n));
            again.into_values().erase()
        }),
        ("map_effect_par_unordered", |s| {
            let again =
                s.map_effect_par_unordered(2, |n| sleep::<_, Never>(secs(1)).map(move |()| n));
            again.into_values().erase()
        }),
        ("chunks_within", |s| {
            s.chunks_within(5, secs(1)).map(|chunk| chunk[0]).erase()
        }),
        ("debounce", |s| s.debounce(secs(1)).erase()),
    ];
    for (name, apply) in operators {
        on_both(async move |cx: Cx<()>| {
            let signal = Signal::new();
            let source = Stream::range(0..2).map_effect(giving(&signal));
            let stream = apply(source.into_values().erase());
            runs_to_its_end(&cx, name, stream, signal).await;
        });
    }
}

#[test]
fn what_one_side_has_in_flight_goes_on_while_the_other_is_waited_for() {
    type Join = fn(Stream<(), u32>, Stream<(), u32>) -> Stream<(), u32>;
    let operators: [(&str, Join); 5] = [
        ("zip", |s, t| s.zip(t).map(|(n, _)| n).erase()),
        ("zip, the other way", |s, t| {
            t.zip(s).map(|(_, n)| n).erase()
        }),
        ("zip_latest", |s, t| s.zip_latest(t).map(|(n, _)| n).erase()),
        ("zip_latest, the other way", |s, t| {
            t.zip_latest(s).map(|(_, n)| n).erase()
        }),
        ("interleave", |s, t| s.interleave(t).erase()),
    ];
    for (name, join) in operators {
        on_both(async move |cx: Cx<()>| {
            let signal = Signal::new();
            let one = Stream::range(0..2).map_effect_par(2, giving(&signal));
            let other = StreamE::from_effect(wait(&signal).map(|()| 9));
            let stream = join(one.into_values().erase(), other.into_values().erase());
            let begin = cx.now();
            let run = stream.run_collect().timeout(secs(100));
            assert!(cx.run(run).await.is_ok(), "{name}");
            assert_eq!(cx.now() - begin, secs(2), "{name}");
        });
    }
}

#[test]
fn a_stream_among_many_goes_on_after_its_item() {
    on_both(async |cx: Cx<()>| {
        let signal = Signal::new();
        let given = signal.clone();
        let stream = Stream::once(()).flat_map_par(2, move |()| {
            let given = given.clone();
            let numbers = Stream::range(0..2).inspect(move |n| {
                if *n == 1 {
                    given.succeed(()).unwrap();
                }
            });
            numbers.buffer(2)
        });
        runs_to_its_end(&cx, "flat_map_par", stream.erase(), signal).await;
    });
}

#[test]
fn who_was_woken_beside_an_item_that_is_kept_goes_on() {
    on_both(async |cx: Cx<()>| {
        let signal = Signal::new();
        let kept = StreamE::from_effect(sleep::<_, Never>(secs(2)).map(|()| 1)).into_values();
        let giving = StreamE::from_effect(give(&signal, 2).map(|()| 2)).into_values();
        let both = kept.merge(giving);
        let first = StreamE::from_effect(sleep::<_, Never>(secs(1)).map(|()| 0)).into_values();
        runs_to_its_end(&cx, "merge", both.merge(first).erase(), signal).await;
    });
}

#[test]
fn what_a_stream_among_many_owes_is_done_while_nothing_else_happens() {
    on_both(async |cx: Cx<()>| {
        // The next one comes when what the first owes is done.
        let signal = Signal::new();
        let next = StreamE::from_effect(wait(&signal).map(|()| 1)).into_values();
        let closing = signal.clone();
        let stream = Stream::once(0).concat(next).flat_map_par(2, move |n| {
            let held = Stream::repeat_item(n).ensuring(give(&closing, 1));
            held.take(1)
        });
        let run = stream.run_collect().timeout(secs(100));
        assert_eq!(cx.run(run).await, Ok(vec![0, 1]));

        // So does the consumer.
        let signal = Signal::new();
        let closing = signal.clone();
        let stream = Stream::range(0..2).flat_map_par(2, move |n| {
            let seconds = u64::from(n) + 1;
            let late = StreamE::from_effect(sleep::<_, Never>(secs(seconds)).map(move |()| n));
            let closes = if n == 1 {
                give(&closing, 1)
            } else {
                sleep(secs(0)).erase()
            };
            late.into_values().ensuring(closes).take_while(|n| *n == 0)
        });
        runs_to_its_end(&cx, "flat_map_par", stream.erase(), signal).await;
    });
}

#[test]
fn what_an_interrupted_stream_owes_is_done_in_the_consumers_time() {
    on_both(async |cx: Cx<()>| {
        let signal = Signal::new();
        let held = Stream::range(0..9).ensuring(give(&signal, 1));
        let stream = held.interrupt_when(sleep::<_, Never>(secs(1)));
        runs_to_its_end(&cx, "interrupt_when", stream.into_values().erase(), signal).await;
    });
}

#[test]
fn a_late_waker_of_what_has_ended_keeps_nobody_from_being_woken() {
    for ordered in [true, false] {
        on_both(async move |cx: Cx<()>| {
            let late = Arc::new(Mutex::new(None::<Waker>));
            let waking = Arc::clone(&late);
            let source = Stream::generate(async move |cx: Cx<()>, mut out: Emitter<u32>| {
                out.emit(0).await;
                cx.sleep(secs(1)).await;
                waking.lock().unwrap().take().unwrap().wake();
                cx.sleep(secs(1)).await;
                out.emit(1).await;
            });
            let run = move |n| {
                let late = Arc::clone(&late);
                effect(async move |cx: Cx<()>| {
                    if n == 0 {
                        poll_fn(move |task| {
                            *late.lock().unwrap() = Some(task.waker().clone());
                            Poll::Ready(())
                        })
                        .await;
                    } else {
                        cx.sleep(secs(1)).await;
                    }
                    Ok::<_, Never>(n)
                })
            };
            let stream = if ordered {
                source.map_effect_par(2, run).into_values().erase()
            } else {
                source
                    .map_effect_par_unordered(2, run)
                    .into_values()
                    .erase()
            };
            let begin = cx.now();
            let run = stream.run_collect().timeout(secs(100));
            assert_eq!(cx.run(run).await, Ok(vec![0, 1]));
            assert_eq!(cx.now() - begin, secs(3));
        });
    }
}

#[test]
fn nothing_is_begun_beside_a_stream_before_its_first_item_is_wanted() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let beside = Stream::once(1).with_background(log.note("begun"));
        let stream = Stream::once(0).interleave(beside.into_values());
        let done = log.clone();
        let run = stream.run_for_each(move |_| done.note_after(secs(1), "consumed"));
        let Ok(()) = cx.run(run).await;
        assert_eq!(log.lines(), ["consumed", "begun", "consumed"]);
    });
}

#[test]
fn a_group_without_a_bound_lets_others_run() {
    on_both(async |cx: Cx<()>| {
        let group = Stream::repeat_item(1).chunks_within(usize::MAX, secs(1));
        let other = effect(async |_: Cx<()>| {
            yield_now().await;
            Ok::<_, Never>(None)
        });
        let Ok(first) = cx.run(group.run_head().race_first(other)).await;
        assert_eq!(first, None);
    });
}

#[test]
fn effects_without_a_limit_let_others_run() {
    on_both(async |cx: Cx<()>| {
        for ordered in [true, false] {
            let items = Stream::repeat_item(1);
            let wait = |_| never::<_, Never, ()>();
            let run = if ordered {
                items.map_effect_par(usize::MAX, wait).run_drain().erase()
            } else {
                let run = items.map_effect_par_unordered(usize::MAX, wait);
                run.run_drain().erase()
            };
            let other = effect(async |_: Cx<()>| {
                yield_now().await;
                Ok(())
            });
            let Ok(()) = cx.run(run.race_first(other)).await;
        }
    });
}

#[test]
fn more_effects_than_are_polled_at_once_all_end() {
    on_both(async |cx: Cx<()>| {
        for ordered in [true, false] {
            // All of them are woken at the same time.
            let signal = Signal::new();
            let given = signal.clone();
            let pass = move |n| wait(&signal).map(move |()| n);
            let items = Stream::range(0..3000_u64);
            let all = if ordered {
                items.map_effect_par(usize::MAX, pass).into_values().erase()
            } else {
                let all = items.map_effect_par_unordered(usize::MAX, pass);
                all.into_values().erase()
            };
            let give = sleep(secs(1)).map(move |()| given.succeed(()).unwrap());
            let sum = all.run_fold(0, |sum, n| sum + n);
            let Ok((sum, ())) = cx.run(sum.zip_par(give)).await;
            assert_eq!(sum, 3000 * 2999 / 2);
        }
    });
}

#[test]
fn what_runs_for_an_item_is_let_go_before_its_source() {
    fn holding(log: &Log) -> Effect<(), Never, u32> {
        never()
            .on_interrupt(log.note_after(secs(1), "inner"))
            .erase()
    }
    fn stream(log: &Log) -> Stream<(), u32> {
        StreamE::from_effect(holding(log)).into_values().erase()
    }
    let operators: [(&str, Held); 6] = [
        ("map_effect", |s, log| {
            s.map_effect(move |_| holding(&log)).into_values().erase()
        }),
        ("map_effect_par", |s, log| {
            s.map_effect_par(1, move |_| holding(&log))
                .into_values()
                .erase()
        }),
        ("map_effect_par_unordered", |s, log| {
            s.map_effect_par_unordered(1, move |_| holding(&log))
                .into_values()
                .erase()
        }),
        ("flat_map", |s, log| {
            s.flat_map(move |_| stream(&log)).erase()
        }),
        ("flat_map_par", |s, log| {
            s.flat_map_par(1, move |_| stream(&log)).erase()
        }),
        ("flat_map_switch", |s, log| {
            s.flat_map_switch(move |_| stream(&log)).erase()
        }),
    ];
    lets_go_of_the_inside_first(&operators);
}

/// An operator that holds something, which notes "inner" when it is let go of.
type Held = fn(Stream<(), u32>, Log) -> Stream<(), u32>;

/// Stops each while it holds that: the source is let go of after it.
fn lets_go_of_the_inside_first(operators: &[(&'static str, Held)]) {
    for &(name, held) in operators {
        on_both(async move |cx: Cx<()>| {
            let log = Log::new();
            let source = Stream::once(0)
                .concat(Stream::never())
                .ensuring(log.note("source"));
            let run = held(source.erase(), log.clone()).run_drain();
            let ended = cx.run(run.timeout(secs(1))).await;
            assert!(ended.is_err(), "{name}");
            assert_eq!(log.lines(), ["inner", "source"], "{name}");
        });
    }
}

#[test]
fn what_an_inner_stream_owes_is_done_before_what_the_source_does() {
    fn stream(log: &Log) -> Stream<(), u32> {
        let held = Stream::repeat_item(1).ensuring(log.note_after(secs(2), "inner"));
        held.take(1).erase()
    }
    let operators: [(&str, Held); 3] = [
        ("flat_map", |s, log| {
            s.flat_map(move |_| stream(&log)).erase()
        }),
        ("flat_map_par", |s, log| {
            s.flat_map_par(1, move |_| stream(&log)).erase()
        }),
        ("flat_map_switch", |s, log| {
            s.flat_map_switch(move |_| stream(&log)).erase()
        }),
    ];
    lets_go_of_the_inside_first(&operators);
}

#[test]
fn a_stream_among_many_has_its_place_until_what_it_owes_is_done() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let noted = log.clone();
        let stream = Stream::range(0..3).flat_map_par(1, move |n| {
            noted.write("open");
            let held = Stream::repeat_item(n).ensuring(noted.note_after(secs(1), "closed"));
            held.take(1)
        });
        let Ok(all) = cx.run(stream.run_collect()).await;
        assert_eq!(all, [0, 1, 2]);
        let one_by_one = ["open", "closed"].repeat(3);
        assert_eq!(log.lines(), one_by_one);
    });
}

#[test]
fn a_finalizer_waits_for_what_is_owed_inside_it() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let inner = Stream::range(0..9).ensuring(log.note_after(secs(1), "inner"));
        let Ok(_) = cx
            .run(inner.take(1).ensuring(log.note("outer")).run_drain())
            .await;
        assert_eq!(log.lines(), ["inner", "outer"]);
    });
}
