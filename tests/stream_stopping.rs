//! Streams that are stopped, have something beside them, or owe something at their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{Log, everywhere, on_both, secs};
use effect::prelude::*;

/// Numbers, each of which takes two seconds, and notes what becomes of it.
fn slow(log: &Log) -> Stream<(), u32> {
    let log = log.clone();
    Stream::range(0..9)
        .map_effect(move |n| {
            let work = sleep::<_, Never>(secs(2)).map(move |()| n);
            work.on_interrupt(log.note_after(secs(1), "cleaned"))
                .erase()
        })
        .into_values()
        .erase()
}

// T100
#[test]
fn a_halt_finishes_what_is_being_made_and_an_interruption_cuts_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let begin = cx.now();
        let halted = slow(&log).halt_when(sleep::<_, Never>(secs(5)));
        assert_eq!(cx.run(halted.collect_results()).await, Ok(vec![0, 1, 2]));
        assert_eq!((cx.now() - begin, log.count()), (secs(6), 0));

        let begin = cx.now();
        let cut = slow(&log).interrupt_when(sleep::<_, Never>(secs(5)));
        assert_eq!(cx.run(cut.collect_results()).await, Ok(vec![0, 1]));
        assert_eq!((cx.now() - begin, log.count()), (secs(6), 1));
    });
}

#[test]
fn nothing_is_begun_after_a_halt_in_the_consumers_time() {
    everywhere(async |cx: Cx<()>| {
        let made = Arc::new(AtomicU32::new(0));
        let making = Arc::clone(&made);
        let counted = Stream::range(0..9).inspect(move |_| {
            making.fetch_add(1, Ordering::SeqCst);
        });
        let run = counted
            .halt_when(sleep::<_, Never>(secs(1)))
            .run_for_each(|_| sleep::<_, Never>(secs(5)));
        assert_eq!(cx.run(run).await, Ok(()));
        assert_eq!(made.load(Ordering::SeqCst), 1);
    });
}

// T100
#[test]
fn what_a_signal_fails_with_comes_last() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let late = || sleep(secs(5)).flat_map(|()| fail::<_, _, ()>("signalled"));
        let Ok((values, errors)) = cx.run(slow(&log).halt_when(late()).partition()).await;
        assert_eq!((values, errors), (vec![0, 1, 2], vec!["signalled"]));
        let Ok((values, errors)) = cx.run(slow(&log).interrupt_when(late()).partition()).await;
        assert_eq!((values, errors), (vec![0, 1], vec!["signalled"]));
    });
}

// T89
#[test]
fn an_open_group_is_emitted_when_what_feeds_it_is_stopped() {
    everywhere(async |cx: Cx<()>| {
        let begin = cx.now();
        let fed = Stream::range(0..99)
            .tap(|_| sleep::<_, Never>(secs(1)))
            .interrupt_when(sleep(secs(5) + secs(1) / 2));
        let day = secs(24 * 3600);
        let Ok(groups) = cx.run(fed.chunks_within(100, day).run_collect()).await;
        assert_eq!(groups, [Ok(vec![0, 1, 2, 3, 4])]);
        assert_eq!(cx.now() - begin, secs(5) + secs(1) / 2);
    });
}

// T85
#[test]
fn what_runs_beside_a_stream_is_interrupted_with_it_and_ends_it_by_failing_alone() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        // It ends first.
        let quick = slow(&log).with_background(sleep::<_, Never>(secs(1)));
        assert_eq!(cx.run(quick.run_drain()).await, Ok(()));
        assert_eq!(log.count(), 0);
        // The stream ends first.
        let watching = never::<_, Never, ()>().on_interrupt(log.note_after(secs(1), "watched"));
        let watched = slow(&log).take(1).with_background(watching);
        assert_eq!(cx.run(watched.run_drain()).await, Ok(()));
        assert_eq!(log.lines(), ["watched"]);
        // It fails, and the stream would never end.
        let failing = sleep(secs(3)).flat_map(|()| fail::<_, _, ()>("beside"));
        let hanging = Stream::<(), u32>::never().with_background(failing);
        assert_eq!(cx.run(hanging.run_drain()).await, Err("beside"));
    });
}

/// What runs beside goes on while the consumer is busy.
#[test]
fn what_runs_beside_a_stream_is_not_kept_by_a_slow_consumer() {
    everywhere(async |cx: Cx<()>| {
        let ticks = Arc::new(AtomicU32::new(0));
        let ticking = Arc::clone(&ticks);
        let beside = effect(async move |cx: Cx<()>| {
            loop {
                cx.sleep(secs(1)).await;
                ticking.fetch_add(1, Ordering::SeqCst);
            }
            #[allow(unreachable_code, reason = "it says what the effect would fail with")]
            Ok::<(), Never>(())
        });
        let run = Stream::once(1)
            .with_background(beside)
            .run_for_each(|_| sleep::<_, Never>(secs(10) + secs(1) / 2));
        assert_eq!(cx.run(run).await, Ok(()));
        assert_eq!(ticks.load(Ordering::SeqCst), 10);
    });
}

// T101
#[test]
fn a_finalizer_is_told_how_its_stream_has_ended() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let told = |stream: Stream<(), u32>| {
            let log = log.clone();
            stream.on_exit(move |exit| {
                let how = match exit {
                    Exit::Success(()) => "ended",
                    Exit::Failure(cause) if cause.is_interrupt() => "stopped",
                    Exit::Failure(_) => "died",
                };
                log.note_after(secs(1), how)
            })
        };
        let numbers = || Stream::range(0..3).erase();
        let Ok(3) = cx.run(told(numbers()).run_count()).await else {
            panic!("three");
        };
        let Ok(_) = cx.run(told(numbers()).take(1).run_count()).await;
        let Ok(_) = cx.run(told(numbers()).take(0).run_count()).await;
        let dying = numbers().map(|n| 1 / (n - 1)).erase();
        let _ = cx.run(cx.fork(told(dying).run_drain()).exit()).await;
        assert_eq!(log.lines(), ["ended", "stopped", "died"]);
    });
}

// T101
#[test]
fn a_finalizer_that_was_never_needed_does_not_run() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let owing = Stream::range(0..3).ensuring(log.note("ran"));
        drop(owing.clone());
        let not_reached = Stream::range(0..3).concat(owing).take(3);
        assert_eq!(cx.run(not_reached.run_count()).await, Ok(3));
        assert_eq!(log.count(), 0);
    });
}

#[test]
fn a_stream_sees_the_environment_that_it_is_given() {
    everywhere(async |cx: Cx<()>| {
        let limited = Stream::generate(async |cx: Cx<u32>, mut out: effect::Emitter<u32>| {
            for n in 0..*cx.env() {
                cx.sleep(secs(1)).await;
                out.emit(n).await;
            }
        });
        let both = limited.clone().provide(2).concat(limited.provide(1));
        assert_eq!(cx.run(both.run_collect()).await, Ok(vec![0, 1, 0]));
    });
}
