//! Runs that are bounded: the partial result is always there, and every item that was pulled is in one place.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::dice::Dice;
use crate::common::{Log, everywhere, heavily, in_turns, millis, on_both, secs, ticks};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{CancelToken, Partial, RunStatus, Stop, StopReason, Tally, Watch};

fn timed_out<E>(limit: Duration) -> RunStatus<E> {
    RunStatus::Stopped(StopReason::Timeout(limit))
}

/// A body that takes so long.
fn takes(time: Duration) -> impl FnMut(&u64) -> Effect<(), Never, ()> + Clone {
    move |_| sleep(time).erase()
}

#[track_caller]
fn adds_up(tally: Tally) {
    let placed = tally.delivered + tally.in_hand + tally.buffered;
    assert_eq!(tally.pulled, placed, "{tally}");
}

/// What was kept, is in hand, and is buffered, in order: all that was pulled.
#[track_caller]
fn all_of<E>(partial: &Partial<u64, E, Vec<u64>>) -> Vec<u64> {
    adds_up(partial.tally());
    assert_eq!(partial.value.len() as u64, partial.delivered);
    let kept = partial.value.iter().chain(&partial.in_hand);
    kept.chain(&partial.buffered).copied().collect()
}

// S0-01
#[test]
fn a_time_limit_ends_an_endless_stream_and_nothing_comes_after_it() {
    everywhere(async |cx: Cx<()>| {
        let limit = secs(5);
        let delivered = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&delivered);
        let run = ticks(millis(100))
            .run_bounded(Stop::after(limit))
            .for_each(move |_| {
                counting.fetch_add(1, Ordering::SeqCst);
                succeed::<_, Never, _>(())
            });
        let begin = cx.now();
        let Ok(partial) = cx.run(run).await;
        // The fiftieth is ready at the very moment of the limit.
        assert_eq!((partial.pulled, partial.delivered), (49, 49));
        assert_eq!(partial.status, timed_out(limit));
        assert_eq!((cx.now() - begin, partial.elapsed), (limit, limit));
        cx.sleep(secs(5)).await;
        assert_eq!(delivered.load(Ordering::SeqCst), 49);
    });
}

// S0-04
#[test]
fn what_was_delivered_is_there_though_the_source_is_waited_for() {
    everywhere(async |cx: Cx<()>| {
        let run = ticks(millis(30)).run_bounded(Stop::after(millis(100)));
        let Ok(partial) = cx.run(run.keep_all().drain()).await;
        assert_eq!(partial.status, timed_out(millis(100)));
        assert_eq!((partial.delivered, &*partial.value), (3, &[0, 1, 2][..]));
        assert_eq!((partial.in_hand, partial.buffered), (None, vec![]));
    });
}

// S0-06
#[test]
fn a_run_that_ends_by_itself_has_completed_once() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let stop = never::<(), Never, ()>().on_interrupt(log.note("stop let go of"));
        let run = Stream::from_iter(0..5_u64).run_bounded(Stop::when(stop));
        let Ok(partial) = cx.run(run.keep_all().for_each(takes(secs(1)))).await;
        assert_eq!(partial.status, RunStatus::Completed);
        assert_eq!(all_of(&partial), [0, 1, 2, 3, 4]);
        assert_eq!((partial.delivered, log.count()), (5, 1));
    });
}

// S0-07
#[test]
fn the_last_items_are_kept_in_bounded_memory_and_constant_time() {
    // Not `Clone`: no item is ever copied, whatever is kept.
    #[derive(Debug, PartialEq)]
    struct Item(u64);
    on_both(async |cx: Cx<()>| {
        let items = Stream::from_iter(0..5000_u64).map(Item);
        let run = items.run_bounded(Stop::never()).keep_last(1000).drain();
        let Ok(partial) = cx.run(run).await;
        assert_eq!((partial.delivered, partial.value.len()), (5000, 1000));
        assert!(partial.value.iter().map(|item| item.0).eq(4000..5000));
        assert!(partial.value.capacity() < 2000);
        let few = Stream::from_iter(0..3).run_bounded(Stop::never());
        let Ok(partial) = cx.run(few.keep_last(1000).drain()).await;
        assert_eq!(partial.value, VecDeque::from([0, 1, 2]));
    });
}

#[test]
#[should_panic(expected = "the last none of the items are nothing to keep")]
fn to_keep_the_last_none_is_refused() {
    let run = Stream::<(), _>::range(0..5).run_bounded::<Never>(Stop::never());
    drop(run.keep_last(0));
}

// S0-15
#[test]
fn a_handler_that_recovers_does_not_stop_the_stream() {
    // Three thousand items a time.
    heavily(async |cx: Cx<()>| {
        let (log, failed) = (Log::new(), Arc::new(AtomicU64::new(0)));
        let (told, failing) = (log.clone(), Arc::clone(&failed));
        let handle = move |n: &u64| {
            let failing = Arc::clone(&failing);
            let handled = if n % 450 == 7 {
                Err("unreadable")
            } else {
                Ok(())
            };
            let handled = effect::from_result::<(), _, _>(handled);
            handled.recover(move |_| {
                sync::<_, Never, _, _>(move || {
                    failing.fetch_add(1, Ordering::SeqCst);
                })
            })
        };
        let run = Stream::from_iter(0..3000_u64)
            .report_each(1000, move |progress, _| {
                told.write(progress.items.to_string());
                succeed::<_, Never, _>(())
            })
            .run_bounded(Stop::after(secs(60)))
            .for_each(handle);
        let Ok(partial) = cx.run(run).await;
        assert_eq!(partial.status, RunStatus::Completed);
        assert_eq!(
            (partial.delivered, failed.load(Ordering::SeqCst)),
            (3000, 7)
        );
        assert_eq!(log.lines(), ["1000", "2000", "3000"]);
    });
}

// S0-19
#[test]
fn items_are_tried_again_within_a_bound_and_one_that_cannot_be_done_holds_up_no_other() {
    everywhere(async |cx: Cx<()>| {
        let tried = Arc::new(Mutex::new(vec![0; 20]));
        let trying = Arc::clone(&tried);
        let attempt = move |n: usize| {
            let trying = Arc::clone(&trying);
            try_sync(move || {
                let tries = &mut trying.lock().unwrap()[n];
                *tries += 1;
                let works = n != 5 && (!n.is_multiple_of(7) || *tries > 1);
                works.then_some(n).ok_or(n)
            })
        };
        let policy = || Schedule::linear(millis(500)).times(2);
        let run = Stream::from_iter(0..20_usize)
            .map_effect(move |n| attempt(n).retry(policy()))
            .into_results()
            .run_bounded(Stop::after(secs(300)))
            .keep_all();
        let Ok(partial) = cx.run(run.drain()).await;
        let (done, failed): (Vec<_>, Vec<_>) = partial.value.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), failed), (19, vec![Err(5)]));
        assert_eq!(tried.lock().unwrap()[5], 3);
        // Twice for the fifth, once for each of the three others.
        assert_eq!(partial.elapsed, millis(500 + 1000 + 3 * 500));
    });
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Summary {
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
}

impl Summary {
    fn add(&mut self, n: u64) {
        *self = match self.count {
            0 => Summary {
                count: 1,
                sum: n,
                min: n,
                max: n,
            },
            count => Summary {
                count: count + 1,
                sum: self.sum + n,
                min: self.min.min(n),
                max: self.max.max(n),
            },
        }
    }
}

// S0-16
#[test]
fn what_was_made_of_the_items_is_there_when_a_token_stops_the_run() {
    // Three hundred timers a time.
    heavily(async |cx: Cx<()>| {
        let token = CancelToken::new();
        let cancel = token.clone();
        let wait = sleep::<_, Never>(millis(300));
        let _cancel = cx.fork(wait.map(move |()| cancel.cancel("stop it")));
        let run = ticks(millis(1)).run_bounded(Stop::token(&token));
        let run = run.fold(Summary::default(), Summary::add).drain();
        let Ok(partial) = cx.run(run).await;
        assert_eq!(partial.status, RunStatus::Stopped("stop it".into()));
        let k = partial.delivered;
        let expected = Summary {
            count: k,
            sum: k * (k - 1) / 2,
            min: 0,
            max: k - 1,
        };
        assert_eq!(partial.value, expected);
        // The item of that very moment is there or not: a token is cancelled by somebody, and no clock.
        assert!((299..=300).contains(&k), "{k}");
    });
}

// S0-22
#[test]
fn a_stop_after_the_end_changes_nothing() {
    everywhere(async |cx: Cx<()>| {
        let token = CancelToken::new();
        let run = Stream::from_iter(0..5_u64).run_bounded(Stop::token(&token));
        let Ok(partial) = cx.run(run.drain()).await;
        assert!(token.cancel("too late"));
        assert_eq!(partial.status, RunStatus::Completed);
    });
}

// S0-28
#[test]
fn a_run_that_is_stopped_before_it_begins_delivers_nothing_and_says_why() {
    everywhere(async |cx: Cx<()>| {
        let token = CancelToken::new();
        token.cancel("pre");
        let untouched = Stream::from_iter(0..5_u64).inspect(|n| panic!("{n} was asked for"));
        let Ok(partial) = cx
            .run(untouched.run_bounded(Stop::token(&token)).drain())
            .await;
        assert_eq!(partial.status, RunStatus::Stopped("pre".into()));
        assert_eq!(partial.tally(), Tally::default());
    });
}

// S0-37
#[test]
fn a_session_is_closed_in_any_case_and_told_why_where_it_was_stopped() {
    everywhere(async |cx: Cx<()>| {
        for limit in [secs(60), secs(5)] {
            let (log, channel) = (Log::new(), Channel::bounded(4));
            let closing = log.clone();
            let (messages, socket) = (channel.clone(), channel);
            let _sender = cx.fork(effect(async move |cx: Cx<()>| {
                for n in 0..20_u64 {
                    cx.sleep(millis(500)).await;
                    messages.send(n).await.map_err(drop)?;
                }
                messages.close();
                Ok::<_, ()>(())
            }));
            let session = acquire_release(succeed::<_, Never, _>(socket), move |_| {
                closing.note_after(millis(1), "session closed")
            });
            let messages = |socket| Stream::from_channel(socket).map_effect(succeed::<_, Never, _>);
            let received = StreamE::scoped(session.map(messages));
            let run = received.run_bounded(Stop::after(limit)).drain();
            let Ok(partial) = cx.run(run).await;
            if let RunStatus::Stopped(reason) = &partial.status {
                log.write(format!("socket told: {reason}"));
            }
            if limit == secs(60) {
                assert_eq!(
                    (partial.status, partial.delivered),
                    (RunStatus::Completed, 20)
                );
                assert_eq!(log.lines(), ["session closed"]);
            } else {
                assert_eq!(partial.delivered, 9);
                let expected = ["session closed", "socket told: timed out after 5s"];
                assert_eq!(log.lines(), expected);
            }
        }
    });
}

#[test]
fn the_item_in_hand_and_those_behind_it_are_there() {
    everywhere(async |cx: Cx<()>| {
        let run = Stream::from_iter(0_u64..).run_bounded(Stop::after(secs(5)));
        let run = run.read_ahead(3).keep_all().for_each(takes(secs(2)));
        let Ok(partial) = cx.run(run).await;
        assert_eq!((partial.delivered, partial.in_hand), (2, Some(2)));
        assert_eq!(partial.buffered, [3, 4, 5]);
        assert_eq!(all_of(&partial), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn what_is_in_hand_is_let_go_of_before_the_source_and_both_before_the_result() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let source = ticks(secs(1)).ensuring(log.note_after(secs(1), "source"));
        let body = log.clone();
        let run = source.run_bounded(Stop::after(secs(3))).for_each(move |_| {
            let body = body.note_after(secs(2), "body");
            sleep::<_, Never>(secs(9)).on_interrupt(body).erase()
        });
        let begin = cx.now();
        let Ok(partial) = cx.run(run).await;
        assert_eq!(log.count(), 2);
        assert!(cx.now() - begin >= secs(5));
        // The clock of the run stopped with it.
        assert_eq!(partial.elapsed, secs(3));
    });
}

#[test]
fn the_first_failure_ends_a_run_and_is_kept_with_its_item() {
    everywhere(async |cx: Cx<()>| {
        let run = Stream::from_iter(0_u64..).run_bounded(Stop::after(secs(60)));
        let run = run.keep_all().read_ahead(2).for_each(|n| {
            let n = *n;
            let work = sleep(secs(1));
            work.flat_map(move |()| if n < 3 { succeed(()) } else { fail("full") })
        });
        let Ok(partial) = cx.run(run).await;
        assert_eq!(partial.status, RunStatus::Failed("full"));
        assert_eq!(partial.in_hand, Some(3));
        assert_eq!(all_of(&partial), [0, 1, 2, 3, 4, 5]);
    });
}

/// A source that fails after some items, for ever waiting then.
fn failing_after(count: u64) -> StreamE<(), &'static str, u64> {
    let items = StreamE::from_iter(0..count);
    items
        .concat(StreamE::fail("broken").concat(StreamE::from_iter([])))
        .erase()
}

#[test]
fn a_failure_of_the_stream_ends_a_run_behind_its_items() {
    everywhere(async |cx: Cx<()>| {
        for ahead in [0, 1, 9] {
            let run = failing_after(3)
                .run_bounded(Stop::never())
                .read_ahead(ahead);
            let slow = |_: &u64| sleep::<_, &str>(secs(1));
            let Ok(partial) = cx.run(run.keep_all().for_each(slow)).await;
            assert_eq!(partial.status, RunStatus::Failed("broken"));
            assert_eq!(all_of(&partial), [0, 1, 2]);
            assert_eq!(partial.delivered, 3);
        }
    });
}

#[test]
fn a_failure_that_was_read_ahead_is_not_lost_when_the_run_is_stopped() {
    everywhere(async |cx: Cx<()>| {
        let run = failing_after(3).run_bounded(Stop::after(millis(1500)));
        let slow = |_: &u64| sleep::<_, &str>(secs(1));
        let Ok(partial) = cx.run(run.read_ahead(9).keep_all().for_each(slow)).await;
        assert_eq!(partial.status, RunStatus::Failed("broken"));
        assert_eq!((partial.in_hand, &*partial.buffered), (Some(1), &[2][..]));
        assert_eq!(all_of(&partial), [0, 1, 2]);
    });
}

#[test]
fn the_item_in_hand_may_be_finished() {
    everywhere(async |cx: Cx<()>| {
        let run = Stream::from_iter(0_u64..).run_bounded(Stop::after(secs(5)));
        let run = run.finish_in_hand().read_ahead(1).keep_all();
        let Ok(partial) = cx.run(run.for_each(takes(secs(2)))).await;
        assert_eq!(partial.status, timed_out(secs(5)));
        assert_eq!((partial.elapsed, partial.delivered), (secs(6), 3));
        assert_eq!((partial.in_hand, partial.buffered), (None, vec![3]));
    });
}

/// What a stop does goes on while the item in hand is finished: here, it is what that waits for.
#[test]
fn a_stop_goes_on_while_the_item_in_hand_is_finished() {
    everywhere(async |cx: Cx<()>| {
        let (asked, answer) = (Channel::bounded(1), Channel::bounded(1));
        let (questions, answers) = (asked.clone(), answer.clone());
        let condition = effect(async move |cx: Cx<()>| {
            let n: u64 = questions.receive().await.unwrap();
            cx.sleep(secs(1)).await;
            answers.send(n).await.unwrap();
            Ok::<_, Never>(())
        });
        let run = Stream::from_iter(0_u64..).run_bounded(Stop::when(condition));
        let run = run
            .finish_in_hand()
            .read_ahead(1)
            .keep_all()
            .for_each(move |n| {
                let (n, asked, answer) = (*n, asked.clone(), answer.clone());
                async move {
                    asked.send(n).await.unwrap();
                    assert_eq!(answer.receive().await, Ok(n));
                    Ok::<_, Never>(())
                }
            });
        let Ok(partial) = cx.run(run).await;
        assert_eq!(partial.status, RunStatus::Stopped(StopReason::Condition));
        assert_eq!((partial.delivered, all_of(&partial)), (1, vec![0, 1]));
    });
}

#[test]
fn a_source_that_never_waits_is_stopped_all_the_same() {
    everywhere(async |cx: Cx<()>| {
        let token = CancelToken::new();
        let cancel = token.clone();
        let _cancel = cx.fork(sync::<_, Never, _, _>(move || cancel.cancel("enough")));
        let run = Stream::from_iter(0_u64..).run_bounded(Stop::token(&token));
        let Ok(partial) = cx.run(run.drain()).await;
        assert_eq!(partial.status, RunStatus::Stopped("enough".into()));
        adds_up(partial.tally());
        // By what makes the body, which does not begin then.
        let token = CancelToken::new();
        let run = Stream::from_iter(0_u64..).run_bounded(Stop::token(&token));
        let run = run.for_each(move |n| {
            if *n == 1000 {
                token.cancel("enough");
            }
            succeed::<_, Never, _>(())
        });
        let Ok(partial) = cx.run(run).await;
        let counts = (partial.pulled, partial.delivered, partial.in_hand);
        assert_eq!(counts, (1001, 1000, Some(1000)));
    });
}

#[test]
fn a_source_that_never_waits_is_stopped_by_a_time_limit() {
    // On a clock that goes while it runs: any other stands still.
    let limit = millis(5);
    let drained = Stream::from_iter(0_u64..)
        .run_bounded(Stop::after(limit))
        .drain();
    let Exit::Success(partial) = run(drained).unwrap() else {
        panic!("it does not fail");
    };
    assert_eq!(partial.status, timed_out(limit));
    adds_up(partial.tally());
}

#[test]
fn a_run_that_is_interrupted_or_dies_leaves_what_it_has_with_its_watch() {
    everywhere(async |cx: Cx<()>| {
        let watch = Watch::new();
        let run = Stream::from_iter(0_u64..)
            .run_bounded::<Never>(Stop::never())
            .keep_all()
            .read_ahead(2)
            .watched_by(&watch);
        let fiber = cx.fork(run.for_each(takes(secs(2))));
        cx.sleep(secs(5)).await;
        let tally = watch.tally();
        assert_eq!((tally.pulled, tally.delivered, tally.in_hand), (5, 2, 1));
        assert_eq!(watch.take_partial(), None);
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        assert!(exit.is_interrupt());
        let partial = watch.take_partial().unwrap();
        assert_eq!(partial.status, RunStatus::Interrupted);
        assert_eq!(partial.tally(), tally);
        assert_eq!(all_of(&partial), [0, 1, 2, 3, 4]);

        // Another run, watched by the same.
        let run = Stream::from_iter(0_u64..).run_bounded(Stop::never());
        let run = run.keep_all().watched_by(&watch).for_each(|n| {
            assert!(*n < 2, "a bug");
            succeed(())
        });
        assert!(cx.run(run.exit()).await.unwrap().cause().unwrap().is_die());
        let partial = watch.take_partial().unwrap();
        assert_eq!(
            (partial.in_hand, all_of(&partial)),
            (Some(2), vec![0, 1, 2])
        );
    });
}

#[test]
fn a_run_that_is_interrupted_while_it_cleans_up_leaves_how_it_ended_too() {
    everywhere(async |cx: Cx<()>| {
        let (log, watch) = (Log::new(), Watch::new());
        let source = ticks(secs(1)).ensuring(log.note_after(secs(9), "closed"));
        let run = source.run_bounded(Stop::after(millis(2500))).keep_all();
        let run = run.watched_by(&watch).for_each(takes(millis(1)));
        assert!(cx.run(run.timeout(secs(5))).await.is_err());
        let partial = watch.take_partial().unwrap();
        assert_eq!(partial.status, timed_out(millis(2500)));
        assert_eq!(
            (partial.elapsed, all_of(&partial)),
            (millis(2500), vec![0, 1])
        );
        assert_eq!(log.count(), 1);
    });
}

#[test]
fn what_is_made_is_there_when_to_make_more_of_it_panics() {
    everywhere(async |cx: Cx<()>| {
        let watch = Watch::new();
        let run = Stream::from_iter(0_u64..).run_bounded(Stop::never());
        let sum = run.fold(0, |sum, n| {
            assert!(n < 5, "a bug");
            *sum += n;
        });
        let exit = cx.run(sum.watched_by(&watch).drain().exit()).await.unwrap();
        assert!(exit.cause().unwrap().is_die());
        let partial = watch.take_partial().unwrap();
        assert_eq!(partial.value, 10);
        adds_up(partial.tally());
    });
}

#[test]
fn whoever_has_the_result_leaves_none_with_the_watch() {
    on_both(async |cx: Cx<()>| {
        let watch = Watch::new();
        let run = Stream::from_iter(0..5_u64).run_bounded(Stop::never());
        let Ok(partial) = cx.run(run.watched_by(&watch).drain()).await;
        assert_eq!(watch.take_partial(), None);
        assert_eq!(watch.tally(), partial.tally());
    });
}

#[test]
fn a_watch_tells_of_the_run_that_began_last() {
    everywhere(async |cx: Cx<()>| {
        let watch = Watch::new();
        let watched = |time| {
            let run = Stream::from_iter(0_u64..).run_bounded::<Never>(Stop::never());
            let run = run.keep_all().watched_by(&watch).for_each(takes(time));
            cx.fork(run)
        };
        let first = watched(secs(1));
        cx.sleep(millis(500)).await;
        let last = watched(secs(9));
        cx.sleep(secs(3)).await;
        assert_eq!(watch.tally().delivered, 0);
        let Ok(_) = cx.run(first.interrupt()).await;
        assert_eq!(watch.take_partial(), None);
        let Ok(_) = cx.run(last.interrupt()).await;
        assert_eq!(watch.take_partial().unwrap().in_hand, Some(0));
    });
}

#[test]
#[should_panic(expected = "who watches is said after what is kept")]
fn a_watch_of_what_is_kept_no_more_is_refused() {
    let watch = Watch::<u64, Never>::new();
    let run = Stream::<(), _>::from_iter(0_u64..).run_bounded(Stop::never());
    drop(run.watched_by(&watch).keep_all());
}

/// What was asked for ahead may hold what the body waits for.
#[test]
fn what_was_asked_for_ahead_goes_on_while_the_item_in_hand_is_finished() {
    everywhere(async |cx: Cx<()>| {
        let one = effect::Semaphore::new(1);
        let (reading, writing) = (one.clone(), one);
        let read = move |n: u64| {
            let held = sleep::<_, Never>(secs(if n == 0 { 0 } else { 9 }));
            reading.with_permit(held.map(move |()| n))
        };
        let items = Stream::from_iter(0..).map_effect(read).into_values();
        let run = items.run_bounded(Stop::after(secs(5))).read_ahead(1);
        let run = run.finish_in_hand().keep_all().for_each(move |_| {
            let write = writing.with_permit(succeed::<_, Never, _>(()));
            sleep(secs(1)).flat_map(move |()| write)
        });
        let Ok(partial) = cx.run(run).await;
        assert_eq!(partial.status, timed_out(secs(5)));
        assert_eq!((partial.delivered, partial.elapsed), (1, secs(9)));
        assert_eq!(all_of(&partial), [0, 1]);
    });
}

/// A run can be run again, and each begins anew.
#[test]
fn a_bounded_run_is_a_value() {
    on_both(async |cx: Cx<()>| {
        let run = ticks(secs(1)).run_bounded(Stop::after(millis(3500)));
        let run = run.keep_all().for_each(takes(millis(1))).erase();
        for _ in 0..2 {
            let Ok(partial) = cx.run(run.clone()).await;
            assert_eq!(all_of(&partial), [0, 1, 2]);
        }
    });
}

/// What happens in a run of the property below: in whole milliseconds, so that much does at the same moment.
struct Chance {
    dice: Dice,
}

impl Chance {
    fn source(&mut self) -> StreamE<(), &'static str, u64> {
        let mut waits = Dice(self.dice.roll(1 << 32));
        let count = self.dice.roll(30);
        let items = Stream::from_iter(0..count).map_effect(move |n| match waits.roll(3) {
            0 => succeed(n).erase(),
            wait => sleep(millis(wait)).map(move |()| n).erase(),
        });
        match self.dice.roll(3) {
            0 => items.erase(),
            1 => items.concat(StreamE::fail("broken")).erase(),
            _ => {
                let never = Stream::never().map_effect(succeed);
                items.concat(never).erase()
            }
        }
    }

    /// A stop that ends at some time.
    fn stop(&mut self, cx: &Cx<()>) -> Stop<()> {
        let when = millis(self.dice.roll(40));
        match self.dice.roll(5) {
            0 => Stop::after(when),
            1 => Stop::when(sleep(when)),
            2 => Stop::any([self.stop(cx), self.stop(cx)]),
            3 => Stop::all([self.stop(cx), self.stop(cx)]),
            _ => {
                let token = CancelToken::new();
                let cancel = token.clone();
                let waiting = sleep::<_, Never>(when);
                drop(cx.fork(waiting.map(move |()| cancel.cancel("by hand"))));
                Stop::token(&token.child())
            }
        }
    }
}

async fn nothing_is_lost_by(cx: &Cx<()>, seed: u64) {
    let mut chance = Chance { dice: Dice(seed) };
    let source = chance.source();
    let stop = chance.stop(cx);
    let ahead = chance.dice.roll(4) as usize;
    let watch = Watch::new();
    let run = source.run_bounded(stop).keep_all().read_ahead(ahead);
    let run = run.watched_by(&watch);
    let finishes = chance.dice.roll(2) == 0;
    let run = if finishes { run.finish_in_hand() } else { run };
    let fails_at = chance.dice.roll(60);
    let is_fed = Arc::new(AtomicBool::new(false));
    let feeding = Arc::clone(&is_fed);
    let run = run.for_each(move |n| {
        let n = *n;
        assert!(!feeding.swap(true, Ordering::SeqCst), "two are in hand");
        let fed = Arc::clone(&feeding);
        let work = match n % 3 {
            0 => succeed(()).erase(),
            wait => sleep(millis(wait)).erase(),
        };
        let done = work.flat_map(move |()| {
            if n == fails_at {
                fail("full")
            } else {
                succeed(())
            }
        });
        done.ensuring(sync(move || fed.store(false, Ordering::SeqCst)))
    });
    let outside = millis(chance.dice.roll(60));
    let looking = watch.clone();
    let looks = effect(async move |cx: Cx<()>| {
        loop {
            adds_up(looking.tally());
            cx.sleep(millis(1)).await;
        }
        #[allow(unreachable_code, reason = "it says what the effect would end with")]
        Ok::<(), Never>(())
    });
    let looks = cx.fork(looks);
    let ended = cx.run(run.timeout_opt(outside)).await;
    let Ok(_) = cx.run(looks.interrupt()).await;
    assert!(!is_fed.load(Ordering::SeqCst), "one is still in hand");
    let Ok(ended) = ended;
    let partial = ended.or_else(|| watch.take_partial());
    // One that is interrupted before it has begun has no result.
    let Some(partial) = partial else {
        assert_eq!(watch.tally(), Tally::default());
        return;
    };
    assert_eq!(watch.tally(), partial.tally(), "seed {seed}");
    let all = all_of(&partial);
    assert!(
        all.iter().copied().eq(0..partial.pulled),
        "seed {seed}: {all:?}"
    );
    assert!(partial.buffered.len() <= ahead);
    match partial.status {
        RunStatus::Completed => assert_eq!(partial.delivered, partial.pulled),
        RunStatus::Failed("full") => assert_eq!(partial.in_hand, Some(fails_at)),
        RunStatus::Failed(error) => assert_eq!(error, "broken"),
        RunStatus::Stopped(_) if finishes => assert_eq!(partial.in_hand, None),
        _ => {}
    }
}

/// Everything that can happen to a run, by chance, and all that it may do at one moment, in any order.
#[test]
fn whatever_ends_a_run_each_item_that_was_pulled_is_in_one_place() {
    in_turns(async |cx: Cx<()>| {
        for seed in 0..2_000 {
            nothing_is_lost_by(&cx, seed).await;
        }
    });
    everywhere(async |cx: Cx<()>| {
        let seed = cx.random();
        nothing_is_lost_by(&cx, seed).await;
    });
}

/// A run that is stopped at some time, of items that others send, with what watches it.
fn run_of_items(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let watch = Watch::new();
    let ended = Arc::new(Mutex::new(None));
    let (left, has_ended) = (watch.clone(), Arc::clone(&ended));
    let program = effect(async move |cx: Cx<()>| {
        let channel = Channel::bounded(2);
        let (sent, token) = (channel.clone(), CancelToken::new());
        let sender = cx.fork(effect(async move |cx: Cx<()>| {
            for n in 0..6_u64 {
                cx.sleep(millis(2)).await;
                sent.send(n).await.map_err(drop)?;
            }
            sent.close();
            Ok::<_, ()>(())
        }));
        let cancel = token.clone();
        let canceler = cx.fork(sleep::<_, Never>(millis(9)).map(move |()| cancel.cancel("done")));
        let (around, pulling, body) = (trial.clone(), trial.clone(), trial.clone());
        let run = Stream::from_channel(channel)
            .inspect(move |_| pulling.fault_point())
            .run_bounded(Stop::any([
                Stop::after(millis(40)),
                Stop::token(&token.child()),
            ]))
            .keep_all()
            .read_ahead(2)
            .watched_by(&watch)
            .for_each(move |n| {
                body.fault_point();
                let (work, body) = (sleep::<_, Never>(millis(1 + n % 4)), body.clone());
                work.map(move |()| body.fault_point())
            });
        // Somebody else's future around it, which may drop it at any moment.
        if let Some(Ok(partial)) = around.droppable(cx.run(run)).await {
            *ended.lock().unwrap() = Some(partial);
        }
        drop(cx.run(sender.interrupt()).await);
        drop(cx.run(canceler.interrupt()).await);
        Ok(())
    });
    Case::new(program).check(move |_| {
        let tally = left.tally();
        let partial = has_ended.lock().unwrap().take();
        let partial = partial.or_else(|| left.take_partial());
        let Some(partial) = partial else {
            assert_eq!(tally, Tally::default(), "its partial result is lost");
            return;
        };
        assert_eq!(partial.tally(), tally);
        assert!(all_of(&partial).into_iter().eq(0..partial.pulled));
    })
}

#[test]
fn no_item_is_lost_whatever_strikes_a_run_and_when() {
    Sim::new().runs(2_000).test(run_of_items);
    Sim::new().each_interrupt(run_of_items).unwrap();
    Sim::new().each_panic(run_of_items).unwrap();
    Sim::new().each_drop(run_of_items).unwrap();
}
