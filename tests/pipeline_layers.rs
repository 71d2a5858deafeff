//! What is put around a stage's work: retries, time limits, stand-ins, breakers and limits of rate.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::pipelines::{assert_adds_up, drain, filled};
use crate::common::{Log, everywhere, millis, on_one_thread, secs};
use effect::prelude::*;
use effect::{CircuitBreaker, RateLimiter, stage_sync};

/// How often each item was tried.
#[derive(Clone, Default)]
struct Tries(Arc<Mutex<HashMap<u32, u32>>>);

impl Tries {
    /// Counts a try, and says which it is, from 1.
    fn next(&self, item: u32) -> u32 {
        let mut tries = self.0.lock().unwrap();
        let count = tries.entry(item).or_default();
        *count += 1;
        *count
    }

    fn of(&self, item: u32) -> u32 {
        self.0.lock().unwrap().get(&item).copied().unwrap_or(0)
    }
}

// S0-19
#[test]
fn retry_with_linear_back_off_waits_as_long_as_it_says() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(32), Channel::bounded(32));
        let tries = Tries::default();
        let counted = tries.clone();
        let work = move |n: u32| {
            let fails = match n {
                5 => true,
                0 | 7 | 14 => counted.next(n) == 1,
                _ => false,
            };
            if n == 5 {
                counted.next(n);
            }
            async move { if fails { Err("busy") } else { Ok(n) } }
        };
        let policy = Schedule::linear(millis(500)).times(2);
        let begun = cx.now();
        let run = Pipeline::from_channel(filled(0..20))
            .via(stage("work", work).retry(policy))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        // One worker: 0.5 s for each of 0, 7 and 14, and 0.5 + 1.0 s for 5.
        assert_eq!(cx.now() - begun, millis(3 * 500 + 1500));
        assert_eq!((report.delivered, report.failed), (19, 1));
        assert_eq!(report.stage("work").unwrap().retried, 3 + 2);
        assert_adds_up(&report);
        let successful = drain(&output).await;
        assert!(successful.into_iter().eq((0..20).filter(|n| *n != 5)));
        let failed = drain(&errors).await;
        assert_eq!(failed.len(), 1);
        assert_eq!((failed[0].attempts, tries.of(5)), (3, 3));
        assert_eq!(failed[0].to_string(), "stage work: busy, after 3 attempts");
    });
}

/// Works at one item for so long at each try, around which is what `layers` puts there; and has how it ended.
async fn slow_once(
    cx: &Cx<()>,
    layers: impl FnOnce(
        Pipeline<(), &'static str, u32>,
        Arc<dyn Fn(u32) -> Effect<(), &'static str, u32> + Send + Sync>,
    ) -> Pipeline<(), &'static str, u32>,
) -> (Duration, u32, Failed<&'static str>) {
    let errors = Channel::bounded(1);
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let slow: Arc<dyn Fn(u32) -> Effect<(), &'static str, u32> + Send + Sync> =
        Arc::new(move |n| {
            counted.fetch_add(1, Ordering::Relaxed);
            sleep(secs(3)).map(move |()| n).erase()
        });
    let begun = cx.now();
    let run = layers(Pipeline::from_channel(filled([1])), slow)
        .to_channel(Channel::bounded(1))
        .with_error_channel(errors.clone())
        .run();
    let report = cx.run(run).await.unwrap();
    assert_eq!(report.failed, 1);
    let failed = drain(&errors).await.remove(0);
    (cx.now() - begun, calls.load(Ordering::Relaxed), failed)
}

#[test]
fn a_timeout_inside_of_a_retry_limits_each_attempt() {
    everywhere(async |cx: Cx<()>| {
        let (took, calls, failed) = slow_once(&cx, |pipeline, slow| {
            let policy = Schedule::spaced(secs(1)).times(2);
            let slow = stage("slow", move |n| slow(n));
            pipeline.via(slow.timeout(secs(2)).retry(policy))
        })
        .await;
        assert_eq!((took, calls), (secs(2 + 1 + 2 + 1 + 2), 3));
        assert_eq!(failed.fault, Fault::TimedOut(secs(2)));
        assert_eq!(failed.attempts, 3);
    });
}

#[test]
fn a_timeout_around_a_retry_limits_all_attempts() {
    everywhere(async |cx: Cx<()>| {
        let (took, calls, failed) = slow_once(&cx, |pipeline, slow| {
            let policy = Schedule::spaced(secs(1)).times(9);
            let fails = move |n| slow(n).flat_map(|_| fail::<_, _, u32>("no answer"));
            let slow = stage("slow", fails);
            pipeline.via(slow.retry(policy).timeout(secs(6)))
        })
        .await;
        // 3 s, 1 s until the next, and 2 s of that.
        assert_eq!((took, calls), (secs(6), 2));
        assert_eq!(failed.fault, Fault::TimedOut(secs(6)));
    });
}

#[test]
fn attempts_of_nested_retries_add_up() {
    everywhere(async |cx: Cx<()>| {
        let errors = Channel::bounded(1);
        let run = Pipeline::from_channel(filled([1]))
            .via(
                stage_sync("refuse", |_: u32| Err::<u32, _>("no"))
                    .retry(Schedule::recurs(1))
                    .retry(Schedule::recurs(2)),
            )
            .to_channel(Channel::bounded(1))
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&errors).await[0].attempts, 6);
        // Three runs of the inner schedule, one extra each, and two of the outer.
        assert_eq!(report.stage("refuse").unwrap().retried, 3 + 2);
    });
}

#[test]
fn a_retry_asks_the_schedule_with_the_fault() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
        let tries = Tries::default();
        let counted = tries.clone();
        let policy = Schedule::recurs(5)
            .while_input(|fault: &Fault<&'static str>| *fault == Fault::Error("busy"));
        let work = move |n: u32| match (n, counted.next(n)) {
            (1, 1 | 2) => Err("busy"),
            (2, _) => Err("refused"),
            _ => Ok(n),
        };
        let run = Pipeline::from_channel(filled([1, 2]))
            .via(stage_sync("work", work).retry(policy))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!((report.delivered, report.failed), (1, 1));
        assert_eq!((tries.of(1), tries.of(2)), (3, 1));
        assert_eq!(drain(&errors).await[0].attempts, 1);
    });
}

#[test]
fn each_item_has_a_run_of_its_own_by_the_schedule() {
    everywhere(async |cx: Cx<()>| {
        let errors = Channel::bounded(8);
        let run = Pipeline::from_channel(filled(0..5))
            .via(
                stage_sync("refuse", |_: u32| Err::<u32, _>("no"))
                    .retry(Schedule::spaced(secs(1)).times(2))
                    .workers(5),
            )
            .to_channel(Channel::bounded(1))
            .with_error_channel(errors.clone())
            .run();
        let begun = cx.now();
        let report = cx.run(run).await.unwrap();
        assert_eq!(
            cx.now() - begun,
            secs(2),
            "the workers wait beside each other"
        );
        assert_eq!(report.stage("refuse").unwrap().retried, 10);
        let failed = drain(&errors).await;
        assert!(failed.iter().all(|failed| failed.attempts == 3));
    });
}

#[test]
fn a_defect_is_not_tried_again() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
        let tries = Tries::default();
        let counted = tries.clone();
        let work = move |n: u32| {
            assert!(counted.next(n) > 1 || n != 2, "a bug");
            Ok::<_, &'static str>(n)
        };
        let run = Pipeline::from_channel(filled(1..=3))
            .via(stage_sync("work", work).retry(Schedule::recurs(5)))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!((report.delivered, report.failed, tries.of(2)), (2, 1, 1));
        assert_eq!(report.stage("work").unwrap().retried, 0);
        let failed = drain(&errors).await.remove(0);
        assert!(matches!(failed.fault, Fault::Defect(_)), "{failed}");
    });
}

#[test]
fn a_predicate_of_a_schedule_that_panics_is_the_items_failure() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
        let policy = Schedule::recurs(5)
            .while_input(|_: &Fault<&'static str>| -> bool { panic!("a bad predicate") });
        let work = |n: u32| if n == 2 { Err("two") } else { Ok(n) };
        let run = Pipeline::from_channel(filled(1..=3))
            .via(stage_sync("work", work).retry(policy))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!((report.delivered, report.failed), (2, 1));
        let failed = drain(&errors).await.remove(0);
        assert_eq!(failed.fault, Fault::Error("two"));
        assert_eq!(failed.then[0].message(), "a bad predicate");
    });
}

#[derive(Debug, PartialEq)]
struct Uncopied(u32);

impl Clone for Uncopied {
    fn clone(&self) -> Self {
        assert_ne!(self.0, 2, "no copy");
        Uncopied(self.0)
    }
}

#[test]
fn an_item_whose_clone_panics_has_failed() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
        let run = Pipeline::from_channel(filled((1..=3).map(Uncopied)))
            .via(stage_sync("work", Ok::<Uncopied, &'static str>).retry(Schedule::recurs(5)))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [Uncopied(1), Uncopied(3)]);
        assert_adds_up(&report);
        let failed = drain(&errors).await.remove(0);
        assert!(matches!(failed.fault, Fault::Defect(_)), "{failed}");
    });
}

#[test]
fn a_source_whose_clone_panics_is_lost_and_its_item_goes_on() {
    everywhere(async |cx: Cx<()>| {
        let errors = Channel::bounded(4);
        let run = Pipeline::from_channel(filled((1..=3).map(Uncopied)))
            .keep_source()
            .via(stage_sync("refuse", |item: Uncopied| Err::<u32, _>(item.0)))
            .to_channel(Channel::bounded(1))
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_adds_up(&report);
        let failed = drain(&errors).await;
        let found = failed
            .iter()
            .map(|failed| (&failed.fault, failed.source.len()));
        let expected = [
            (&Fault::Error(1), 1),
            (&Fault::Error(2), 0),
            (&Fault::Error(3), 1),
        ];
        assert!(found.eq(expected));
    });
}

#[test]
fn a_timeout_runs_the_items_finalizers_before_its_failure_is_reported() {
    everywhere(async |cx: Cx<()>| {
        let (log, errors) = (Log::new(), Channel::bounded(4));
        let heard = log.clone();
        let work = {
            let log = log.clone();
            move |n: u32| {
                sleep(secs(60))
                    .map(move |()| n)
                    .ensuring(log.note_after(secs(1), "released"))
                    .erase_once()
            }
        };
        let run = Pipeline::<_, &'static str, _>::from_channel(filled([1]))
            .via(stage("slow", work).timeout(secs(2)))
            .to_channel(Channel::bounded(1))
            .with_error_channel(errors.clone())
            .run();
        let begun = cx.now();
        let listen = effect(async move |_: Cx<()>| {
            let failed = errors.receive().await.unwrap();
            heard.write(failed.to_string());
            Ok::<_, Never>(())
        });
        let listener = cx.fork(listen);
        cx.run(run).await.unwrap();
        cx.run(listener.join()).await.unwrap();
        assert_eq!(cx.now() - begun, secs(3));
        assert_eq!(log.lines(), ["released", "stage slow: took longer than 2s"]);
    });
}

#[test]
fn a_finalizer_that_dies_after_a_timeout_is_told_with_it_and_is_not_tried_again() {
    everywhere(async |cx: Cx<()>| {
        let errors = Channel::bounded(4);
        let tries = Tries::default();
        let counted = tries.clone();
        let work = move |n: u32| {
            counted.next(n);
            sleep(secs(60))
                .map(move |()| n)
                .ensuring(sync::<(), Never, _, _>(|| panic!("no release")))
                .erase_once()
        };
        let run = Pipeline::<_, &'static str, _>::from_channel(filled([1]))
            .via(
                stage("slow", work)
                    .timeout(secs(2))
                    .retry(Schedule::recurs(3)),
            )
            .to_channel(Channel::bounded(1))
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!((report.failed, tries.of(1)), (1, 1));
        let failed = drain(&errors).await.remove(0);
        assert_eq!(failed.fault, Fault::TimedOut(secs(2)));
        assert_eq!(failed.then[0].message(), "no release");
    });
}

#[test]
fn what_ends_in_time_is_not_timed_out() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let work = |n: u64| sleep::<_, Never>(secs(n)).map(move |()| n);
        let run = Pipeline::from_channel(filled(0..4))
            .via(stage("wait", work).timeout(secs(4)).workers(4).ordered())
            .to_channel(output.clone())
            .run();
        cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [0, 1, 2, 3]);
    });
}

#[test]
fn a_fallback_stands_in_for_errors_and_timeouts_and_not_for_defects() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
        let work = |n: u32| {
            effect(async move |cx: Cx<()>| match n {
                1 => Err("refused"),
                2 => {
                    cx.sleep(secs(60)).await;
                    Ok(n)
                }
                3 => panic!("a bug"),
                _ => Ok(n),
            })
        };
        let stand_in = |fault: Fault<&'static str>| async move {
            match fault {
                Fault::Error(_) => Ok(100),
                Fault::TimedOut(_) => Ok(200),
                _ => Err("not to be asked"),
            }
        };
        let run = Pipeline::from_channel(filled(1..=4))
            .via(stage("work", work).timeout(secs(1)).fallback(stand_in))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [100, 200, 4]);
        assert_eq!((report.delivered, report.failed), (3, 1));
        let failed = drain(&errors).await.remove(0);
        assert!(matches!(failed.fault, Fault::Defect(_)), "{failed}");
    });
}

#[test]
fn a_fallback_that_fails_is_the_failure_and_keeps_the_count_of_attempts() {
    everywhere(async |cx: Cx<()>| {
        let errors = Channel::bounded(8);
        let run = Pipeline::from_channel(filled([1_u32]))
            .via(
                stage_sync("work", |_: u32| Err::<u32, _>("first"))
                    .retry(Schedule::recurs(2))
                    .fallback(|_| async { Err("second") }),
            )
            .to_channel(Channel::bounded(1))
            .with_error_channel(errors.clone())
            .run();
        cx.run(run).await.unwrap();
        let failed = drain(&errors).await.remove(0);
        assert_eq!((failed.fault, failed.attempts), (Fault::Error("second"), 3));
    });
}

#[test]
fn an_open_circuit_fails_items_at_once_and_closes_after_its_time() {
    // One worker: which item is the second failure depends on the order else.
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
        let tries = Tries::default();
        let counted = tries.clone();
        // What is called is down for ten seconds.
        let began = cx.now();
        let call = move |n: u32| {
            let counted = counted.clone();
            effect(async move |cx: Cx<()>| {
                counted.next(n);
                if cx.now() - began < secs(10) {
                    Err("down")
                } else {
                    Ok(n)
                }
            })
        };
        let input = Stream::from_iter(0..6)
            .tap(|n| sleep::<_, Never>(if *n == 4 { secs(30) } else { secs(1) }));
        let run = Pipeline::from_stream(input.into_values())
            .via(
                stage("call", call)
                    .circuit_breaker(CircuitBreaker::consecutive(2).cool_down(secs(20))),
            )
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [4, 5]);
        assert_eq!((report.delivered, report.failed), (2, 4));
        let failed: Vec<_> = drain(&errors)
            .await
            .into_iter()
            .map(|failed| failed.fault)
            .collect();
        let down = || Fault::Error("down");
        assert_eq!(
            failed,
            [down(), down(), Fault::CircuitOpen, Fault::CircuitOpen]
        );
        assert_eq!([2, 3].map(|n| tries.of(n)), [0, 0]);
    });
}

#[test]
fn a_retry_around_a_breaker_waits_until_the_circuit_is_closed_again() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let call = move |n: u32| {
            if counted.fetch_add(1, Ordering::Relaxed) < 2 {
                Err("down")
            } else {
                Ok(n)
            }
        };
        let breaker = CircuitBreaker::consecutive(2).cool_down(secs(20));
        let run = Pipeline::from_channel(filled([7]))
            .via(
                stage_sync("call", call)
                    .circuit_breaker(breaker)
                    .retry(Schedule::spaced(secs(5)).times(9)),
            )
            .to_channel(output.clone())
            .run();
        let begun = cx.now();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [7]);
        // Down at 0 and 5 s; open until 25 s.
        assert_eq!(cx.now() - begun, secs(25));
        assert_eq!(calls.load(Ordering::Relaxed), 3);
        assert_eq!(report.stage("call").unwrap().retried, 5);
    });
}

#[test]
fn a_rate_limit_holds_for_all_workers_together() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(32);
        let times = Arc::new(Mutex::new(Vec::new()));
        let (noted, begun) = (Arc::clone(&times), cx.now());
        let call = move |n: u32| {
            let noted = Arc::clone(&noted);
            effect(async move |cx: Cx<()>| {
                noted.lock().unwrap().push((cx.now() - begun).as_secs());
                Ok::<_, Never>(n)
            })
        };
        let limiter = RateLimiter::new(5, secs(1));
        let run = Pipeline::from_channel(filled(0..20))
            .via(stage("call", call).rate_limit(limiter).workers(8))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(report.delivered, 20);
        let mut times = times.lock().unwrap().clone();
        times.sort_unstable();
        for second in 0..4 {
            let calls = times.iter().filter(|at| **at == second).count();
            assert!(calls <= 6, "{calls} calls in second {second}: {times:?}");
        }
        assert!(cx.now() - begun >= secs(3), "{:?}", cx.now() - begun);
    });
}

/// By turns and by chance: threads may see the interruption before the work has begun.
#[test]
fn an_interruption_ends_a_retry_that_waits() {
    on_one_thread(async |cx: Cx<()>| {
        let tries = Tries::default();
        let counted = tries.clone();
        let refuse = move |n: u32| {
            counted.next(n);
            Err::<u32, _>("no")
        };
        let connected = Pipeline::from_channel(filled(0..3))
            .via(
                stage_sync("refuse", refuse)
                    .retry(Schedule::spaced(secs(3600)))
                    .workers(3),
            )
            .to_channel(Channel::bounded(1));
        let handle = connected.handle();
        let begun = cx.now();
        let late = cx.run(connected.run().timeout(secs(60))).await;
        assert!(late.is_err());
        assert_eq!(cx.now() - begun, secs(60));
        assert_eq!([0, 1, 2].map(|n| tries.of(n)), [1, 1, 1]);
        let report = handle.report();
        assert_eq!((report.received, report.abandoned), (3, 3));
        assert_adds_up(&report);
    });
}
