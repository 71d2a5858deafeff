//! Replay: past events at their own times and in no time, then live ones; nothing of it depends on the wall clock.

mod common;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{Events, Every, Program, Replay, Timeline, Value, When};

const SECOND: Duration = Duration::from_secs(1);

/// 2025-01-01, UTC.
fn new_year() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600)
}

/// So many seconds after it.
fn at(seconds: u64) -> SystemTime {
    new_year() + Duration::from_secs(seconds)
}

/// Seconds since the new year, with their fraction.
fn seconds(at: SystemTime) -> f64 {
    match at.duration_since(new_year()) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// What was seen, and when by the replay's clock.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<(f64, String)>>>,
}

impl Log {
    fn write(&self, cx: &Cx<()>, line: impl Into<String>) {
        let line = (seconds(cx.wall_now()), line.into());
        self.lines.lock().unwrap().push(line);
    }

    /// An effect that writes a line.
    fn note(&self, line: impl Into<String> + Send + 'static) -> Effect<(), Never, ()> {
        let log = self.clone();
        effect(async move |cx: Cx<()>| {
            log.write(&cx, line);
            Ok(())
        })
        .erase_once()
    }

    #[track_caller]
    fn assert(&self, expected: &[(f64, &str)]) {
        let lines = self.lines.lock().unwrap();
        let lines: Vec<_> = lines
            .iter()
            .map(|(at, line)| (*at, line.as_str()))
            .collect();
        assert_eq!(lines, expected);
    }
}

/// Runs an effect in a virtual time whose own clock, the one on the wall, stands where nobody should look.
#[track_caller]
fn run<E: Value, A: Value, P>(effect: Effect<(), E, A, P>) -> Exit<E, A>
where
    P: Program<(), Error = E, Value = A>,
{
    run_at(SystemTime::UNIX_EPOCH, effect)
}

/// The same, with a wall clock that shows the given time.
#[track_caller]
fn run_at<E: Value, A: Value, P>(wall: SystemTime, effect: Effect<(), E, A, P>) -> Exit<E, A>
where
    P: Program<(), Error = E, Value = A>,
{
    let exit = VirtualTime::new().start(wall).run(effect);
    exit.unwrap_or_else(|deadlock| panic!("{deadlock}"))
}

const NAMES: [&str; 5] = ["Jane", "John", "Sarah", "Paul", "Jane"];

/// One name each second.
fn names(count: usize) -> impl Iterator<Item = (SystemTime, &'static str)> + Send {
    (0..).map(at).zip(NAMES).take(count)
}

/// Greets by name, and knows whom it has met.
#[derive(Clone, Default)]
struct Greeter {
    met: Arc<Mutex<HashSet<&'static str>>>,
    log: Log,
}

impl Greeter {
    fn greet(&self, name: &'static str) -> Effect<(), Never, ()> {
        let new = self.met.lock().unwrap().insert(name);
        self.log.note(if new {
            format!("Hello {name}.")
        } else {
            format!("Hello again {name}!")
        })
    }
}

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

/// A handler that writes down the events of a stream by its name.
fn named<T: Value + std::fmt::Display>(
    log: &Log,
    name: &'static str,
) -> impl FnMut(SystemTime, T) -> Effect<(), Never, ()> + use<T> {
    let log = log.clone();
    move |_, value| log.note(format!("{name}{value}"))
}

fn past(times: impl IntoIterator<Item = u64>) -> Events<(), Never, u64> {
    let events: Vec<_> = times.into_iter().map(|n| (at(n), n)).collect();
    Events::past(events)
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

/// Past and live greetings, where the wall clock says that a minute has passed since the first.
fn past_then_live(greeter: &Greeter, live: &[&'static str]) -> Replay<(), Never> {
    let (greeter, live) = (greeter.clone(), live.to_vec());
    let hook = greeter.log.note("** Running live **");
    let events = Events::past(names(2))
        .then_live(move |feed| {
            effect(async move |cx: Cx<()>| {
                for name in live {
                    cx.run(feed.event_now(name)).await?;
                    cx.sleep(SECOND).await;
                }
                Ok(())
            })
        })
        .on_live(hook);
    Replay::new().events(events, move |_, name| greeter.greet(name))
}

// S4-06
#[test]
fn it_goes_live_when_the_past_is_over() {
    let greeter = Greeter::default();
    let replay = past_then_live(&greeter, &NAMES[..2]);
    assert!(run_at(at(60), replay.run()).is_success());
    greeter.log.assert(&[
        (0.0, "Hello Jane."),
        (1.0, "Hello John."),
        (60.0, "** Running live **"),
        (60.0, "Hello again Jane!"),
        (61.0, "Hello again John!"),
    ]);
}

#[test]
fn what_is_due_in_the_past_comes_before_the_first_live_event() {
    let greeter = Greeter::default();
    let log = greeter.log.clone();
    let replay = past_then_live(&greeter, &NAMES[2..3]);
    let timeline = replay.timeline();
    timeline.call_later(at(59), log.note("due"));
    timeline.call_later(at(70), log.note("not yet due"));
    assert!(run_at(at(60), replay.run()).is_success());
    log.assert(&[
        (0.0, "Hello Jane."),
        (1.0, "Hello John."),
        (59.0, "due"),
        (60.0, "** Running live **"),
        (60.0, "Hello Sarah."),
        (70.0, "not yet due"),
    ]);
}

#[test]
fn past_events_that_are_not_past_yet_are_waited_for() {
    let greeter = Greeter::default();
    let replay = past_then_live(&greeter, &NAMES[..1]);
    // John has not arrived yet.
    assert!(run_at(at(0) + SECOND / 2, replay.run()).is_success());
    greeter.log.assert(&[
        (0.0, "Hello Jane."),
        (1.0, "Hello John."),
        (1.0, "** Running live **"),
        (1.0, "Hello again Jane!"),
    ]);
}

#[test]
fn a_live_stream_of_ours_feeds_its_events() {
    let log = Log::default();
    let channel = Channel::bounded(1);
    let (fill, close) = (channel.clone(), channel.clone());
    let outside = effect(async move |cx: Cx<()>| {
        for n in 1..=3 {
            cx.sleep(SECOND).await;
            let _ = fill.send(n).await;
        }
        Ok::<_, Never>(())
    });
    let outside = outside.ensuring(sync(move || close.close()));
    let live = Events::live(move |feed| {
        Stream::from_channel(channel).run_for_each(move |n: u64| feed.event_now(n))
    });
    let replay = Replay::new().events(live, named(&log, "")).run();
    // The channel is filled in the time outside.
    let both = effect(async move |cx: Cx<()>| {
        drop(cx.fork(outside));
        cx.run(replay).await
    });
    assert!(run_at(at(60), both).is_success());
    log.assert(&[(61.0, "1"), (62.0, "2"), (63.0, "3")]);
}

#[test]
fn timers_go_on_live_if_they_are_asked_to() {
    let log = Log::default();
    let ticks = log.clone();
    let every = Every::new(SECOND).starting(at(0)).until(3 * SECOND);
    let replay = Replay::new()
        .timer(every, move |when| ticks.note(format!("{}", seconds(when))))
        .then_live()
        .run();
    let outside = log.clone();
    let program = effect(async move |cx: Cx<()>| {
        cx.run(replay).await?;
        outside.write(&cx, "outside");
        Ok::<_, Never>(())
    });
    // Two of them are past.
    assert!(run_at(at(2) + SECOND / 2, program).is_success());
    log.assert(&[(1.0, "1"), (2.0, "2"), (3.0, "3"), (3.0, "outside")]);
}

// S4-20
#[test]
fn the_failure_of_a_live_stream_is_that_of_the_replay() {
    let log = Log::default();
    let live = Events::live(|feed| {
        let feed = move |value| feed.event_now(value);
        StreamE::from_results([Ok(1), Err("broken")]).run_for_each(move |result| match result {
            Ok(value) => feed(value),
            Err(error) => fail(error).erase_once(),
        })
    });
    let write = log.clone();
    let replay = Replay::new().events(live, move |_, n: u32| {
        write.note(n.to_string()).widen_error()
    });
    let exit = run_at(at(0), replay.run());
    assert_eq!(exit, Exit::Failure(Cause::fail("broken")));
    log.assert(&[(0.0, "1")]);
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

fn past_of<E: Value>(times: impl IntoIterator<Item = u64>) -> Events<(), E, u64> {
    let events: Vec<_> = times.into_iter().map(|n| (at(n), n)).collect();
    Events::past(events)
}

#[test]
fn a_replay_that_is_interrupted_cleans_up_on_its_own_clock() {
    let log = Log::default();
    let write = log.clone();
    let live = Events::live(|_| never::<_, Never, ()>());
    let replay = Replay::starting(at(0))
        .events(live, |_, ()| succeed(()))
        .events(past([5]), move |_, _| {
            let log = write.clone();
            never::<_, _, ()>()
                .ensuring(sleep(3 * SECOND).flat_map(move |()| log.note("cleaned up")))
        });
    let program = effect(async move |cx: Cx<()>| {
        let replay = cx.fork(replay.run());
        cx.sleep(10 * SECOND).await;
        let Ok(exit) = cx.run(replay.interrupt()).await;
        assert!(exit.is_interrupt());
        Ok::<_, Never>(())
    });
    assert!(run_at(at(100), program).is_success());
    log.assert(&[(113.0, "cleaned up")]);
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
fn a_live_replay_that_starts_later_waits_for_that() {
    let log = Log::default();
    let replay = Replay::starting(at(10))
        .then_live()
        .run_with(log.note("begun"));
    let after = log.clone();
    let program = effect(async move |cx: Cx<()>| {
        cx.run(replay).await?;
        after.write(&cx, "outside");
        Ok::<_, Never>(())
    });
    assert!(run_at(at(3), program).is_success());
    log.assert(&[(10.0, "begun"), (10.0, "outside")]);
}

#[test]
fn events_are_fed_one_after_the_other_in_their_order() {
    let log = Log::default();
    let live = Events::live(|feed| {
        effect(async move |cx: Cx<()>| {
            let feeders = [10, 20].map(|from| {
                let feed = feed.clone();
                cx.fork(effect(async move |cx: Cx<()>| {
                    for n in from..from + 3 {
                        cx.run(feed.event_now(n)).await?;
                    }
                    Ok::<_, Never>(())
                }))
            });
            for feeder in feeders {
                cx.run(feeder.join()).await?;
            }
            // Given up, and not followed by another before it has cleaned up.
            drop(cx.run(feed.event_now(99).timeout(SECOND / 2)).await);
            cx.run(feed.event_now(3)).await
        })
    });
    let write = log.clone();
    let replay = Replay::starting(at(0)).events(live, move |_, n: u64| {
        let (begins, ends) = (write.note(format!("{n}")), write.note(format!("-{n}")));
        begins.flat_map(|()| sleep(SECOND)).ensuring(ends)
    });
    assert!(run_at(at(0), replay.run()).is_success());
    let lines = log.lines.lock().unwrap();
    let order: Vec<_> = lines.iter().map(|(_, line)| line.as_str()).collect();
    let expected = [10, 20, 11, 21, 12, 22, 99, 3].map(|n| [format!("{n}"), format!("-{n}")]);
    assert_eq!(order, expected.concat());
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

#[test]
fn a_live_replay_keeps_its_times_beside_one_who_is_always_busy() {
    common::in_virtual_time(async {
        let busy = Events::live(|_| {
            effect(async |_: Cx<()>| {
                for _ in 0..u64::MAX {
                    // Time goes on outside, and whoever has waited for it has a turn.
                    tokio::time::advance(Duration::from_millis(1)).await;
                }
                Ok::<_, Never>(())
            })
        });
        let replay = Replay::new()
            .events(busy, |_, ()| succeed(()))
            .run_with(sleep(SECOND).flat_map(|()| die::<_, Never, ()>("in time")));
        let exit = replay.run_exit().await;
        let defect = exit.cause().and_then(Cause::defect).expect("a defect");
        assert_eq!(defect.message(), "in time");
    });
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

#[tokio::test]
async fn a_feed_does_not_spend_the_budget_of_the_tokio_around_it() {
    let live = Events::live(|feed| {
        effect(async move |cx: Cx<()>| {
            for n in 0..1_000 {
                cx.run(feed.event_now(n)).await?;
            }
            Ok(())
        })
    });
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let replay = Replay::<(), Never>::new().events(live, move |_, _: u32| {
        let count = Arc::clone(&count);
        sync(move || *count.lock().unwrap() += 1)
    });
    assert_eq!(VirtualTime::new().run(replay.run()), Ok(Exit::Success(())));
    assert_eq!(*seen.lock().unwrap(), 1_000);
}

#[test]
fn a_live_clock_does_not_begin_behind_itself() {
    common::in_virtual_time(async {
        // The time of day does not move here, so the replay waits for its start and is there before it.
        let begun = tokio::time::Instant::now();
        #[allow(clippy::disallowed_methods, reason = "it is the clock on tokio's wall")]
        let start = SystemTime::now() + 10 * SECOND;
        let replay = Replay::starting(start)
            .then_live()
            .run_with(sleep::<_, Never>(SECOND));
        assert!(replay.run_exit().await.is_success());
        let took = begun.elapsed();
        assert!(took <= 11 * SECOND, "{took:?}");
    });
}
