//! Reports of how far a stream has come, and that nothing else comes of them.

use std::sync::Arc;
use std::time::Duration;

use crate::common::watched::Watched;
use crate::common::{Log, everywhere, on_both, secs};
use effect::prelude::*;
use effect::{Report, Runtime, Stop, StreamProgress};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What writes a line.
fn line(log: &Log, text: String) -> Effect<(), Never, ()> {
    let log = log.clone();
    sync(move || log.write(text)).erase_once()
}

/// Reports the count and the last item.
fn counting(log: &Log) -> impl FnMut(StreamProgress, &u32) -> Effect<(), Never, ()> + use<> {
    let log = log.clone();
    move |progress, last| line(&log, format!("{}, {last}", progress.items))
}

// S0-02 S0-03
#[test]
fn a_report_is_made_of_each_so_many_items_and_of_no_rest() {
    everywhere(async |cx: Cx<()>| {
        let reports = async |count, n| {
            let log = Log::new();
            let reported = Stream::range(0..count).report_each(n, counting(&log));
            let Ok(all) = cx.run(reported.run_count()).await;
            assert_eq!(all, u64::from(count));
            log.lines()
        };
        assert_eq!(reports(250, 100).await, ["100, 99", "200, 199"]);
        assert_eq!(reports(25, 10).await, ["10, 9", "20, 19"]);
        assert!(reports(5, 6).await.is_empty());
        assert!(reports(0, 1).await.is_empty());
    });
}

// S0-03
#[test]
#[should_panic(expected = "a report is made of at least one item")]
fn a_report_of_no_items_is_refused() {
    drop(Stream::<(), _>::range(0..5).report_each(0, |_, _| succeed::<_, Never, _>(())));
}

// S0-03
#[test]
#[should_panic(expected = "there is some time between two reports")]
fn a_report_at_each_moment_is_refused() {
    let never = Stream::<(), ()>::never();
    drop(never.report_every(Duration::ZERO, |_| succeed::<_, Never, _>(())));
}

// S0-08
#[test]
fn windows_are_reported_as_they_are_made_and_the_rest_is_one() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let sizes = log.clone();
        let windows = Stream::range(0..120)
            .chunks(50)
            .report_each(1, move |progress, window| {
                line(
                    &sizes,
                    format!("window {} of {}", progress.items, window.len()),
                )
            });
        let Ok(windows) = cx.run(windows.run_collect()).await;
        assert_eq!(windows.concat(), (0..120).collect::<Vec<_>>());
        let expected = ["window 1 of 50", "window 2 of 50", "window 3 of 20"];
        assert_eq!(log.lines(), expected);
    });
}

// S0-09
#[test]
fn chunks_are_full_but_for_the_last_and_none_is_empty() {
    on_both(async |cx: Cx<()>| {
        for (count, size, expected) in [
            (10, 3, &[3, 3, 3, 1][..]),
            (9, 3, &[3, 3, 3]),
            (0, 3, &[]),
            (22, 5, &[5, 5, 5, 5, 2]),
        ] {
            let log = Log::new();
            let sizes = log.clone();
            let chunks = Stream::range(0..count)
                .chunks(size)
                .report_each(1, move |_, chunk| line(&sizes, chunk.len().to_string()));
            let Ok(()) = cx.run(chunks.run_drain()).await;
            let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(log.lines(), expected);
        }
    });
}

// S0-33
#[test]
fn a_rate_is_a_number_of_items_per_second() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let told = log.clone();
        let run = Stream::range(0..2500)
            .chunks(1000)
            .tap(|chunk| sleep::<_, Never>(millis(chunk.len() as u64)))
            .into_values()
            .flat_map_iter(|chunk| chunk)
            .report_each(1000, move |progress, _| {
                line(
                    &told,
                    format!("{} at {}/s", progress.items, progress.rate()),
                )
            })
            .run_bounded(Stop::never());
        let Ok(partial) = cx.run(run.drain()).await;
        assert_eq!(log.lines(), ["1000 at 1000/s", "2000 at 1000/s"]);
        assert_eq!((partial.delivered, partial.elapsed), (2500, millis(2500)));
        assert!((partial.rate() - 1000.0).abs() < 1e-9);
    });
}

#[test]
fn a_rate_is_never_not_a_number() {
    on_both(async |cx: Cx<()>| {
        for count in [0, 1] {
            let run = Stream::range(0..count).run_bounded(Stop::never()).drain();
            let Ok(partial) = cx.run(run).await;
            assert!(!partial.rate().is_nan());
        }
    });
}

// S0-32
#[test]
fn a_report_that_fails_or_panics_touches_neither_the_stream_nor_the_others() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let counts = log.clone();
        let reported = Stream::range(0..4)
            .report_each(2, |_, _| fail::<_, _, ()>("no disk"))
            .report_each(2, |_, n| -> Effect<(), Never, ()> {
                panic!("a bug at {n}")
            })
            .report_each(2, |_, _| die::<_, Never, ()>("another"))
            .report_each(2, move |progress, _| {
                line(&counts, progress.items.to_string())
            });
        let watched = Watched::new(cx.runtime());
        let runtime: Arc<dyn Runtime> = watched.clone();
        let exit = reported.run_collect().run_on(runtime).await;
        assert_eq!(exit, Exit::Success(vec![0, 1, 2, 3]));
        assert_eq!(log.lines(), ["2", "4"]);
        let reports = watched.reports();
        let errors: Vec<_> = reports
            .iter()
            .map(|report| match report {
                Report::IgnoredFailure { why, error, .. } => {
                    assert_eq!(*why, "a report is no part of its stream");
                    error.split(", at ").next().unwrap_or(error)
                }
                other => panic!("{other}"),
            })
            .collect();
        assert_eq!(errors.len(), 6, "{errors:?}");
        for (error, said) in errors.iter().zip(["no disk", "a bug at 1", "another"]) {
            assert!(error.contains(said), "{error}");
        }
    });
}

#[test]
fn reports_of_each_so_much_time_are_made_beside_the_stream_and_miss_none_that_they_could_make() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let told = log.clone();
        // Each takes one second and a half, but for the first.
        let slow = move |progress: StreamProgress| {
            let seconds = progress.elapsed.as_secs();
            let wait = sleep(if seconds == 1 { secs(0) } else { millis(1500) });
            let told = line(&told, format!("{seconds}s: {}", progress.items));
            wait.flat_map(|()| told).erase_once()
        };
        let numbers = Stream::range(0..4).tap(|_| sleep::<_, Never>(millis(1600)));
        let begin = cx.now();
        let reported = numbers.into_values().report_every(secs(1), slow);
        let Ok(all) = cx.run(reported.run_collect()).await;
        assert_eq!((all, cx.now() - begin), (vec![0, 1, 2, 3], millis(6400)));
        // The one of the third second was left out, and that of the sixth did not end.
        assert_eq!(log.lines(), ["1s: 0", "2s: 1", "4s: 2"]);
    });
}

#[test]
fn reports_of_each_so_much_time_are_isolated_too() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let told = log.clone();
        let reported = Stream::range(0..3)
            .map_effect(|n| sleep(secs(2)).flat_map(move |()| fail::<_, _, u32>(n)))
            .report_every(secs(1), |progress| -> Effect<(), Never, ()> {
                panic!("a bug at {}", progress.items)
            })
            .report_every(secs(3), |_| fail::<_, _, ()>("no disk"))
            .report_every(secs(5), move |progress| {
                line(&told, progress.items.to_string())
            });
        let watched = Watched::new(cx.runtime());
        let runtime: Arc<dyn Runtime> = watched.clone();
        let exit = reported.run_collect().run_on(runtime).await;
        assert_eq!(exit, Exit::Success(vec![Err(0), Err(1), Err(2)]));
        assert_eq!(log.lines(), ["2"]);
        assert!(watched.reports().len() >= 6);
    });
}

#[test]
fn a_report_is_interrupted_with_its_stream() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let hanging = log.clone();
        let closed =
            move || never::<_, Never, ()>().on_interrupt(hanging.note_after(secs(1), "let go"));
        let (each, every) = (closed.clone(), closed);
        let numbers = || {
            Stream::range(0..9)
                .tap(|_| sleep::<_, Never>(secs(1)))
                .into_values()
        };
        let in_place = numbers().report_each(2, move |_, _| each()).run_drain();
        assert!(cx.run(in_place.timeout(secs(5))).await.is_err());
        assert_eq!(log.count(), 1);
        let beside = numbers()
            .report_every(secs(1), move |_| every())
            .run_drain();
        assert_eq!(cx.run(beside).await, Ok(()));
        assert_eq!(log.count(), 2);
    });
}
