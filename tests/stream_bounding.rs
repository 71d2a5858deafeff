//! Streams that are bounded in the middle of a chain: when they stop, and what they say of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::{Log, everywhere, heavily, millis, on_both, secs, ticks};
use effect::prelude::*;
use effect::{CancelToken, Stop, StopError, StopReason};

fn timed_out<E>(limit: Duration) -> StopError<E> {
    StopError::Stopped(StopReason::Timeout(limit))
}

// S0-01
#[test]
fn an_item_at_the_very_moment_of_the_limit_is_not_emitted() {
    everywhere(async |cx: Cx<()>| {
        let limit = secs(5);
        let bounded = ticks(millis(100)).bounded(Stop::after(limit));
        let begin = cx.now();
        let Ok((values, errors)) = cx.run(bounded.partition()).await;
        assert!(values.into_iter().eq(0..49));
        assert_eq!(errors, [timed_out(limit)]);
        assert_eq!(cx.now() - begin, limit);
    });
}

// S0-28
#[test]
fn a_stream_that_is_stopped_before_it_begins_is_not_asked() {
    everywhere(async |cx: Cx<()>| {
        let token = CancelToken::new();
        token.cancel("pre");
        let untouched = Stream::range(0..9).inspect(|n| panic!("{n} was asked for"));
        let bounded = untouched.bounded(Stop::token(&token));
        let pre = StopError::Stopped("pre".into());
        assert_eq!(cx.run(bounded.collect_results()).await, Err(pre));
    });
}

/// Nothing is emitted after a token was cancelled, by the stream's own items neither.
#[test]
fn a_source_that_never_waits_is_stopped_at_once_by_a_token() {
    // Three thousand items a time.
    heavily(async |cx: Cx<()>| {
        let token = CancelToken::new();
        let cancel = token.clone();
        let endless = Stream::from_iter(0_u64..).inspect(move |n| {
            if *n == 3000 {
                cancel.cancel("enough");
            }
        });
        let Ok((values, errors)) = cx
            .run(endless.bounded(Stop::token(&token)).partition())
            .await;
        // The one that is there when it is cancelled was there before.
        assert!(values.into_iter().eq(0..=3000));
        assert_eq!(errors, [StopError::Stopped("enough".into())]);
    });
}

#[test]
fn a_source_that_never_waits_is_stopped_by_somebody_else() {
    everywhere(async |cx: Cx<()>| {
        let token = CancelToken::new();
        let cancel = token.clone();
        let _cancel = cx.fork(sync::<_, Never, _, _>(move || cancel.cancel("enough")));
        let endless = Stream::from_iter(0_u64..).bounded(Stop::token(&token));
        let enough = StopError::Stopped("enough".into());
        assert_eq!(cx.run(endless.run_drain()).await, Err(enough));
    });
}

#[test]
fn a_source_that_never_waits_is_stopped_by_a_time_limit() {
    // On a clock that goes while it runs: any other stands still.
    let limit = millis(5);
    let endless = Stream::from_iter(0_u64..).bounded(Stop::after(limit));
    let exit = run(endless.run_drain()).unwrap();
    assert_eq!(exit, Exit::Failure(Cause::fail(timed_out(limit))));
}

#[test]
fn whoever_is_bounded_inside_says_so_and_the_stream_around_it_goes_on() {
    everywhere(async |cx: Cx<()>| {
        let inner = || ticks(secs(1)).bounded(Stop::after(millis(2500)));
        let outer = Stream::range(0..9).map_effect(move |_| inner().partition());
        let outer = outer.into_values().bounded(Stop::after(secs(6)));
        let Ok((groups, errors)) = cx.run(outer.partition()).await;
        let group = (vec![0, 1], vec![timed_out(millis(2500))]);
        assert_eq!(groups, [group.clone(), group]);
        assert_eq!(errors, [timed_out(secs(6))]);
    });
}

#[test]
fn stops_around_each_other_keep_their_reasons_apart() {
    everywhere(async |cx: Cx<()>| {
        let nested = |inner, outer| {
            ticks(secs(1))
                .bounded(Stop::after(inner))
                .bounded(Stop::after(outer))
                .run_drain()
        };
        let (two, three) = (millis(2500), millis(3500));
        let inner = StopError::Failed(timed_out(two));
        assert_eq!(cx.run(nested(two, three)).await, Err(inner));
        assert_eq!(cx.run(nested(three, two)).await, Err(timed_out(two)));
    });
}

#[test]
fn failures_pass_a_bounded_stream() {
    everywhere(async |cx: Cx<()>| {
        let failing = Stream::range(0..4).map_effect(|n| async move {
            match n % 2 {
                0 => Ok(n),
                _ => Err(n),
            }
        });
        let Ok(all) = cx
            .run(failing.bounded(Stop::after(secs(1))).run_collect())
            .await;
        let failed = |n| Err(StopError::Failed(n));
        assert_eq!(all, [Ok(0), failed(1), Ok(2), failed(3)]);
    });
}

#[test]
fn finalizers_of_a_source_have_run_before_it_is_told_why_it_stopped() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let held = ticks(secs(1)).ensuring(log.note_after(secs(1), "closed"));
        let seen = log.clone();
        let bounded = held.bounded(Stop::after(millis(2500)));
        let run = bounded.inspect_error(move |error| seen.write(error.to_string()));
        assert!(cx.run(run.run_drain()).await.is_err());
        assert_eq!(log.lines(), ["closed", "timed out after 2.5s"]);
    });
}

// S0-17
#[test]
fn streams_that_are_joined_are_each_in_order_and_end_together_within_their_bound() {
    everywhere(async |cx: Cx<()>| {
        let tagged = |tag, interval| {
            let tagged = ticks(millis(interval)).take(10).map(move |n| (tag, n));
            tagged.erase()
        };
        let joined = tagged("a", 30)
            .merge(tagged("b", 20))
            .merge(tagged("c", 50));
        let begin = cx.now();
        let Ok(all) = cx
            .run(joined.bounded(Stop::after(secs(60))).collect_results())
            .await
        else {
            panic!("it was stopped");
        };
        assert_eq!((all.len(), cx.now() - begin), (30, millis(500)));
        for tag in ["a", "b", "c"] {
            let of_tag = all.iter().filter(|(from, _)| *from == tag);
            assert!(of_tag.map(|(_, n)| *n).eq(0..10));
        }
    });
}

/// The clock of a stop begins with the first item that is wanted, and the stop ends with the stream.
#[test]
fn a_stop_begins_and_ends_with_its_stream() {
    on_both(async |cx: Cx<()>| {
        let begun = Arc::new(AtomicU64::new(0));
        let beginning = Arc::clone(&begun);
        let log = Log::new();
        let begin = sync::<(), Never, _, _>(move || beginning.fetch_add(1, Ordering::SeqCst));
        let condition = begin.flat_map(|_| sleep(secs(9)).map(drop));
        let stop = Stop::when(condition.on_interrupt(log.note("let go of")));
        let never_asked = Stream::range(0..3).bounded(stop.clone()).take(0);
        let Ok(_) = cx.run(never_asked.run_collect()).await;
        assert_eq!(begun.load(Ordering::SeqCst), 0);
        let Ok(all) = cx
            .run(Stream::range(0..3).bounded(stop).run_collect())
            .await;
        assert_eq!((all.len(), log.count()), (3, 1));
    });
}

#[test]
fn a_stop_does_not_wait_for_what_others_clean_up() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (limit, button) = (secs(2), CancelToken::new());
        let condition = never::<(), Never, ()>().on_interrupt(log.note_after(secs(9), "closed"));
        let stop = Stop::any([
            Stop::when(condition),
            Stop::after(limit),
            Stop::token(&button),
        ]);
        let bounded = ticks(millis(300)).bounded(stop.clone());
        let Ok(all) = cx.run(bounded.run_collect()).await;
        assert_eq!(all.len(), 6 + 1);
        assert_eq!(log.count(), 1);
        let endless = never::<_, Never, ()>().bounded(stop);
        let stopped = effect::Bounded::Stopped(StopReason::Timeout(limit));
        assert_eq!(cx.run(endless).await, Ok(stopped));
        assert_eq!(log.count(), 2);
    });
}

#[test]
fn what_did_not_stop_a_stream_has_let_go_before_the_next_begins() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let condition = never::<(), Never, ()>().on_interrupt(log.note_after(secs(9), "closed"));
        let stop = Stop::any([Stop::when(condition), Stop::after(secs(2))]);
        let next = log.clone();
        let after = StreamE::from_iter([7]).inspect(move |_| next.write("next"));
        let joined = ticks(millis(300)).bounded(stop).concat(after);
        let Ok(all) = cx.run(joined.run_collect()).await;
        assert_eq!(all.len(), 6 + 1 + 1);
        assert_eq!(log.lines(), ["closed", "next"]);
    });
}

#[test]
fn of_stops_at_one_moment_the_first_in_order_counts() {
    everywhere(async |cx: Cx<()>| {
        let endless = never::<_, Never, ()>();
        let at_once = || [Stop::after(secs(2)), Stop::when(sleep::<_, Never>(secs(2)))];
        let [time, condition] = [StopReason::Timeout(secs(2)), StopReason::Condition];
        let stopped = cx.run(endless.clone().bounded(Stop::any(at_once()))).await;
        assert_eq!(stopped.unwrap().reason(), Some(&time));
        let [limit, moment] = at_once();
        let stopped = cx.run(endless.bounded(Stop::any([moment, limit]))).await;
        assert_eq!(stopped.unwrap().reason(), Some(&condition));
        // Cancelled in the other order, before anybody looks.
        let [one, two] = [CancelToken::new(), CancelToken::new()];
        let stop = Stop::any([Stop::token(&one), Stop::token(&two)]);
        let items = Stream::from_iter(0_u64..).inspect(move |n| {
            if *n == 3 {
                two.cancel("two");
                one.cancel("one");
            }
        });
        let Ok(all) = cx.run(items.bounded(stop).run_collect()).await;
        assert_eq!(all.last(), Some(&Err(StopError::Stopped("one".into()))));
    });
}
