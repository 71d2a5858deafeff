//! A replay that goes live: what is due comes first, then events when they come, on a clock that goes on.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::common::replays::{
    Greeter, Log, NAMES, SECOND, at, named, names, past, run_at, seconds,
};
use effect::prelude::*;
use effect::{Events, Every, Replay};

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
fn a_live_replay_keeps_its_times_beside_one_who_is_always_busy() {
    crate::common::in_virtual_time(async {
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
    crate::common::in_virtual_time(async {
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

#[test]
fn events_that_are_due_in_one_tick_of_the_clock_outside_keep_their_order() {
    // Tokio's timers ring each millisecond.
    crate::common::in_virtual_time(async {
        #[allow(clippy::disallowed_methods, reason = "it is the clock on tokio's wall")]
        let now = SystemTime::now();
        let after = |micros| now + SECOND + Duration::from_micros(micros);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handle = || {
            let seen = Arc::clone(&seen);
            move |_, name: &'static str| {
                let seen = Arc::clone(&seen);
                sync(move || seen.lock().unwrap().push(name))
            }
        };
        let replay = Replay::<(), Never>::starting(now)
            .events(Events::past([(after(0), "a"), (after(1), "b")]), handle())
            .events(Events::past([(after(2), "c")]), handle())
            .then_live();
        assert!(replay.run().run_exit().await.is_success());
        assert_eq!(*seen.lock().unwrap(), ["a", "b", "c"]);
    });
}
