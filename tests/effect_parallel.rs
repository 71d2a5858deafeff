//! Many effects at once: bounds, order, and what a failure does to the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Log, everywhere, exit_of, in_turns, on_both, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim};
use effect::{
    collect_all_par, for_each_par, for_each_par_forked, partition_par, validate_par, yield_now,
};

/// Counts how many run at once.
#[derive(Clone, Default)]
struct Gauge {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Gauge {
    fn around<E: effect::Value>(&self, effect: Effect<(), E, u64>) -> Effect<(), E, u64> {
        let (enter, leave) = (self.clone(), self.clone());
        sync(move || {
            let now = enter.now.fetch_add(1, Ordering::SeqCst) + 1;
            enter.most.fetch_max(now, Ordering::SeqCst);
        })
        .flat_map(move |()| {
            effect.ensuring(sync(move || {
                leave.now.fetch_sub(1, Ordering::SeqCst);
            }))
        })
        .erase()
    }
}

/// Takes longer the earlier it begins, so that the order of the ends is another than that of the items.
fn backwards(n: u64) -> Effect<(), Never, u64> {
    sleep(secs(10 - n)).map(move |()| n * n).erase()
}

// T32, stillwater par_all_limit_order
#[test]
fn values_are_in_the_order_of_the_items() {
    everywhere(async |cx| {
        for limit in [1, 2, 3, 100] {
            let Ok(values) = cx.run(for_each_par(0..10, limit, backwards)).await;
            assert_eq!(values, (0..10).map(|n| n * n).collect::<Vec<_>>());
            let Ok(values) = cx.run(for_each_par_forked(0..10, limit, backwards)).await;
            assert_eq!(values, (0..10).map(|n| n * n).collect::<Vec<_>>());
        }
    });
}

// S2-55
#[test]
fn no_value_is_left_out() {
    everywhere(async |cx| {
        let halves = for_each_par(vec![1, 2, 3, 4], 2, |n: i32| async move {
            yield_now().await;
            Ok::<_, Never>((n % 2 == 0).then_some(n))
        });
        assert_eq!(cx.run(halves).await, Ok(vec![None, Some(2), None, Some(4)]));
    });
}

#[test]
fn no_more_run_at_once_than_the_limit() {
    everywhere(async |cx| {
        for limit in [1, 3, 7] {
            let gauge = Gauge::default();
            let inner = gauge.clone();
            let all = for_each_par(0..20, limit, move |n| inner.around(backwards(n % 10)));
            assert_eq!(cx.run(all).await.map(|all| all.len()), Ok(20));
            assert_eq!(gauge.most.load(Ordering::SeqCst), limit);
            let gauge = Gauge::default();
            let inner = gauge.clone();
            let all = for_each_par_forked(0..20, limit, move |n| inner.around(backwards(n % 10)));
            assert_eq!(cx.run(all).await.map(|all| all.len()), Ok(20));
            assert_eq!(gauge.most.load(Ordering::SeqCst), limit);
        }
    });
}

// T32
#[test]
fn no_items_give_no_values() {
    on_both(async |cx| {
        assert_eq!(cx.run(for_each_par(0..0, 3, backwards)).await, Ok(vec![]));
        let none = Vec::<Effect<(), Never, u8>>::new();
        assert_eq!(cx.run(collect_all_par(none, 3)).await, Ok(vec![]));
    });
}

// T32
#[test]
#[should_panic = "at least one effect has to run at a time"]
fn a_limit_of_none_is_refused_where_it_is_made() {
    let _ = for_each_par(0..3, 0, backwards);
}

/// Fails if it is the second, and waits for ever if not. It takes a second to close.
fn one_fails(log: &Log, n: u64) -> Effect<(), u64, u64> {
    let outcome = if n == 1 {
        sleep(secs(2)).flat_map(move |()| fail(n)).erase()
    } else {
        never().erase()
    };
    Effect::<(), u64, u64>::ensuring(outcome, log.note_after(secs(1), "closed")).erase()
}

// T32, stillwater par_try_all_no_cancel
#[test]
fn the_first_failure_interrupts_the_others_and_is_the_error() {
    everywhere(async |cx| {
        let log = Log::new();
        let inner = log.clone();
        let all = for_each_par(0..10, 3, move |n| one_fails(&inner, n));
        let (seconds, exit) = timed(&cx, exit_of(&cx, all)).await;
        assert_eq!(exit, Exit::Failure(Cause::fail(1)));
        // Each closes after the one before.
        assert_eq!((seconds, log.count()), (5, 3));
    });
}

// stillwater par_try_all_no_cancel
#[test]
fn on_fibers_the_others_have_ended_as_well() {
    everywhere(async |cx| {
        let log = Log::new();
        let inner = log.clone();
        let all = for_each_par_forked(0..10, 3, move |n| one_fails(&inner, n));
        assert_eq!(exit_of(&cx, all).await, Exit::Failure(Cause::fail(1)));
        assert_eq!(log.count(), 3);
    });
}

#[test]
fn a_panic_interrupts_the_others_and_is_the_defect() {
    everywhere(async |cx| {
        let log = Log::new();
        let inner = log.clone();
        let all = for_each_par(0..3, 3, move |n| {
            let closed = inner.note("closed");
            sleep(secs(n))
                .map(move |()| assert!(n != 1, "one is unlucky"))
                .ensuring(closed)
                .widen_error::<Never>()
        });
        let exit = exit_of(&cx, all).await;
        assert!(exit.cause().unwrap().is_die());
        assert_eq!(log.count(), 3);
    });
}

// T32
#[test]
fn interruption_ends_all_that_run_and_begins_no_other() {
    everywhere(async |cx| {
        let log = Log::new();
        let inner = log.clone();
        let all = for_each_par(0..10, 4, move |_| {
            never::<_, Never, ()>().on_interrupt(inner.note("cut"))
        });
        let fiber = cx.fork(all);
        cx.sleep(secs(1)).await;
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        assert!(exit.is_interrupt());
        assert_eq!(log.count(), 4);
    });
}

// T34
#[test]
fn a_fiber_that_is_forked_inside_lives_on() {
    everywhere(async |cx| {
        let log = Log::new();
        let inner = log.clone();
        let forked = for_each_par(0..100, 8, move |_| {
            inner.note_after(secs(1), "ended").fork::<Never>()
        });
        let Ok(fibers) = cx.run(forked).await;
        for fiber in fibers {
            let Ok(()) = cx.run(fiber.join()).await;
        }
        assert_eq!(log.count(), 100);
    });
}

#[test]
fn a_hundred_thousand_that_never_wait_leave_others_their_turns() {
    // On threads, there are no turns.
    in_turns(async |cx| {
        let other = cx.fork(effect(async |_| {
            yield_now().await;
            Ok::<_, Never>(())
        }));
        let all = for_each_par(0..100_000_u64, 16, succeed::<_, Never, _>);
        let fiber = cx.fork(all);
        yield_now().await;
        yield_now().await;
        yield_now().await;
        assert!(other.is_done());
        let Ok(values) = cx.run(fiber.join()).await;
        assert_eq!(values.len(), 100_000);
        let Ok(()) = cx.run(other.join()).await;
    });
}

// id_effect 15
#[test]
fn an_endless_iterator_is_taken_as_far_as_there_is_room() {
    on_both(async |cx| {
        let all = for_each_par(0_u64.., 4, |n| {
            if n < 50 {
                succeed(n).erase()
            } else {
                fail(n).erase()
            }
        });
        assert_eq!(
            cx.run(Effect::<(), u64, _, _>::map(all, |_| ())).await,
            Err(50)
        );
    });
}

// id_effect 18
#[test]
fn it_runs_again_when_it_is_retried() {
    on_both(async |cx| {
        let calls = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&calls);
        let all = for_each_par(0..3, 3, move |n| {
            if seen.fetch_add(1, Ordering::Relaxed) < 2 && n == 1 {
                fail("once").erase()
            } else {
                succeed(n).erase()
            }
        });
        assert_eq!(
            cx.run(all.retry(Schedule::recurs(1))).await,
            Ok(vec![0, 1, 2])
        );
    });
}

// Law 14
#[test]
fn whatever_strikes_it_every_finalizer_runs() {
    let program = |trial: &effect::simulation::Trial| {
        // A book for each item: their order among each other is free.
        let books: Vec<_> = (0..6).map(|_| trial.finalizers()).collect();
        let all = for_each_par(0..6_u64, 3, move |n| {
            let body = sleep::<(), &str>(secs(n % 3)).flat_map(move |()| {
                if n == 5 {
                    fail("five").erase()
                } else {
                    succeed(n).erase()
                }
            });
            let book = &books[usize::try_from(n).unwrap()];
            let (acquired, released) = (book.clone(), book.clone());
            let acquire = sync(move || acquired.acquired(n));
            let release = move |()| sync(move || released.released(n));
            acquire_release(acquire, release)
                .flat_map(|()| body)
                .scoped()
        });
        Case::new(all)
    };
    Sim::new().runs(1_000).test(program);
    let found = Sim::new().runs(100).each_interrupt(program);
    assert!(found.is_ok(), "{found:?}");
}

// T33
#[test]
fn all_errors_are_kept_where_all_are_asked_for() {
    everywhere(async |cx| {
        let failing = |n: u64| {
            sleep(secs(4 - n))
                .flat_map(move |()| fail::<_, _, ()>(n))
                .uninterruptible()
        };
        assert_eq!(
            cx.run(validate_par(1..=3, 3, failing)).await,
            Err(vec![1, 2, 3])
        );
        let mixed = |n: u64| {
            sleep(secs(9 - n)).flat_map(move |()| {
                if n.is_multiple_of(2) {
                    succeed(n).erase()
                } else {
                    fail(n).erase()
                }
            })
        };
        let Ok(parts) = cx.run(partition_par(1..=6, 2, mixed)).await;
        assert_eq!(parts, (vec![2, 4, 6], vec![1, 3, 5]));
    });
}
