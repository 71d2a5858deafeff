//! A local follows an effect and its children, and what is set inside is not seen outside.

use crate::common::small_stack::on_small_stack;
use crate::common::{Log, everywhere, exit_of, in_turns, secs};
use effect::prelude::*;
use effect::{FiberLocal, uninterruptible_mask, yield_now};

static NAME: FiberLocal<&str> = FiberLocal::new(|| "nobody");
static AGE: FiberLocal<u32> = FiberLocal::new(|| 0);

/// The name as it is here.
fn name() -> Effect<(), Never, &'static str> {
    effect(async |cx: Cx<()>| Ok(cx.local(&NAME))).erase()
}

/// An effect that writes the name down.
fn note(log: &Log) -> Effect<(), Never, ()> {
    let log = log.clone();
    name().map(move |name| log.write(name)).erase()
}

// T39
#[test]
fn what_a_child_sets_its_parent_does_not_see_and_the_other_way_round() {
    everywhere(async |cx: Cx<()>| {
        let parent = effect(async |cx: Cx<()>| {
            let inherits = cx.fork(sleep(secs(1)).flat_map(|()| name()));
            let sets = cx.fork(sleep(secs(1)).flat_map(|()| name()).locally(&NAME, "child"));
            let later = effect(async |cx: Cx<()>| {
                cx.sleep(secs(2)).await;
                Ok::<_, Never>(cx.local(&NAME))
            });
            // Set after the fork, and gone before the child looks again.
            let here = cx.run(later.locally(&NAME, "later")).await?;
            let children = (cx.run(inherits.join()).await?, cx.run(sets.join()).await?);
            Ok::<_, Never>((here, children, cx.local(&NAME)))
        });
        let seen = cx.run(parent.locally(&NAME, "parent")).await;
        assert_eq!(seen, Ok(("later", ("parent", "child"), "parent")));
        assert_eq!(cx.local(&NAME), "nobody");
    });
}

// T39
#[test]
fn a_local_is_as_before_after_success_failure_panic_and_interruption() {
    #[track_caller]
    fn check(inside: Effect<(), &'static str, ()>) {
        everywhere(async move |cx: Cx<()>| {
            let log = Log::new();
            let (begun, inner, outer) = (note(&log), note(&log), note(&log));
            let after = note(&log);
            let inside = begun.widen_error().flat_map(move |()| inside);
            let inside = inside.ensuring(inner).locally(&NAME, "inside");
            let limited = inside.ensuring(outer).timeout(secs(1));
            let whole = limited.exit().flat_map(move |_| after);
            assert!(
                exit_of(&cx, whole.locally(&NAME, "around"))
                    .await
                    .is_success()
            );
            assert_eq!(log.lines(), ["inside", "inside", "around", "around"]);
        });
    }
    check(succeed(()).erase());
    check(fail("no").erase());
    check(die("a bug").erase());
    check(never().erase());
}

// T39
#[test]
fn under_a_mask_a_local_is_as_before_after_an_interrupted_part() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let after = note(&log);
        let masked = uninterruptible_mask(|restore| {
            let part = restore
                .apply(never::<_, Never, ()>())
                .locally(&NAME, "part");
            part.exit().flat_map(|_| after)
        });
        let fiber = cx.fork(masked.locally(&NAME, "masked"));
        cx.sleep(secs(1)).await;
        let Ok(_) = cx.run(fiber.interrupt()).await;
        assert_eq!(log.lines(), ["masked"]);
    });
}

#[test]
fn branches_of_one_fiber_have_each_their_own() {
    everywhere(async |cx: Cx<()>| {
        let turns = |name: &'static str| {
            let looks = effect(async |cx: Cx<()>| {
                let mut seen = Vec::new();
                for _ in 0..3 {
                    yield_now().await;
                    seen.push(cx.local(&NAME));
                }
                Ok::<_, Never>(seen)
            });
            looks.locally(&NAME, name)
        };
        let both = turns("left").zip_par(turns("right"));
        assert_eq!(cx.run(both).await, Ok((vec!["left"; 3], vec!["right"; 3])));
    });
}

#[test]
fn the_innermost_counts_and_one_local_is_not_another() {
    everywhere(async |cx: Cx<()>| {
        let both = effect(async |cx: Cx<()>| Ok::<_, Never>((cx.local(&NAME), cx.local(&AGE))));
        let inner = both.clone().locally(&NAME, "inner").locally(&AGE, 7);
        let nested = inner.zip(both).locally(&NAME, "outer");
        assert_eq!(cx.run(nested).await, Ok((("inner", 7), ("outer", 0))));
    });
}

#[test]
fn a_deep_chain_of_locals_can_be_dropped_by_the_last_who_sees_it() {
    on_small_stack(|| {
        in_turns(async |cx: Cx<()>| {
            let outlives =
                effect(async |cx: Cx<()>| Ok::<_, Never>(cx.detach(sleep::<_, Never>(secs(1)))));
            // The fiber is left as the last one that has the locals.
            let deep = (0..100_000).fold(outlives.erase(), |effect, n| {
                effect.locally(&AGE, n).erase()
            });
            let Ok(fiber) = cx.run(deep).await;
            assert_eq!(cx.run(fiber.join()).await, Ok(()));
        });
    });
}
