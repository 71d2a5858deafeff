//! Calls and timers of a replay: each at its time, in order, and none left out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::replays::{
    Greeter, Log, SECOND, at, names, new_year, past, run, run_at, seconds,
};
use effect::prelude::*;
use effect::{Events, Every, Replay, Timeline, When};

// S4-07
#[test]
fn calls_are_made_in_time_and_before_the_events_of_that_time() {
    let greeter = Greeter::default();
    let (log, arrived) = (greeter.log.clone(), greeter.log.clone());
    let replay = Replay::new();
    let timeline = replay.timeline();
    let replay = replay.events(Events::past(names(2)), move |when, name| {
        let call = greeter.clone();
        timeline.call_later(
            when + SECOND,
            effect(async move |cx: Cx<()>| cx.run(call.greet(name)).await),
        );
        arrived.note(format!("{name} arrived."))
    });
    assert!(run(replay.run()).is_success());
    log.assert(&[
        (0.0, "Jane arrived."),
        (1.0, "Hello Jane."),
        (1.0, "John arrived."),
        (2.0, "Hello John."),
    ]);
}

// S4-12
#[test]
fn calls_take_every_kind_of_time() {
    let log = Log::default();
    let replay = Replay::starting(at(100));
    let timeline = replay.timeline();
    let note = |line: &'static str| log.note(line);
    timeline.call_later(When::Now, note("now"));
    timeline.call_later(2 * SECOND, note("2"));
    timeline.call_later(SECOND, note("1"));
    timeline.call_later(at(100) + Duration::from_millis(1_500), note("1.5"));
    timeline.call_later(at(97), note("-3"));
    timeline.call_later(at(95), note("-5"));
    let later = log.clone();
    let waits = effect(async move |cx: Cx<()>| {
        cx.sleep(SECOND / 4).await;
        cx.run(later.note("0.5, by an effect that waits")).await
    });
    timeline.call_later(SECOND / 4, waits);
    assert!(run(replay.run()).is_success());
    log.assert(&[
        (100.0, "-5"),
        (100.0, "-3"),
        (100.0, "now"),
        (100.5, "0.5, by an effect that waits"),
        (101.0, "1"),
        (101.5, "1.5"),
        (102.0, "2"),
    ]);
}

// S4-10
#[test]
fn a_timer_runs_from_its_start_to_its_end_and_leaves_nothing_out() {
    let log = Log::default();
    let ticks = log.clone();
    let every = Every::new(SECOND).until(10 * SECOND);
    let replay = Replay::starting(new_year()).timer(every, move |when| {
        let log = ticks.clone();
        // Slower than the timer, once.
        let slow = if when == at(3) { 3 } else { 0 };
        sleep(Duration::from_millis(slow * 500))
            .flat_map(move |()| log.note(format!("{}", seconds(when))))
    });
    assert!(run(replay.run()).is_success());
    let lines = log.lines.lock().unwrap();
    let ticks: Vec<_> = lines
        .iter()
        .map(|(_, tick)| tick.parse::<u64>().unwrap())
        .collect();
    assert_eq!(ticks, (1..=10).collect::<Vec<_>>());
    let when: Vec<_> = lines.iter().map(|(when, _)| *when).collect();
    assert_eq!(when, [1.0, 2.0, 4.5, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
}

// S4-22
#[test]
fn a_timer_runs_an_effect_that_waits() {
    let log = Log::default();
    let hello = log.clone();
    let every = Every::new(2 * SECOND).starting(at(60)).until(at(62));
    let replay = Replay::<(), Never>::new().timer(every, move |_| {
        let log = hello.clone();
        effect(async move |cx: Cx<()>| {
            log.write(&cx, "sleeping for 1 second");
            cx.sleep(SECOND).await;
            log.write(&cx, "hello");
            Ok(())
        })
    });
    assert!(run(replay.run()).is_success());
    log.assert(&[(62.0, "sleeping for 1 second"), (63.0, "hello")]);
}

#[test]
fn a_hundred_thousand_calls_are_no_trouble() {
    const CALLS: u64 = 100_000;
    let replay = Replay::starting(new_year());
    let (timeline, made) = (replay.timeline(), Arc::new(Mutex::new(Vec::new())));
    for n in 0..CALLS {
        // In an order that is neither theirs nor its reverse.
        let (n, made) = (n * 7919 % CALLS, Arc::clone(&made));
        timeline.call_later(
            Duration::from_secs(n),
            sync(move || made.lock().unwrap().push(n)),
        );
    }
    assert_eq!(run(replay.run()), Exit::<Never, ()>::Success(()));
    let made = made.lock().unwrap();
    assert_eq!(made.len() as u64, CALLS);
    assert!(made.is_sorted());
}

#[test]
fn one_that_takes_long_to_clean_up_holds_up_nobody_else() {
    let log = Log::default();
    let replay = Replay::new();
    let timeline = replay.timeline();
    let (slow, called) = (log.clone(), log.clone());
    let replay = replay
        .events(past([0]), move |_, _| {
            let done = slow.note("cleaned up");
            let child = never::<(), Never, ()>().ensuring(sleep(100 * SECOND).flat_map(|()| done));
            effect(async move |cx: Cx<()>| {
                drop(cx.fork(child));
                cx.sleep(SECOND).await;
                Ok(())
            })
        })
        .events(past([10]), move |when, _| {
            timeline.call_later(SECOND, called.note("called"));
            called.note(format!("{}", seconds(when)))
        });
    assert!(run(replay.run()).is_success());
    log.assert(&[(10.0, "10"), (11.0, "called"), (101.0, "cleaned up")]);
}

#[test]
fn what_is_beyond_all_time_never_happens() {
    let log = Log::default();
    let ticks = log.clone();
    let every = Every::new(SECOND).until(Duration::MAX);
    let live = Events::live(|_| sleep(3 * SECOND));
    let replay = Replay::starting(at(0))
        .events(live, |_, ()| succeed(()))
        .timer(every, move |_| ticks.note("tick"));
    replay
        .timeline()
        .call_later(Duration::MAX, log.note("never"));
    let limited = replay.run().timeout(5 * SECOND + SECOND / 2);
    assert!(!run_at(at(0), limited).is_success());
    log.assert(&[
        (1.0, "tick"),
        (2.0, "tick"),
        (3.0, "tick"),
        (4.0, "tick"),
        (5.0, "tick"),
    ]);
}

#[test]
fn a_timeline_keeps_nothing_when_the_replay_is_over() {
    let held = Arc::new(());
    let call = |timeline: &Timeline<(), Never>| {
        let (again, held) = (timeline.clone(), Arc::clone(&held));
        timeline.call_later(SECOND, sync(move || drop((again, held))));
    };
    let replay = Replay::<(), Never>::new();
    let over = replay.timeline();
    call(&over);
    assert!(run(replay.run()).is_success());
    call(&over);
    let never_run = Replay::<(), Never>::new();
    call(&never_run.timeline());
    drop(never_run);
    assert_eq!(Arc::strong_count(&held), 1);
}
