//! Replay: past events at their own times and in no time; nothing of it depends on the wall clock.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::common::replays::{
    Greeter, Log, SECOND, at, named, names, new_year, past, past_of, run, seconds,
};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{Events, Replay, Timeline};

// S4-01, S4-02
#[test]
fn each_event_is_handled_at_its_own_time() {
    let greeter = Greeter::default();
    let log = greeter.log.clone();
    let replay = Replay::starting(new_year()).events(Events::past(names(5)), move |when, name| {
        let greeter = greeter.clone();
        effect(async move |cx: Cx<()>| {
            assert_eq!(cx.wall_now(), when);
            cx.run(greeter.greet(name)).await
        })
    });
    assert_eq!(run(replay.run()), Exit::Success(()));
    log.assert(&[
        (0.0, "Hello Jane."),
        (1.0, "Hello John."),
        (2.0, "Hello Sarah."),
        (3.0, "Hello Paul."),
        (4.0, "Hello again Jane!"),
    ]);
}

// S4-04
#[test]
fn streams_are_merged_by_time() {
    let log = Log::default();
    let replay = Replay::new()
        .events(past([0, 2, 4]), named(&log, "a"))
        .events(past([1, 2, 3]), named(&log, "b"));
    assert!(run(replay.run()).is_success());
    log.assert(&[
        (0.0, "a0"),
        (1.0, "b1"),
        (2.0, "a2"),
        (2.0, "b2"),
        (3.0, "b3"),
        (4.0, "a4"),
    ]);
}

#[test]
fn events_of_the_same_time_come_in_the_order_of_their_streams() {
    let log = Log::default();
    // The second stream has waited for 2 for longer.
    let replay = Replay::new()
        .events(past([1, 2, 2]), named(&log, "a"))
        .events(past([0, 2]), named(&log, "b"))
        .events(past([2]), named(&log, "c"));
    assert!(run(replay.run()).is_success());
    log.assert(&[
        (0.0, "b0"),
        (1.0, "a1"),
        (2.0, "a2"),
        (2.0, "a2"),
        (2.0, "b2"),
        (2.0, "c2"),
    ]);
}

#[test]
fn without_a_start_it_begins_with_the_first_past_event() {
    let log = Log::default();
    let main = log.note("main");
    let replay = Replay::new()
        .events(past([7, 9]), named(&log, "a"))
        .events(past([5]), named(&log, "b"))
        .run_with(main);
    assert!(run(replay).is_success());
    log.assert(&[(5.0, "main"), (5.0, "b5"), (7.0, "a7"), (9.0, "a9")]);
}

// S4-17
#[test]
fn a_late_event_is_handled_at_once_and_sees_that_it_is_late() {
    let log = Log::default();
    let replay = Replay::new().events(past([5, 1, 7]), named(&log, ""));
    assert!(run(replay.run()).is_success());
    log.assert(&[(5.0, "5"), (5.0, "1"), (7.0, "7")]);
}

// S4-09
#[test]
fn a_sleep_takes_no_time_and_holds_up_its_own_stream() {
    let log = Log::default();
    let write = log.clone();
    let replay = Replay::new().events(past([0, 1]), move |_, n| {
        let log = write.clone();
        effect(async move |cx: Cx<()>| {
            log.write(&cx, format!("in {n}"));
            cx.sleep(5 * SECOND).await;
            log.write(&cx, format!("out {n}"));
            Ok(())
        })
    });
    assert!(run(replay.run()).is_success());
    log.assert(&[
        (0.0, "in 0"),
        (5.0, "out 0"),
        (5.0, "in 1"),
        (10.0, "out 1"),
    ]);
}

#[test]
fn a_slow_stream_does_not_hold_up_another() {
    let log = Log::default();
    let slow = log.clone();
    let replay = Replay::new()
        .events(past([0]), move |_, _| {
            let log = slow.clone();
            sleep(5 * SECOND).flat_map(move |()| log.note("slow"))
        })
        .events(past([1, 2]), named(&log, ""));
    assert!(run(replay.run()).is_success());
    log.assert(&[(1.0, "1"), (2.0, "2"), (5.0, "slow")]);
}

// S4-13
#[test]
fn handlers_are_of_every_kind() {
    let log = Log::default();
    let pairs = || Events::past([(at(0), ("a", 1)), (at(1), ("b", 2))]);
    let (plain, waits, future, method) = (log.clone(), log.clone(), log.clone(), log.clone());
    let replay = Replay::new()
        .events(pairs(), move |_, (name, n)| {
            plain.note(format!("effect {name}{n}"))
        })
        .events(pairs(), move |_, (name, n)| {
            let log = waits.clone();
            effect(async move |cx: Cx<()>| {
                log.write(&cx, format!("closure {name}{n}"));
                Ok(n)
            })
        })
        .events(pairs(), move |when, (name, n)| {
            let log = future.clone();
            async move {
                let line = (seconds(when), format!("future {name}{n}"));
                log.lines.lock().unwrap().push(line);
                Ok(())
            }
        })
        .events(past([1]), named(&method, "method "));
    assert!(run(replay.run()).is_success());
    log.assert(&[
        (0.0, "effect a1"),
        (0.0, "closure a1"),
        (0.0, "future a1"),
        (1.0, "effect b2"),
        (1.0, "closure b2"),
        (1.0, "future b2"),
        (1.0, "method 1"),
    ]);
}

// S4-19
#[test]
fn nothing_to_do_is_done_at_once() {
    assert_eq!(run(Replay::<(), Never>::new().run()), Exit::Success(()));
    let nothing = Events::<(), Never, ()>::past([]);
    let replay = Replay::new().events(nothing, |_, ()| succeed(()));
    assert_eq!(run(replay.run()), Exit::Success(()));
}

// S4-25
#[test]
fn any_effect_runs_and_has_its_value() {
    let answer = sleep::<_, Never>(SECOND).map(|()| 42);
    assert_eq!(run(Replay::new().run_with(answer)), Exit::Success(42));
}

#[test]
fn the_first_failure_ends_it_and_everybody_cleans_up() {
    let log = Log::default();
    let stream = log.clone();
    let replay = Replay::new()
        .events(past_of([0, 3]), move |_, n| {
            if n == 3 {
                fail("three").erase()
            } else {
                succeed(()).erase()
            }
        })
        .events(past_of([0]), move |_, _| {
            never::<_, _, ()>().ensuring(stream.note("cleaned up"))
        });
    let exit = run(replay.run());
    assert_eq!(exit, Exit::Failure(Cause::fail("three")));
    log.assert(&[(3.0, "cleaned up")]);
}

#[test]
fn two_replays_do_not_see_each_other() {
    let (first, second) = (Log::default(), Log::default());
    let one = Replay::new()
        .events(past([0, 1_000_000, 3_000_000]), named(&first, ""))
        .run();
    let other = Replay::new()
        .events(past([2_000_000, 2_000_001]), named(&second, ""))
        .run();
    assert!(run(one.zip_par(other)).is_success());
    first.assert(&[
        (0.0, "0"),
        (1_000_000.0, "1000000"),
        (3_000_000.0, "3000000"),
    ]);
    second.assert(&[(2_000_000.0, "2000000"), (2_000_001.0, "2000001")]);
}

#[test]
fn a_replay_is_the_same_whatever_the_wall_clock_says() {
    let seen = |wall: SystemTime, seed: u64| {
        let log = Log::default();
        let write = log.clone();
        let replay = Replay::new();
        let timeline: Timeline<(), Never> = replay.timeline();
        let replay = replay.events(past(0..20), move |when, n| {
            let (log, later) = (write.clone(), write.clone());
            timeline.call_later(when + SECOND / 3, later.note(format!("later {n}")));
            effect(async move |cx: Cx<()>| {
                let chance = cx.random() % 1_000;
                cx.sleep(Duration::from_millis(chance)).await;
                log.write(&cx, format!("{n} {chance}"));
                Ok(())
            })
        });
        let exit = VirtualTime::new().start(wall).seed(seed).run(replay.run());
        assert_eq!(exit, Ok(Exit::Success(())));
        let lines = log.lines.lock().unwrap();
        lines.clone()
    };
    let first = seen(at(0), 0);
    assert_eq!(first.len(), 40);
    for seed in 1..20 {
        assert_eq!(seen(at(seed * 1_000), seed), first);
    }
}

#[test]
fn nobody_who_can_go_on_is_a_defect_that_says_so() {
    let replay = Replay::<(), Never>::new().run_with(never::<_, _, ()>());
    let exit = run(replay);
    let defect = exit.cause().and_then(Cause::defect).expect("a defect");
    assert!(
        defect.message().contains("waits for nothing at all"),
        "{defect}"
    );
}

// S4-24
#[test]
fn times_before_the_epoch_are_times() {
    let log = Log::default();
    let long_ago = SystemTime::UNIX_EPOCH - 3 * SECOND;
    let events = Events::past([(long_ago, "before"), (SystemTime::UNIX_EPOCH, "after")]);
    let write = log.clone();
    let replay = Replay::<_, Never>::new().events(events, move |when, name| {
        let log = write.clone();
        effect(async move |cx: Cx<()>| {
            assert_eq!(cx.wall_now(), when);
            log.lines.lock().unwrap().push((0.0, name.to_owned()));
            Ok(())
        })
    });
    assert!(run(replay.run()).is_success());
    log.assert(&[(0.0, "before"), (0.0, "after")]);
}

#[test]
fn centuries_are_kept_apart() {
    let year = |n: i64| {
        let since_1970 = Duration::from_secs(365 * 24 * 3_600) * (n - 1_970).unsigned_abs() as u32;
        if n < 1_970 {
            SystemTime::UNIX_EPOCH - since_1970
        } else {
            SystemTime::UNIX_EPOCH + since_1970
        }
    };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handle = || {
        let seen = Arc::clone(&seen);
        move |when: SystemTime, n: i64| {
            let seen = Arc::clone(&seen);
            effect(async move |cx: Cx<()>| {
                assert_eq!(cx.wall_now(), when);
                seen.lock().unwrap().push(n);
                Ok::<_, Never>(())
            })
        }
    };
    let replay = Replay::new()
        .events(Events::past([1_600, 2_400].map(|n| (year(n), n))), handle())
        .events(Events::past([1_700, 2_300].map(|n| (year(n), n))), handle());
    assert!(run(replay.run()).is_success());
    assert_eq!(*seen.lock().unwrap(), [1_600, 1_700, 2_300, 2_400]);
}

#[test]
fn a_deadlock_in_a_replay_has_it_clean_up_first() {
    let log = Log::default();
    let cleaned_up = log.note("cleaned up");
    let replay = Replay::starting(at(0)).run_with(never::<_, Never, ()>().ensuring(cleaned_up));
    let exit = run(replay);
    assert!(exit.cause().is_some_and(Cause::is_die), "{exit:?}");
    log.assert(&[(0.0, "cleaned up")]);
}

#[test]
fn a_simulation_sees_what_goes_on_in_a_replay() {
    let loses_an_item = |trial: &Trial| {
        let tickets = trial.tickets();
        let books = tickets.clone();
        let replay = Replay::new().events(past([0]), move |_, _| {
            let books = books.clone();
            effect(async move |cx: Cx<()>| {
                let item = books.issue();
                cx.sleep(SECOND).await;
                books.settle(item, "handled");
                Ok(())
            })
        });
        Case::new(replay.run()).check(move |_| assert!(tickets.open().is_empty(), "lost"))
    };
    let violation = Sim::new().each_interrupt(loses_an_item).unwrap_err();
    assert_eq!(violation.what, "lost");
}

#[test]
fn one_that_interrupts_itself_in_a_replay_is_interrupted_and_has_not_died() {
    let joins = || {
        effect(async |cx: Cx<()>| {
            let child = cx.fork(sleep::<_, Never>(5 * SECOND));
            child.interrupt_fork();
            cx.run(child.join()).await
        })
    };
    let replay = Replay::new()
        .events(past([0]), move |_, _| joins())
        .run_with(sleep(9 * SECOND));
    let exit = run(replay);
    assert!(exit.is_interrupt(), "{exit:?}");
}
