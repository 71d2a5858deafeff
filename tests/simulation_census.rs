//! What is wrong with a run is found: what it leaves behind, what it does twice or never, and that it never ends.

use std::future::{Future, pending, poll_fn};
use std::mem;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use effect::prelude::*;
use effect::simulation::{Case, Fault, Plan, Probe, Replayed, Sim, Trial};
use effect::yield_now;

const fn micros(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// Runs a program in which no fault strikes.
fn replay(program: impl Fn(&Trial) -> Case<Never, ()>) -> Replayed {
    Sim::new().replay(&Plan::of_seed(0), program)
}

/// Runs an async block in which no fault strikes.
fn run_of<F, Fut>(body: F) -> Replayed
where
    F: Fn(Trial, Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    replay(|trial| {
        let (trial, body) = (trial.clone(), body.clone());
        Case::new(effect(async move |cx: Cx<()>| {
            body(trial, cx).await;
            Ok(())
        }))
    })
}

/// Checks what is wrong with an async block in which no fault strikes.
#[track_caller]
fn check<F, Fut>(body: F, expected: &str)
where
    F: Fn(Trial, Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    assert_eq!(run_of(body).wrong.as_deref(), Some(expected));
}

/// Something that holds on to itself.
struct Cycle<T> {
    _kept: T,
    me: Mutex<Option<Arc<Cycle<T>>>>,
}

/// Keeps something for ever.
fn leak<T>(kept: T) {
    let cycle = Arc::new(Cycle {
        _kept: kept,
        me: Mutex::default(),
    });
    *cycle.me.lock().unwrap() = Some(Arc::clone(&cycle));
}

#[test]
fn nothing_is_left_of_a_run_that_cleans_up() {
    let replayed = run_of(|trial, cx| async move {
        let probe = trial.probe();
        let held = cx.fork(sleep::<_, Never>(micros(1)).map(move |()| drop(probe)));
        let Ok(()) = cx.run(held.join()).await;
    });
    assert_eq!(replayed.wrong, None);
    assert!(replayed.census.is_clean());
    assert_eq!(replayed.census.to_string(), "nothing");
}

#[test]
fn a_fiber_that_never_ends_is_found() {
    let orphan = |_, cx: Cx<()>| async move {
        let root = never::<(), Never, ()>().run_on(Arc::clone(cx.runtime()));
        cx.runtime().spawn(Box::pin(async { drop(root.await) }));
    };
    let replayed = run_of(orphan);
    assert_eq!(replayed.census.fibers, ["fiber #2"]);
    assert_eq!(replayed.census.tasks, 1);
    assert_eq!(
        replayed.wrong.as_deref(),
        Some("left alive: fiber #2, 1 task")
    );
}

#[test]
fn a_task_that_never_ends_is_found() {
    let replayed = run_of(|_, cx| async move { cx.runtime().spawn(Box::pin(pending())) });
    assert_eq!(replayed.census.tasks, 1);
    assert!(replayed.census.fibers.is_empty());
}

#[test]
fn a_timer_that_is_kept_is_found() {
    let replayed = run_of(|_, cx| async move {
        leak(cx.runtime().sleep_until(cx.now() + micros(5)));
    });
    assert_eq!(replayed.census.timers, 1);
    // It was never polled, so nobody waits for it: but it holds the clock.
    assert_eq!(
        replayed.wrong.as_deref(),
        Some("left alive: 1 timer, 1 reference")
    );

    let replayed = run_of(|_, cx| async move {
        let mut timer = Box::pin(cx.runtime().sleep_until(cx.now() + micros(5)));
        assert!(futures::poll!(timer.as_mut()).is_pending());
        leak(timer);
    });
    assert_eq!(replayed.census.timers, 1);
}

#[test]
fn a_waker_that_is_kept_is_found() {
    let replayed = run_of(|_, _| {
        poll_fn(|task| {
            leak(task.waker().clone());
            Poll::Ready(())
        })
    });
    assert_eq!(replayed.census.references, 1);
    assert_eq!(replayed.wrong.as_deref(), Some("left alive: 1 reference"));
}

#[test]
fn a_probe_that_is_kept_is_found() {
    static KEPT: Mutex<Vec<Probe>> = Mutex::new(Vec::new());
    check(
        |trial, _| async move { KEPT.lock().unwrap().push(trial.probe()) },
        "left alive: 1 probe",
    );
    check(
        |trial, _| async move {
            let probe = trial.probe();
            leak((probe.clone(), probe));
        },
        "left alive: 2 probes",
    );
}

#[test]
fn what_a_dropped_run_leaves_is_found_as_well() {
    let leaks = |trial: &Trial| {
        let trial = trial.clone();
        Case::new(effect(async move |_: Cx<()>| {
            leak(trial.probe());
            yield_now().await;
            Ok::<_, Never>(())
        }))
    };
    let plan = Plan::of_seed(0).with(Fault::DropRun { step: 1 });
    let replayed = Sim::new().replay(&plan, leaks);
    assert_eq!(replayed.wrong.as_deref(), Some("left alive: 1 probe"));
}

#[test]
fn finalizers_that_are_lost_while_the_run_goes_on_are_found() {
    let loses = |_, cx: Cx<()>| async move {
        let late = never::<(), Never, ()>().ensuring(never::<_, _, ()>());
        let mut root = Box::pin(late.run_on(Arc::clone(cx.runtime())));
        assert!(futures::poll!(root.as_mut()).is_pending());
    };
    check(loses, "finalizers were lost: 1 of fiber #2");
    let census = run_of(loses).census;
    assert_eq!(census.fibers, ["fiber #2, 1 finalizer pending"]);
}

#[test]
fn what_is_released_too_soon_twice_or_never_is_found() {
    check(
        |trial, _| async move {
            let books = trial.finalizers();
            (1..=3).for_each(|what| books.acquired(what));
            assert_eq!(books.held(), [1, 2, 3]);
            [3, 1, 2].into_iter().for_each(|what| books.released(what));
            assert_eq!(books.count(), 3);
        },
        "1 was released before 2, which came later",
    );
    check(
        |trial, _| async move {
            let books = trial.finalizers();
            books.acquired(1);
            books.released(1);
            books.released(1);
        },
        "1 was released, and nobody holds it",
    );
    check(
        |trial, _| async move {
            let books = trial.finalizers();
            books.acquired(1);
            books.acquired(2);
            books.released(2);
        },
        "[1] was never released",
    );
}

#[test]
fn each_scope_has_books_of_its_own() {
    let replayed = run_of(|trial, _| async move {
        let (one, other) = (trial.finalizers(), trial.finalizers());
        one.acquired(1);
        other.acquired(2);
        one.released(1);
        other.released(2);
    });
    assert_eq!(replayed.wrong, None);
}

#[test]
fn what_a_dropped_run_releases_in_the_wrong_order_is_found() {
    struct Held(effect::simulation::Finalizers, u64);

    impl Drop for Held {
        fn drop(&mut self) {
            self.0.released(self.1);
        }
    }

    let program = |trial: &Trial| {
        let books = trial.finalizers();
        Case::new(effect(async move |_: Cx<()>| {
            let hold = |what| {
                books.acquired(what);
                Held(books.clone(), what)
            };
            // The elements of an array are dropped first to last.
            let _held = [hold(1), hold(2)];
            yield_now().await;
            Ok::<_, Never>(())
        }))
    };
    let plan = Plan::of_seed(0).with(Fault::DropRun { step: 1 });
    assert_eq!(
        Sim::new().replay(&plan, program).wrong.as_deref(),
        Some("1 was released before 2, which came later")
    );
}

#[test]
fn an_item_with_two_fates_or_none_issued_is_found() {
    check(
        |trial, _| async move {
            let tickets = trial.tickets();
            let item = tickets.issue();
            tickets.settle(item, "delivered");
            tickets.settle(item, "failed");
        },
        "item 0 is failed, and was delivered",
    );
    check(
        |trial, _| async move { trial.tickets().settle(7, "delivered") },
        "item 7 is delivered, and was never issued",
    );
}

#[test]
fn an_item_without_a_fate_is_for_the_program_to_judge() {
    let replayed = run_of(|trial, _| async move {
        let tickets = trial.tickets();
        let (one, two) = (tickets.issue(), tickets.issue());
        assert_eq!((tickets.issued(), tickets.most_open()), (2, 2));
        tickets.settle(one, "delivered");
        trial.expect(tickets.open() == [two], "not open");
        trial.expect(tickets.count("delivered") == 1, "not delivered");
    });
    assert_eq!(replayed.wrong, None);
}

#[test]
fn what_the_program_expects_is_found() {
    check(
        |trial, _| async move {
            trial.expect(true, "it holds");
            trial.expect(false, "the first");
            trial.expect(false, "the second");
        },
        "the first",
    );
}

#[test]
fn an_assertion_of_the_check_is_found() {
    let program = |literal: bool| {
        move |_: &Trial| {
            Case::new(succeed(())).check(move |exit| {
                assert!(!literal, "said as it is");
                assert_eq!(exit, Some(Exit::Success(())));
                assert!(literal, "made of {}", 1);
            })
        }
    };
    assert_eq!(
        replay(program(true)).wrong.as_deref(),
        Some("said as it is")
    );
    assert_eq!(replay(program(false)).wrong.as_deref(), Some("made of 1"));
}

#[test]
fn a_panic_of_the_program_is_a_defect_of_its_exit_and_not_a_violation() {
    let seen = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&seen);
    let replayed = replay(move |_| {
        let noted = Arc::clone(&noted);
        let program = effect(async |_: Cx<()>| panic!("oh no"));
        Case::new(program).check(move |exit| {
            *noted.lock().unwrap() = exit.unwrap().cause().unwrap().to_string();
        })
    });
    assert_eq!(replayed.wrong, None);
    assert!(seen.lock().unwrap().contains("oh no"));
}

#[test]
fn a_panic_before_the_run_or_outside_of_its_fibers_is_found() {
    let unbuilt = |_: &Trial| -> Case<Never, ()> { panic!("no such file") };
    let violation = Sim::new().on_all_cores().explore(unbuilt).unwrap_err();
    assert_eq!(violation.what, "it panics before it runs: no such file");
    let planned = |trial: &Trial| {
        trial.fault_point();
        Case::new(succeed::<_, Never, _>(()))
    };
    let violation = Sim::new().each_panic(planned).unwrap_err();
    assert_eq!(violation.plan.faults, [Fault::Panic { call: 1 }]);
    check(
        |_, cx| async move { cx.runtime().spawn(Box::pin(async { panic!("oh no") })) },
        "a task panics: oh no",
    );
}

#[test]
fn a_run_that_never_ends_is_found() {
    let sim = Sim::new().max_steps(1_000);
    let endless = |_: &Trial| {
        Case::new(effect(async |_: Cx<()>| {
            loop {
                yield_now().await;
            }
            #[allow(unreachable_code, reason = "it says of which type the block is")]
            Ok::<(), Never>(())
        }))
    };
    let violation = sim.explore(endless).unwrap_err();
    assert_eq!(violation.what, "it has not ended after 1000 steps");
    assert_eq!(violation.runs, 1);
    let report = violation.to_string();
    assert!(report.contains("\n  (970 steps before)\n"), "{report}");
    assert_eq!(report.lines().count(), 2 + 1 + 30);
}

#[test]
fn two_fibers_that_wait_for_each_other_are_named_with_their_places() {
    let line = line!();
    let program = |_: &Trial| {
        let (there, back) = (Channel::<u32>::bounded(1), Channel::<u32>::bounded(1));
        Case::new(effect(async move |cx: Cx<()>| {
            let (from, to) = (there.clone(), back.clone());
            let one = effect(async move |cx: Cx<()>| {
                cx.sleep(micros(3)).await;
                let _ = from.receive().await;
                let _ = to.send(1).await;
                Ok::<_, Never>(())
            });
            let other = effect(async move |_: Cx<()>| {
                let _ = back.receive().await;
                let _ = there.send(1).await;
                Ok::<_, Never>(())
            });
            let (one, other) = (cx.fork_named("one", one), cx.fork_named("other", other));
            drop(cx.run(one.exit()).await);
            drop(cx.run(other.exit()).await);
            Ok::<_, Never>(())
        }))
    };
    let violation = Sim::new().explore(program).unwrap_err();
    assert_eq!(violation.runs, 1, "it is told at once");
    let file = file!();
    for expected in [
        "deadlock after 3µs: no fiber can go on, and no timer is set".to_owned(),
        format!(
            "fiber #2 (one) waits for an item from a channel at {file}:{}, since 3µs",
            line + 7
        ),
        format!(
            "fiber #3 (other) waits for an item from a channel at {file}:{}, since 0ns",
            line + 12
        ),
    ] {
        assert!(
            violation.what.contains(&expected),
            "{expected:?} in {violation}"
        );
    }
}

#[test]
fn nothing_of_one_run_is_seen_in_the_next() {
    let leaks = |trial: &Trial| {
        mem::forget(trial.probe());
        Case::new(never::<_, Never, ()>())
    };
    let first = replay(leaks);
    assert!(first.wrong.as_ref().unwrap().starts_with("deadlock"));
    assert_eq!(first.census.probes, 1);
    assert_eq!(replay(leaks), first);
    assert_eq!(run_of(|_, _| yield_now()).wrong, None);
}
