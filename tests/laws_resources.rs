//! The laws of resources: what is acquired is released, exactly once, and nothing is left of a run.
//!
//! That nothing is left is part of every run of every law: `Run::see` in `common/laws.rs` asks for tasks, timers,
//! children, lost finalizers, and for parts of the program. Here is what only these laws ask for.

use std::sync::Arc;
use std::time::Duration;

use crate::common::laws::{FOR_EVER, Given, Seen, interrupted_runs, runs, undisturbed_runs};
use crate::common::programs::{ALONE, ANYTHING, BEAT, PLAIN, Subject};
use crate::common::watched::Watched;
use effect::prelude::*;
use futures::future::{Either, select};

/// The names of what has a sign, in order.
fn signed<'a>(steps: &'a [(Duration, String)], sign: &str) -> Vec<&'a str> {
    let names = steps.iter().filter_map(|(_, name)| name.strip_prefix(sign));
    names.collect()
}

/// Checks that each acquisition has its one release, after it. How many there were.
#[track_caller]
fn check_balanced(steps: &[(Duration, String)]) -> usize {
    let mut held = Vec::new();
    for (_, name) in steps {
        if let Some(name) = name.strip_prefix('+') {
            held.push(name);
        } else if let Some(name) = name.strip_prefix('-') {
            let acquired = held.iter().rposition(|held| *held == name);
            held.remove(acquired.unwrap_or_else(|| panic!("{name} was not held: {steps:?}")));
        }
    }
    assert_eq!(held, [""; 0], "still held: {steps:?}");
    signed(steps, "+").len()
}

/// Checks runs, of which so many have to acquire something for the law to be worth anything.
#[track_caller]
fn check_all<E, A>(all_seen: impl Iterator<Item = Seen<E, A>>, at_least: usize) {
    let mut acquired = 0;
    for seen in all_seen {
        acquired += check_balanced(&seen.steps);
    }
    assert!(
        acquired >= at_least,
        "only {acquired} resources were acquired"
    );
}

/// A program in a scope with resources in it.
fn with_resources(given: &Given, name: &'static str) -> Subject {
    let [one, other] = ["one", "other"].map(|name| given.programs(name).resource());
    let next = given.effect(ANYTHING, name);
    let last = given.function(ANYTHING, name);
    let both = one.flat_map(move |_| next).zip(other);
    both.flat_map(move |(n, _)| last(n)).scoped().erase()
}

// Law 14.

/// Ours: *finalizer count*.
#[test]
fn what_is_acquired_is_released_once_whatever_the_program_does() {
    check_all(
        runs().map(|run| run.see(|given| with_resources(given, "a"))),
        1000,
    );
}

/// Ours: the same where one of two programs is cut short by the other, at a moment of its choice.
#[test]
fn what_is_acquired_is_released_once_by_whoever_loses() {
    let pairs: [fn(Subject, Subject) -> Subject; 4] = [
        |a, b| a.race_first(b).erase(),
        |a, b| a.race_ok(b).map_error(|(a, _)| a).erase(),
        |a, b| a.zip_par(b).map(|(a, _)| a).erase(),
        |a, b| {
            let fork = a.fork();
            fork.flat_map(move |_left_alone: Fiber<u32, u32>| b).erase()
        },
    ];
    for pair in pairs {
        check_all(
            runs().map(|run| {
                run.see(|given| pair(with_resources(given, "a"), with_resources(given, "b")))
            }),
            1000,
        );
    }
}

/// Ours: without a scope around it, a resource is of its fiber's, and released at its end.
#[test]
fn what_has_no_scope_is_released_at_the_end_of_its_fiber() {
    let unscoped = |given: &Given| {
        let (resource, next) = (given.programs("r").resource(), given.any("a"));
        resource.flat_map(move |_| next)
    };
    check_all(runs().map(|run| run.see(unscoped)), 500);
    check_all(
        runs().map(|run| {
            run.see(|given| {
                let fork = unscoped(given).fork();
                fork.flat_map(|fiber: Fiber<u32, u32>| fiber.join())
            })
        }),
        500,
    );
}

/// ZIO *ScopeSpec*, CE: released in the reverse order of acquisition.
#[test]
fn resources_of_a_scope_are_released_in_reverse_order() {
    for run in runs() {
        let seen = run.see(|given| {
            const NAMES: [&str; 4] = ["p", "q", "r", "s"];
            let body = given.effect(PLAIN, "a").map(|_| 0).erase();
            let chain = NAMES.iter().rev().fold(body, |next, name| {
                let resource = given.programs(name).resource();
                resource.flat_map(move |_| next).erase()
            });
            chain.scoped()
        });
        // What the body and the acquisitions have in scopes of their own is released before.
        let of_chain = |name: &&str| name.ends_with(".1") && !name.starts_with('a');
        let acquired = signed(&seen.steps, "+").into_iter().filter(of_chain);
        let mut released: Vec<_> = signed(&seen.steps, "-")
            .into_iter()
            .filter(of_chain)
            .collect();
        released.reverse();
        assert!(acquired.eq(released), "{run:?}: {seen:?}");
    }
}

/// ZIO *#3609*: a stream that is stopped early has released what its items held.
#[test]
fn a_stream_that_is_stopped_early_releases_what_it_holds() {
    let item = |given: &Given| {
        let f = given.function(ANYTHING, "f");
        let resource = given.programs("r").resource();
        move |n: u32| {
            let f = f.clone();
            resource.clone().flat_map(move |_| f(n)).scoped()
        }
    };
    check_all(
        runs().map(|run| {
            run.see(|given| {
                let count = given.programs("count").below(6) as usize;
                let items = Stream::from_iter(0..).map_effect(item(given));
                let merged = items.merge(Stream::from_iter(100..).map_effect(item(given)));
                merged.take(count).run_collect()
            })
        }),
        500,
    );
}

/// `handle_drop_equals_interrupt`: who drops a run, by a foreign `select!` say, interrupts it.
// id_effect 1
#[test]
fn a_run_that_is_dropped_does_what_an_interrupted_one_does() {
    for (run, moment) in interrupted_runs() {
        let build = |given: &Given| {
            let resource = given.programs("r").resource();
            let body = given.effect(ALONE, "a");
            resource.flat_map(move |_| body).scoped()
        };
        let interrupted = run.see(build);
        check_balanced(&interrupted.steps);
        let dropped = run.see(|given| {
            let (program, steps) = (build(given), given.steps.clone());
            effect(async move |cx: Cx<()>| {
                let watched = Watched::new(cx.runtime());
                let (fiber, exit) = program.start_on(Arc::<Watched>::clone(&watched));
                let ended = match select(Box::pin(exit), Box::pin(cx.sleep(moment))).await {
                    Either::Left((exit, _)) => Some(exit.is_success()),
                    Either::Right(_) => None,
                };
                // Time for the runtime to do what is owed.
                cx.sleep(FOR_EVER / 2).await;
                assert!(fiber.is_done(), "the fiber has not ended");
                let left = (watched.tasks(), watched.timers(), watched.lost_finalizers());
                assert_eq!(left, (0, 0, 0), "tasks, timers, or lost finalizers");
                drop(steps);
                Ok::<_, Never>(ended)
            })
            .uninterruptible()
        });
        assert_eq!(dropped.steps, interrupted.steps, "{run:?}");
    }
}

// Law 15.

/// Ours: *no leak*, of whatever a program may do.
#[test]
fn nothing_is_left_of_a_run() {
    for run in runs() {
        let probe = Arc::new(());
        let held = Arc::clone(&probe);
        drop(run.see(|given| {
            let all = with_resources(given, "a").zip_par(given.any("b"));
            all.fork().flat_map(move |child: Fiber<u32, (u32, u32)>| {
                let _held = held;
                child.join()
            })
        }));
        assert_eq!(Arc::strong_count(&probe), 1, "{run:?}");
    }
}

/// Ours: whoever waits at a channel and is interrupted takes nothing with it.
#[test]
fn an_interrupted_waiter_leaves_no_trace_in_the_channel() {
    for run in undisturbed_runs() {
        let seen = run.see(|given| {
            let mut chance = given.programs("chance");
            let channel = Channel::bounded(chance.below(3) as usize);
            let sent = chance.below(20);
            let limits: Vec<_> = (0..6).map(|_| BEAT * chance.below(6) + BEAT / 2).collect();
            effect(async move |cx: Cx<()>| {
                let source = channel.clone();
                let sender = cx.fork(effect(async move |cx: Cx<()>| {
                    for n in 0..sent {
                        cx.sleep(BEAT * (n % 3)).await;
                        source.send(n).await.expect("the channel is open");
                    }
                    source.close();
                    Ok::<_, Never>(())
                }));
                let mut all = Vec::new();
                for limit in limits {
                    // One that goes on, and one that is cut short while it waits, most likely.
                    all.extend(channel.receive().await.ok());
                    let receiving = channel.clone();
                    let attempt = effect(async move |_| receiving.receive().await);
                    all.extend(cx.run(attempt.timeout(limit)).await.ok());
                }
                while let Ok(n) = channel.receive().await {
                    all.push(n);
                }
                cx.run(sender.join()).await?;
                Ok::<_, Never>(all == (0..sent).collect::<Vec<_>>())
            })
        });
        assert_eq!(seen.exit, Exit::Success(true), "{run:?}");
    }
}

/// Ours: a pipeline that is interrupted holds none of its items, nor do its channels.
#[test]
fn no_item_is_left_in_a_pipeline_that_has_ended() {
    for run in runs() {
        let probe = Arc::new(());
        let held = Arc::clone(&probe);
        drop(run.see(|given| {
            let work = given.function(PLAIN, "work");
            let output = Channel::bounded(2);
            let received = output.clone();
            let connected = Pipeline::from_stream(
                Stream::range(0..10_u32).map(move |n| (n, Arc::clone(&held))),
            )
            .via(stage("work", move |(n, held)| work(n).map(move |m| (m, held))).workers(2))
            .to_channel(output);
            effect(async move |cx: Cx<()>| {
                let pipeline = cx.fork(connected.run());
                while received.receive().await.is_ok() {}
                drop(cx.run(pipeline.exit()).await);
                Ok::<_, Never>(())
            })
        }));
        assert_eq!(Arc::strong_count(&probe), 1, "{run:?}");
    }
}
