//! A dump says of each fiber what it waits for, where, and since when.

mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use common::{everywhere, exit_of, in_turns, on_both, secs, virtual_runtime};
use effect::prelude::*;
use effect::{Dump, FiberStatus, Observed, TokioRuntime, uninterruptible_mask};
use futures::FutureExt;

/// Runs a body on an observed runtime over the one that the test is on.
async fn observed<Fut>(
    cx: &Cx<()>,
    body: impl FnOnce(Cx<()>, Arc<Observed>) -> Fut + Send + 'static,
) where
    Fut: Future<Output = ()> + Send + 'static,
{
    let runtime = Arc::new(Observed::new(Arc::clone(cx.runtime())));
    let looking = Arc::clone(&runtime);
    let body = effect(move |cx: Cx<()>| body(cx, looking).map(Ok::<_, Never>));
    let exit = body.run_on(runtime).await;
    assert!(exit.is_success(), "{:?}", exit.cause());
}

/// A dump without the numbers of lines, and with fibers numbered by their places, because numbers differ between runs.
fn text(dump: &Dump) -> String {
    let mut text = dump.to_string();
    for (place, fiber) in dump.fibers().iter().enumerate() {
        let number = format!("{}", fiber.id());
        for end in [" ", ","] {
            let relative = format!("fiber <{}>{end}", place + 1);
            text = text.replace(&format!("{number}{end}"), &relative);
        }
    }
    let mut parts = text.split(".rs:");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        plain += ".rs";
        plain += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    plain
}

#[test]
fn a_dump_is_a_tree_that_a_person_can_read() {
    // On threads, a fiber may be seen while it is polled.
    in_turns(async |cx: Cx<()>| {
        observed(&cx, async |cx: Cx<()>, runtime: Arc<Observed>| {
            let leaf = effect(async |cx: Cx<()>| {
                let _grandchild = cx.fork(sleep::<_, Never>(secs(60)));
                cx.run(never::<_, Never, ()>()).await
            });
            let _parent = cx.fork_named("parent", leaf);
            cx.sleep(secs(2)).await;
            let _careful = cx.fork_named(
                "careful",
                sleep::<_, Never>(secs(60))
                    .uninterruptible()
                    .ensuring(succeed(())),
            );
            let leaving = never::<_, Never, ()>().ensuring(sleep(secs(60)));
            let leaving = cx.fork_named("leaving", leaving);
            cx.sleep(secs(1)).await;
            leaving.interrupt_fork();
            let _unknown = cx.fork(effect(async |_: Cx<()>| {
                std::future::pending::<()>().await;
                Ok::<_, Never>(())
            }));
            cx.sleep(secs(1)).await;
            let _new = cx.fork_named("new", succeed::<_, Never, _>(()));
            let dump = text(&runtime.dump());
            // Of both runtimes.
            insta::allow_duplicates! {
            insta::assert_snapshot!(dump, @r"
            fiber <1> runs, for 0ns; begun 4s ago at tests/observation_dump.rs
              fiber <2> (parent) waits for nothing at all at tests/observation_dump.rs, for 4s; begun 4s ago at tests/observation_dump.rs
                fiber <3> waits for a time at tests/observation_dump.rs, for 4s; begun 4s ago at tests/observation_dump.rs
              fiber <4> (careful), 1 mask, waits for a time at tests/observation_dump.rs, for 2s; begun 2s ago at tests/observation_dump.rs
              fiber <5> (leaving), 1 finalizer pending, interrupted, waits for its finalizers and its children, now for a time at tests/observation_dump.rs, for 1s; begun 2s ago at tests/observation_dump.rs
              fiber <6> waits for something that does not say what it is, for 1s; begun 1s ago at tests/observation_dump.rs
              fiber <7> (new) has not run yet, for 0ns; begun 0ns ago at tests/observation_dump.rs
            ");
            }
        })
        .await;
    });
}

#[test]
fn a_dump_says_where_a_fiber_waits_and_where_it_was_forked() {
    everywhere(async |cx: Cx<()>| {
        observed(&cx, async |cx: Cx<()>, _| {
            let line = line!();
            let fiber = cx.fork(effect(async |cx: Cx<()>| {
                cx.sleep(secs(9)).await;
                Ok::<_, Never>(())
            }));
            let sleeping = sleep::<_, Never>(secs(9));
            let other = cx.run(sleeping.fork::<Never>()).await.unwrap();
            cx.sleep(secs(4)).await;
            let dump = fiber.dump();
            let [look] = dump.fibers() else {
                panic!("{dump}");
            };
            let FiberStatus::Waits(Some(waits_for)) = look.status() else {
                panic!("{dump}");
            };
            assert_eq!(waits_for.place().line(), line + 2);
            assert_eq!(look.place().unwrap().line(), line + 1);
            assert_eq!(look.lasts(), Some(secs(4)));
            assert_eq!(look.age(), Some(secs(4)));
            let forked = other.dump().fibers()[0].place();
            assert_eq!(forked.unwrap().line(), line + 6);
        })
        .await;
    });
}

#[test]
fn the_place_of_a_root_is_where_it_was_run() {
    on_both(async |cx: Cx<()>| {
        let runtime = Arc::new(Observed::new(Arc::clone(cx.runtime())));
        let (fiber, _exit) = never::<_, Never, ()>().start_on(runtime);
        let place = fiber.dump().fibers()[0].place().unwrap();
        assert_eq!((place.file(), place.line()), (file!(), line!() - 2));
    });
}

#[test]
fn the_dump_of_the_process_has_the_fibers_of_observed_runtimes_and_no_others() {
    on_both(async |cx: Cx<()>| {
        observed(&cx, async |cx: Cx<()>, _| {
            let ours = cx.fork_named("ours, in the dump", never::<_, Never, ()>());
            cx.sleep(secs(1)).await;
            let dump = effect::dump().to_string();
            assert!(dump.contains("(ours, in the dump) waits for nothing at all"));
            drop(ours);
        })
        .await;
        let plain = effect(async |cx: Cx<()>| {
            let _not = cx.fork_named("not in the dump", never::<_, Never, ()>());
            cx.sleep(secs(1)).await;
            Ok::<_, Never>(effect::dump().to_string())
        });
        let dump = exit_of(&cx, plain).await;
        assert!(!dump.value().unwrap().contains("not in the dump"));
    });
}

#[test]
fn a_root_is_in_the_dump_until_it_has_ended() {
    on_both(async |cx: Cx<()>| {
        let runtime = Arc::new(Observed::new(Arc::clone(cx.runtime())));
        let dumped = || runtime.dump().fibers().len();
        let ends = sleep::<_, Never>(secs(1)).run_on(runtime.clone());
        let dropped = never::<_, Never, ()>()
            .ensuring(sleep(secs(1)))
            .run_on(runtime.clone());
        assert_eq!(dumped(), 2);
        drop(ends.await);
        assert_eq!(dumped(), 1);
        // Begun, and dropped: it is there for as long as it has a finalizer to run.
        assert!(dropped.now_or_never().is_none());
        cx.sleep(std::time::Duration::from_millis(500)).await;
        assert_eq!(dumped(), 1);
        let finalizing = runtime.dump().fibers()[0].status();
        assert!(
            matches!(finalizing, FiberStatus::Waits(Some(_))),
            "{finalizing:?}"
        );
        cx.sleep(secs(1)).await;
        assert_eq!(dumped(), 0);
    });
}

#[test]
fn a_fiber_that_is_polled_runs() {
    on_both(async |cx: Cx<()>| {
        observed(&cx, async |_: Cx<()>, runtime: Arc<Observed>| {
            let status = || runtime.dump().fibers()[0].status();
            assert_eq!(status(), FiberStatus::Runs);
            let mut polls = 0;
            poll_fn(|task| {
                polls += 1;
                assert_eq!(status(), FiberStatus::Runs);
                task.waker().wake_by_ref();
                if polls < 3 {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
            .await;
        })
        .await;
    });
}

#[test]
fn masks_are_counted_and_a_part_that_is_excepted_is_not_under_one() {
    everywhere(async |cx: Cx<()>| {
        observed(&cx, async |cx: Cx<()>, _| {
            let second = || sleep::<(), Never>(secs(1));
            let masked = uninterruptible_mask(move |restore| {
                second()
                    .zip(second().uninterruptible())
                    .zip(restore.apply(second()))
                    .zip(second())
            });
            let fiber = cx.fork(second().zip(masked).zip(second()));
            let mut masks = Vec::new();
            cx.sleep(std::time::Duration::from_millis(500)).await;
            for _ in 0..6 {
                masks.push(fiber.dump().fibers()[0].masks());
                cx.sleep(secs(1)).await;
            }
            assert_eq!(masks, [0, 1, 2, 0, 1, 0]);
        })
        .await;
    });
}

#[test]
fn a_mask_that_is_cut_is_counted_until_it_ends() {
    everywhere(async |cx: Cx<()>| {
        observed(&cx, async |cx: Cx<()>, _| {
            let region = sleep::<(), Never>(secs(5)).uninterruptible();
            let fiber = cx.fork(succeed(()).zip(region).timeout(secs(1)));
            cx.sleep(secs(3)).await;
            assert_eq!(fiber.dump().fibers()[0].masks(), 1);
            cx.sleep(secs(3)).await;
            drop(cx.run(fiber.exit()).await);
        })
        .await;
    });
}

#[test]
fn a_fiber_of_a_runtime_that_is_not_observed_is_only_named() {
    let plain = effect(async |cx: Cx<()>| {
        let child = cx.fork_named("child", never::<_, Never, ()>());
        cx.sleep(secs(1)).await;
        Ok::<_, Never>((child.id(), child.dump()))
    });
    let runtime = virtual_runtime();
    let _entered = runtime.enter();
    let tokio = Arc::new(TokioRuntime::current());
    let exit = runtime.block_on(plain.run_on(tokio));
    let (id, dump) = exit.value().cloned().unwrap();
    assert_eq!(dump.to_string(), format!("{id} (child)"));
    assert_eq!(dump.fibers()[0].status(), FiberStatus::Unobserved);
    assert_eq!(dump.fibers()[0].lasts(), None);
}

#[test]
fn a_deep_family_is_dumped_from_a_small_stack() {
    const DEPTH: usize = 3_000;
    fn nest(depth: usize) -> Effect<(), Never, ()> {
        effect(async move |cx: Cx<()>| {
            let _child = (depth > 1).then(|| cx.fork(nest(depth - 1)));
            cx.run(never::<_, Never, ()>()).await
        })
        .erase()
    }
    let program = effect(async |cx: Cx<()>| {
        let family = cx.fork(nest(DEPTH));
        cx.sleep(secs(1)).await;
        let dump = family.dump();
        assert_eq!(dump.fibers().len(), DEPTH);
        assert_eq!(dump.fibers()[DEPTH - 1].depth(), DEPTH - 1);
        Ok::<_, Never>(dump.to_string().lines().count())
    });
    let exit = VirtualTime::new().run(program).unwrap();
    assert_eq!(exit.value(), Some(&DEPTH));
}

#[test]
fn a_deadlock_prints_the_fibers_as_a_dump_does() {
    let program = effect(async |cx: Cx<()>| {
        cx.sleep(secs(3)).await;
        let stuck = cx.fork_named("stuck", never::<_, Never, ()>());
        cx.run(stuck.join()).await
    });
    let deadlock = VirtualTime::new().run(program).unwrap_err();
    let printed = deadlock.to_string();
    let dump = deadlock.dump();
    assert_eq!(dump.fibers().len(), 2);
    assert!(
        dump.fibers()
            .iter()
            .all(|fiber| fiber.lasts() == Some(secs(0)))
    );
    for line in dump.to_string().lines() {
        assert!(printed.contains(&format!("\n  {line}")), "{printed}");
    }
}
