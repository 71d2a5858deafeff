//! The laws of time, and of what comes from outside.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::laws::{Given, Run, equal, equal_undisturbed, runs, undisturbed_runs};
use crate::common::programs::{PLAIN, Subject};
use effect::prelude::*;
use effect::{Resume, callback};

fn two_times(given: &Given) -> (Duration, Duration) {
    (given.time("one"), given.time("other"))
}

// Law 8.

/// CE `monotonicSleepSumIdentity`; in our clocks, it is not only as much, but the same.
#[test]
fn to_sleep_and_sleep_again_is_to_sleep_for_the_sum() {
    equal(
        |given| {
            let (one, other) = two_times(given);
            sleep::<_, Never>(one).flat_map(move |()| sleep(other))
        },
        |given| {
            let (one, other) = two_times(given);
            sleep::<_, Never>(one + other)
        },
    );
}

/// CE `sleepRaceMinimum`.
#[test]
fn a_race_of_sleeps_takes_the_shorter_time() {
    equal(
        |given| {
            let (one, other) = two_times(given);
            sleep::<_, Never>(one).race_first(sleep(other))
        },
        |given| {
            let (one, other) = two_times(given);
            sleep::<_, Never>(one.min(other))
        },
    );
}

/// CE `startSleepMaximum`.
#[test]
fn to_sleep_beside_a_child_that_sleeps_takes_the_longer_time() {
    equal(
        |given| {
            let (one, other) = two_times(given);
            sleep::<_, Never>(one)
                .fork()
                .flat_map(move |child: Fiber<Never, ()>| {
                    sleep(other).flat_map(move |()| child.join())
                })
        },
        |given| {
            let (one, other) = two_times(given);
            sleep::<_, Never>(one.max(other))
        },
    );
}

/// Ours: the same of two at once on one fiber.
#[test]
fn sleeps_in_parallel_take_the_longer_time() {
    equal(
        |given| {
            let (one, other) = two_times(given);
            sleep::<_, Never>(one).zip_par(sleep(other)).map(drop)
        },
        |given| {
            let (one, other) = two_times(given);
            sleep::<_, Never>(one.max(other))
        },
    );
}

/// CE `timeout`, of a sleep.
#[test]
fn a_timeout_takes_the_shorter_time() {
    for run in undisturbed_runs() {
        let seen = run.see(|given| {
            let (wait, limit) = two_times(given);
            let limited = sleep::<_, Never>(wait).timeout(limit).exit();
            limited.map(move |exit| (wait, limit, exit.is_success()))
        });
        let Exit::Success((wait, limit, in_time)) = seen.exit else {
            panic!("an exit is a value, in {run:?}");
        };
        assert_eq!(seen.took, wait.min(limit), "{run:?}");
        assert_eq!(in_time, wait <= limit, "{run:?}");
    }
}

/// Ours.
#[test]
fn a_retry_takes_its_delays_and_the_runs_between_them() {
    for run in undisturbed_runs() {
        let seen = run.see(|given| {
            let (wait, delay) = two_times(given);
            let failing = sleep(wait).flat_map(|()| fail::<_, _, ()>((3_u32, 2_u32)));
            let retried = failing.retry(Schedule::spaced(delay).times(2));
            retried.map_error(move |(runs, delays)| wait * runs + delay * delays)
        });
        assert_eq!(seen.exit, Exit::Failure(Cause::fail(seen.took)), "{run:?}");
    }
}

/// CE `ClockLaws.monotonicity`.
#[test]
fn the_clock_never_goes_back() {
    for run in runs() {
        let seen = run.see(|given| given.any("a").ensuring(given.finalizer("z")));
        let times = seen.steps.iter().map(|(time, _)| *time);
        assert!(times.clone().is_sorted(), "{run:?}: {seen:?}");
        assert!(times.max() <= Some(seen.took), "{run:?}: {seen:?}");
    }
}

/// Ours: where nobody sleeps, no time passes.
#[test]
fn time_passes_in_sleeps_only() {
    for run in undisturbed_runs() {
        let seen = run.see(|given| {
            // Asleep from the first of its steps on.
            let beats = given.time("sleep");
            let busy = given.steps.note::<u32>("busy");
            let both = busy.clone().zip(busy);
            both.flat_map(move |_| sleep(beats)).map(move |()| beats)
        });
        assert_eq!(seen.exit, Exit::Success(seen.took), "{run:?}");
        assert_eq!(seen.steps.len(), 2, "{run:?}");
        assert!(seen.steps.iter().all(|(time, _)| time.is_zero()), "{run:?}");
    }
}

/// Ours: a sequence takes the sum of its times, and a pair in parallel the longer one.
#[test]
fn the_times_of_programs_add_up_in_a_sequence_and_not_in_parallel() {
    let part = |given: &Given, name| given.effect(PLAIN, name).exit();
    for run in undisturbed_runs() {
        let [one, other] = ["a", "b"].map(|name| run.see(|given| part(given, name)).took);
        let sequence = run.see(|given| part(given, "a").zip(part(given, "b")));
        assert_eq!(sequence.took, one + other, "{run:?}");
        let parallel = run.see(|given| part(given, "a").zip_par(part(given, "b")));
        assert_eq!(parallel.took, one.max(other), "{run:?}");
    }
}

/// Ours: in virtual time, the time of day keeps up with the clock.
#[test]
fn the_time_of_day_goes_with_the_clock() {
    let virtual_runs = |run: &Run| run.order != crate::common::laws::Order::Tokio;
    for run in undisturbed_runs().filter(virtual_runs) {
        let seen = run.see(|given| {
            let program = given.effect(PLAIN, "a").exit();
            effect(async move |cx: Cx<()>| {
                let (begun, of_day) = (cx.now(), cx.wall_now());
                cx.run(program).await.map(drop)?;
                let passed = cx.wall_now().duration_since(of_day);
                Ok::<_, Never>(passed.ok() == Some(cx.now() - begun))
            })
        });
        assert_eq!(seen.exit, Exit::Success(true), "{run:?}");
    }
}

// Law 9.

/// One that is called back after a while with some result, and then with another one.
fn called_back(given: &Given, cancel: &'static str) -> Subject {
    let result = match given.time("result") {
        even if even.as_millis() % 20 == 0 => Ok(1),
        _ => Err(2),
    };
    let (delay, cancel) = (given.time("delay"), given.steps.note(cancel));
    effect(async move |cx: Cx<()>| {
        let caller = cx.clone();
        let waiting = callback(move |resume: Resume<u32, u32>| {
            drop(caller.fork(sleep::<_, Never>(delay).map(move |()| {
                resume.settle(result);
                assert!(!resume.succeed(9), "called twice");
            })));
            cancel
        });
        cx.run(waiting).await
    })
    .erase_once()
}

/// CE `asyncCancelTokenIsUnsequencedOnCompletion`, `asyncCancelTokenIsUnsequencedOnError`.
#[test]
fn the_cancel_token_runs_on_interruption_and_not_on_a_result() {
    for run in runs() {
        let seen = run.see(|given| called_back(given, "canceled"));
        let names: &[&str] = match seen.exit.is_interrupt() {
            true => &["canceled"],
            false => &[],
        };
        assert_eq!(seen.names(), names, "{run:?}: {seen:?}");
        assert_eq!(
            seen.exit.is_interrupt(),
            run.interrupted == Some(seen.took),
            "{run:?}"
        );
    }
}

/// CE `asyncRightIsUncancelableSequencedPure`, `asyncLeftIsUncancelableSequencedRaiseError`, and
/// `asyncRepeatedCallbackIgnored`.
#[test]
fn a_callback_before_the_waiting_is_the_result_itself_and_a_second_is_nothing() {
    for result in [Ok(1), Err(2)] {
        let once = move |resume: &Resume<u32, u32>| assert!(resume.settle(result));
        equal(
            move |_| callback(move |resume| once(&resume)),
            |_| from_result(result),
        );
        equal(
            move |_| {
                callback(move |resume| {
                    once(&resume);
                    assert!(!resume.fail(8) && !resume.succeed(9));
                })
            },
            |_| from_result(result),
        );
    }
}

/// CE `asyncRepeatedCallbackIgnored`: a call that comes too late changes nothing either.
#[test]
fn a_callback_after_the_result_is_refused() {
    equal_undisturbed(
        |given| {
            let kept: Arc<Mutex<Option<Resume<u32, u32>>>> = Arc::default();
            let registered = Arc::clone(&kept);
            let waiting = callback(move |resume| *registered.lock().unwrap() = Some(resume));
            let race = waiting.race_first(given.effect(PLAIN, "a"));
            race.map(move |value| {
                let handle = kept.lock().unwrap().take();
                (value, handle.expect("it waited").succeed(9))
            })
        },
        |given| given.effect(PLAIN, "a").map(|value| (value, false)),
    );
}

/// Ours: what blocks is an effect as any other, and what it returns is the result.
#[test]
fn blocking_is_its_result() {
    for result in [Ok(1), Err(2)] {
        for run in undisturbed_runs().filter(|run| run.number < 50) {
            let seen = run.see(|given| {
                let next = given.function(PLAIN, "f");
                blocking(move || result).flat_map(next)
            });
            let direct = run.see(|given| {
                let next = given.function(PLAIN, "f");
                from_result(result).flat_map(next)
            });
            assert_eq!(seen.exit, direct.exit, "{run:?}");
            assert_eq!(seen.steps, direct.steps, "{run:?}");
        }
    }
}
