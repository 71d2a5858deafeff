//! Masks: what is not interrupted, what is excepted, and what comes of it.

use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, secs, timed};
use effect::prelude::*;
use effect::uninterruptible_mask;
use futures::FutureExt;
use futures::future::BoxFuture;

/// Runs an effect on a fiber, interrupts that after so many seconds, and has its exit.
async fn interrupted_after<P>(
    cx: &Cx<()>,
    seconds: u64,
    effect: Effect<(), &'static str, u8, P>,
) -> Exit<&'static str, u8>
where
    P: effect::Program<(), Error = &'static str, Value = u8>,
{
    let fiber = cx.fork(effect);
    cx.sleep(secs(seconds)).await;
    let Ok(exit) = cx.run(fiber.interrupt()).await;
    exit
}

fn after<E: effect::Value>(seconds: u64, value: u8) -> Effect<(), E, u8> {
    sleep(secs(seconds)).map(move |()| value).erase()
}

// T24, T25
#[test]
fn a_fiber_that_is_masked_to_its_end_ends_with_its_value() {
    everywhere(async |cx| {
        let log = Log::new();
        let masked = after(5, 7)
            .on_interrupt(log.note("interrupted"))
            .uninterruptible();
        let (seconds, exit) = timed(&cx, interrupted_after(&cx, 1, masked)).await;
        assert_eq!((seconds, exit), (5, Exit::Success(7)));
        assert_eq!(log.count(), 0);
    });
}

// T25
#[test]
fn so_does_an_erased_one_and_one_that_fails() {
    everywhere(async |cx| {
        let masked = after(5, 7).uninterruptible().erase();
        assert_eq!(interrupted_after(&cx, 1, masked).await, Exit::Success(7));
        let masked = after(5, 7).flat_map(|_| fail("late")).uninterruptible();
        let exit = interrupted_after(&cx, 1, masked).await;
        assert_eq!(exit, Exit::Failure(Cause::fail("late")));
    });
}

// T24
#[test]
fn a_time_limit_under_a_mask_is_not_taken_for_interruption() {
    everywhere(async |cx| {
        let limited = after::<Never>(3, 7)
            .timeout(secs(2))
            .map_error(|_| "late")
            .uninterruptible();
        let (seconds, exit) = timed(&cx, interrupted_after(&cx, 1, limited)).await;
        assert_eq!((seconds, exit), (2, Exit::Failure(Cause::fail("late"))));
    });
}

#[test]
fn interrupted_before_it_has_begun_it_never_begins() {
    everywhere(async |cx| {
        let log = Log::new();
        let body = log
            .note("begun")
            .widen_error::<&str>()
            .map(|()| 1)
            .uninterruptible();
        let fiber = cx.fork(body);
        fiber.interrupt_fork();
        let Ok(exit) = cx.run(fiber.exit()).await;
        // It may have begun before it was interrupted.
        assert!(exit.is_interrupt() == (log.count() == 0));
    });
}

#[test]
fn what_is_not_all_masked_is_interrupted_after_the_mask() {
    everywhere(async |cx| {
        let partly = after(5, 7).uninterruptible().flat_map(|_| after(9, 9));
        let (seconds, exit) = timed(&cx, interrupted_after(&cx, 1, partly)).await;
        assert_eq!(seconds, 5);
        assert!(exit.is_interrupt());
    });
}

// Law 3
#[test]
fn a_mask_that_excepts_all_is_no_mask() {
    everywhere(async |cx| {
        let log = Log::new();
        let body = after(5, 7).ensuring(log.note_after(secs(2), "closed"));
        let same = uninterruptible_mask(move |restore| restore.apply(body));
        let (seconds, exit) = timed(&cx, interrupted_after(&cx, 1, same)).await;
        assert_eq!(seconds, 3);
        assert!(exit.is_interrupt());
        assert_eq!(log.lines(), ["closed"]);
    });
}

#[test]
fn it_has_the_value_where_nobody_interrupts() {
    everywhere(async |cx| {
        let body =
            uninterruptible_mask(|restore| restore.apply(after::<&str>(5, 7)).map(|n| n + 1));
        assert_eq!(exit_of(&cx, body).await, Exit::Success(8));
    });
}

// T15
#[test]
fn a_handler_sees_interruption_under_a_mask_only() {
    everywhere(async |cx| {
        let log = Log::new();
        let seen = move |log: &Log, line: &'static str| {
            let log = log.clone();
            move |exit: Exit<&'static str, u8>| {
                if exit.is_interrupt() {
                    log.write(line);
                }
                0
            }
        };
        // Inside of the excepted part, outside of it, and after the mask.
        let handled = uninterruptible_mask({
            let (inside, outside) = (seen(&log, "inside"), seen(&log, "outside"));
            move |restore| {
                let part = never().exit().map(inside).widen_error::<&str>();
                let part = restore.apply(part).exit().map(outside);
                part.widen_error::<&str>()
            }
        });
        let after_it = handled
            .flat_map(|_| never())
            .exit()
            .map(seen(&log, "after"));
        let exit = interrupted_after(&cx, 1, after_it.widen_error()).await;
        assert!(exit.is_interrupt());
        assert_eq!(log.lines(), ["outside"]);
    });
}

// T17
#[test]
fn those_who_interrupt_add_up() {
    everywhere(async |cx| {
        let interrupts = |exit: &Exit<Never, ()>| exit.cause().unwrap().reasons().len();
        let fiber = cx.fork(uninterruptible_mask(move |restore| {
            let first = restore.apply(never::<_, Never, ()>()).exit();
            first.flat_map(move |first| {
                let second = sleep(secs(10)).zip(restore.apply(never::<_, Never, ()>()).exit());
                second.map(move |((), second)| (interrupts(&first), interrupts(&second)))
            })
        }));
        cx.sleep(secs(1)).await;
        let handle = std::sync::Arc::new(fiber);
        let one = std::sync::Arc::clone(&handle);
        let first = cx.fork(sync::<_, Never, _, _>(move || one.interrupt_fork()));
        let Ok(()) = cx.run(first.join()).await;
        cx.sleep(secs(1)).await;
        let fiber = std::sync::Arc::into_inner(handle).unwrap();
        let Ok(exit) = cx.run(fiber.interrupt()).await;
        assert_eq!(exit, Exit::Success((1, 2)));
    });
}

// T21
#[test]
fn a_mask_that_never_ends_is_waited_for() {
    everywhere(async |cx| {
        let fiber = cx.fork(after::<Never>(3600, 1).uninterruptible());
        cx.sleep(secs(1)).await;
        let waiting = fiber.interrupt::<()>().timeout(secs(60)).erase_once();
        assert!(cx.run(waiting).await.is_err());
    });
}

// T21
#[test]
fn restore_changes_nothing_in_another_fiber() {
    everywhere(async |cx| {
        let log = Log::new();
        let line = log.note("the child has ended");
        let masked = uninterruptible_mask(move |restore| {
            effect(async move |cx: Cx<()>| {
                // The child is masked itself, and its parent's exception is no exception there.
                let body = restore.apply(sleep::<_, Never>(secs(5))).uninterruptible();
                let child = cx.fork(body.zip(line));
                let Ok(_) = cx.run(child.exit()).await;
                Ok(1)
            })
        });
        let (seconds, exit) = timed(&cx, interrupted_after(&cx, 1, masked)).await;
        assert_eq!((seconds, exit), (5, Exit::Success(1)));
        assert_eq!(log.count(), 1);
    });
}

// Law 3
#[test]
fn an_inner_mask_ignores_what_the_outer_one_excepts() {
    everywhere(async |cx| {
        let masked = uninterruptible_mask(|restore| {
            uninterruptible_mask(move |_| restore.apply(after(5, 7)))
        });
        let (seconds, exit) = timed(&cx, interrupted_after(&cx, 1, masked)).await;
        assert_eq!((seconds, exit), (5, Exit::Success(7)));
    });
}

// id_effect 8
#[test]
fn an_inner_mask_excepts_nothing_from_the_outer_one() {
    everywhere(async |cx| {
        let inner = uninterruptible_mask(|restore| restore.apply(after(5, 7)));
        let (seconds, exit) = timed(&cx, interrupted_after(&cx, 1, inner.uninterruptible())).await;
        assert_eq!((seconds, exit), (5, Exit::Success(7)));
    });
}

#[test]
fn an_exception_in_both_masks_is_one() {
    everywhere(async |cx| {
        let log = Log::new();
        let (inner, outer) = (log.note("inner"), log.note("outer"));
        let masked = uninterruptible_mask(|restore| {
            let masked = uninterruptible_mask(|restore| {
                let part = restore.apply(after(5, 7));
                part.on_interrupt(inner)
            });
            restore.apply(masked).on_interrupt(outer)
        });
        let (seconds, exit) = timed(&cx, interrupted_after(&cx, 1, masked)).await;
        assert_eq!(seconds, 1);
        assert!(exit.is_interrupt());
        assert_eq!(log.lines(), ["inner", "outer"]);
    });
}

#[test]
fn the_rest_of_the_mask_does_not_run_after_an_interrupted_part() {
    everywhere(async |cx| {
        let log = Log::new();
        let (rest, fin) = (log.note("rest"), log.note_after(secs(1), "finalizer"));
        let masked = uninterruptible_mask(move |restore| {
            let part = restore.apply(after::<Never>(5, 7)).ensuring(fin);
            part.zip(rest).map(|(n, ())| n).widen_error()
        });
        let (seconds, exit) = timed(&cx, interrupted_after(&cx, 1, masked)).await;
        assert_eq!(seconds, 2);
        assert!(exit.is_interrupt());
        assert_eq!(log.lines(), ["finalizer"]);
    });
}

#[test]
fn a_part_that_a_race_has_dropped_with_its_mask_is_interrupted() {
    everywhere(async |cx| {
        let log = Log::new();
        let (part, rest) = (log.note("part"), log.note("rest"));
        let masked = uninterruptible_mask(move |restore| {
            let part = restore.apply(never::<_, &str, u8>().on_interrupt(part));
            let after_it = part.exit().zip(rest.zip(sleep(secs(3))));
            after_it.map(|_| 1).widen_error::<&str>()
        });
        let raced = masked.race_first(after(1, 2));
        let (seconds, exit) = timed(&cx, exit_of(&cx, raced)).await;
        assert_eq!((seconds, exit), (4, Exit::Success(2)));
        assert_eq!(log.lines(), ["part", "rest"]);
    });
}

#[test]
fn parts_at_once_are_all_interrupted() {
    everywhere(async |cx| {
        let log = Log::new();
        let (one, two) = (log.note("one"), log.note("two"));
        let masked = uninterruptible_mask(move |restore| {
            let one = restore.apply(never::<_, &str, ()>().on_interrupt(one));
            let two = restore.apply(never::<_, &str, ()>().on_interrupt(two));
            one.zip_par(two).map(|_| 1)
        });
        let exit = interrupted_after(&cx, 1, masked).await;
        assert!(exit.is_interrupt());
        let mut lines = log.lines();
        lines.sort_unstable();
        assert_eq!(lines, ["one", "two"]);
    });
}

// T16
#[test]
fn a_typed_error_is_discarded_where_its_finalizer_is_interrupted() {
    everywhere(async |cx| {
        let failing = fail::<_, _, u8>("first").ensuring(sleep(secs(5)));
        let exit = interrupted_after(&cx, 1, failing).await;
        assert!(exit.is_interrupt());
        let dying = die::<_, &str, u8>("first").ensuring(sleep(secs(5)));
        let exit = interrupted_after(&cx, 1, dying).await;
        assert_eq!(exit.cause().unwrap().defects().count(), 1);
    });
}

// T26
#[test]
fn a_child_of_a_finalizer_ends_after_its_parent_was_interrupted() {
    everywhere(async |cx| {
        let log = Log::new();
        let line = log.note_after(secs(2), "the child has ended");
        let fin = effect(async move |cx: Cx<()>| {
            let child = cx.fork(line);
            cx.run(child.join()).await
        });
        let exit = interrupted_after(&cx, 1, never().ensuring(fin)).await;
        assert!(exit.is_interrupt());
        assert_eq!(log.count(), 1);
    });
}

// id_effect 7
#[test]
fn a_mask_on_one_branch_holds_no_interruption_back_in_another() {
    type Branch = Effect<(), Never, ()>;

    #[track_caller]
    fn check(
        at_once: impl Fn(Cx<()>, Branch, Branch) -> BoxFuture<'static, ()> + Clone + Send + 'static,
    ) {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let masked = log.note_after(secs(5), "masked").uninterruptible().erase();
            let plain = log.note_after(secs(1), "plain").forever();
            let plain = plain.map(|never| match never {}).erase();
            let body = effect(async move |cx: Cx<()>| {
                at_once(cx, masked, plain).await;
                Ok::<_, Never>(())
            });
            let fiber = cx.fork(body);
            cx.sleep(Duration::from_millis(2_500)).await;
            let Ok(exit) = cx.run(fiber.interrupt()).await;
            assert!(exit.is_interrupt());
            assert_eq!(log.lines(), ["plain", "plain", "masked"]);
        });
    }
    check(|cx, masked, plain| {
        async move { assert!(cx.run(plain.zip_par(masked)).await.is_ok()) }.boxed()
    });
    check(|cx, masked, plain| {
        async move { assert!(futures::join!(cx.run(plain), cx.run(masked)).0.is_ok()) }.boxed()
    });
    check(|cx, masked, plain| {
        async move { assert!(futures::join!(cx.run(masked), cx.run(plain)).0.is_ok()) }.boxed()
    });
}
