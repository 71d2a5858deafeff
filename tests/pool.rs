//! A pool lends each resource to one at a time, has never too many, and leaves none.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, on_both, reasons, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{Lease, Pool, PoolError, PoolSize, yield_now};

/// Counts resources: how many were made, and which there are.
#[derive(Clone, Default)]
struct Factory {
    made: Arc<AtomicU64>,
    live: Arc<Mutex<BTreeSet<u64>>>,
}

impl Factory {
    fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    fn live(&self) -> usize {
        self.live.lock().unwrap().len()
    }

    /// A resource, a number of its own, that takes its time to be made and to be released.
    fn resource(&self, time: Duration) -> Effect<(), &'static str, u64> {
        let (made, released) = (self.clone(), self.clone());
        let acquire = sleep(time).map(move |()| {
            let number = made.made.fetch_add(1, Ordering::Relaxed);
            assert!(made.live.lock().unwrap().insert(number));
            number
        });
        let release = move |number| {
            let released = released.clone();
            sleep(time).map(move |()| assert!(released.live.lock().unwrap().remove(&number)))
        };
        acquire_release(acquire, release).erase()
    }
}

/// Borrows a resource for a while.
fn borrow(
    pool: &Pool<&'static str, u64>,
    time: Duration,
) -> Effect<(), PoolError<&'static str>, u64> {
    let get = pool.get();
    effect(async move |cx: Cx<()>| {
        let lease = cx.run(get).await?;
        cx.sleep(time).await;
        Ok(*lease)
    })
    .erase_once()
}

// T49
#[test]
fn borrowing_again_and_again_makes_no_more_than_there_are() {
    everywhere(async |cx: Cx<()>| {
        let factory = Factory::default();
        let resource = factory.resource(Duration::ZERO);
        let seen = factory.clone();
        let body = effect(async move |cx: Cx<()>| {
            let pool = cx.run(Pool::make(PoolSize::of(10), resource)).await?;
            for _ in 0..99 {
                cx.run(borrow(&pool, Duration::ZERO)).await.unwrap();
            }
            cx.sleep(secs(1)).await;
            let stats = pool.stats();
            assert_eq!((stats.live, stats.making, stats.waiting), (10, 0, 0));
            Ok::<_, Never>(())
        });
        cx.run(body.scoped()).await.unwrap();
        assert_eq!((seen.made(), seen.live()), (10, 0));
    });
}

// T49
#[test]
fn who_borrows_from_an_empty_pool_waits_and_can_be_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let resource = Factory::default().resource(Duration::ZERO);
        let body = effect(async move |cx: Cx<()>| {
            let pool = cx.run(Pool::make(PoolSize::of(1), resource)).await?;
            let lease = cx.run(pool.get()).await.unwrap();
            let waiting = cx.run(pool.get().map(drop).timeout(secs(1))).await;
            assert!(waiting.is_err());
            assert_eq!(pool.stats().waiting, 0, "it leaves no trace");
            let waiting = cx.fork(borrow(&pool, secs(1)));
            cx.sleep(secs(1)).await;
            assert!(!waiting.is_done());
            drop(lease);
            let (took, borrowed) = timed(&cx, cx.run(waiting.join())).await;
            assert_eq!((took, borrowed), (1, Ok(0)));
            Ok::<_, Never>(())
        });
        cx.run(body.scoped()).await.unwrap();
    });
}

// T49
#[test]
fn borrowing_tells_that_acquiring_fails_however_often_one_tries() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let tries = log.clone();
        let body = effect(async move |cx: Cx<()>| {
            let released = log.note("released");
            let half = acquire_release(succeed(()), move |()| released.clone());
            let failing = half.flat_map(|()| fail::<_, _, u64>("no route"));
            let pool = cx.run(Pool::make(PoolSize::between(0, 1), failing)).await?;
            let again = pool.get().map(drop).retry(Schedule::recurs(5));
            assert_eq!(cx.run(again).await, Err(PoolError::Acquire("no route")));
            // Several at once: each is told.
            let all = (0..3).map(|_| cx.fork(pool.get().map(drop)));
            for exit in cx.run(Fiber::await_all(all.collect::<Vec<_>>())).await? {
                assert_eq!(
                    exit,
                    Exit::Failure(Cause::fail(PoolError::Acquire("no route")))
                );
            }
            assert_eq!(pool.stats().live, 0);
            Ok::<_, Never>(())
        });
        cx.run(body.scoped()).await.unwrap();
        assert_eq!(tries.count(), 9, "what was acquired on the way is released");
    });
}

#[test]
fn an_acquisition_that_dies_is_a_defect_of_who_borrows() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async move |cx: Cx<()>| {
            let dying = sync::<_, &str, u64, _>(|| panic!("a bug"));
            let pool = cx.run(Pool::make(PoolSize::between(0, 1), dying)).await?;
            let Err(error) = cx.run(pool.get().map(drop)).await else {
                return Ok(());
            };
            panic!("told {error:?}")
        });
        let exit: Exit<Never, ()> = exit_of(&cx, body.scoped()).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
    });
}

// T50
#[test]
fn a_pool_grows_under_load_and_gives_up_what_nobody_needs() {
    everywhere(async |cx: Cx<()>| {
        let factory = Factory::default();
        let resource = factory.resource(Duration::from_millis(1));
        let body = effect(async move |cx: Cx<()>| {
            let size = PoolSize::between(10, 15).idle(secs(60));
            let pool = cx.run(Pool::make(size, resource)).await?;
            let all = (0..40)
                .map(|_| cx.fork(borrow(&pool, secs(1))))
                .collect::<Vec<_>>();
            let (took, done) = timed(&cx, cx.run(Fiber::join_all(all))).await;
            done.unwrap();
            assert_eq!(took, 3);
            assert_eq!((pool.stats().live, factory.live()), (15, 15));
            cx.sleep(secs(55)).await;
            assert_eq!(factory.live(), 15);
            cx.sleep(secs(6)).await;
            assert_eq!((pool.stats().live, factory.live()), (10, 10));
            cx.sleep(secs(600)).await;
            assert_eq!((pool.stats().live, factory.made()), (10, 15));
            Ok::<_, Never>(factory)
        });
        let factory = cx.run(body.scoped()).await.unwrap();
        assert_eq!(factory.live(), 0);
    });
}

// T50
#[test]
fn who_waits_longest_is_served_first() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let order = log.clone();
        let resource = Factory::default().resource(Duration::ZERO);
        let body = effect(async move |cx: Cx<()>| {
            let pool = cx.run(Pool::make(PoolSize::of(1), resource)).await?;
            let lease = cx.run(pool.get()).await.unwrap();
            let mut all = Vec::new();
            for n in 0..5 {
                let (get, log) = (pool.get(), log.clone());
                all.push(cx.fork(effect(async move |cx: Cx<()>| {
                    let lease = cx.run(get).await?;
                    log.write(n.to_string());
                    yield_now().await;
                    drop(lease);
                    Ok::<_, PoolError<&str>>(())
                })));
                cx.sleep(Duration::from_millis(1)).await;
            }
            drop(cx.run(all.remove(1).interrupt()).await);
            drop(lease);
            cx.run(Fiber::join_all(all)).await.unwrap();
            Ok::<_, Never>(())
        });
        cx.run(body.scoped()).await.unwrap();
        assert_eq!(order.lines(), ["0", "2", "3", "4"]);
    });
}

// T50
#[test]
fn closing_under_load_ends_with_nothing_alive() {
    everywhere(async |cx: Cx<()>| {
        let factory = Factory::default();
        let resource = factory.resource(Duration::from_millis(7));
        let body = effect(async move |cx: Cx<()>| {
            let pool = cx
                .run(Pool::make(PoolSize::between(3, 10), resource))
                .await?;
            let all = (0..99)
                .map(|_| cx.fork(borrow(&pool, Duration::from_millis(10))))
                .collect::<Vec<_>>();
            cx.sleep(Duration::from_millis(30)).await;
            cx.run(pool.close()).await?;
            assert_eq!((factory.live(), pool.stats().live), (0, 0));
            let exits = cx.run(Fiber::await_all(all)).await?;
            let closed = Exit::Failure(Cause::fail(PoolError::Closed));
            let turned_away = exits.iter().filter(|exit| **exit == closed).count();
            let served = exits.iter().filter(|exit| exit.is_success()).count();
            assert_eq!(turned_away + served, 99);
            assert!(turned_away > 0 && served > 0);
            assert!(cx.run(pool.get()).await.is_err());
            Ok::<_, Never>(())
        });
        cx.run(body.scoped()).await.unwrap();
    });
}

#[test]
fn what_is_invalid_is_released_and_made_anew() {
    everywhere(async |cx: Cx<()>| {
        let factory = Factory::default();
        let (resource, seen) = (factory.resource(secs(1)), factory.clone());
        let body = effect(async move |cx: Cx<()>| {
            let pool = cx.run(Pool::make(PoolSize::of(1), resource)).await?;
            let lease: Lease<_, _> = cx.run(pool.get()).await.unwrap();
            assert_eq!(*lease, 0);
            lease.invalidate();
            let (took, next) = timed(&cx, cx.run(borrow(&pool, Duration::ZERO))).await;
            assert_eq!((took, next, factory.live()), (2, Ok(1), 1));
            Ok::<_, Never>(())
        });
        cx.run(body.scoped()).await.unwrap();
        assert_eq!((seen.made(), seen.live()), (2, 0));
    });
}

#[test]
fn a_thousand_borrowers_on_one_resource_each_have_their_turn() {
    on_both(async |cx: Cx<()>| {
        let resource = Factory::default().resource(Duration::ZERO);
        let body = effect(async move |cx: Cx<()>| {
            let pool = cx.run(Pool::make(PoolSize::of(1), resource)).await?;
            let all = (0..1000)
                .map(|_| cx.fork(borrow(&pool, secs(1))))
                .collect::<Vec<_>>();
            let (took, all) = timed(&cx, cx.run(Fiber::join_all(all))).await;
            assert_eq!((took, all), (1000, Ok(vec![0; 1000])));
            Ok::<_, Never>(())
        });
        cx.run(body.scoped()).await.unwrap();
    });
}

/// Borrowers who are interrupted, and acquisitions that fail and die, while the pool closes.
fn borrowing(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let body = effect(async move |cx: Cx<()>| {
        let (acquiring, live) = (trial.clone(), Arc::new(AtomicU64::new(0)));
        let (now_live, capacity) = (Arc::clone(&live), trial.capacity(2));
        let acquire = sync(move || (acquiring.finalizers(), acquiring.probe())).flat_map({
            let trial = trial.clone();
            move |(books, probe)| {
                let (trial, acquired, live) = (trial.clone(), books.clone(), Arc::clone(&now_live));
                let gone = Arc::clone(&live);
                let acquire = effect(async move |_: Cx<()>| {
                    yield_now().await;
                    acquired.acquired(1);
                    let many = live.fetch_add(1, Ordering::Relaxed) >= capacity as u64;
                    trial.expect(!many, "there are too many");
                    Ok::<_, u64>(())
                });
                let release = move |()| {
                    effect(async move |_: Cx<()>| {
                        yield_now().await;
                        gone.fetch_sub(1, Ordering::Relaxed);
                        books.released(1);
                        drop(probe);
                        Ok(())
                    })
                };
                acquire_release(acquire, release)
            }
        });
        let after = trial.clone();
        let acquire = acquire.flat_map(move |()| {
            let after = after.clone();
            effect(async move |cx: Cx<()>| {
                yield_now().await;
                after.fault_point();
                match cx.random() % 4 {
                    0 => Err(0),
                    n => Ok(n),
                }
            })
        });
        let size = PoolSize::between(1, capacity).idle(Duration::from_nanos(3));
        let pool = cx.run(Pool::make(size, acquire.erase())).await?;
        for n in 0..4_u64 {
            let (pool, trial) = (pool.clone(), trial.clone());
            drop(cx.fork(effect(async move |cx: Cx<()>| {
                let Ok(exit) = cx.run(pool.get().exit()).await;
                if let Exit::Success(lease) = exit {
                    trial.droppable(cx.sleep(Duration::from_nanos(n))).await;
                    if n == 1 {
                        lease.invalidate();
                    }
                }
                Ok::<_, Never>(())
            })));
        }
        cx.sleep(Duration::from_nanos(4)).await;
        let Ok(closed) = cx.run(pool.close().exit()).await;
        trial.expect(
            !closed.is_success() || (pool.stats().live == 0 && live.load(Ordering::Relaxed) == 0),
            "something is alive in a closed pool",
        );
        cx.await_children().await;
        Ok(())
    });
    Case::new(body.scoped()).check(|_| ())
}

// T50
#[test]
fn interrupted_and_failed_acquisitions_leak_nothing() {
    Sim::new().runs(3_000).test(borrowing);
}

#[test]
fn what_is_always_there_lets_others_run() {
    on_both(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let made = Pool::make(PoolSize::of(1), succeed::<_, Never, _>(()));
            let pool = cx.run(made).await?;
            drop(cx.run(pool.get()).await);
            let busy = effect(async move |cx: Cx<()>| {
                loop {
                    drop(cx.run(pool.get()).await);
                }
                #[expect(unreachable_code, reason = "it says what it fails with")]
                Ok::<(), Never>(())
            });
            let busy = cx.fork(busy);
            yield_now().await;
            cx.run(busy.interrupt()).await.map(drop)
        });
        assert_eq!(cx.run(body.scoped()).await, Ok(()));
    });
}

#[test]
fn an_idle_resource_may_be_kept_for_ever() {
    on_both(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<()>| {
            let size = PoolSize::between(0, 2).idle(Duration::MAX);
            let made = Pool::make(size, succeed::<_, Never, _>(()));
            let pool = cx.run(made).await?;
            drop(cx.run(pool.get()).await);
            cx.sleep(secs(1_000_000)).await;
            Ok::<_, Never>(pool.stats().idle)
        });
        assert_eq!(cx.run(body.scoped()).await, Ok(1));
    });
}
