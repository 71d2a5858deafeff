//! Disconnecting: who interrupts does not wait, and nothing is left undone.

use crate::common::{Log, everywhere, exit_of, secs, timed};
use effect::prelude::*;

// T18
#[test]
fn whoever_interrupts_does_not_wait_for_a_finalizer_that_never_ends() {
    everywhere(async |cx| {
        let fiber = cx.fork(
            never::<_, Never, ()>()
                .ensuring(sleep(secs(1_000_000)))
                .disconnect(),
        );
        cx.sleep(secs(1)).await;
        let (seconds, Ok(exit)) = timed(&cx, cx.run(fiber.interrupt())).await;
        assert_eq!(seconds, 0);
        assert!(exit.is_interrupt());
    });
}

// T18
#[test]
fn the_finalizer_runs_to_its_end_all_the_same() {
    everywhere(async |cx| {
        let log = Log::new();
        let closing = log.note_after(secs(10), "closed");
        let fiber = cx.fork(never::<_, Never, ()>().ensuring(closing).disconnect());
        cx.sleep(secs(1)).await;
        let Ok(_) = cx.run(fiber.interrupt()).await;
        assert_eq!(log.count(), 0);
        cx.sleep(secs(11)).await;
        assert_eq!(log.lines(), ["closed"]);
    });
}

// T23
#[test]
fn a_time_limit_waits_for_what_is_uninterruptible_and_a_detached_one_does_not() {
    everywhere(async |cx| {
        let log = Log::new();
        let body = |line| {
            sleep::<_, Never>(secs(100))
                .zip(log.note(line))
                .uninterruptible()
        };
        let waiting = body("waited for").timeout(secs(20));
        let (seconds, exit) = timed(&cx, exit_of(&cx, waiting)).await;
        assert_eq!((seconds, exit.is_success()), (100, false));

        let detached = body("left alone").timeout_detached(secs(20));
        let (seconds, exit) = timed(&cx, exit_of(&cx, detached)).await;
        assert_eq!((seconds, exit.is_success()), (20, false));
        assert_eq!(log.lines(), ["waited for"]);
        cx.sleep(secs(81)).await;
        assert_eq!(log.lines(), ["waited for", "left alone"]);
    });
}

#[test]
fn undisturbed_it_has_the_result() {
    everywhere(async |cx| {
        assert_eq!(
            exit_of(&cx, succeed::<_, Never, _>(1).disconnect()).await,
            Exit::Success(1)
        );
        let failing = fail::<_, _, ()>("no route").disconnect();
        assert_eq!(
            exit_of(&cx, failing).await,
            Exit::Failure(Cause::fail("no route"))
        );
        let dying = die::<_, Never, ()>("a bug").disconnect();
        assert!(exit_of(&cx, dying).await.cause().unwrap().is_die());
    });
}
