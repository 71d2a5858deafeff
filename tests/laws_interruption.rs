//! The laws of interruption: what it waits for, what it ends, and what it leaves alone.

use std::time::Duration;

use crate::common::laws::{
    FOR_EVER, Given, Run, equal, equal_undisturbed, interrupted_runs, runs, undisturbed_runs,
};
use crate::common::programs::{ALONE, ANYTHING, BEAT, PLAIN, Subject, UNDISTURBED, canceled};
use effect::prelude::*;
use effect::uninterruptible_mask;

/// The value that laws begin with.
const N: u32 = 3;

fn wait() -> Subject {
    never().erase()
}

// Law 3.

/// CE `uncancelablePollIsIdentity`.
#[test]
fn a_mask_that_excepts_all_is_not_noticed() {
    equal(
        |given| {
            let a = given.any("a");
            uninterruptible_mask(move |restore| restore.apply(a))
        },
        |given| given.any("a"),
    );
}

/// CE `uncancelableIgnoredPollEliminatesNesting`: under an inner mask, the exception of the outer one is none.
#[test]
fn what_an_outer_mask_excepts_is_masked_by_an_inner_one() {
    equal(
        |given| {
            let a = given.effect(UNDISTURBED, "a");
            uninterruptible_mask(|restore| uninterruptible_mask(move |_| restore.apply(a)))
        },
        |given| given.effect(UNDISTURBED, "a").uninterruptible(),
    );
}

/// CE `uncancelablePollInverseNestIsUncancelable`: exceptions count from the innermost mask outwards, and in no other order.
#[test]
fn exceptions_in_the_wrong_order_are_none() {
    equal(
        |given| {
            let a = given.effect(UNDISTURBED, "a");
            uninterruptible_mask(|outer| {
                uninterruptible_mask(move |inner| outer.apply(inner.apply(a)))
            })
        },
        |given| given.effect(UNDISTURBED, "a").uninterruptible(),
    );
}

/// Ours: for those who do not interrupt, a mask is none.
#[test]
fn uninterruptible_is_not_noticed_by_those_who_do_not_interrupt() {
    equal_undisturbed(
        |given| given.effect(UNDISTURBED, "a").uninterruptible(),
        |given| given.effect(UNDISTURBED, "a"),
    );
}

/// CE `uncancelableIgnoredPollEliminatesNesting`, without exceptions.
#[test]
fn uninterruptible_twice_is_uninterruptible_once() {
    equal(
        |given| {
            let once = given.effect(UNDISTURBED, "a").uninterruptible();
            once.uninterruptible()
        },
        |given| given.effect(UNDISTURBED, "a").uninterruptible(),
    );
}

/// CE `uncancelableEliminatesOnCancel`.
#[test]
fn on_interrupt_never_fires_inside_of_uninterruptible() {
    equal(
        |given| {
            let finalizer = given.finalizer("z");
            let watched = given.effect(UNDISTURBED, "a").on_interrupt(finalizer);
            watched.uninterruptible()
        },
        |given| given.effect(UNDISTURBED, "a").uninterruptible(),
    );
}

/// `interrupt_awaits_finalizers`, for effects that are not to be interrupted.
///
/// In our form, the fiber's exit is an interruption, and the value of the effect is nobody's; a defect stays one.
#[test]
fn what_is_uninterruptible_ends_before_its_fiber_is_interrupted() {
    for (run, moment) in interrupted_runs() {
        let undisturbed = Run {
            interrupted: None,
            ..run
        };
        let whole = undisturbed.see(|given| given.effect(PLAIN, "a"));
        let masked = run.see(|given| given.effect(PLAIN, "a").uninterruptible());
        assert_eq!(masked.steps, whole.steps, "{run:?}");
        assert_eq!(masked.took, whole.took, "{run:?}");
        let is_die = whole.exit.cause().is_some_and(Cause::is_die);
        if whole.took < moment {
            assert_eq!(masked.exit, whole.exit, "{run:?}");
        } else if is_die {
            let cause = masked.exit.into_result().expect_err("it died");
            assert!(cause.is_die(), "{run:?}");
        } else {
            assert!(masked.exit.is_interrupt(), "{run:?}");
        }
    }
}

/// CE `uncancelableCanceledAssociatesRightOverFlatMap`, by our means: interruption is seen where the mask ends.
#[test]
fn an_interruption_that_waited_is_seen_at_the_end_of_the_mask() {
    for (run, moment) in interrupted_runs() {
        let masked = run.see(|given| {
            let after = given.steps.note::<u32>("after");
            let wait = sleep(moment + BEAT).uninterruptible();
            wait.flat_map(move |()| after)
        });
        assert!(masked.exit.is_interrupt(), "{run:?}");
        assert_eq!(masked.names(), [""; 0], "{run:?}");
        assert_eq!(masked.took, moment + BEAT, "{run:?}");
    }
}

/// CE `uncancelableRaceNotInherited`: inside of a mask as well, whoever loses is interrupted.
#[test]
fn a_race_inside_of_uninterruptible_interrupts_the_loser() {
    equal(
        |given| {
            let loser = wait().on_interrupt(given.finalizer("z"));
            let race = loser.race_first(given.effect(PLAIN, "a"));
            race.uninterruptible()
        },
        |given| {
            let (a, z) = (given.effect(PLAIN, "a"), given.finalizer("z"));
            a.ensuring(z).uninterruptible()
        },
    );
}

// Law 4.

/// CE `canceledSequencesOnCancelInOrder`.
#[test]
fn self_interruption_runs_what_is_around_it_from_the_inside_out() {
    equal(
        |given| {
            let (y, z) = (given.finalizer("y"), given.finalizer("z"));
            canceled::<u32>().on_interrupt(y).on_interrupt(z)
        },
        |given| {
            let (y, z) = (given.finalizer("y"), given.finalizer("z"));
            canceled::<u32>().on_interrupt(y.flat_map(move |()| z))
        },
    );
    for run in undisturbed_runs() {
        let seen = run.see(|given| {
            let ([y, z], x) = (
                ["y", "z"].map(|name| given.finalizer(name)),
                given.finalizer("x"),
            );
            canceled::<u32>()
                .on_interrupt(y)
                .ensuring(z)
                .on_interrupt(x)
        });
        assert!(seen.exit.is_interrupt(), "{run:?}");
        let names = ["y.1", "y.2", "z.1", "z.2", "x.1", "x.2"];
        assert_eq!(seen.names(), names, "{run:?}");
    }
}

/// CE `canceledAssociatesLeftOverFlatMap`.
#[test]
fn nothing_follows_self_interruption() {
    let interrupted =
        |given: &Given| -> Subject { given.any("a").flat_map(|_| canceled()).erase() };
    equal(
        |given| interrupted(given).flat_map(given.function(ANYTHING, "f")),
        interrupted,
    );
    equal(
        |given| {
            let next = given.any("b");
            canceled().recover(move |_: u32| next)
        },
        |_| canceled::<u32>(),
    );
    equal(
        |given| canceled().zip(given.any("b")).map(|(a, _): (u32, u32)| a),
        |_| canceled::<u32>(),
    );
}

/// Ours: a fiber is interrupted as a whole, so by itself or from outside is the same.
#[test]
fn on_interrupt_fires_once_if_the_effect_is_interrupted_and_only_then() {
    for run in runs() {
        let alone = run.see(|given| given.effect(ALONE, "a"));
        let watched = run.see(|given| {
            let effect = given.effect(ALONE, "a");
            effect.on_interrupt(given.steps.note("interrupted"))
        });
        assert_eq!(watched.exit, alone.exit, "{run:?}");
        assert_eq!(watched.took, alone.took, "{run:?}");
        let mut steps = alone.steps.clone();
        let primary = alone.exit.cause().map(Cause::primary);
        if primary == Some(&effect::Reason::Interrupt(None)) {
            steps.push((alone.took, "interrupted".to_owned()));
        }
        assert_eq!(watched.steps, steps, "{run:?}");
    }
}

// Law 5.

/// CE `fiberPureIsOutcomeCompletedPure`, `fiberErrorIsOutcomeErrored`, `fiberCanceledIsOutcomeCanceled`.
#[test]
fn the_exit_of_a_fork_is_the_exit_of_the_effect() {
    let endings: [fn() -> Subject; 4] = [
        || succeed(N).erase(),
        || fail(N).erase(),
        || die("a defect").erase(),
        || canceled(),
    ];
    for ending in endings {
        for run in undisturbed_runs() {
            let alone = run.see(|_| ending()).exit;
            let forked = run.see(|_| {
                let fork = ending().fork::<Never>();
                fork.flat_map(|fiber| fiber.exit())
                    .map(|exit| exit.into_result().map_err(|cause| cause.to_string()))
            });
            let exit = forked.exit.into_result().expect("an exit is a value");
            match (alone.into_result(), exit) {
                // The interruption is told apart by who it was only.
                (Err(cause), Err(told)) if cause.is_interrupt() => assert_eq!(told, "interrupted"),
                (alone, told) => assert_eq!(alone.map_err(|cause| cause.to_string()), told),
            }
        }
    }
}

/// CE `joinIsGuaranteeCase`: what a fiber does for another, it does as if that did it itself.
///
/// In our form, whoever is interrupted while joining does not learn how the child ended.
#[test]
fn fork_and_join_is_the_effect_itself() {
    for run in runs() {
        let alone = run.see(|given| given.effect(ALONE, "a"));
        let joined = run.see(|given| {
            let fork = given.effect(ALONE, "a").fork();
            fork.flat_map(|fiber: Fiber<u32, u32>| fiber.join())
        });
        assert_eq!(joined.steps, alone.steps, "{run:?}");
        assert_eq!(joined.took, alone.took, "{run:?}");
        if alone.took < run.interrupted.unwrap_or(FOR_EVER) {
            assert_eq!(joined.exit, alone.exit, "{run:?}");
        } else {
            assert!(joined.exit.is_interrupt(), "{run:?}");
        }
    }
}

/// CE `fiberNeverIsNever`.
#[test]
fn to_join_never_is_never() {
    equal(
        |_| {
            wait()
                .fork()
                .flat_map(|fiber: Fiber<u32, u32>| fiber.join())
        },
        |_| wait(),
    );
}

/// CE `fiberCancelationIsOutcomeCanceled`, `startOfNeverIsUnit`.
#[test]
fn a_fork_of_never_returns_at_once_and_is_interrupted_at_once() {
    for run in undisturbed_runs() {
        let seen = run.see(|_| {
            effect(async |cx: Cx<()>| {
                let fiber = cx.run(wait().fork::<Never>()).await?;
                let by = Cause::interrupt(Some(cx.fiber_id()));
                let exit = cx.run(fiber.interrupt()).await?;
                Ok::<_, Never>(exit == Exit::Failure(by))
            })
        });
        assert_eq!(seen.exit, Exit::Success(true), "{run:?}");
        assert_eq!(seen.took, Duration::ZERO, "{run:?}");
    }
}

/// CE `uncancelableStartIsCancelable`, and by decision so: what is forked in a mask does not inherit it.
#[test]
fn a_fork_inside_of_uninterruptible_can_be_interrupted() {
    for run in undisturbed_runs() {
        let seen = run.see(|given| {
            let child = wait().on_interrupt(given.finalizer("z"));
            let fork = child.fork::<Never>();
            let both = fork.flat_map(|fiber| sleep(BEAT).flat_map(move |()| fiber.interrupt()));
            both.uninterruptible().map(|exit| exit.is_interrupt())
        });
        assert_eq!(seen.exit, Exit::Success(true), "{run:?}");
        assert_eq!(seen.names(), ["z.1", "z.2"], "{run:?}");
    }
}

/// Ours: fibers are supervised, so a parent ends after its children, whatever ends it.
#[test]
fn a_parent_ends_after_the_finalizers_of_its_children() {
    for run in runs() {
        let seen = run.see(|given| {
            let steps = given.steps.clone();
            let child = wait().ensuring(given.finalizer("z"));
            let begun = effect(async move |cx: Cx<()>| {
                steps.take_down(&cx, "begun");
                cx.run(child).await
            });
            let parent = given.effect(ALONE, "a");
            let fork = begun.fork();
            // A turn for the child, which otherwise may never begin.
            fork.flat_map(|_: Fiber<u32, u32>| sleep(BEAT / 4))
                .flat_map(move |()| parent)
        });
        let last = seen.steps.last().expect("the child began");
        assert_eq!(last, &(seen.took, "z.2".to_owned()), "{run:?}");
    }
}
