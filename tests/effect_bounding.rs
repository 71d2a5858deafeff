//! Effects that are bounded: by time, token and condition, by the first of several and by all, and what is told of it.

use std::time::Duration;

use crate::common::{Log, everywhere, in_turns, on_both, secs};
use effect::prelude::*;
use effect::sync::SubscriptionRef;
use effect::{Bounded, CancelToken, Stop, StopReason};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn timed_out<A>(limit: Duration) -> Bounded<A> {
    Bounded::Stopped(StopReason::Timeout(limit))
}

fn cancelled<A>(message: &str) -> Bounded<A> {
    Bounded::Stopped(message.into())
}

/// Waits so many seconds, and has a value then.
fn slow(seconds: u64) -> Effect<(), Never, u8> {
    sleep(secs(seconds)).map(|()| 42).erase()
}

#[test]
fn an_effect_ends_by_itself_or_is_stopped_and_says_why() {
    everywhere(async |cx: Cx<()>| {
        let limit = secs(2);
        let run = async |seconds| cx.run(slow(seconds).bounded(Stop::after(limit))).await;
        assert_eq!(run(1).await, Ok(Bounded::Completed(42)));
        assert_eq!(run(3).await, Ok(timed_out(limit)));
        let failing = sleep(secs(1)).flat_map(|()| fail::<_, _, ()>("no route"));
        assert_eq!(
            cx.run(failing.bounded(Stop::after(limit))).await,
            Err("no route")
        );
    });
}

// S0-01
#[test]
fn what_ends_at_the_very_moment_of_its_limit_is_stopped() {
    everywhere(async |cx: Cx<()>| {
        for limit in [secs(0), secs(2)] {
            let bounded = slow(limit.as_secs()).bounded(Stop::after(limit));
            assert_eq!(cx.run(bounded).await, Ok(timed_out(limit)));
        }
    });
}

// S0-12
#[test]
fn a_token_is_cancelled_for_everybody_at_once() {
    everywhere(async |cx: Cx<()>| {
        let token = CancelToken::new();
        let held = token.clone();
        let body = effect(async move |_: Cx<()>| {
            assert!(!held.is_cancelled());
            held.cancel("enough");
            assert!(held.is_cancelled() && held.child().is_cancelled());
            std::future::pending::<Result<(), Never>>().await
        });
        let bounded = body.bounded(Stop::token(&token));
        assert_eq!(cx.run(bounded).await, Ok(cancelled("enough")));
    });
}

// S0-22
#[test]
fn the_first_reason_counts() {
    everywhere(async |cx: Cx<()>| {
        let token = CancelToken::new();
        let first = StopReason::Timeout(secs(1));
        assert!(token.cancel(first.clone()));
        assert!(!token.cancel("second"));
        assert_eq!(token.reason(), Some(first));
        // After the end, nothing changes.
        let token = CancelToken::new();
        let completed = cx.run(slow(1).bounded(Stop::token(&token))).await;
        assert!(token.cancel("too late"));
        assert_eq!(completed, Ok(Bounded::Completed(42)));
    });
}

#[test]
fn of_many_who_cancel_at_once_one_is_the_first() {
    everywhere(async |cx: Cx<()>| {
        let parent = CancelToken::new();
        let token = parent.child();
        let waiting = cx.fork(parent.cancelled());
        let cancel = |token: &CancelToken, n: u32| {
            let token = token.clone();
            let message = n.to_string();
            cx.fork(sync::<_, Never, _, _>(move || token.cancel(message)))
        };
        let cancels = [&token, &token, &token].map(|token| cancel(token, 1));
        let above = cancel(&parent, 2);
        let mut firsts = 0;
        for fiber in cancels {
            let Ok(first) = cx.run(fiber.join()).await;
            firsts += u32::from(first);
        }
        assert_eq!(cx.run(above.join()).await, Ok(true));
        assert_eq!(cx.run(waiting.join()).await, Ok("2".into()));
        assert!(firsts <= 1);
        let expected: StopReason = if firsts == 1 { "1" } else { "2" }.into();
        assert_eq!(token.cancelled().await, Ok(expected.clone()));
        assert_eq!(token.reason(), Some(expected));
    });
}

#[test]
fn a_token_is_cancelled_from_any_thread() {
    on_both(async |cx: Cx<()>| {
        let token = CancelToken::new();
        let outside = token.clone();
        let cancel = blocking(move || Ok::<_, Never>(outside.cancel("from outside")));
        let cancel = cx.fork(cancel);
        let bounded = never::<_, Never, ()>().bounded(Stop::token(&token));
        assert_eq!(cx.run(bounded).await, Ok(cancelled("from outside")));
        assert_eq!(cx.run(cancel.join()).await, Ok(true));
    });
}

// S0-25
#[test]
fn of_several_stops_the_first_says_why() {
    everywhere(async |cx: Cx<()>| {
        let limit = millis(100);
        let token = CancelToken::new();
        let stop = Stop::any([Stop::after(limit), Stop::token(&token)]);
        let endless = never::<_, Never, ()>();
        let stopped = cx.run(endless.clone().bounded(stop.clone())).await;
        assert_eq!(stopped, Ok(timed_out(limit)));

        let user = token.clone();
        let _user = cx.fork(sleep::<_, Never>(millis(50)).map(move |()| user.cancel("user")));
        // Whoever looks at one of them sees it as well.
        let watching = cx.fork(token.cancelled());
        assert_eq!(cx.run(endless.bounded(stop)).await, Ok(cancelled("user")));
        assert_eq!(cx.run(watching.join()).await, Ok("user".into()));
    });
}

#[test]
fn all_of_several_stops_are_waited_for_and_say_why() {
    everywhere(async |cx: Cx<()>| {
        let (one, two) = (StopReason::Timeout(secs(1)), StopReason::Timeout(secs(2)));
        let stop = Stop::all([Stop::after(secs(2)), Stop::after(secs(1))]);
        let begin = cx.now();
        let stopped = cx.run(never::<_, Never, ()>().bounded(stop)).await;
        let both = StopReason::All([two, one].into());
        assert_eq!(stopped, Ok(Bounded::Stopped(both)));
        assert_eq!(cx.now() - begin, secs(2));
    });
}

#[test]
#[should_panic(expected = "all of no stops is no reason to stop")]
fn all_of_none_is_refused() {
    drop(Stop::<()>::all([]));
}

#[test]
fn any_of_none_never_stops() {
    on_both(async |cx: Cx<()>| {
        for never in [Stop::any([]), Stop::never()] {
            let bounded = slow(9).bounded(never);
            assert_eq!(cx.run(bounded).await, Ok(Bounded::Completed(42)));
        }
    });
}

#[test]
fn a_condition_is_whatever_an_effect_waits_for() {
    everywhere(async |cx: Cx<()>| {
        let level = SubscriptionRef::new(0);
        let watched = level.clone();
        let high = effect(async move |_: Cx<()>| watched.wait_until(|level| *level >= 3).await);
        let rising = effect(async move |cx: Cx<()>| {
            loop {
                cx.sleep(secs(1)).await;
                level.update(|level| *level += 1);
            }
            #[allow(unreachable_code, reason = "it says what the effect would end with")]
            Ok::<(), Never>(())
        });
        let begin = cx.now();
        let stopped = cx.run(rising.bounded(Stop::when(high))).await;
        assert_eq!(stopped, Ok(Bounded::Stopped(StopReason::Condition)));
        assert_eq!(cx.now() - begin, secs(3));
    });
}

// S0-27
#[test]
fn no_time_at_all_is_refused_by_its_type_and_zero_is_up_before_anything_begins() {
    for bad in [-1.0, f64::NAN] {
        assert!(Duration::try_from_secs_f64(bad).is_err());
    }
    everywhere(async |cx: Cx<()>| {
        let body = sync::<_, Never, (), _>(|| unreachable!());
        let stopped = cx.run(body.bounded(Stop::after(secs(0)))).await;
        assert_eq!(stopped, Ok(timed_out(secs(0))));
    });
}

// S0-28
#[test]
fn what_is_bounded_by_a_cancelled_token_does_not_begin() {
    everywhere(async |cx: Cx<()>| {
        let token = CancelToken::new();
        token.cancel("pre");
        for token in [&token, &token.child()] {
            let body = sync::<_, Never, (), _>(|| unreachable!());
            let stop = Stop::any([Stop::never(), Stop::token(token)]);
            assert_eq!(cx.run(body.bounded(stop)).await, Ok(cancelled("pre")));
        }
    });
}

// S0-29
#[test]
fn a_masked_section_ends_before_its_stop_is_seen() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let section = log.note_after(millis(300), "masked").uninterruptible();
        let body = section.zip(log.note("after it"));
        let begin = cx.now();
        let stopped = cx.run(body.bounded(Stop::after(millis(100)))).await;
        assert_eq!(stopped, Ok(timed_out(millis(100))));
        assert_eq!(log.lines(), ["masked"]);
        assert_eq!(cx.now() - begin, millis(300));
    });
}

#[test]
fn finalizers_have_run_before_a_stop_is_seen() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let body = never::<_, Never, ()>().ensuring(log.note_after(secs(1), "closed"));
        let stopped = cx.run(body.bounded(Stop::after(secs(1)))).await;
        assert_eq!(stopped, Ok(timed_out(secs(1))));
        assert_eq!(log.lines(), ["closed"]);
    });
}

// S0-34
#[test]
fn an_inner_stop_does_not_hurt_what_is_around_it() {
    everywhere(async |cx: Cx<()>| {
        let child = never::<_, Never, ()>().bounded(Stop::after(millis(100)));
        let parent = child.bounded(Stop::after(secs(5)));
        let completed = Bounded::Completed(timed_out(millis(100)));
        assert_eq!(cx.run(parent).await, Ok(completed));
    });
}

#[test]
fn an_outer_stop_ends_what_is_inside_and_keeps_its_reason() {
    everywhere(async |cx: Cx<()>| {
        let parent = CancelToken::new();
        let child = parent.child();
        let shut = parent.clone();
        let _shut = cx.fork(sleep::<_, Never>(secs(1)).map(move |()| shut.cancel("down")));
        let endless = || never::<_, Never, ()>();
        let inner = endless().bounded(Stop::any([Stop::after(secs(9)), Stop::token(&child)]));
        assert_eq!(cx.run(inner).await, Ok(cancelled("down")));
        let nested = endless()
            .bounded(Stop::after(secs(9)))
            .bounded(Stop::token(&parent));
        assert_eq!(cx.run(nested).await, Ok(cancelled("down")));
    });
}

#[test]
fn what_is_forked_on_a_fiber_of_its_own_is_stopped_with_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let child = never::<(), Never, ()>().ensuring(log.note("child"));
        let body = effect(async move |cx: Cx<()>| {
            let _child = cx.fork(child);
            std::future::pending::<Result<(), Never>>().await
        });
        let bounded = body.on_fiber().bounded(Stop::after(secs(1)));
        assert_eq!(cx.run(bounded).await, Ok(timed_out(secs(1))));
        assert_eq!(log.count(), 1);
    });
}

#[test]
fn a_defect_of_a_condition_is_no_reason_to_stop() {
    everywhere(async |cx: Cx<()>| {
        let broken = Stop::when(die::<(), Never, ()>("a bug"));
        let exit = cx.run(slow(1).bounded(broken).exit()).await.unwrap();
        assert_eq!(exit.cause().unwrap().defect().unwrap().message(), "a bug");
    });
}

/// Every so often somebody looks at the stop, though the body finds everything ready.
#[test]
fn a_body_that_never_waits_is_stopped_by_a_token() {
    everywhere(async |cx: Cx<()>| {
        let token = CancelToken::new();
        let cancel = token.clone();
        let _cancel = cx.fork(sync::<_, Never, _, _>(move || cancel.cancel("enough")));
        let greedy = Stream::from_iter(0_u64..).run_drain();
        let bounded = greedy.bounded(Stop::token(&token));
        assert_eq!(cx.run(bounded).await, Ok(cancelled("enough")));
    });
}

#[test]
fn a_body_that_never_waits_is_stopped_by_a_time_limit() {
    // On a clock that goes while it runs: any other stands still.
    let limit = millis(5);
    let greedy = Stream::from_iter(0_u64..).run_drain();
    let exit = run(greedy.bounded(Stop::after(limit))).unwrap();
    assert_eq!(exit, Exit::Success(timed_out(limit)));
}

#[test]
fn a_token_of_many_generations_is_dropped_in_constant_stack() {
    in_turns(async |_: Cx<()>| {
        let first = CancelToken::new();
        let mut last = first.clone();
        for _ in 0..100_000 {
            last = last.child();
        }
        first.cancel("down");
        assert_eq!(last.reason(), Some("down".into()));
        drop(first);
    });
}

#[test]
fn reasons_read_as_one_says_them() {
    let all = StopReason::All([StopReason::Condition, "enough".into()].into());
    for (reason, text) in [
        (StopReason::Timeout(secs(5)), "timed out after 5s"),
        (StopReason::Signal("SIGINT"), "stopped by SIGINT"),
        (all, "a condition was met; cancelled: enough"),
    ] {
        assert_eq!(reason.to_string(), text);
    }
}
