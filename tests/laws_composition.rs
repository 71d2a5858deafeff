//! The laws of composition: how effects follow each other, are recovered from, and are cleaned up after.
//!
//! Two programs are equal when nobody can tell them apart by their exits, their steps and when these are taken, or the
//! time they take, whenever they are interrupted.

use crate::common::laws::{FOR_EVER, Given, equal, equal_undisturbed, runs, undisturbed_runs};
use crate::common::programs::{ALONE, ANYTHING, ENDING, PLAIN, Subject, canceled};
use effect::prelude::*;

/// The value that laws begin with.
const N: u32 = 3;

/// Monad law: left identity.
#[test]
fn flat_map_of_a_value_is_the_function_of_it() {
    let f = |given: &Given| given.function(ANYTHING, "f");
    equal(|given| succeed(N).flat_map(f(given)), |given| f(given)(N));
}

/// Monad law: right identity.
#[test]
fn flat_map_to_a_value_changes_nothing() {
    equal(
        |given| given.any("a").flat_map(succeed),
        |given| given.any("a"),
    );
}

/// Monad law: associativity.
#[test]
fn flat_map_is_associative() {
    let functions = |given: &Given| (given.function(ANYTHING, "f"), given.function(ANYTHING, "g"));
    equal(
        |given| {
            let (f, g) = functions(given);
            given.any("a").flat_map(f).flat_map(g)
        },
        |given| {
            let (f, g) = functions(given);
            given.any("a").flat_map(move |a| f(a).flat_map(g))
        },
    );
}

/// Functor laws: identity and composition, and `map` in terms of `flat_map`.
#[test]
fn two_maps_are_one_map_and_map_is_a_flat_map() {
    equal(|given| given.any("a").map(|a| a), |given| given.any("a"));
    let fused = |given: &Given| given.any("a").map(|a| (a + 1) * 2);
    equal(|given| given.any("a").map(|a| a + 1).map(|a| a * 2), fused);
    equal(
        |given| given.any("a").flat_map(|a| succeed((a + 1) * 2)),
        fused,
    );
}

/// Ours: `zip` and `tap` in terms of `flat_map`.
#[test]
fn zip_and_tap_are_flat_maps() {
    equal(
        |given| given.any("a").zip(given.any("b")),
        |given| {
            let b = given.any("b");
            given.any("a").flat_map(move |a| b.map(move |b| (a, b)))
        },
    );
    equal(
        |given| {
            let f = given.function(ANYTHING, "f");
            given.any("a").tap(move |a| f(*a))
        },
        |given| {
            let f = given.function(ANYTHING, "f");
            given.any("a").flat_map(move |a| f(a).map(move |_| a))
        },
    );
}

/// Ours: erasing is for the compiler only.
#[test]
fn erasing_changes_nothing() {
    let chain = |given: &Given| {
        given
            .any("a")
            .flat_map(given.function(ANYTHING, "f"))
            .map(|a| a + 1)
    };
    equal(|given| chain(given).erase(), chain);
    equal(|given| chain(given).erase_once(), chain);
}

/// CE `raiseErrorHandleErrorWith`.
#[test]
fn recover_of_an_error_is_the_function_of_it() {
    let f = |given: &Given| given.function(ANYTHING, "f");
    equal(
        |given| fail::<_, _, u32>(N).recover(f(given)),
        |given| f(given)(N),
    );
}

/// CE `pureHandleErrorWith`, `raiseErrorAttempt`; by decision, a defect is nothing to recover from.
#[test]
fn recover_leaves_success_defects_and_interruption_alone() {
    let recovered =
        |given: &Given, effect: Subject| effect.recover(given.function(ANYTHING, "f")).erase();
    let endings: [fn() -> Subject; 3] = [
        || succeed(N).erase(),
        || die("a defect").erase(),
        || canceled(),
    ];
    for ending in endings {
        equal(|given| recovered(given, ending()), |_| ending());
    }
}

/// Monad laws of the error: right identity and associativity.
#[test]
fn recover_is_a_flat_map_on_errors() {
    equal(
        |given| given.any("a").recover(fail::<_, u32, _>),
        |given| given.any("a"),
    );
    let functions = |given: &Given| (given.function(ANYTHING, "f"), given.function(ANYTHING, "g"));
    equal(
        |given| {
            let (f, g) = functions(given);
            given.any("a").recover(f).recover(g)
        },
        |given| {
            let (f, g) = functions(given);
            given.any("a").recover(move |error| f(error).recover(g))
        },
    );
    equal(
        |given| given.any("a").map_error(|error| error + 7),
        |given| given.any("a").recover(|error| fail(error + 7)),
    );
}

/// Ours: `n` is a number of extra runs.
#[test]
fn a_retry_is_a_recovery_by_the_same_effect() {
    equal(
        |given| given.any("a").retry(Schedule::recurs(0)),
        |given| given.any("a"),
    );
    equal(
        |given| given.any("a").retry(Schedule::recurs(2)),
        |given| {
            let again = given.any("a");
            let once_more = again.clone().recover(move |_: u32| again);
            given.any("a").recover(move |_: u32| once_more)
        },
    );
}

/// CE `guaranteeIsGuaranteeCase`.
#[test]
fn a_finalizer_that_does_not_look_at_the_exit_is_one_that_is_not_told() {
    equal(
        |given| {
            let z = given.finalizer("z");
            given.any("a").on_exit(move |_| z)
        },
        |given| given.any("a").ensuring(given.finalizer("z")),
    );
}

/// CE `guarantee` laws, in one: the exit is the effect's, and the finalizer runs last.
///
/// In our form, what interrupts the finalizer waits for it, and is then the exit, unless there is a defect.
#[test]
fn a_finalizer_runs_once_after_the_effect_and_does_not_change_its_exit() {
    for run in runs() {
        let alone = run.see(|given| given.effect(ALONE, "a"));
        let ensured = run.see(|given| given.effect(ALONE, "a").ensuring(given.finalizer("z")));
        let finalizer = run.see(|given| {
            // What interrupts the effect has nothing to interrupt here.
            let finalizer = given.finalizer("z");
            let later = sleep(alone.took).flat_map(|()| finalizer);
            later.uninterruptible()
        });
        let in_finalizer = |moment| alone.took < moment && moment < ensured.took;
        match alone.exit.cause() {
            _ if !run.interrupted.is_some_and(in_finalizer) => {
                assert_eq!(ensured.exit, alone.exit, "{run:?}");
            }
            Some(cause) if cause.is_die() => {
                let defects = ensured.exit.cause().expect("a defect").defects();
                assert!(defects.eq(cause.defects()), "{run:?}");
            }
            _ => assert!(ensured.exit.is_interrupt(), "{run:?}"),
        }
        let steps = [alone.steps, finalizer.steps].concat();
        assert_eq!(ensured.steps, steps, "{run:?}");
        assert_eq!(ensured.took, finalizer.took, "{run:?}");
    }
}

/// Ours, by decision: the primary reason stays the first, and that of the finalizer follows it.
#[test]
fn a_finalizer_that_dies_adds_its_defect_to_the_cause() {
    let defect = die::<(), Never, ()>("the finalizer");
    for run in runs() {
        let alone = run.see(|given| given.any("a"));
        let ensured = run.see(|given| given.any("a").ensuring(defect.clone()));
        let defect = run.see(|_| defect.clone().widen_error::<u32>()).exit;
        let defect = defect.into_result().expect_err("it dies");
        let cause = match alone.exit {
            Exit::Success(_) => defect,
            Exit::Failure(cause) => cause.and(defect),
        };
        assert_eq!(ensured.exit, Exit::Failure(cause), "{run:?}");
        assert_eq!(ensured.steps, alone.steps, "{run:?}");
        assert_eq!(ensured.took, alone.took, "{run:?}");
    }
}

/// Ours: finalizers are a sequence, the inner one first.
#[test]
fn ensuring_is_associative_and_nothing_is_its_identity() {
    equal(
        |given| given.any("a").ensuring(succeed(())),
        |given| given.any("a"),
    );
    equal(
        |given| {
            let (y, z) = (given.finalizer("y"), given.finalizer("z"));
            given.any("a").ensuring(y).ensuring(z)
        },
        |given| {
            let (y, z) = (given.finalizer("y"), given.finalizer("z"));
            given.any("a").ensuring(y.flat_map(move |()| z))
        },
    );
}

/// `finalizers_are_masked`.
#[test]
fn a_finalizer_is_uninterruptible_already() {
    equal(
        |given| given.any("a").ensuring(given.finalizer("z")),
        |given| {
            given
                .any("a")
                .ensuring(given.finalizer("z").uninterruptible())
        },
    );
}

/// CE `neverDominatesOverFlatMap`.
#[test]
fn what_follows_never_never_comes() {
    let wait: fn() -> Subject = || never().erase();
    equal(
        |given| wait().flat_map(given.function(ANYTHING, "f")),
        |_| wait(),
    );
    equal(
        |given| wait().recover(given.function(ANYTHING, "f")),
        |_| wait(),
    );
    equal(
        |given| {
            wait()
                .tap(|_| succeed(()))
                .zip(given.any("a"))
                .map(|(a, _)| a)
        },
        |_| wait(),
    );
    for run in undisturbed_runs() {
        assert_eq!(run.see(|_| wait()).took, FOR_EVER);
    }
}

/// CE `forceRDiscardsPure`, `forceRDiscardsError`; in our form, a defect as well.
#[test]
fn what_follows_the_exit_follows_success_failure_and_defects() {
    let endings: [fn() -> Subject; 3] = [
        || succeed(N).erase(),
        || fail(N).erase(),
        || die("a defect").erase(),
    ];
    for ending in endings {
        equal(
            |given| {
                let next = given.any("b");
                ending().exit().widen_error().flat_map(move |_| next)
            },
            |given| given.any("b"),
        );
    }
    for run in undisturbed_runs() {
        let seen = run.see(|given| {
            let after = given.steps.note("after");
            given.effect(PLAIN, "a").exit().flat_map(move |_| after)
        });
        assert_eq!(seen.names().last(), Some(&"after"), "{run:?}");
    }
}

/// CE `forceRCanceledShortCircuits`, `forceRNeverIsNever`.
#[test]
fn what_follows_the_exit_does_not_follow_interruption_or_never() {
    let endings: [fn() -> Subject; 2] = [|| canceled(), || never().erase()];
    for ending in endings {
        equal(
            |given| {
                let next = given.any("b");
                ending().exit().widen_error().flat_map(move |_| next)
            },
            |_| ending(),
        );
    }
}

/// CE `forceRAssociativity`, over effects that end.
#[test]
fn following_the_exit_is_associative() {
    let then = |first: Subject, next: Subject| -> Subject {
        first.exit().widen_error().flat_map(move |_| next).erase()
    };
    let three = |given: &Given| ["a", "b", "c"].map(|name| given.effect(ENDING, name));
    equal_undisturbed(
        |given| {
            let [a, b, c] = three(given);
            then(then(a, b), c)
        },
        |given| {
            let [a, b, c] = three(given);
            then(a, then(b, c))
        },
    );
}
