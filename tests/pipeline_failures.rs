//! A pipeline that fails: which item, by what, and what becomes of the others and of the run.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::pipelines::{assert_adds_up, drain, filled};
use crate::common::{everywhere, exit_of, heavily, secs};
use effect::prelude::*;
use effect::stage_sync;
use effect::sync::Semaphore;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

// S2-37
#[test]
fn failures_of_every_stage_reach_the_error_channel() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(16), Channel::bounded(16));
        let validate = |n: i32| async move {
            if n < 0 {
                Err(format!("Negative number: {n}"))
            } else {
                Ok(n)
            }
        };
        let process = |n: i32| async move {
            if n % 7 == 0 {
                Err(format!("Cannot process multiple of 7: {n}"))
            } else {
                Ok(n)
            }
        };
        let run = Pipeline::from_channel(filled([-5, 1, 2, 7, -3, 4, 14, 5, 6, 8]))
            .via(stage("validate", validate).workers(2))
            .via(stage("process", process).workers(2))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!((report.delivered, report.failed), (6, 4));
        assert_adds_up(&report);
        let mut successes = drain(&output).await;
        successes.sort_unstable();
        assert_eq!(successes, [1, 2, 4, 5, 6, 8]);
        let failures = drain(&errors).await;
        let mut failures: Vec<_> = failures.iter().map(Failed::to_string).collect();
        failures.sort();
        assert_eq!(
            failures,
            [
                "stage process: Cannot process multiple of 7: 14",
                "stage process: Cannot process multiple of 7: 7",
                "stage validate: Negative number: -3",
                "stage validate: Negative number: -5",
            ]
        );
    });
}

// S2-43
#[test]
fn without_an_error_channel_the_first_failure_is_the_end_of_the_run() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let third = |n: u32| async move { if n == 3 { Err("three") } else { Ok(n) } };
        let run = Pipeline::from_channel(filled(1..=7))
            .via(stage("third", third))
            .to_channel(output.clone())
            .run();
        let Err(PipelineError::Failed { failed, report }) = cx.run(run).await else {
            panic!("the run has to fail");
        };
        assert_eq!(failed.fault, Fault::Error("three"));
        assert_eq!(&*failed.stage, "third");
        assert_eq!(report.failed, 1);
        assert_adds_up(&report);
        assert_eq!(drain(&output).await.len() as u64, report.delivered);
    });
}

#[test]
fn a_defect_is_the_failure_of_its_item_and_not_the_end_of_the_worker() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
        let divide = |n: i32| {
            assert!(n != 3, "three is right out");
            async move { Ok::<_, Never>(12 / (n - 1)) }
        };
        let run = Pipeline::from_channel(filled(0..5))
            .via(stage("divide", divide))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!((report.delivered, report.failed), (3, 2));
        assert_eq!(drain(&output).await, [-12, 12, 4]);
        let messages: Vec<_> = drain(&errors)
            .await
            .into_iter()
            .map(|failed| match failed.fault {
                Fault::Defect(defect) => defect.message().to_owned(),
                fault => panic!("{fault}"),
            })
            .collect();
        assert_eq!(
            messages,
            ["attempt to divide by zero", "three is right out"]
        );
    });
}

#[test]
fn a_source_that_dies_is_a_defect_of_the_run_and_closes_both_channels() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::<u32>::bounded(8), Channel::bounded(8));
        let broken = Stream::range(0..5).map(|n| {
            assert!(n < 3, "a broken source");
            n
        });
        let connected = Pipeline::<_, Never, _>::from_stream(broken)
            .to_channel(output.clone())
            .with_error_channel(errors.clone());
        let handle = connected.handle();
        let exit = exit_of(&cx, connected.run()).await;
        let defect = exit.cause().and_then(Cause::defect).unwrap();
        assert!(defect.message().contains("a broken source"), "{defect}");
        assert!(output.is_closed());
        assert!(errors.is_closed());
        assert_adds_up(&handle.report());
    });
}

#[test]
fn a_stage_that_joins_an_interrupted_fiber_does_not_end_the_run_as_a_success() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(8);
        let join = |n: u32| {
            effect(async move |cx: Cx<()>| {
                if n == 2 {
                    let fiber = cx.fork(never::<_, Never, u32>());
                    fiber.interrupt_fork();
                    return cx.run(fiber.join()).await;
                }
                Ok(n)
            })
        };
        let connected = Pipeline::from_channel(filled(0..5))
            .via(stage("join", join))
            .to_channel(output.clone());
        let handle = connected.handle();
        let exit = exit_of(&cx, connected.run()).await;
        assert!(!exit.is_success(), "{exit:?}");
        assert_adds_up(&handle.report());
        assert!(output.is_closed());
    });
}

#[test]
fn nothing_runs_after_a_run_whose_source_died() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::<u32>::bounded(8);
        let broken = Stream::range(0..5).map(|n| {
            assert!(n < 3, "a broken source");
            n
        });
        let run = Pipeline::<_, Never, _>::from_stream(broken)
            .to_channel(output)
            .run();
        let committed = Arc::new(Mutex::new(false));
        let commit = Arc::clone(&committed);
        let program = effect(async move |cx: Cx<()>| {
            let report = cx.run(run).await;
            *commit.lock().unwrap() = true;
            report
        });
        let exit = exit_of(&cx, program).await;
        assert!(exit.cause().is_some_and(Cause::is_die), "{exit:?}");
        assert!(!*committed.lock().unwrap());
    });
}

#[test]
fn a_run_that_is_interrupted_before_it_begins_closes_both_channels() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
        let run = Pipeline::<(), String, u32>::from_channel(Channel::bounded(4))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let program = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(run);
            cx.run(fiber.interrupt()).await
        });
        let Ok(exit) = cx.run(program).await;
        assert!(exit.is_interrupt());
        assert!(output.is_closed());
        assert!(errors.is_closed());
    });
}

#[test]
fn the_defects_of_an_items_finalizers_are_that_items_and_no_others() {
    // Each run panics seven times, and prints it.
    heavily(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
        let work = |n: u32| {
            sync::<_, &str, _, _>(move || {
                assert!(n != 2, "body");
                n
            })
            .flat_map(|n| {
                if n == 3 {
                    fail("typed").erase()
                } else {
                    succeed(n).erase()
                }
            })
            .ensuring(sync(move || assert!(n == 0, "inner")))
            .ensuring(sync(move || assert!(n == 0, "outer")))
        };
        let run = Pipeline::from_channel(filled([1, 0, 2, 0, 3, 0]))
            .via(stage("work", work))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!((report.delivered, report.failed), (3, 3));
        assert_eq!(drain(&output).await, [0, 0, 0]);
        let faults = drain(&errors).await.into_iter().map(|failed| {
            let first = match failed.fault {
                Fault::Error(error) => error.to_owned(),
                Fault::Defect(defect) => defect.message().to_owned(),
                fault => panic!("{fault}"),
            };
            let then = failed.then.iter().map(|defect| defect.message().to_owned());
            [first]
                .into_iter()
                .chain(then)
                .collect::<Vec<_>>()
                .join(", ")
        });
        assert_eq!(
            faults.collect::<Vec<_>>(),
            ["inner, outer", "body, inner, outer", "typed, inner, outer"]
        );
    });
}

#[test]
fn a_worker_that_waits_to_report_a_failure_leaves_the_rest_to_others() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(64), Channel::bounded(0));
        let pick = |n: u32| async move { if n == 0 { Err("first") } else { Ok(n) } };
        let run = Pipeline::from_channel(filled(0..32))
            .via(stage("pick", pick).workers(2))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let inside = output.clone();
        let program = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(run);
            cx.sleep(millis(1)).await;
            // Nobody has read the failure yet.
            assert_eq!(inside.len(), 31);
            assert!(errors.receive().await.is_ok());
            cx.run(fiber.join()).await
        });
        let report = cx.run(program).await.unwrap();
        assert_eq!((report.delivered, report.failed), (31, 1));
        assert_eq!(drain(&output).await.len(), 31);
    });
}

/// Something whose drop may be a bug.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(self.0 != 3, "a bug in a drop");
    }
}

#[test]
fn an_item_whose_effect_panics_when_it_is_dropped_has_failed() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(8), Channel::bounded(8));
        let hold = |n: u32| {
            let bomb = Bomb(n);
            succeed::<_, Never, _>(n).on_interrupt(sync(move || drop(bomb)))
        };
        let run = Pipeline::from_channel(filled(0..6))
            .via(stage("hold", hold))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!((report.delivered, report.failed), (5, 1));
        assert_eq!(drain(&output).await, [0, 1, 2, 4, 5]);
        let failed = drain(&errors).await.pop().unwrap().to_string();
        assert!(failed.contains("a bug in a drop"), "{failed}");
    });
}

#[test]
fn a_closed_output_ends_a_run_whose_only_worker_waits() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(1);
        let wait = |n: u32| async move {
            if n == 3 {
                std::future::pending::<()>().await;
            }
            Ok::<_, Never>(n)
        };
        let run = Pipeline::from_channel(filled(0..6))
            .via(stage("wait", wait))
            .to_channel(output.clone())
            .run();
        let program = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(run);
            cx.sleep(millis(1)).await;
            output.close();
            cx.run(fiber.join()).await
        });
        let error = cx.run(program).await.unwrap_err();
        assert!(matches!(error, PipelineError::OutputClosed { .. }));
        assert_adds_up(error.report());
    });
}

#[test]
fn what_an_item_holds_is_let_go_of_when_it_panics_after_a_wait() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
        // One connection for two workers: who fails with it leaves it to the other.
        let connection = Semaphore::new(1);
        let call = move |n: u32| {
            let body = sleep::<(), Never>(secs(1)).map(move |()| assert!(n > 1, "no row {n}"));
            connection.with_permit(body.map(move |()| n))
        };
        let run = Pipeline::from_stream(Stream::from_iter([1, 2]))
            .via(stage("call", call).workers(2))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [2]);
        let failed = drain(&errors).await;
        assert_eq!(failed.len(), 1);
        assert!(failed[0].to_string().contains("no row 1"), "{}", failed[0]);
        assert_adds_up(&report);
    });
}

#[test]
fn what_an_item_owes_before_it_waits_is_its_own() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(4), Channel::bounded(4));
        let untidy = |n: u32| {
            let close = sync(move || assert!(n > 1, "not closed"));
            let open = succeed::<(), Never, _>(n).ensuring(close);
            open.flat_map(|n| {
                effect(async move |cx: Cx<()>| {
                    if n == 1 {
                        cx.sleep(secs(1)).await;
                    }
                    Ok(n)
                })
            })
        };
        let run = Pipeline::from_stream(Stream::from_iter([1, 2, 3]))
            .via(stage("untidy", untidy).workers(2))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        let mut delivered = drain(&output).await;
        delivered.sort();
        assert_eq!(delivered, [2, 3]);
        let failed = drain(&errors).await;
        assert_eq!(failed.len(), 1);
        assert!(
            failed[0].to_string().contains("not closed"),
            "{}",
            failed[0]
        );
        assert_adds_up(&report);
    });
}

/// A source that can be kept, and of which a second copy cannot be made.
#[derive(Debug)]
struct Unique {
    n: u32,
    copies: Arc<AtomicU32>,
}

impl Clone for Unique {
    fn clone(&self) -> Self {
        let copies = self.copies.fetch_add(1, Ordering::Relaxed);
        assert!(self.n > 1 || copies == 0, "no second copy");
        Unique {
            n: self.n,
            copies: Arc::clone(&self.copies),
        }
    }
}

#[test]
fn a_source_that_cannot_be_copied_for_what_becomes_of_it_is_that_items_failure() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(8), Channel::bounded(4));
        let sources = [1, 2].map(|n| Unique {
            n,
            copies: Arc::default(),
        });
        let run = Pipeline::<(), Never, _>::from_stream(Stream::from_iter(sources))
            .keep_source()
            .flat_map(stage_sync("twice", |source: Unique| Ok([source.n; 2])))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [2, 2]);
        let failed = drain(&errors).await;
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].source[0].n, 1);
        assert_adds_up(&report);
    });
}
