//! A rate limiter: exact, in order, and nothing is lost with those who do not wait any longer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::simulated::case;
use crate::common::{Log, everywhere, in_virtual_time, on_both, on_one_thread, secs};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{RateLimiter, yield_now};

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// How long it takes one fiber to have so many permits, one by one.
async fn time_for(cx: &Cx<()>, limiter: &RateLimiter, permits: u32) -> Duration {
    let begun = cx.now();
    for _ in 0..permits {
        let Ok(()) = cx.run(limiter.acquire(1)).await;
    }
    cx.now() - begun
}

#[test]
fn a_rate_is_exact() {
    on_both(async |cx: Cx<()>| {
        // A third of a millisecond each time is no duration, and a millisecond is all that tokio's timers know.
        let limiter = RateLimiter::new(300, secs(1));
        assert_eq!(time_for(&cx, &limiter, 301).await, secs(1));
        assert_eq!(time_for(&cx, &limiter, 3_000).await, secs(10));
        // Faster than those timers.
        let limiter = RateLimiter::new(7_000, secs(1));
        assert_eq!(time_for(&cx, &limiter, 7_001).await, secs(1));
    });
}

// S1-11
#[test]
fn the_first_does_not_wait() {
    on_both(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(5, secs(1));
        assert_eq!(time_for(&cx, &limiter, 10).await, millis(1_800));
    });
}

#[test]
fn many_who_wait_have_the_same_rate_as_one() {
    everywhere(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(300, secs(1));
        let begun = cx.now();
        let fibers: Vec<_> = (0..301).map(|_| cx.fork(limiter.acquire(1))).collect();
        for fiber in fibers {
            let Ok(()) = cx.run(fiber.join()).await;
        }
        assert_eq!(cx.now() - begun, secs(1));
    });
}

#[test]
fn a_burst_is_kept_for_those_who_come_at_once() {
    on_both(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(1, secs(1)).burst(3);
        assert_eq!(time_for(&cx, &limiter, 3).await, secs(0));
        assert_eq!(time_for(&cx, &limiter, 2).await, secs(2));
        // However long nobody comes, it is no more.
        cx.sleep(secs(100)).await;
        assert_eq!(time_for(&cx, &limiter, 4).await, secs(1));
        // What has come in the meantime counts.
        cx.sleep(millis(1_500)).await;
        assert_eq!(time_for(&cx, &limiter, 2).await, millis(500));
    });
}

#[test]
fn what_is_not_there_is_not_taken_by_who_does_not_wait() {
    everywhere(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(1, secs(1)).burst(3);
        let taken = async |permits| {
            let Ok(taken) = cx.run(limiter.try_acquire(permits)).await;
            taken
        };
        assert!(!taken(4).await, "no more than a burst is ever there");
        assert!(taken(2).await);
        assert!(!taken(2).await);
        assert!(taken(1).await, "who was refused has taken nothing");
        // Those who wait come first.
        let waiting = cx.fork(limiter.acquire(2));
        cx.sleep(millis(1_500)).await;
        assert!(!taken(1).await);
        let begun = cx.now();
        let Ok(()) = cx.run(waiting.join()).await;
        assert_eq!(cx.now() - begun, millis(500));
        assert!(!taken(1).await);
        cx.sleep(secs(1)).await;
        assert!(taken(1).await);
    });
}

#[test]
fn more_than_a_burst_is_waited_for() {
    on_both(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(2, secs(1)).burst(2);
        let begun = cx.now();
        let Ok(()) = cx.run(limiter.acquire(10)).await;
        assert_eq!(cx.now() - begun, secs(4));
        let Ok(()) = cx.run(limiter.acquire(1)).await;
        assert_eq!(cx.now() - begun, millis(4_500));
        let Ok(()) = cx.run(limiter.acquire(0)).await;
        assert_eq!(cx.now() - begun, millis(4_500));
    });
}

#[test]
fn who_comes_first_is_served_first() {
    // On threads, another can come between a fiber's note that it came and its call.
    on_one_thread(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(1, secs(1));
        let (came, served) = (Log::new(), Log::new());
        let mut fibers = Vec::new();
        for n in 0..6_u32 {
            let (limiter, came, served) = (limiter.clone(), came.clone(), served.clone());
            fibers.push(cx.fork(effect(async move |cx: Cx<()>| {
                came.write(n.to_string());
                // One of many permits is not overtaken by those of few.
                let Ok(()) = cx.run(limiter.acquire(1 + n % 3)).await;
                served.write(n.to_string());
                Ok::<_, Never>(())
            })));
        }
        for fiber in fibers {
            let Ok(()) = cx.run(fiber.join()).await;
        }
        assert_eq!(came.lines(), served.lines());
    });
}

#[test]
fn who_is_interrupted_takes_no_permit() {
    everywhere(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(1, secs(1));
        let begun = cx.now();
        let Ok(()) = cx.run(limiter.acquire(1)).await;
        let greedy = cx.fork(limiter.acquire(100));
        yield_now().await;
        cx.sleep(millis(500)).await;
        let modest = cx.fork(limiter.acquire(1));
        yield_now().await;
        cx.sleep(millis(200)).await;
        drop(cx.run(greedy.interrupt()).await);
        let Ok(()) = cx.run(modest.join()).await;
        assert_eq!(cx.now() - begun, secs(1));
        // Nor does it leave any behind.
        let greedy = cx.fork(limiter.acquire(100));
        cx.sleep(secs(50)).await;
        drop(cx.run(greedy.interrupt()).await);
        assert_eq!(time_for(&cx, &limiter, 3).await, secs(2));
    });
}

#[test]
fn an_effect_is_limited_in_how_often_it_begins() {
    on_both(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(2, secs(1));
        let (log, begun) = (Log::new(), cx.now());
        let lines = log.clone();
        let call = effect(async move |cx: Cx<()>| {
            lines.write(format!("{:?}", cx.now() - begun));
            cx.sleep(secs(10)).await;
            Err::<(), _>("no answer")
        });
        let fibers: Vec<_> = (0..3)
            .map(|_| cx.fork(limiter.limit(call.clone())))
            .collect();
        for fiber in fibers {
            assert_eq!(cx.run(fiber.join()).await, Err("no answer"));
        }
        assert_eq!(log.lines(), ["0ns", "500ms", "1s"]);
    });
}

#[test]
fn a_loop_that_has_permits_lets_others_run() {
    everywhere(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(1, secs(1)).burst(u32::MAX);
        let busy = cx.fork(limiter.acquire(1).forever());
        yield_now().await;
        assert!(cx.run(busy.interrupt()).await.unwrap().is_interrupt());
    });
}

#[test]
#[should_panic(expected = "a rate is of at least one permit")]
fn a_rate_of_none_is_refused() {
    let _ = RateLimiter::new(0, secs(1));
}

#[test]
#[should_panic(expected = "a rate is in a time longer than zero")]
fn a_rate_in_no_time_is_refused() {
    let _ = RateLimiter::new(1, Duration::ZERO);
}

const MICRO: Duration = Duration::from_micros(1);

/// Those who come at once are served one by one, whoever of them goes.
fn waiting(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let served = Arc::new(Mutex::new(Vec::new()));
    case(move |cx| async move {
        let limiter = RateLimiter::new(1, MICRO);
        let begun = cx.now();
        let mut fibers = Vec::new();
        for n in 0..5_u32 {
            let (trial, limiter, served) = (trial.clone(), limiter.clone(), Arc::clone(&served));
            fibers.push(cx.fork(effect(async move |cx: Cx<()>| {
                let _probe = trial.probe();
                let permits = 1 + n % 2;
                let acquired = cx.run(limiter.acquire(permits));
                if trial.droppable(acquired).await.is_some() {
                    served.lock().unwrap().push((cx.now() - begun, permits));
                }
                Ok::<_, Never>(())
            })));
        }
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        let served = served.lock().unwrap();
        let mut given = 0;
        for (at, permits) in &*served {
            given += permits;
            trial.expect(*at >= MICRO * (given - 1), "a permit that there was not");
        }
    })
}

#[test]
fn no_permit_is_given_twice_whatever_happens() {
    Sim::new().each_interrupt(waiting).unwrap();
    Sim::new().each_pair(waiting).unwrap();
    Sim::new().each_drop(waiting).unwrap();
    Sim::new().runs(1_000).test(waiting);
}

/// As [`waiting`], where nothing is late: no permit is lost, so each is served when those before have been.
fn on_time(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    case(move |cx| async move {
        let limiter = RateLimiter::new(1, MICRO);
        let served = Arc::new(Mutex::new(Vec::new()));
        let begun = cx.now();
        let mut fibers = Vec::new();
        for _ in 0..5 {
            let (limiter, served) = (limiter.clone(), Arc::clone(&served));
            fibers.push(cx.fork(effect(async move |cx: Cx<()>| {
                let Ok(()) = cx.run(limiter.acquire(1)).await;
                served.lock().unwrap().push(cx.now() - begun);
                Ok::<_, Never>(())
            })));
        }
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        for (n, at) in (0..).zip(&*served.lock().unwrap()) {
            trial.expect(*at == MICRO * n, format!("permit {n} came at {at:?}"));
        }
    })
}

#[test]
fn no_permit_is_lost_with_whoever_is_interrupted() {
    Sim::new().each_interrupt(on_time).unwrap();
    Sim::new().each_pair(on_time).unwrap();
}

#[test]
fn permits_are_waited_for_all_day_in_virtual_time_inside_of_tokio() {
    // Where it spent tokio's budget, which nobody renews here, all would seem to wait for ever.
    let program = effect(async |cx: Cx<()>| {
        let limiter = RateLimiter::new(1, millis(1));
        let all = (0..1_000).map(move |_| limiter.acquire(1));
        cx.run(for_each_par(all, 1_000, |wait| wait)).await?;
        Ok::<_, Never>(())
    });
    let exit = in_virtual_time(VirtualTime::new().drive(program)).expect("no deadlock");
    assert_eq!(exit, Exit::Success(()));
}
