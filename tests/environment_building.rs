//! An environment that is built by an effect is released, in reverse, whatever ends the program that runs in it.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{Log, everywhere, exit_of, on_both, reasons, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};

type Service = Effect<(), &'static str, &'static str>;

/// A service that is acquired at once, and is ready after a while. It takes a second to release.
fn service(log: &Log, name: &'static str, ready_after: Duration) -> Service {
    let (acquired, released) = (log.clone(), log.clone());
    acquire_release(
        sync(move || acquired.write(format!("+{name}"))),
        move |()| sleep(secs(1)).map(move |()| released.write(format!("-{name}"))),
    )
    .flat_map(move |()| sleep(ready_after))
    .map(move |()| name)
    .erase()
}

#[derive(Debug)]
struct App {
    a: &'static str,
    b: &'static str,
}

/// Builds `a`, then `b`.
fn app(log: &Log) -> Effect<(), &'static str, App> {
    let (a, b) = (service(log, "a", secs(1)), service(log, "b", secs(1)));
    a.zip(b).map(|(a, b)| App { a, b }).erase()
}

/// A program that writes that it runs, and goes on as the body.
fn program(log: &Log, body: Effect<(), &'static str, ()>) -> Effect<App, &'static str, ()> {
    let log = log.clone();
    effect(async move |cx: Cx<App>| {
        log.write(format!("{} and {}", cx.env().a, cx.env().b));
        cx.run(body.provide(())).await
    })
    .erase_once()
}

/// Runs a program in an environment that is built, and ends it in some way; the environment is released, in reverse,
/// before anything follows.
// S2-67
#[track_caller]
fn check(
    body: impl Fn() -> Effect<(), &'static str, ()> + Clone + Send + 'static,
    end: impl Fn(Effect<(), &'static str, ()>) -> Effect<(), &'static str, ()> + Clone + Send + 'static,
) {
    everywhere(async move |cx: Cx<()>| {
        let log = Log::new();
        let running = program(&log, body()).provide_with(app(&log)).erase_once();
        let done = log.note("done");
        let ended = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(end(running));
            let Ok(_) = cx.run(fiber.exit()).await;
            cx.run(done).await
        });
        assert!(exit_of(&cx, ended).await.is_success());
        assert_eq!(log.lines(), ["+a", "+b", "a and b", "-b", "-a", "done"]);
    });
}

#[test]
fn the_environment_is_released_after_a_success() {
    check(|| succeed(()).erase(), |task| task);
}

#[test]
fn the_environment_is_released_after_a_failure() {
    check(|| fail("no").erase(), |task| task);
}

#[test]
fn the_environment_is_released_after_a_panic() {
    check(|| sync(|| panic!("a bug")).erase(), |task| task);
}

#[test]
fn the_environment_is_released_after_a_time_out() {
    check(
        || never().erase(),
        |task| task.timeout(secs(3)).map_error(|_| "late").erase_once(),
    );
}

#[test]
fn the_environment_is_released_after_an_interruption() {
    check(
        || never().erase(),
        |task| {
            effect(async move |cx: Cx<()>| {
                let fiber = cx.fork(task);
                cx.sleep(secs(3)).await;
                let Ok(exit) = cx.run(fiber.interrupt()).await;
                assert!(exit.is_interrupt());
                Ok(())
            })
            .erase_once()
        },
    );
}

// T48, S2-67
#[test]
fn what_was_built_is_released_if_the_next_fails() {
    everywhere(async |cx: Cx<()>| {
        for fails in [fail("no b").erase(), sync(|| panic!("no b")).erase()] {
            let log = Log::new();
            let (first, second) = (service(&log, "a", secs(1)), service(&log, "b", secs(1)));
            let built = first
                .zip(second)
                .flat_map(move |(a, b)| fails.map(move |()| App { a, b }));
            let running = program(&log, succeed(()).erase()).provide_with(built);
            let exit = exit_of(&cx, running).await;
            let why = reasons(exit.cause().unwrap());
            assert!(why == ["fail no b"] || why == ["die no b"], "{why:?}");
            assert_eq!(log.lines(), ["+a", "+b", "-b", "-a"]);
        }
    });
}

// T48
#[test]
fn what_was_built_is_released_if_building_is_interrupted() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let running = program(&log, succeed(()).erase()).provide_with(app(&log));
        let late = running.timeout(Duration::from_millis(1_500));
        let (took, exit) = timed(&cx, exit_of(&cx, late)).await;
        let elapsed = TimeoutError::Elapsed(Duration::from_millis(1_500));
        assert_eq!(exit.cause().unwrap().failure(), Some(&elapsed));
        assert_eq!(log.lines(), ["+a", "+b", "-b", "-a"]);
        assert_eq!(took, 3);
    });
}

// T48
#[test]
fn two_parts_are_built_at_once() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let parts = service(&log, "a", secs(2)).zip_par(service(&log, "b", secs(3)));
        let app = parts.map(|(a, b)| App { a, b });
        let running = program(&log, succeed(()).erase()).provide_with(app);
        let (took, exit) = timed(&cx, exit_of(&cx, running)).await;
        assert!(exit.is_success());
        assert_eq!(took, 3 + 2, "built in parallel, and released in order");
        assert_eq!(log.lines(), ["+a", "+b", "a and b", "-b", "-a"]);
    });
}

// T48
#[test]
fn a_part_that_fails_ends_the_others_that_are_built_beside_it() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let failing = service(&log, "b", secs(1)).flat_map(|_| fail::<_, _, &str>("no b"));
        let parts = service(&log, "a", secs(9)).zip_par(failing);
        let app = parts.map(|(a, b)| App { a, b });
        let running = program(&log, succeed(()).erase()).provide_with(app);
        let (took, exit) = timed(&cx, exit_of(&cx, running)).await;
        assert_eq!(exit, Exit::Failure(Cause::fail("no b")));
        assert_eq!(took, 1 + 2);
        assert_eq!(log.lines(), ["+a", "+b", "-b", "-a"]);
    });
}

#[test]
fn building_can_be_tried_again() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let tries = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let failing = service(&log, "b", secs(1)).flat_map(move |b| {
            let tries = tries.clone();
            effect(async move |_: Cx<()>| {
                let tried = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if tried < 1 { Err("not yet") } else { Ok(b) }
            })
        });
        let (a, b) = (
            service(&log, "a", secs(1)),
            failing.retry(Schedule::recurs(1)),
        );
        let app = a.zip(b).map(|(a, b)| App { a, b });
        let running = program(&log, succeed(()).erase()).provide_with(app);
        assert!(exit_of(&cx, running).await.is_success());
        // What a try that has failed has acquired goes with the rest, unless the try has a scope of its own.
        assert_eq!(log.lines(), ["+a", "+b", "+b", "a and b", "-b", "-b", "-a"]);
    });
}

#[test]
fn a_part_is_built_with_what_another_has_built() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let second = service(&log, "b", secs(1));
        let app = service(&log, "a", secs(1)).flat_map(move |a| second.map(move |b| App { a, b }));
        let running = program(&log, succeed(()).erase()).provide_with(app);
        assert!(exit_of(&cx, running).await.is_success());
        assert_eq!(log.lines(), ["+a", "+b", "a and b", "-b", "-a"]);
    });
}

#[test]
fn what_the_program_acquires_is_released_before_its_environment() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let held = service(&log, "held", secs(0)).map(drop);
        let running = program(&log, held.erase()).provide_with(app(&log));
        assert!(exit_of(&cx, running).await.is_success());
        assert_eq!(
            log.lines(),
            ["+a", "+b", "a and b", "+held", "-held", "-b", "-a"]
        );
    });
}

#[test]
fn children_of_the_program_run_in_its_environment() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let body = effect(async |cx: Cx<App>| {
            let child = cx.fork(effect(async |cx: Cx<App>| Ok::<_, &str>(cx.env().b)));
            cx.run(child.join()).await
        });
        assert_eq!(
            exit_of(&cx, body.provide_with(app(&log))).await,
            Exit::Success("b")
        );
    });
}

// T48
#[test]
fn nothing_of_an_environment_is_left_whatever_strikes() {
    Sim::new().runs(1_000).test(|trial: &Trial| {
        let books = trial.finalizers();
        let part = |what: u64| {
            let (trial, acquired, released) = (trial.clone(), books.clone(), books.clone());
            let probe = trial.probe();
            acquire_release(
                sync::<(), &'static str, _, _>(move || acquired.acquired(what)),
                move |()| sleep(Duration::from_micros(1)).map(move |()| released.released(what)),
            )
            .flat_map(|()| sleep(Duration::from_micros(2)))
            .map(move |()| {
                trial.fault_point();
                probe
            })
        };
        let env = part(1).zip(part(2).zip_par(part(3)));
        let program = effect(async |cx: Cx<_>| {
            let _: &(_, (_, _)) = cx.env();
            cx.sleep(Duration::from_micros(5)).await;
            Ok(())
        });
        Case::new(program.provide_with(env))
            .check(move |exit| assert!(exit.is_none() || books.held().is_empty()))
    });
}
