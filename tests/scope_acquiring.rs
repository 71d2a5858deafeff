//! What is acquired is released, and nothing comes between the one and the promise of the other.

use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, reasons, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{
    Scope, acquire_release_exit, acquire_release_interruptible, acquire_release_mask,
    acquire_use_release, yield_now,
};

// T03, T04
#[test]
fn what_fails_in_acquiring_using_or_releasing_is_what_is_told() {
    #[track_caller]
    fn check(
        acquire: Result<(), &'static str>,
        used: Option<&'static str>,
        bad_release: bool,
        expected: (&[&str], &[&str]),
    ) {
        let (expected, lines): (Vec<_>, Vec<_>) = (
            expected.0.iter().map(ToString::to_string).collect(),
            expected.1.iter().map(ToString::to_string).collect(),
        );
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let (using, releasing) = (log.clone(), log.clone());
            let body = acquire_use_release(
                from_result(acquire),
                move |()| {
                    using.write("used");
                    from_result(used.map_or(Ok(1), Err))
                },
                move |()| {
                    sync(move || {
                        releasing.write("released");
                        assert!(!bad_release, "release");
                    })
                },
            );
            let exit = exit_of(&cx, body).await;
            let told = exit.cause().map_or_else(Vec::new, reasons);
            assert_eq!((told, log.lines()), (expected, lines));
        });
    }
    check(Err("acquire"), None, true, (&["fail acquire"], &[]));
    check(Ok(()), None, false, (&[], &["used", "released"]));
    check(
        Ok(()),
        None,
        true,
        (&["die release"], &["used", "released"]),
    );
    check(
        Ok(()),
        Some("use"),
        false,
        (&["fail use"], &["used", "released"]),
    );
    check(
        Ok(()),
        Some("use"),
        true,
        (&["fail use", "die release"], &["used", "released"]),
    );
}

// T12
#[test]
fn an_acquisition_holds_an_interruption_up_and_a_use_does_not() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let acquiring = cx.fork(acquire_use_release(
            sleep::<_, Never>(secs(1000)),
            |()| succeed(()),
            |()| succeed(()),
        ));
        cx.sleep(secs(1)).await;
        let waiting = cx.run(acquiring.interrupt().map(drop).timeout(secs(500)));
        // The limit has passed, and interruption waits for the acquisition: it is told late, or not at all.
        let (took, _) = timed(&cx, waiting).await;
        assert!(took >= 500, "{took}");
        let release = log.note("released");
        let using = cx.fork(acquire_use_release(
            succeed::<_, Never, _>(()),
            |()| never::<_, Never, ()>(),
            move |()| release,
        ));
        cx.sleep(secs(1)).await;
        let (took, exit) = timed(&cx, cx.run(using.interrupt())).await;
        assert!(exit.unwrap().is_interrupt());
        assert_eq!((took, log.lines()), (0, vec!["released".to_owned()]));
    });
}

// T13
#[test]
fn an_acquisition_that_is_interrupted_ends_and_is_released_unused() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (acquire, release, used) = (
            log.note_after(Duration::from_millis(60), "acquired"),
            log.note("released"),
            log.note("used"),
        );
        let fiber = cx.fork(acquire_use_release(acquire, |()| used, |()| release));
        cx.sleep(Duration::from_millis(10)).await;
        let begun = cx.now();
        assert!(cx.run(fiber.interrupt()).await.unwrap().is_interrupt());
        assert_eq!(cx.now() - begun, Duration::from_millis(50));
        assert_eq!(log.lines(), ["acquired", "released"]);
    });
}

// T43
#[test]
fn what_both_sides_hold_is_released_at_once_when_one_fails() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let side = |work: Effect<(), &'static str, ()>, log: &Log| {
            let release = log.note_after(secs(1), "released");
            acquire_release(sleep(secs(1)), |()| release).flat_map(|()| work)
        };
        let failing = sleep(secs(1)).flat_map(|()| fail("left")).erase();
        let (left, right) = (side(failing, &log), side(sleep(secs(2)).erase(), &log));
        let both = left.zip_par(right).scoped_parallel();
        let (took, failed) = timed(&cx, cx.run(both)).await;
        assert_eq!((took, failed), (3, Err("left")));
        assert_eq!(log.count(), 2);
    });
}

#[test]
fn what_a_use_acquires_is_of_the_scope_around() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let (inner, outer) = (log.note("of the use"), log.note("released"));
        let body = acquire_use_release(
            succeed::<_, Never, _>(()),
            move |()| acquire_release(succeed(()), move |()| inner),
            move |()| outer,
        );
        cx.run(body.zip(log.note("later")).scoped()).await.unwrap();
        assert_eq!(log.lines(), ["released", "later", "of the use"]);
    });
}

#[test]
fn a_release_is_told_how_its_scope_ended() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let told = log.clone();
        let transaction = acquire_release_exit(succeed("transfer"), move |name, exit| {
            sync(move || told.write(format!("{name} {}", exit.is_interrupt())))
        });
        let waiting = transaction.flat_map(|_| never::<_, Never, ()>());
        let fiber = cx.fork(waiting.scoped());
        cx.sleep(secs(1)).await;
        drop(cx.run(fiber.interrupt()).await);
        assert_eq!(log.lines(), ["transfer true"]);
    });
}

#[test]
fn parts_of_an_acquisition_can_be_interrupted() {
    everywhere(async |cx: Cx<()>| {
        #[track_caller]
        fn check(log: &Log, lines: &[&str]) {
            assert_eq!(log.lines(), lines);
        }
        for (seconds, lines) in [(1, &[][..]), (3, &["connected", "released"][..])] {
            let log = Log::new();
            let (connect, release) = (log.note_after(secs(2), "connected"), log.note("released"));
            let acquire = acquire_release_mask(
                move |restore| restore.apply(sleep(secs(2))).flat_map(move |()| connect),
                move |()| release,
            );
            let fiber = cx.fork(acquire.scoped());
            cx.sleep(secs(seconds)).await;
            assert!(cx.run(fiber.interrupt()).await.unwrap().is_interrupt());
            check(&log, lines);
        }
        let log = Log::new();
        let release = log.note("released");
        let acquire = acquire_release_interruptible(sleep::<_, Never>(secs(2)), move |()| release);
        let again = acquire.clone();
        let fiber = cx.fork(acquire.scoped());
        cx.sleep(secs(1)).await;
        let (took, exit) = timed(&cx, cx.run(fiber.interrupt())).await;
        assert!(exit.unwrap().is_interrupt());
        assert_eq!((took, log.count()), (0, 0));
        cx.run(again.scoped()).await.unwrap();
        assert_eq!(log.count(), 1);
    });
}

#[test]
fn a_finalizer_by_exit_is_told_what_happened_and_comes_after_those_inside() {
    #[track_caller]
    fn check(body: Effect<(), &'static str, u8>, lines: &'static [&'static str]) {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let (inner, exits, errors) = (log.note("inner"), log.clone(), log.clone());
            let whole = body
                .ensuring(inner)
                .on_exit(move |exit| {
                    let line = match exit {
                        Exit::Success(n) => format!("success {n}"),
                        Exit::Failure(cause) => reasons(cause).join(", "),
                    };
                    sync(move || exits.write(line))
                })
                .on_error(move |cause| {
                    let line = format!("error: {}", reasons(cause).join(", "));
                    sync(move || errors.write(line))
                });
            let fiber = cx.fork(whole);
            cx.sleep(secs(1)).await;
            drop(cx.run(fiber.interrupt()).await);
            assert_eq!(log.lines(), lines);
        });
    }
    check(succeed(1).erase(), &["inner", "success 1"]);
    check(fail("no").erase(), &["inner", "fail no", "error: fail no"]);
    check(
        sync(|| panic!("bug")).erase(),
        &["inner", "die bug", "error: die bug"],
    );
    check(never().erase(), &["inner", "interrupt", "error: interrupt"]);
}

#[test]
fn a_function_that_panics_for_its_finalizer_stops_nothing() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let outer = log.note("outer");
        let body = fail::<_, _, ()>("no")
            .on_exit(|_| -> Effect<(), Never, ()> { panic!("choosing") })
            .ensuring(outer);
        let exit = exit_of(&cx, body).await;
        assert_eq!(reasons(exit.cause().unwrap()), ["fail no", "die choosing"]);
        assert_eq!(log.lines(), ["outer"]);
    });
}

/// Acquires in every way, in scopes of every kind, one of which several fibers share.
fn acquisitions(trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    let step = |trial: &Trial| {
        let trial = trial.clone();
        move || {
            let trial = trial.clone();
            effect(async move |_: Cx<()>| {
                yield_now().await;
                trial.fault_point();
                Ok::<_, Never>(())
            })
        }
    };
    let held = {
        let (trial, step) = (trial.clone(), step(&trial));
        move |kind: u64| {
            let (books, probe) = (trial.finalizers(), trial.probe());
            let released = books.clone();
            let before = step();
            let acquire = before.flat_map(move |()| {
                effect(async move |_: Cx<()>| {
                    books.acquired(kind);
                    yield_now().await;
                    Ok::<_, Never>(())
                })
            });
            let release = move |()| {
                effect(async move |_: Cx<()>| {
                    yield_now().await;
                    released.released(kind);
                    drop(probe);
                    Ok::<_, Never>(())
                })
            };
            match kind % 3 {
                0 => acquire_release(acquire, release).erase_once(),
                1 => acquire_release_mask(
                    move |restore| {
                        restore
                            .apply(sleep(Duration::from_nanos(3)))
                            .flat_map(|()| acquire)
                    },
                    release,
                )
                .erase_once(),
                _ => acquire_use_release(acquire, |()| sleep(Duration::from_nanos(2)), release)
                    .erase_once(),
            }
        }
    };
    let body = effect(async move |cx: Cx<()>| {
        let shared = Scope::parallel();
        let mut fibers = Vec::new();
        for n in 0..3 {
            let (one, two) = (held(n), held(n + 1));
            let early = trial.clone();
            let work = effect(async move |cx: Cx<()>| {
                let ((), scope) = cx.run(one.with_early_release()).await?;
                if early.capacity(2) == 1 {
                    cx.run(scope.close()).await?;
                }
                cx.run(two).await
            });
            let work = if n == 0 {
                work.in_scope(&shared).erase_once()
            } else {
                work.scoped().erase_once()
            };
            fibers.push(cx.fork_in(&shared, work));
        }
        yield_now().await;
        let closing = cx.run(shared.close().exit()).await;
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        let Ok(exit) = closing;
        cx.run(from_exit(exit)).await
    });
    Case::new(body.scoped()).check(|_| ())
}

// T52
#[test]
fn a_resource_is_never_there_without_the_promise_of_its_release() {
    let sim = Sim::new().runs(10_000);
    sim.explore(acquisitions)
        .unwrap_or_else(|violation| panic!("{violation}"));
    Sim::new().test(acquisitions);
}
