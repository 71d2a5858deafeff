//! Whoever follows a value sees what it has become, never the same twice, and always the last.

use std::time::Duration;

use crate::common::{everywhere, on_both, secs};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::sync::SubscriptionRef;
use effect::yield_now;
use futures::{FutureExt, StreamExt, poll};

// T74
#[test]
fn the_last_value_is_seen_after_writes_back_to_back() {
    everywhere(async |cx: Cx<()>| {
        let value = SubscriptionRef::new(0);
        let following = [(); 3].map(|()| {
            let changes = value.changes();
            cx.fork(changes.collect::<Vec<_>>().map(Ok::<_, Never>))
        });
        let writing = [(); 2].map(|()| {
            let value = value.clone();
            cx.fork(effect(async move |cx: Cx<()>| {
                for _ in 0..20 {
                    value.update(|n| *n += 1);
                    if cx.random().is_multiple_of(3) {
                        yield_now().await;
                    }
                }
                Ok::<_, Never>(())
            }))
        });
        drop(value);
        for fiber in writing {
            let Ok(()) = cx.run(fiber.join()).await;
        }
        for fiber in following {
            let Ok(seen) = cx.run(fiber.join()).await;
            assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
            assert_eq!(seen.last(), Some(&40));
        }
    });
}

// T74
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_value_is_seen_after_writes_back_to_back_on_threads() {
    let program = effect(async |cx: Cx<()>| {
        for _ in 0..500 {
            let value = SubscriptionRef::new(0);
            let follows = value.changes().collect::<Vec<_>>();
            let follows = cx.fork(follows.map(Ok::<_, Never>));
            let writes = cx.fork(sync::<_, Never, _, _>(move || {
                (1..=50).for_each(|n| assert!(value.set(n)));
            }));
            cx.run(writes.join()).await?;
            let seen = cx.run(follows.join()).await?;
            assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
            assert_eq!(seen.last(), Some(&50));
        }
        Ok::<_, Never>(())
    });
    assert_eq!(program.await, Ok(()));
}

// T74
#[test]
fn to_set_what_it_is_already_tells_nobody() {
    on_both(async |_: Cx<()>| {
        let value = SubscriptionRef::new(1);
        let mut changes = value.changes();
        assert_eq!(changes.next_change().await, Some(1));
        assert!(!value.set(1));
        value.update(|value| *value = 1);
        assert!(poll!(changes.next_change()).is_pending());
        assert!(value.set(2));
        assert_eq!(changes.next_change().await, Some(2));
    });
}

#[test]
fn who_comes_late_sees_the_value_as_it_is() {
    on_both(async |_: Cx<()>| {
        let value = SubscriptionRef::new(1);
        value.set(2);
        let mut changes = value.changes();
        drop(value);
        assert_eq!(changes.next_change().await, Some(2));
        assert_eq!(changes.next_change().await, None);
    });
}

#[test]
fn a_change_that_panics_changes_nothing() {
    on_both(async |cx: Cx<()>| {
        let value = SubscriptionRef::new(1);
        let same = value.clone();
        let dying = effect(async move |_: Cx<()>| {
            same.update(|value| {
                *value = 2;
                panic!("half-way");
            });
            Ok::<_, Never>(())
        });
        let Ok(exit) = cx.run(dying.exit()).await;
        assert!(exit.cause().is_some_and(Cause::is_die));
        assert_eq!(value.get(), 1);
        assert!(value.set(3));
    });
}

#[test]
fn one_waits_until_the_value_is_as_it_is_wanted() {
    everywhere(async |cx: Cx<()>| {
        let running = SubscriptionRef::new(3);
        let idle = cx.fork(running.wait_until(|running| *running == 0));
        for _ in 0..3 {
            cx.sleep(secs(1)).await;
            assert!(!idle.is_done());
            running.update(|running| *running -= 1);
        }
        assert_eq!(cx.run(idle.join()).await, Ok(0));
    });
}

/// One who follows a value that outlives it, and may go at any moment.
fn following(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let kept = SubscriptionRef::new(0);
    let value = kept.clone();
    let program = effect(async move |cx: Cx<()>| {
        let mut changes = value.changes();
        let follows = cx.fork(effect(async move |_: Cx<()>| {
            let mut last = None;
            while last < Some(3) {
                let Some(next) = trial.droppable(changes.next_change()).await else {
                    continue;
                };
                trial.expect(next > last, "the same value twice");
                last = next;
            }
            Ok::<_, Never>(())
        }));
        for n in 1..=3 {
            cx.sleep(Duration::from_micros(1)).await;
            value.set(n);
        }
        drop(cx.run(follows.exit()).await);
        Ok(())
    });
    Case::new(program).check(move |_| drop(kept))
}

#[test]
fn who_follows_a_value_may_go_at_any_moment() {
    Sim::new().runs(1_000).test(following);
    Sim::new().each_interrupt(following).unwrap();
    Sim::new().each_drop(following).unwrap();
}
