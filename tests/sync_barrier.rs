//! Nobody passes a barrier before all have come, in any round.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{everywhere, on_both, secs};
use effect::prelude::*;
use effect::sync::Barrier;
use effect::yield_now;
use futures::poll;

#[test]
fn nobody_begins_a_round_before_all_have_ended_the_last() {
    everywhere(async |cx: Cx<()>| {
        let (barrier, arrived) = (Barrier::new(3), Arc::new(AtomicUsize::new(0)));
        let parties: Vec<_> = (0..3)
            .map(|_| {
                let (barrier, arrived) = (barrier.clone(), Arc::clone(&arrived));
                cx.fork(effect(async move |cx: Cx<()>| {
                    let mut led = 0;
                    for round in 1..=5 {
                        if cx.random().is_multiple_of(2) {
                            yield_now().await;
                        }
                        arrived.fetch_add(1, Ordering::Relaxed);
                        led += u32::from(barrier.wait().await?);
                        let so_far = arrived.load(Ordering::Relaxed);
                        assert!(so_far >= 3 * round, "round {round}, and only {so_far} came");
                    }
                    Ok::<_, Never>(led)
                }))
            })
            .collect();
        let mut led = 0;
        for party in parties {
            let Ok(rounds) = cx.run(party.join()).await;
            led += rounds;
        }
        assert_eq!(led, 5, "one leads each round");
    });
}

#[test]
fn who_stops_waiting_has_not_come() {
    everywhere(async |cx: Cx<()>| {
        let barrier = Barrier::new(2);
        let goes = cx.fork(barrier.wait());
        cx.sleep(secs(1)).await;
        assert_eq!(barrier.waiting(), 1);
        drop(cx.run(goes.interrupt()).await);
        assert_eq!(barrier.waiting(), 0);
        let stays = cx.fork(barrier.wait());
        cx.sleep(secs(1)).await;
        assert!(!stays.is_done());
        assert_eq!(barrier.wait().await, Ok(true));
        assert_eq!(cx.run(stays.join()).await, Ok(false));
    });
}

#[test]
fn who_goes_after_the_round_takes_nobody_from_the_next() {
    on_both(async |_: Cx<()>| {
        let barrier = Barrier::new(2);
        let mut waits = barrier.wait();
        assert!(poll!(&mut waits).is_pending());
        assert_eq!(barrier.wait().await, Ok(true));
        let mut next = barrier.wait();
        assert!(poll!(&mut next).is_pending());
        drop(waits);
        assert_eq!(barrier.waiting(), 1);
    });
}

#[test]
#[should_panic(expected = "a barrier is for at least one")]
fn a_barrier_for_nobody_panics() {
    drop(Barrier::new(0));
}
