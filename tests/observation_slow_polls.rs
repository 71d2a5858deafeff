//! A fiber that holds its thread for too long is reported, by name and place.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::jumping::Jumping;
use common::{everywhere, exit_of, on_one_thread, secs};
use effect::prelude::*;
use effect::{Observed, Report};
use futures::FutureExt;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Runs a body on a runtime that reports what takes 100 milliseconds, and has the reports.
async fn reports<Fut>(
    cx: &Cx<()>,
    body: impl FnOnce(Cx<()>, Arc<Jumping>) -> Fut + Send + 'static,
) -> Vec<Report>
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let jumping = Jumping::of(cx);
    let clock = Arc::clone(&jumping);
    let body = effect(move |cx: Cx<()>| body(cx, clock).map(Ok::<_, Never>));
    let exit = body.run_on(Arc::new(Observed::new(jumping.clone()))).await;
    assert!(exit.is_success(), "{:?}", exit.cause());
    jumping.take_reports()
}

#[test]
fn a_slow_poll_is_reported_with_the_fiber_and_where_it_waited_before_and_after() {
    everywhere(async |cx: Cx<()>| {
        let line = line!();
        let reports = reports(&cx, async |cx: Cx<()>, clock: Arc<Jumping>| {
            let hash = effect(async move |cx: Cx<()>| {
                cx.sleep(secs(1)).await;
                clock.compute(millis(250));
                cx.sleep(secs(2)).await;
                Ok::<_, Never>(())
            });
            let fiber = cx.fork_named("hash", hash);
            cx.run(fiber.join()).await.unwrap();
        })
        .await;
        let [report] = &reports[..] else {
            panic!("{reports:?}");
        };
        let Report::SlowPoll { fiber, .. } = report else {
            panic!("{report}");
        };
        let file = file!();
        assert_eq!(
            report.to_string(),
            format!(
                "{fiber} (hash), begun at {file}:{}, held its thread for 250ms after it had waited for \
                 a time at {file}:{} until it waited for a time at {file}:{}",
                line + 8,
                line + 3,
                line + 5
            )
        );
    });
}

#[test]
fn what_takes_less_than_the_limit_is_not_reported() {
    everywhere(async |cx: Cx<()>| {
        let reports = reports(&cx, async |cx: Cx<()>, clock: Arc<Jumping>| {
            for _ in 0..10 {
                clock.compute(millis(99));
                cx.sleep(secs(1)).await;
            }
        });
        assert_eq!(reports.await, []);
    });
}

#[test]
fn the_limit_is_the_callers() {
    everywhere(async |cx: Cx<()>| {
        for (limit, expected) in [(millis(10), 1), (millis(11), 0)] {
            let jumping = Jumping::of(&cx);
            let clock = Arc::clone(&jumping);
            let program = sync::<_, Never, _, _>(move || clock.compute(millis(10)));
            let runtime = Observed::new(jumping.clone()).slow_poll(limit);
            drop(program.run_on(Arc::new(runtime)).await);
            assert_eq!(jumping.take_reports().len(), expected);
        }
    });
}

#[test]
fn reports_come_once_a_second_at_most_and_tell_how_many_were_left_out() {
    everywhere(async |cx: Cx<()>| {
        let reports = reports(&cx, async |cx: Cx<()>, clock: Arc<Jumping>| {
            for _ in 0..9 {
                clock.compute(millis(200));
                cx.sleep(millis(100)).await;
            }
        })
        .await;
        let left_out: Vec<_> = reports
            .iter()
            .map(|report| match report {
                Report::SlowPoll { unreported, .. } => *unreported,
                _ => panic!("{report}"),
            })
            .collect();
        // At 0.2, 0.5, 0.8, .. seconds.
        assert_eq!(left_out, [0, 3, 3]);
    });
}

#[test]
fn who_polls_another_fiber_in_place_is_not_blamed_for_it() {
    everywhere(async |cx: Cx<()>| {
        let reports = reports(&cx, async |cx: Cx<()>, clock: Arc<Jumping>| {
            clock.compute(millis(50));
            let inner = sync::<_, Never, _, _>(move || clock.compute(millis(300)));
            // A root fiber of its own, polled by this one.
            drop(exit_of(&cx, inner).await);
        })
        .await;
        let [Report::SlowPoll { took, .. }] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!(*took, millis(300));
    });
}

#[test]
fn a_finalizer_that_holds_the_thread_is_its_fibers() {
    // On threads, whoever waits for the fiber may look before the poll that ended it is reported.
    on_one_thread(async |cx: Cx<()>| {
        let reports = reports(&cx, async |cx: Cx<()>, clock: Arc<Jumping>| {
            let slow = sync(move || clock.compute(millis(150)));
            let child = never::<_, Never, ()>().ensuring(slow);
            let fiber = cx.fork_named("closing", child);
            cx.sleep(secs(1)).await;
            drop(cx.run(fiber.interrupt()).await);
        })
        .await;
        let [Report::SlowPoll { name, took, .. }] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!((name.as_deref(), *took), (Some("closing"), millis(150)));
    });
}

#[test]
fn a_runtime_that_is_not_observed_reports_no_slow_poll() {
    everywhere(async |cx: Cx<()>| {
        let jumping = Jumping::of(&cx);
        let clock = Arc::clone(&jumping);
        let program = sync::<_, Never, _, _>(move || clock.compute(secs(10)));
        drop(program.run_on(jumping.clone()).await);
        assert_eq!(jumping.take_reports(), []);
    });
}
