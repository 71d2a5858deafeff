//! Several effects at once: who wins, when, and what becomes of the others.

use crate::common::{Log, Task, everywhere, exit_of, in_turns, secs, timed};
use effect::prelude::*;
use effect::{race_all, race_all_ok};

/// Succeeds, or fails, with a name after so many seconds.
fn after(
    seconds: u64,
    result: Result<&'static str, &'static str>,
) -> Effect<(), &'static str, &'static str> {
    sleep(secs(seconds))
        .flat_map(move |()| from_result(result))
        .erase()
}

/// The same, and whether it was cut short is logged by a finalizer that takes a second.
fn guarded(
    log: &Log,
    seconds: u64,
    result: Result<&'static str, &'static str>,
) -> Effect<(), &'static str, &'static str> {
    after(seconds, result)
        .on_interrupt(log.note_after(secs(1), "interrupted"))
        .ensuring(log.note("finalized"))
        .erase()
}

// S2-52
#[test]
fn a_pair_fails_as_soon_as_either_half_does() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let slow = sleep::<_, &str>(secs(1)).ensuring(log.note("finalized"));
        let (took, pair) = timed(&cx, cx.run(slow.zip_par(fail::<_, _, ()>("no")))).await;
        assert_eq!((took, pair), (0, Err("no")));
        assert_eq!(log.lines(), ["finalized"]);
    });
}

#[test]
fn a_pair_takes_as_long_as_the_slower_half() {
    #[track_caller]
    fn check(left: u64, right: u64) {
        everywhere(async move |cx: Cx<()>| {
            let pair = after(left, Ok("left")).zip_par(after(right, Ok("right")));
            let (took, pair) = timed(&cx, cx.run(pair)).await;
            assert_eq!((took, pair), (left.max(right), Ok(("left", "right"))));
        });
    }
    check(0, 0);
    check(1, 3);
    check(3, 1);
    check(2, 2);
}

/// Races two effects both ways around.
#[track_caller]
fn check(
    left: (u64, Result<&'static str, &'static str>),
    right: (u64, Result<&'static str, &'static str>),
    first: (u64, Result<&'static str, &'static str>),
    ok: (u64, Result<&'static str, (&'static str, &'static str)>),
) {
    everywhere(async move |cx: Cx<()>| {
        let race = |log: &Log| (guarded(log, left.0, left.1), guarded(log, right.0, right.1));
        let log = Log::new();
        let (one, other) = race(&log);
        let raced = timed(&cx, cx.run(one.race_first(other))).await;
        assert_eq!(raced, first, "race_first");
        assert_eq!(log.lines().concat().matches("finalized").count(), 2);
        let log = Log::new();
        let (one, other) = race(&log);
        let raced = timed(&cx, cx.run(one.race_ok(other))).await;
        assert_eq!(raced, ok, "race_ok");
        assert_eq!(log.lines().concat().matches("finalized").count(), 2);
    });
}

// S2-53, T28, stillwater bracket_race
#[test]
fn a_fast_success_wins_both_races() {
    // The loser's finalizer takes a second, and is waited for.
    check(
        (1, Ok("fast")),
        (5, Ok("slow")),
        (2, Ok("fast")),
        (2, Ok("fast")),
    );
    check(
        (5, Ok("slow")),
        (1, Ok("fast")),
        (2, Ok("fast")),
        (2, Ok("fast")),
    );
    check(
        (1, Ok("fast")),
        (5, Err("slow")),
        (2, Ok("fast")),
        (2, Ok("fast")),
    );
}

// S2-53, T28
#[test]
fn a_fast_failure_wins_race_first_and_a_slow_success_race_ok() {
    check(
        (1, Err("fast")),
        (5, Ok("slow")),
        (2, Err("fast")),
        (5, Ok("slow")),
    );
    check(
        (5, Ok("slow")),
        (1, Err("fast")),
        (2, Err("fast")),
        (5, Ok("slow")),
    );
}

// T27
#[test]
fn race_ok_has_both_errors_when_both_fail() {
    let both = (5, Err(("left", "right")));
    check((1, Err("left")), (5, Err("right")), (2, Err("left")), both);
    check((5, Err("left")), (1, Err("right")), (2, Err("right")), both);
}

#[test]
fn the_left_side_wins_a_tie_and_the_right_never_starts() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let right = log.note("started").map(|()| "right");
        assert_eq!(
            cx.run(succeed("left").race_first(right.clone())).await,
            Ok("left")
        );
        let ok = cx.run(succeed::<_, Never, _>("left").race_ok(right)).await;
        assert_eq!(ok, Ok("left"));
        assert_eq!(log.count(), 0);
        let timed = after(1, Ok("left")).race_first(after(1, Ok("right")));
        assert_eq!(cx.run(timed).await, Ok("left"));
    });
}

// T30
#[test]
fn a_loser_has_ended_before_anything_follows_its_race() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let loser = never().ensuring(log.note_after(secs(3), "finalized"));
        let race = loser.race_first(after(1, Ok("won")).map(drop));
        let next = log.note("next").widen_error();
        let (took, _) = timed(&cx, cx.run(race.flat_map(|()| next))).await;
        assert_eq!(took, 4);
        assert_eq!(log.lines(), ["finalized", "next"]);
    });
}

#[test]
fn siblings_wait_for_their_own_finalizers_only() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let lost = |delay, line| {
            never::<(), &str, ()>()
                .ensuring(log.note_after(secs(delay), line))
                .race_first(sleep(secs(1)))
        };
        let quick = lost(1, "quick").zip(log.note("after quick").widen_error());
        let slow = lost(9, "slow").zip(log.note("after slow").widen_error());
        cx.run(slow.zip_par(quick)).await.unwrap();
        let expected = ["quick", "after quick", "slow", "after slow"];
        assert_eq!(log.lines(), expected);
    });
}

#[test]
fn races_nest() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let task = |line| -> Task { never().ensuring(log.note_after(secs(1), line)).erase() };
        let inner = task("1").race_first(task("2"));
        let outer = inner.race_first(task("3")).timeout(secs(1));
        let (took, result) = timed(&cx, cx.run(outer)).await;
        assert_eq!((took, result.is_err()), (4, true));
        let mut lines = log.lines();
        lines.sort();
        assert_eq!(lines, ["1", "2", "3"]);
    });
}

#[test]
fn a_panic_on_one_side_finalizes_the_other() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let other = never::<(), &str, ()>().ensuring(log.note_after(secs(1), "finalized"));
        let bug = sleep(secs(1)).map(|()| panic!("a bug"));
        let exit = exit_of(&cx, other.race_first(bug)).await;
        assert!(exit.cause().unwrap().is_die());
        assert_eq!(log.lines(), ["finalized"]);
    });
}

// T27
#[test]
fn race_ok_has_a_success_whatever_the_other_side_does_but_die() {
    everywhere(async |cx: Cx<()>| {
        let yes = || succeed::<(), &str, _>("yes");
        assert_eq!(cx.run(fail("no").race_ok(yes())).await, Ok("yes"));
        assert_eq!(
            cx.run(yes().race_ok(die::<_, &str, _>("a bug"))).await,
            Ok("yes")
        );
        let both = fail::<(), _, ()>("one").race_ok(fail("two"));
        assert_eq!(cx.run(both).await, Err(("one", "two")));
        // A defect is no failure to go on after: it is a bug, and ends the race.
        let died = die::<(), &str, &str>("a bug").race_ok(yes());
        assert!(exit_of(&cx, died).await.cause().unwrap().is_die());
    });
}

// T40
#[test]
fn a_pair_does_not_fail_by_a_half_that_had_succeeded_before() {
    everywhere(async |cx: Cx<()>| {
        let done = succeed::<(), &str, _>(1).on_interrupt(die::<_, _, ()>("cut short"));
        let failing = sleep(secs(1)).flat_map(|()| fail::<_, _, ()>("no"));
        let exit = exit_of(&cx, done.zip_par(failing)).await;
        assert_eq!(exit, Exit::Failure(Cause::fail("no")));
    });
}

// T28
#[test]
fn all_who_lose_a_race_of_many_have_been_released_before_it_ends() {
    for result in [Ok("won"), Err("lost")] {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let loser = || guarded(&log, 10, Ok("slow"));
            let race = (0..4).fold(guarded(&log, 1, result), |race, _| {
                loser().race_first(race).erase()
            });
            assert_eq!(cx.run(race).await, result);
            let lines = log.lines();
            let count = |line| lines.iter().filter(|seen| *seen == line).count();
            assert_eq!((count("interrupted"), count("finalized")), (4, 5));
        });
    }
}

// T29
#[test]
fn interrupting_a_race_interrupts_both_sides() {
    #[track_caller]
    fn check(race: impl Fn(Task, Task) -> Task + Clone + Send + 'static) {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let side = || never().on_interrupt(log.note_after(secs(1), "interrupted"));
            let fiber = cx.fork(race(side().erase(), side().erase()));
            cx.sleep(secs(1)).await;
            let Ok(exit) = cx.run(fiber.interrupt()).await;
            assert!(exit.is_interrupt());
            assert_eq!(log.lines(), ["interrupted", "interrupted"]);
        });
    }
    check(|one, other| one.race_first(other).erase());
    check(|one, other| one.race_ok(other).map_error(|(error, _)| error).erase());
    check(|one, other| one.zip_par(other).map(drop).erase());
}

// T31
#[test]
fn a_pair_ends_after_the_finalizer_of_the_half_that_is_cut_short() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let half = never::<(), &str, ()>().ensuring(log.note_after(secs(3), "finalized"));
        let failing = sleep(secs(1)).flat_map(|()| fail::<_, _, ()>("no"));
        let (took, pair) = timed(&cx, cx.run(failing.zip_par(half))).await;
        assert_eq!((took, pair), (4, Err("no")));
        assert_eq!(log.lines(), ["finalized"]);
    });
}

// T31
#[test]
fn interrupting_a_pair_finalizes_the_half_that_runs_where_the_other_has_succeeded() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let done = succeed::<(), &str, _>(1).ensuring(log.note("done"));
        let runs = never::<_, _, ()>().ensuring(log.note_after(secs(1), "cut short"));
        let pairs = [
            done.clone().zip_par(runs.clone()).map(drop).erase(),
            runs.zip_par(done).map(drop).erase(),
        ];
        for pair in pairs {
            let fiber = cx.fork(pair);
            cx.sleep(secs(1)).await;
            let (took, Ok(exit)) = timed(&cx, cx.run(fiber.interrupt())).await;
            assert!(exit.is_interrupt());
            assert_eq!(took, 1);
        }
        assert_eq!(log.lines(), ["done", "cut short", "done", "cut short"]);
    });
}

// T28
#[test]
fn a_race_of_many_ends_with_the_first_and_after_the_finalizers_of_the_others() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let racer = |n: u64| match n {
            3 => guarded(&log, 1, Err("fast")),
            4 => guarded(&log, 2, Ok("second")),
            n => guarded(&log, n + 3, Ok("slow")),
        };
        let all = (0..8).map(racer).collect::<Vec<_>>();
        let raced = timed(&cx, cx.run(race_all(all.clone()))).await;
        // The finalizers of those who have lost run one after the other.
        assert_eq!(raced, (1 + 7, Err("fast")));
        assert_eq!(log.lines().concat().matches("finalized").count(), 8);
        let raced = timed(&cx, cx.run(race_all_ok(all))).await;
        assert_eq!(raced, (2 + 6, Ok("second")));
        assert_eq!(log.lines().concat().matches("finalized").count(), 16);
    });
}

#[test]
fn a_race_that_nobody_wins_tells_all_errors_in_order() {
    everywhere(async |cx: Cx<()>| {
        let all = [("one", 3), ("two", 1), ("three", 2)].map(|(name, at)| after(at, Err(name)));
        let raced = timed(&cx, cx.run(race_all_ok(all))).await;
        assert_eq!(raced, (3, Err(vec!["one", "two", "three"])));
        // Of those that are ready at once, the first in order wins.
        assert_eq!(
            cx.run(race_all([after(1, Ok("a")), after(1, Err("b"))]))
                .await,
            Ok("a")
        );
        let none: [Task; 0] = [];
        assert_eq!(cx.run(race_all_ok(none.clone())).await, Err(vec![]));
        let endless = race_all(none).timeout(secs(1));
        assert!(cx.run(endless).await.is_err());
    });
}

#[test]
fn a_defect_ends_a_race_of_many_and_an_interruption_all_of_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let dies = sleep(secs(1)).flat_map(|()| die("a bug")).erase();
        let all = [guarded(&log, 2, Ok("slow")), dies];
        let exit = exit_of(&cx, race_all_ok(all)).await;
        assert_eq!(exit.cause().unwrap().defect().unwrap().message(), "a bug");
        assert_eq!(log.lines(), ["interrupted", "finalized"]);
        let all = [guarded(&log, 2, Ok("slow")), guarded(&log, 3, Ok("slower"))];
        let race = cx.fork(race_all(all));
        cx.sleep(secs(1)).await;
        assert!(cx.run(race.interrupt()).await.unwrap().is_interrupt());
        assert_eq!(log.lines().concat().matches("interrupted").count(), 3);
    });
}

#[test]
fn of_racers_at_one_moment_the_first_in_order_wins() {
    in_turns(async |cx: Cx<()>| {
        let gates = [(); 2].map(|()| effect::Deferred::<Never, &str>::new());
        let racers = gates.clone().map(|gate| gate.wait());
        let racing = cx.fork(race_all(racers));
        cx.sleep(secs(1)).await;
        // In the other order, before anybody looks.
        let [one, two] = gates;
        two.succeed("two").unwrap();
        one.succeed("one").unwrap();
        assert_eq!(cx.run(racing.join()).await, Ok("one"));
    });
}
