//! Each fault strikes where the plan says, and nowhere else.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::Log;
use effect::prelude::*;
use effect::simulation::{Case, Fault, Order, Plan, Replayed, Sim, Trial};
use effect::yield_now;

const fn micros(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// Runs a program by turns, with these faults.
fn with<E: effect::Value, A: effect::Value>(
    faults: &[Fault],
    program: impl Fn(&Trial) -> Case<E, A>,
) -> Replayed {
    let mut plan = Plan::of_seed(0);
    plan.order = Order::Turns;
    plan.faults = faults.to_vec();
    Sim::new().replay(&plan, program)
}

/// Runs an async block with these faults, in which nothing may be wrong, and has how it ended.
fn exit_with<F, Fut>(faults: &[Fault], body: F) -> Option<Exit<Never, ()>>
where
    F: Fn(Trial, Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let ended = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&ended);
    let replayed = with(faults, move |trial| {
        let (trial, body, seen) = (trial.clone(), body.clone(), Arc::clone(&seen));
        let program = effect(async move |cx: Cx<()>| {
            body(trial, cx).await;
            Ok(())
        });
        Case::new(program).check(move |exit| *seen.lock().unwrap() = Some(exit))
    });
    assert_eq!(replayed.wrong, None, "{faults:?}");
    let ended = ended.lock().unwrap().take();
    ended.expect("the check was called")
}

#[test]
fn an_interrupt_strikes_in_just_the_place_that_it_names() {
    for suspension in 0..8 {
        let log = Log::new();
        let noted = log.clone();
        let fault = Fault::Interrupt {
            fiber: 2,
            suspension,
            after: 0,
        };
        let exit = exit_with(&[fault], move |_, cx| {
            let log = noted.clone();
            async move {
                let channel = Channel::bounded(1);
                let full = Channel::bounded(1);
                full.send(()).await.unwrap();
                let (from, to, closed) = (channel.clone(), full.clone(), log.clone());
                let body = effect(async move |cx: Cx<()>| {
                    log.write("1");
                    yield_now().await;
                    log.write("2");
                    cx.sleep(micros(1)).await;
                    log.write("3");
                    from.receive().await.unwrap();
                    log.write("4");
                    to.send(()).await.unwrap();
                    log.write("5");
                    let child = cx.fork(sleep::<_, Never>(micros(1)));
                    let Ok(()) = cx.run(child.join()).await;
                    log.write("6");
                    drop(cx.run(never::<_, Never, ()>().timeout(micros(1))).await);
                    log.write("end");
                    Ok::<_, Never>(())
                });
                let fiber = cx.fork(body.ensuring(closed.note("closed")));
                cx.sleep(micros(10)).await;
                channel.send(()).await.unwrap();
                cx.sleep(micros(10)).await;
                full.receive().await.unwrap();
                let Ok(exit) = cx.run(fiber.exit()).await;
                assert_eq!(exit.is_interrupt(), (1..=6).contains(&suspension));
            }
        });
        assert_eq!(exit, Some(Exit::Success(())));
        let all = ["1", "2", "3", "4", "5", "6", "end"];
        let begun = match suspension {
            1..=6 => &all[..suspension as usize],
            _ => &all[..],
        };
        assert_eq!(log.lines(), [begun, &["closed"]].concat(), "{suspension}");
    }
}

#[test]
fn an_interrupt_of_the_first_fiber_is_the_exit() {
    for suspension in 1..=3 {
        let fault = Fault::Interrupt {
            fiber: 1,
            suspension,
            after: 0,
        };
        let exit = exit_with(&[fault], |_, _| async {
            yield_now().await;
            yield_now().await;
        });
        let interrupted = exit.is_some_and(|exit| exit.is_interrupt());
        assert_eq!(interrupted, suspension <= 2);
    }
}

#[test]
fn two_interrupts_strike_two_fibers() {
    let faults = [(2, 1), (3, 2)].map(|(fiber, suspension)| Fault::Interrupt {
        fiber,
        suspension,
        after: 0,
    });
    exit_with(&faults, |trial, cx| async move {
        let fibers = [(); 3].map(|()| {
            cx.fork(effect(async |_: Cx<()>| {
                yield_now().await;
                yield_now().await;
                Ok::<_, Never>(())
            }))
        });
        let mut interrupted = Vec::new();
        for fiber in fibers {
            let Ok(exit) = cx.run(fiber.exit()).await;
            interrupted.push(exit.is_interrupt());
        }
        trial.expect(interrupted == [true, true, false], "others were struck");
    });
}

#[test]
fn the_timeline_tells_who_is_interrupted_and_where() {
    let waits = |_: &Trial| {
        let channel = Channel::<u32>::bounded(1);
        Case::new(effect(async move |_: Cx<()>| {
            Ok::<_, Never>(channel.receive().await.is_ok())
        }))
    };
    let fault = Fault::Interrupt {
        fiber: 1,
        suspension: 1,
        after: 0,
    };
    let timeline = with(&[fault], waits).timeline;
    let place = "fiber #1 is interrupted, where it waits for an item from a channel at ";
    assert!(timeline[0].starts_with(place), "{timeline:?}");
}

#[test]
fn a_panic_strikes_in_the_call_that_it_names() {
    for call in 1..=4 {
        let log = Log::new();
        let noted = log.clone();
        let exit = exit_with(&[Fault::Panic { call }], move |trial, _| {
            let log = noted.clone();
            async move {
                for n in 1..=3 {
                    log.write(n.to_string());
                    trial.fault_point();
                }
            }
        });
        let exit = exit.unwrap();
        assert_eq!(log.count() as u32, call.min(3));
        match exit.cause() {
            None => assert_eq!(call, 4),
            Some(cause) => assert_eq!(
                crate::common::reasons(cause),
                ["die a panic that was planned"]
            ),
        }
    }
}

#[test]
fn a_handle_is_dropped_before_the_step_that_is_named() {
    for step in 0..6 {
        for handle in 1..=3 {
            let ended = Arc::new(Mutex::new(Vec::new()));
            let noted = Arc::clone(&ended);
            exit_with(&[Fault::Drop { handle, step }], move |trial, _| {
                let ended = Arc::clone(&noted);
                async move {
                    let both = [(); 2].map(|()| {
                        let waits = async {
                            for _ in 0..3 {
                                yield_now().await;
                            }
                        };
                        trial.droppable(waits)
                    });
                    let [one, other] = both;
                    let (one, other) = futures::join!(one, other);
                    *ended.lock().unwrap() = vec![one, other];
                }
            });
            // They are registered in the first step, and end in the fourth.
            let expected = [1, 2].map(|other| match handle == other && (1..4).contains(&step) {
                true => None,
                false => Some(()),
            });
            assert_eq!(*ended.lock().unwrap(), expected, "{handle}@{step}");
        }
    }
}

#[test]
fn who_waits_for_ever_is_woken_when_it_is_dropped() {
    exit_with(
        &[Fault::Drop { handle: 1, step: 1 }],
        |trial, _| async move {
            let dropped = trial.droppable(std::future::pending::<()>()).await;
            trial.expect(dropped.is_none(), "it has ended");
        },
    );
}

#[test]
fn a_run_is_dropped_before_the_step_that_is_named_and_has_no_exit() {
    for step in 0..8 {
        let log = Log::new();
        let noted = log.clone();
        let exit = exit_with(&[Fault::DropRun { step }], move |trial, _| {
            let (log, probe) = (noted.clone(), trial.probe());
            async move {
                for _ in 0..4 {
                    log.write("step");
                    yield_now().await;
                }
                drop(probe);
            }
        });
        assert_eq!(log.count() as u32, step.min(4));
        // What ends in its fifth step can be dropped after it, before anybody has asked how it ended.
        assert_eq!(exit.is_none(), step <= 5);
    }
}

#[test]
fn a_run_that_is_dropped_may_lose_finalizers() {
    for step in 1..6 {
        let replayed = with(&[Fault::DropRun { step }], |trial| {
            let books = trial.finalizers();
            let released = books.clone();
            let held = acquire_release(sync(move || books.acquired(1)), move |()| {
                sleep(micros(1)).map(move |()| released.released(1))
            });
            Case::new(held.flat_map(|()| sleep::<_, Never>(micros(5))).scoped())
        });
        assert_eq!(replayed.wrong, None);
    }
}

#[test]
fn all_are_interrupted_before_the_step_that_is_named() {
    for step in 0..12 {
        let log = Log::new();
        let noted = log.clone();
        let exit = exit_with(&[Fault::InterruptAll { step }], move |_, cx| {
            let log = noted.clone();
            async move {
                // The fibers are begun in the first step, and polled in the next three, twice each.
                let fibers = ["a", "b", "c"].map(|name| {
                    let body = effect(async |_: Cx<()>| {
                        yield_now().await;
                        Ok::<_, Never>(())
                    });
                    cx.fork(body.on_interrupt(log.note(name)))
                });
                for fiber in fibers {
                    drop(cx.run(fiber.exit()).await);
                }
            }
        });
        // Whoever has not begun yet holds nothing that could be told.
        let expected: &[&str] = match step {
            2 => &["a"],
            3 => &["a", "b"],
            4 => &["a", "b", "c"],
            5 => &["b", "c"],
            6 => &["c"],
            _ => &[],
        };
        let mut lines = log.lines();
        lines.sort();
        assert_eq!(lines, expected, "before step {step}");
        let struck = exit.is_some_and(|exit| exit.is_interrupt());
        assert_eq!(struck, step <= 7, "before step {step}");
    }
}

#[test]
fn every_wake_up_of_a_slow_task_takes_its_time() {
    let slow = Fault::Slow {
        task: 1,
        delay: micros(100),
    };
    exit_with(&[slow], |trial, cx| async move {
        let fibers = [(); 2].map(|()| {
            cx.fork(effect(async |cx: Cx<()>| {
                let begun = cx.now();
                for _ in 0..3 {
                    yield_now().await;
                }
                cx.sleep(micros(10)).await;
                Ok::<_, Never>(cx.now() - begun)
            }))
        });
        let mut took = Vec::new();
        for fiber in fibers {
            let Ok(time) = cx.run(fiber.join()).await;
            took.push(time);
        }
        trial.expect(
            took == [micros(410), micros(10)],
            format!("they took {took:?}"),
        );
    });
}

#[test]
fn a_capacity_is_one_if_it_is_named() {
    for place in 1..=4 {
        exit_with(
            &[Fault::SmallCapacity { place }],
            move |trial, _| async move {
                let mut expected = [7, 8, 9];
                if let Some(small) = expected.get_mut(place as usize - 1) {
                    *small = 1;
                }
                let capacities = [7, 8, 9].map(|usual| trial.capacity(usual));
                trial.expect(capacities == expected, format!("{capacities:?}"));
            },
        );
    }
}

#[test]
fn faults_that_find_nothing_to_strike_do_nothing() {
    let faults = [
        Fault::Interrupt {
            fiber: 9,
            suspension: 1,
            after: 0,
        },
        Fault::Panic { call: 9 },
        Fault::Drop { handle: 9, step: 1 },
        Fault::Drop { handle: 0, step: 1 },
        Fault::DropRun { step: 99 },
        Fault::InterruptAll { step: 99 },
        Fault::Slow {
            task: 9,
            delay: micros(1),
        },
        Fault::SmallCapacity { place: 9 },
    ];
    let exit = exit_with(&faults, |_, _| yield_now());
    assert_eq!(exit, Some(Exit::Success(())));
}
