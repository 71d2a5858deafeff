//! What is shared is built once for all who use it at the same time, and released when the last of them is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, reasons, secs, timed};
use effect::FiberLocal;
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};

type Service = Effect<(), &'static str, &'static str>;

/// A service that is acquired at once, is ready after two seconds, and takes one to release.
fn service(log: &Log, name: &'static str) -> Service {
    let (acquired, released) = (log.clone(), log.clone());
    acquire_release(
        sync(move || acquired.write(format!("+{name}"))),
        move |()| sleep(secs(1)).map(move |()| released.write(format!("-{name}"))),
    )
    .flat_map(|()| sleep(secs(2)))
    .map(move |()| name)
    .erase()
}

// T48
#[test]
fn what_two_services_are_built_on_is_built_once() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let db = service(&log, "db").shared();
        let (users, orders) = (service(&log, "users"), service(&log, "orders"));
        let users = db.clone().flat_map(move |_| users);
        let orders = db.flat_map(move |_| orders);
        let program = effect(async |cx: Cx<(&str, &str)>| Ok::<_, &str>(*cx.env()));
        let running = program.provide_with(users.zip_par(orders));
        let (took, exit) = timed(&cx, exit_of(&cx, running)).await;
        assert_eq!(exit, Exit::Success(("users", "orders")));
        let lines = log.lines();
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert_eq!((&*lines[0], &*lines[5]), ("+db", "-db"), "{lines:?}");
        assert_eq!(took, 2 + 2 + 3);
    });
}

// T48
#[test]
fn what_is_not_shared_is_built_anew_by_each() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let db = service(&log, "db");
        let both = db.clone().zip_par(db).scoped();
        assert!(exit_of(&cx, both).await.is_success());
        assert_eq!(log.lines(), ["+db", "+db", "-db", "-db"]);
    });
}

#[test]
fn fibers_share_it_as_well() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let db = service(&log, "db").shared().erase();
        let fibers: Vec<_> = (1..=3)
            .map(|n| {
                let (db, log) = (db.clone(), log.clone());
                cx.fork(
                    db.flat_map(move |_| sleep(secs(n)).map(move |()| log.write(format!("{n}"))))
                        .scoped(),
                )
            })
            .collect();
        for fiber in fibers {
            assert_eq!(cx.run(fiber.join()).await, Ok(()));
        }
        assert_eq!(log.lines(), ["+db", "1", "2", "3", "-db"]);
    });
}

#[test]
fn it_is_released_with_its_last_use_and_built_anew_for_the_next() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let db = service(&log, "db").shared();
        for _ in 0..2 {
            assert_eq!(cx.run(db.clone().scoped()).await, Ok("db"));
            log.write("done");
        }
        assert_eq!(log.lines(), ["+db", "-db", "done", "+db", "-db", "done"]);
    });
}

#[test]
fn who_comes_while_it_is_released_has_it_built_afterwards() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let db = service(&log, "db").shared().scoped().erase();
        let late = sleep(Duration::from_millis(2_500)).flat_map({
            let db = db.clone();
            |()| db
        });
        let both = db.fork().flat_map(|fiber| fiber.join()).zip_par(late);
        let (took, exit) = timed(&cx, exit_of(&cx, both)).await;
        assert!(exit.is_success());
        assert_eq!(log.lines(), ["+db", "-db", "+db", "-db"]);
        assert_eq!(took, 6);
    });
}

// T48
#[test]
fn the_others_have_it_when_the_first_is_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let db = service(&log, "db").shared().scoped().erase();
        let first = cx.fork(db.clone());
        let second = cx.fork(sleep(secs(1)).flat_map(|()| db));
        cx.sleep(Duration::from_millis(1_500)).await;
        let (took, exit) = timed(&cx, cx.run(first.interrupt())).await;
        assert!(matches!(exit, Ok(exit) if exit.is_interrupt()));
        assert_eq!(took, 0, "nothing is released yet");
        assert_eq!(cx.run(second.join()).await, Ok("db"));
        assert_eq!(log.lines(), ["+db", "-db"]);
    });
}

// T48
#[test]
fn building_ends_with_the_last_who_waits_for_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let db = service(&log, "db").shared().scoped().erase();
        let (first, second) = (cx.fork(db.clone()), cx.fork(db));
        cx.sleep(secs(1)).await;
        let Ok(_) = cx.run(first.interrupt()).await;
        assert_eq!(log.lines(), ["+db"]);
        let (took, exit) = timed(&cx, cx.run(second.interrupt())).await;
        assert!(matches!(exit, Ok(exit) if exit.is_interrupt()));
        assert_eq!(
            log.lines(),
            ["+db", "-db"],
            "who interrupts it waits for its release"
        );
        assert_eq!(took, 1);
    });
}

// T48
#[test]
fn all_who_wait_have_its_failure_and_who_comes_later_does_not() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let tries = Arc::new(AtomicU32::new(0));
        let failing = service(&log, "db").flat_map(move |db| {
            let tries = Arc::clone(&tries);
            effect(
                async move |_: Cx<()>| match tries.fetch_add(1, Ordering::Relaxed) {
                    0 => Err("no db"),
                    _ => Ok(db),
                },
            )
        });
        let db = failing.shared().scoped().erase();
        let fibers = [cx.fork(db.clone()), cx.fork(db.clone())];
        for fiber in fibers {
            assert_eq!(cx.run(fiber.join()).await, Err("no db"));
        }
        assert_eq!(
            log.lines(),
            ["+db", "-db"],
            "it is released before anybody sees the failure"
        );
        assert_eq!(cx.run(db).await, Ok("db"));
    });
}

#[test]
fn a_defect_is_one_of_all_who_wait() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let db = service(&log, "db").map(|_| panic!("a bug"));
        let db: Service = db.shared().scoped().erase();
        let fibers = [cx.fork(db.clone()), cx.fork(db)];
        for fiber in fibers {
            let Ok(exit) = cx.run(fiber.exit()).await;
            assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
        }
        assert_eq!(log.lines(), ["+db", "-db"]);
    });
}

#[test]
fn a_release_that_panics_is_a_defect_of_the_last_who_used_it() {
    everywhere(async |cx: Cx<()>| {
        let db =
            acquire_release(succeed::<(), &str, _>(()), |()| sync(|| panic!("stuck"))).shared();
        let first = cx.fork(db.clone().scoped());
        let last = cx.fork(db.flat_map(|()| sleep(secs(1))).scoped());
        let Ok(exit) = cx.run(first.exit()).await;
        let Ok(last) = cx.run(last.exit()).await;
        assert_eq!(reasons(last.cause().unwrap()), ["die stuck"], "{exit:?}");
        // By some orders, the first was done before the last began.
        assert!(exit.is_success() || reasons(exit.cause().unwrap()) == ["die stuck"]);
    });
}

#[test]
fn what_it_has_forked_runs_for_as_long_as_it_is_used() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let beats = log.clone();
        let ended = log.note("ended");
        let beating = effect(async move |cx: Cx<()>| {
            loop {
                beats.write("beat");
                cx.sleep(secs(2)).await;
            }
            #[allow(unreachable_code, reason = "it says of which type the block is")]
            Ok::<(), Never>(())
        });
        let service = beating.ensuring(ended).fork::<&str>().map(drop).shared();
        let used = service.flat_map(|()| sleep(secs(3))).scoped();
        let forked = cx.fork(used);
        assert_eq!(cx.run(forked.join()).await, Ok(()));
        assert_eq!(log.lines(), ["beat", "beat", "ended"]);
    });
}

#[test]
fn what_is_shared_has_the_locals_of_nobody() {
    static NUMBER: FiberLocal<u32> = FiberLocal::new(|| 0);
    everywhere(async |cx: Cx<()>| {
        let number = effect(async |cx: Cx<()>| Ok::<_, Never>(cx.local(&NUMBER))).shared();
        assert_eq!(cx.run(number.locally(&NUMBER, 7).scoped()).await, Ok(0));
    });
}

// T48
#[test]
fn nothing_that_is_shared_is_left_or_missed_whatever_strikes() {
    Sim::new().runs(1_000).test(|trial: &Trial| {
        let books = trial.finalizers();
        let uses = Arc::new(AtomicU32::new(0));
        let db = {
            let (acquired, released, uses) = (books.clone(), books.clone(), Arc::clone(&uses));
            let (trial, inner) = (trial.clone(), trial.clone());
            let probe = trial.probe();
            acquire_release(
                sync::<(), &'static str, _, _>(move || acquired.acquired(1)),
                move |()| {
                    inner.expect(
                        uses.load(Ordering::Relaxed) == 0,
                        "released while it is used",
                    );
                    sleep(Duration::from_micros(1)).map(move |()| released.released(1))
                },
            )
            .flat_map(|()| sleep(Duration::from_micros(3)))
            .map(move |()| {
                trial.fault_point();
                probe
            })
            .shared()
        };
        let user = move |wait: u64| {
            let (uses, done) = (Arc::clone(&uses), Arc::clone(&uses));
            let used = db.clone().flat_map(move |probe| {
                uses.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_micros(2))
                    .map(move |()| drop(probe))
                    .ensuring(sync(move || done.fetch_sub(1, Ordering::Relaxed)))
            });
            sleep(Duration::from_micros(wait)).flat_map(move |()| used.scoped())
        };
        let program = effect(async move |cx: Cx<()>| {
            let forked: Vec<_> = [0, 1, 6, 9].map(|wait| cx.fork(user(wait))).into();
            cx.run(user(0).zip_par(user(4))).await?;
            for fiber in forked {
                let Ok(_) = cx.run(fiber.exit()).await;
            }
            Ok::<_, &str>(())
        });
        Case::new(program).check(move |exit| assert!(exit.is_none() || books.held().is_empty()))
    });
}
