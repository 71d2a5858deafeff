//! The laws of races: who wins, and that the loser has ended before anybody goes on.

use crate::common::laws::{FOR_EVER, Given, equal, equal_undisturbed};
use crate::common::programs::{BEAT, ENDING, PLAIN, Subject, canceled};
use effect::prelude::*;

/// The value that laws begin with.
const N: u32 = 3;

fn wait() -> Subject {
    never().erase()
}

/// CE `raceNeverIdentityLeft`, `raceNeverIdentityRight`; in our form for effects that interrupt themselves as well, since
/// the sides of a race are on one fiber.
#[test]
fn never_is_the_identity_of_a_race() {
    equal(
        |given| given.any("a").race_first(wait()),
        |given| given.any("a"),
    );
    equal(
        |given| wait().race_first(given.any("a")),
        |given| given.any("a"),
    );
}

/// CE `raceCanceledIdentityLeft`, `raceCanceledIdentityRight`, which have the other side win. In our form the sides of
/// a race are no fibers: one that interrupts itself interrupts them both.
#[test]
fn a_side_that_interrupts_itself_interrupts_the_race() {
    // An interruption takes no time, but some turns: what takes neither may win.
    let slow = |given: &Given| {
        sleep(BEAT).flat_map({
            let next = given.any("a");
            move |()| next
        })
    };
    equal_undisturbed(|given| canceled().race_first(slow(given)), |_| canceled());
    equal_undisturbed(|given| slow(given).race_first(canceled()), |_| canceled());
}

/// CE `raceDerivesFromRacePairLeft` and ours, by decision: a race waits for the finalizers of its loser.
#[test]
fn a_race_ends_after_the_finalizers_of_its_loser() {
    equal_undisturbed(
        |given| {
            let loser = wait().on_interrupt(given.finalizer("z"));
            loser.race_first(given.effect(PLAIN, "a"))
        },
        |given| {
            let finalizer = given.finalizer("z");
            given.effect(PLAIN, "a").ensuring(finalizer)
        },
    );
}

/// Ours, by decision: `race_ok` wants a success, so a failure is the other side's chance.
#[test]
fn race_ok_with_a_failure_is_the_other_side() {
    equal(
        |given| fail(N).race_ok(given.any("a")),
        |given| given.any("a").map_error(|error| (N, error)),
    );
    equal(
        |given| given.any("a").race_ok(fail(N)),
        |given| given.any("a").map_error(|error| (error, N)),
    );
}

/// Ours, by decision, as `race(fail, never)` hangs in ZIO as well.
#[test]
fn race_ok_with_never_waits_for_a_success() {
    equal(
        |given| given.any("a").race_ok(wait()),
        |given| {
            let waiting = given.any("a").recover(|_: u32| wait());
            waiting.map_error(|error: u32| (error, error))
        },
    );
}

/// Ours: a limit that is not reached is not noticed, and one that is is an interruption.
#[test]
fn a_timeout_is_a_race_with_a_sleep() {
    equal_undisturbed(
        |given| given.effect(ENDING, "a").timeout(FOR_EVER / 2),
        |given| given.effect(ENDING, "a").map_error(TimeoutError::Failed),
    );
    equal(
        |given| given.any("a").timeout(given.time("limit")),
        |given| {
            let limit = given.time("limit");
            let elapsed = sleep(limit).flat_map(move |()| fail(TimeoutError::Elapsed(limit)));
            given
                .any("a")
                .map_error(TimeoutError::Failed)
                .race_first(elapsed)
        },
    );
}

/// Ours: `zip_par` is `zip` where nothing has to wait.
#[test]
fn zip_par_with_a_value_is_a_map() {
    equal(
        |given| succeed(N).zip_par(given.any("a")),
        |given| given.any("a").map(|a| (N, a)),
    );
    equal(
        |given| given.any("a").zip_par(succeed(N)),
        |given| given.any("a").map(|a| (a, N)),
    );
}

/// CE `parallel: short-circuit on error`.
#[test]
fn zip_par_with_a_failure_is_the_failure_after_the_finalizers_of_the_other_side() {
    equal_undisturbed(
        |given| {
            let other = wait().ensuring(given.finalizer("z"));
            let failing = sleep(BEAT).flat_map(|()| fail::<_, _, u32>(N));
            other.zip_par(failing)
        },
        |given| {
            let failing = sleep(BEAT).flat_map(|()| fail(N));
            failing.ensuring(given.finalizer("z"))
        },
    );
}
