//! Going on after a failure: in some cases, by the whole cause, with a look, or in spite of it.

use std::sync::Arc;

use crate::common::watched::Watched;
use crate::common::{Log, everywhere, exit_of, on_both, reasons, secs};
use effect::prelude::*;
use effect::{Report, Restore, Runtime, uninterruptible_mask};

fn bug() -> Effect<(), u8, u8> {
    die("a bug").erase()
}

fn ok() -> Effect<(), u8, u8> {
    succeed(1).erase()
}

/// All ways to go on after a typed failure, each of which leaves 0 of it.
fn recoveries() -> Vec<fn(Effect<(), u8, u8>) -> Effect<(), u8, u8>> {
    vec![
        |effect| effect.recover(|_| succeed(0)).erase(),
        |effect| effect.recover_some(|_| Some(succeed(0))).erase(),
        |effect| effect.recover_if(|_| true, |_| succeed(0)).erase(),
        |effect| effect.fold(|_| 0, |n| n).widen_error().erase(),
        |effect| effect.fold_effect(|_| succeed(0), succeed).erase(),
        |effect| {
            effect
                .result()
                .map(|r| r.unwrap_or(0))
                .widen_error()
                .erase()
        },
        |effect| {
            effect
                .tap_error(|_| fail::<_, _, ()>(3))
                .recover(|_| succeed(0))
                .erase()
        },
    ]
}

// T05, T06, S2-51
#[test]
fn no_typed_recovery_recovers_from_a_defect_or_leaves_one_of_a_finalizer_out() {
    for recover in recoveries() {
        everywhere(async move |cx: Cx<()>| {
            assert_eq!(cx.run(recover(ok())).await, Ok(1));
            assert_eq!(cx.run(recover(fail(7).erase())).await, Ok(0));
            let exit = exit_of(&cx, recover(bug())).await;
            assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
            let late = fail(7).ensuring(die::<_, _, ()>("late")).erase();
            let exit = exit_of(&cx, recover(late)).await;
            assert_eq!(reasons(exit.cause().unwrap()), ["die late"]);
        });
    }
}

// T06
#[test]
fn nested_recoveries_keep_the_last_error() {
    on_both(async |cx: Cx<()>| {
        let nested = fail::<(), _, ()>("one")
            .recover(|_| fail("two"))
            .recover(|_| fail("three").recover(|_| fail("four")));
        assert_eq!(cx.run(nested).await, Err("four"));
    });
}

#[test]
fn some_failures_are_recovered_from_and_others_pass() {
    on_both(async |cx: Cx<()>| {
        let by_match = |n: u8| {
            fail::<_, _, u8>(n).recover_some(|n| match n {
                0..10 => Some(succeed(*n)),
                10 => Some(fail(11)),
                _ => None,
            })
        };
        assert_eq!(cx.run(by_match(5)).await, Ok(5));
        assert_eq!(cx.run(by_match(10)).await, Err(11));
        assert_eq!(cx.run(by_match(20)).await, Err(20));
        let by_test = |n: u8| fail::<_, _, u8>(n).recover_if(|n| *n < 10, |n| fail(n + 1));
        assert_eq!(cx.run(by_test(5)).await, Err(6));
        assert_eq!(cx.run(by_test(20)).await, Err(20));
    });
}

#[test]
fn fold_effect_goes_on_after_either_outcome_and_its_own_failure_passes() {
    on_both(async |cx: Cx<()>| {
        let turned = |effect: Effect<(), u8, u8>| effect.fold_effect(succeed, fail);
        assert_eq!(cx.run(turned(fail(7).erase())).await, Ok(7));
        assert_eq!(cx.run(turned(ok())).await, Err(1));
    });
}

#[test]
fn a_loop_by_fold_effect_is_stack_safe() {
    fn down(n: u32) -> Effect<(), Never, u32> {
        let step = if n.is_multiple_of(2) {
            succeed(n)
        } else {
            fail(n)
        };
        step.fold_effect(
            |n| down(n - 1),
            |n| {
                if n == 0 {
                    succeed(n).erase()
                } else {
                    down(n - 1)
                }
            },
        )
        .erase()
    }
    on_both(async |cx: Cx<()>| assert_eq!(cx.run(down(200_000)).await, Ok(0)));
}

#[test]
fn a_cause_shows_a_failure_a_defect_and_what_finalizers_did() {
    everywhere(async |cx: Cx<()>| {
        let shown = |effect: Effect<(), u8, u8>| {
            let shown = effect.fold_cause(|cause| reasons(&cause), |n| vec![n.to_string()]);
            cx.run(shown)
        };
        assert_eq!(shown(ok()).await, Ok(vec!["1".to_owned()]));
        assert_eq!(shown(fail(7).erase()).await, Ok(vec!["fail 7".to_owned()]));
        assert_eq!(shown(bug()).await, Ok(vec!["die a bug".to_owned()]));
        let late = ok().ensuring(die::<_, _, ()>("late")).erase();
        assert_eq!(shown(late).await, Ok(vec!["die late".to_owned()]));
        let recovered = bug().recover_cause(|cause| fail::<_, _, u8>(cause.reasons().len()));
        assert_eq!(cx.run(recovered).await, Err(1));
        assert_eq!(cx.run(ok().recover_cause(|_| fail(()))).await, Ok(1));
    });
}

// T15, of recovery by cause
#[test]
fn no_recovery_sees_an_interruption() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let seen = log.clone();
        let seen_too = log.clone();
        let waiting = never::<_, u8, u8>()
            .recover_cause(move |_| {
                seen.write("recovered");
                succeed::<_, u8, _>(0)
            })
            .tap_cause(move |_| {
                seen_too.write("looked");
                succeed(())
            });
        let fiber = cx.fork(waiting);
        cx.sleep(secs(1)).await;
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        assert!(exit.is_interrupt());
        assert_eq!(log.count(), 0);
    });
}

// T15, of recovery by cause
#[test]
fn under_a_mask_a_cause_shows_the_interruption_of_an_excepted_part() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (seen, after) = (log.clone(), log.note("after"));
        let looked = uninterruptible_mask(move |restore: Restore| {
            restore
                .apply(never::<_, u8, u8>())
                .recover_defect(|_| succeed(0))
                .tap_cause(move |cause| {
                    seen.write(reasons(cause).join(", "));
                    succeed(())
                })
                .flat_map(move |n| after.widen_error().map(move |()| n))
        });
        let recovered = uninterruptible_mask(|restore: Restore| {
            let waiting = restore.apply(never::<_, u8, u8>());
            waiting.recover_cause(|_| succeed::<_, u8, _>(5))
        });
        let fibers = [cx.fork(looked.erase()), cx.fork(recovered.erase())];
        cx.sleep(secs(1)).await;
        let [looked, recovered] = fibers.map(|fiber| cx.run(fiber.interrupt()));
        // The look passes the interruption on, and nothing follows it.
        assert!(looked.await.unwrap().is_interrupt());
        assert_eq!(recovered.await, Ok(Exit::Success(5)));
        assert_eq!(log.lines(), ["interrupt"]);
    });
}

#[test]
fn a_defect_is_recovered_from_by_name_only() {
    everywhere(async |cx: Cx<()>| {
        let named = |effect: Effect<(), u8, u8>| {
            effect.recover_defect(|defect| match defect.message() {
                "a bug" => succeed(0),
                _ => fail(9),
            })
        };
        assert_eq!(cx.run(named(bug())).await, Ok(0));
        assert_eq!(cx.run(named(die("another").erase())).await, Err(9));
        assert_eq!(cx.run(named(ok())).await, Ok(1));
        assert_eq!(cx.run(named(fail(7).erase())).await, Err(7));
        let late = fail(7).ensuring(die::<_, _, ()>("a bug")).erase();
        assert_eq!(cx.run(named(late)).await, Ok(0));
    });
}

#[test]
fn a_look_at_a_failure_changes_nothing_unless_it_fails() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let (note, seen) = (log.note("tapped"), log.clone());
        let looked = fail::<(), _, ()>("no")
            .inspect_error(move |error| seen.write(*error))
            .tap_error(move |_| note.widen_error());
        assert_eq!(cx.run(looked).await, Err("no"));
        assert_eq!(log.lines(), ["no", "tapped"]);
        assert_eq!(
            cx.run(fail::<(), _, ()>("no").tap_error(|_| fail::<_, _, ()>("look")))
                .await,
            Err("look")
        );
        let unseen = succeed::<(), &str, _>(1)
            .inspect_error(|_| panic!())
            .tap_error(|_| bug_look());
        assert_eq!(cx.run(unseen.inspect(|n| assert_eq!(*n, 1))).await, Ok(1));
    });
}

fn bug_look() -> Effect<(), &'static str, ()> {
    die("looked at a success").erase()
}

#[test]
fn a_look_at_a_cause_sees_all_of_it_and_passes_all_of_it_on() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let failing = |effect: Effect<(), u8, u8>| {
            let log = log.clone();
            effect.tap_cause(move |cause| {
                let lines = reasons(cause).join(", ");
                sync(move || log.write(lines))
            })
        };
        let late = fail(7).ensuring(die::<_, _, ()>("late")).erase();
        let exit = exit_of(&cx, failing(late)).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["fail 7", "die late"]);
        let exit = exit_of(&cx, failing(bug())).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
        assert_eq!(cx.run(failing(ok())).await, Ok(1));
        assert_eq!(log.lines(), ["fail 7, die late", "die a bug"]);
    });
}

#[test]
fn a_value_that_is_not_as_it_should_be_is_a_failure() {
    on_both(async |cx: Cx<()>| {
        let even = |n: u8| succeed::<(), _, _>(n).ensure_or(|n| n % 2 == 0, |n| n + 100);
        assert_eq!(cx.run(even(2)).await, Ok(2));
        assert_eq!(cx.run(even(3)).await, Err(103));
        assert_eq!(cx.run(even(3).erase()).await, Err(103));
        let line = line!() + 1;
        let named = fail::<(), _, ()>("no").or_die_with(|error| format!("{error} way"));
        let exit = exit_of(&cx, named).await;
        let defect = exit.cause().and_then(Cause::defect).unwrap();
        assert_eq!(defect.message(), "no way");
        assert_eq!(defect.location(), Some((file!(), line)));
    });
}

#[test]
fn what_is_ignored_is_reported_with_the_reason_and_a_defect_is_not_ignored() {
    on_both(async |cx: Cx<()>| {
        let ignored = fail::<(), _, u8>("cache is down").ignore_logged("it only saves time");
        let watched = Watched::new(cx.runtime());
        let runtime: Arc<dyn Runtime> = watched.clone();
        let exit = ignored.run_on(runtime.clone()).await;
        assert_eq!(exit, Exit::Success(()));
        let reports = watched.reports();
        let [report @ Report::IgnoredFailure { why, error, .. }] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!((*why, &**error), ("it only saves time", "cache is down"));
        assert!(
            report
                .to_string()
                .ends_with(" ignored a failure, because it only saves time: cache is down")
        );
        let quiet = succeed::<(), &str, _>(1).ignore_logged("never");
        assert!(quiet.run_on(runtime.clone()).await.is_success());
        let exit = bug().ignore_logged("a bug is a bug").run_on(runtime).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
        assert_eq!(watched.reports().len(), 1);
    });
}
