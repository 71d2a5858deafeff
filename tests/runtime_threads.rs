//! The runtime that the other tests run on when they run on threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use crate::common::threads::Threads;
use crate::common::{Log, on_threads, secs, timed};
use effect::prelude::*;
use effect::{Runtime, for_each_par_forked, yield_now};

/// How often each of these runs.
const TIMES: u64 = 200;

#[test]
fn an_hour_takes_no_time_on_threads() {
    on_threads(TIMES, |cx| async move {
        let hour = sleep::<(), Never>(secs(3600));
        let (seconds, Ok(((), ()))) = timed(&cx, cx.run(hour.zip_par(sleep(secs(7200))))).await;
        assert_eq!(seconds, 7200);
    });
}

#[test]
fn sleepers_wake_in_the_order_of_their_times() {
    on_threads(TIMES, |cx| async move {
        let log = Log::new();
        let lines = ["first", "second", "third"];
        let fibers = [3, 1, 2].map(|n: u64| {
            let note = log.note_after(secs(n), lines[n as usize - 1]);
            cx.fork(note)
        });
        for fiber in fibers {
            let Ok(()) = cx.run(fiber.join()).await;
        }
        assert_eq!(log.lines(), lines);
    });
}

#[test]
fn the_clock_stands_still_while_anybody_can_go_on() {
    on_threads(TIMES, |cx| async move {
        let begin = cx.now();
        let sleeper = cx.fork(sleep::<(), Never>(secs(1)));
        let busy = cx.fork(effect(async |cx: Cx<()>| {
            for _ in 0..100 {
                yield_now().await;
            }
            Ok::<_, Never>(cx.now())
        }));
        let Ok(end) = cx.run(busy.join()).await;
        assert_eq!(end, begin);
        let Ok(()) = cx.run(sleeper.join()).await;
    });
}

#[test]
fn the_clock_stands_still_while_a_job_blocks() {
    on_threads(TIMES, |cx| async move {
        let awake = Arc::new(AtomicBool::new(false));
        let woken = Arc::clone(&awake);
        let sleeper = cx.fork(sleep::<(), Never>(secs(1)).map(move |()| {
            woken.store(true, Ordering::SeqCst);
        }));
        let job = blocking(move || {
            // Long enough for the sleeper to be woken, were it not for us.
            (0..100).for_each(|_| thread::yield_now());
            Ok::<_, Never>(awake.load(Ordering::SeqCst))
        });
        let Ok(passed) = cx.run(job).await;
        assert!(!passed, "the clock has not waited for the job");
        let Ok(()) = cx.run(sleeper.join()).await;
    });
}

#[test]
fn a_root_that_nobody_will_wake_is_a_deadlock() {
    for seed in 0..TIMES {
        let waiting = sleep::<(), Never>(secs(5)).flat_map(|()| never::<(), Never, ()>());
        let deadlock = Threads::run(seed, |threads| waiting.run_on(threads));
        let told = deadlock.expect_err("nobody wakes it").to_string();
        assert!(told.starts_with("deadlock after 5s"), "{told}");
    }
}

#[test]
fn a_root_that_waits_for_a_fiber_that_nobody_will_wake_is_a_deadlock() {
    for seed in 0..TIMES {
        let waiting =
            effect(async |cx: Cx<()>| cx.run(cx.fork(never::<(), Never, ()>()).join()).await);
        let deadlock = Threads::run(seed, |threads| waiting.erase_once().run_on(threads));
        let told = deadlock.expect_err("nobody wakes it").to_string();
        assert!(told.contains("2 tasks"), "{told}");
    }
}

#[test]
fn orphans_run_before_threads_end() {
    for seed in 0..TIMES {
        let closed = Arc::new(AtomicBool::new(false));
        let closing = Arc::clone(&closed);
        let close =
            sleep::<(), Never>(secs(1)).map(move |()| closing.store(true, Ordering::SeqCst));
        let ended = Threads::run(seed, |threads| {
            let runtime: Arc<dyn Runtime> = threads;
            let connection = never::<(), Never, ()>().ensuring(close).run_on(runtime);
            async move {
                let mut connection = Box::pin(connection);
                assert!(futures::poll!(&mut connection).is_pending());
            }
        });
        ended.expect("no deadlock");
        assert!(closed.load(Ordering::SeqCst));
    }
}

/// Holds its thread until as many others do.
fn meets(barrier: &Arc<Barrier>) -> Effect<(), Never, ()> {
    let barrier = Arc::clone(barrier);
    sync(move || {
        barrier.wait();
    })
    .erase()
}

// stillwater par_is_serial, effect-rs fork_is_not_parallel
#[test]
fn fibers_are_busy_on_several_threads_at_once() {
    // Two who wait for each other with their threads, and could not on one.
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap();
    let forked = effect(async |cx: Cx<()>| {
        let barrier = Arc::new(Barrier::new(2));
        let fibers = [(); 2].map(|()| cx.fork(meets(&barrier)));
        cx.run(Fiber::join_all(fibers)).await?;
        let each = for_each_par_forked(0..2, 2, move |_| meets(&barrier));
        cx.run(each).await
    });
    assert_eq!(tokio.block_on(forked.into_future()), Ok(vec![(), ()]));
}
