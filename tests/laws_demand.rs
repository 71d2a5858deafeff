//! The laws of demand: an operator of a stream reads no further than it has to.
//!
//! What they need and is not there yet: `zip`, `zip_latest`, `interleave`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::elements::{count, elements, results};
use crate::common::in_virtual_time;
use crate::common::laws::{equal_undisturbed, undisturbed_runs};
use crate::common::programs::{BEAT, PLAIN};
use effect::Source;
use effect::prelude::*;
use futures::StreamExt;

/// A stream without an end that counts how much of it was pulled.
fn counted(
    pulled: &Arc<AtomicUsize>,
) -> Stream<(), u32, impl Source<(), Item = u32> + Clone + use<>> {
    let pulled = Arc::clone(pulled);
    Stream::from_iter(0..).map(move |n| {
        pulled.fetch_add(1, Ordering::Relaxed);
        n
    })
}

/// Checks how many items are pulled of a stream without an end, as it folds itself, and as it is pulled.
#[track_caller]
fn check_pulled<A: effect::Value, S: Source<(), Item = A> + Clone>(
    expected: impl Fn(usize) -> usize,
    stream: impl Fn(&Arc<AtomicUsize>, usize) -> Stream<(), A, S>,
) {
    for run in undisturbed_runs() {
        let pulled = Arc::new(AtomicUsize::new(0));
        let wanted = usize::try_from(run.number % 8).expect("below eight");
        let folded = run.see(|_| stream(&pulled, wanted).run_collect().map(drop));
        let by_fold = pulled.swap(0, Ordering::Relaxed);
        let each =
            run.see(|_| stream(&pulled, wanted).run_for_each(|_| succeed::<_, Never, _>(())));
        let by_pulling = pulled.load(Ordering::Relaxed);
        let expected = expected(wanted);
        assert_eq!((by_fold, by_pulling), (expected, expected), "{run:?}");
        assert_eq!(folded.exit, each.exit, "{run:?}");
    }
}

/// ZIO *take: it doesn't pull more than it has to*.
#[test]
fn take_pulls_what_it_takes_and_not_one_more() {
    check_pulled(|n| n, |pulled, n| counted(pulled).take(n));
    check_pulled(|n| n, |pulled, n| counted(pulled).take(n).erase());
    check_pulled(|n| n, |pulled, n| counted(pulled).erase().take(n));
    check_pulled(|n| n, |pulled, n| counted(pulled).map(|x| x + 1).take(n));
    check_pulled(
        |n| (n * 3).saturating_sub(2),
        |pulled, n| counted(pulled).filter(|x| x % 3 == 0).take(n),
    );
    check_pulled(|n| n * 3, |pulled, n| counted(pulled).chunks(3).take(n));
    check_pulled(
        |n| n,
        |pulled, n| {
            let effects = counted(pulled).map_effect(succeed::<_, Never, _>);
            effects.into_results().take(n)
        },
    );
}

/// Ours, by decision: a merge holds at most one item of each side ahead of what it has emitted.
#[test]
fn merge_reads_one_item_ahead_of_each_side_at_most() {
    for run in undisturbed_runs() {
        let [left, right] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let mut wanted = 0;
        let seen = run.see(|given| {
            wanted = count(given, "wanted");
            let delay = |name| {
                let beats = BEAT * given.programs(name).below(3);
                move |x| sleep::<_, Never>(beats).map(move |()| x)
            };
            let slow = counted(&left).map_effect(delay("left"));
            let body = delay("body");
            let merged = slow.merge(counted(&right).map_effect(delay("right")));
            merged
                .into_results()
                .take(wanted)
                .run_for_each(move |_| body(0).map(drop))
        });
        assert!(seen.exit.is_success());
        let pulled = left.load(Ordering::Relaxed) + right.load(Ordering::Relaxed);
        assert!(
            (wanted..=wanted + 2).contains(&pulled),
            "{run:?}: {pulled} of {wanted}"
        );
    }
}

/// Ours: an effect that runs is for an item that is wanted, so the next one begins when the body has ended.
#[test]
fn map_effect_does_not_run_ahead() {
    equal_undisturbed(
        |given| {
            let (f, steps) = (given.function(PLAIN, "f"), given.steps.clone());
            let stream = elements(given).map_effect(f).into_results();
            let run = stream
                .run_for_each(move |_| sleep::<_, Never>(BEAT).zip(steps.note("body")).map(drop));
            run.map(|()| Duration::ZERO)
        },
        |given| {
            let (f, steps) = (given.function(PLAIN, "f"), given.steps.clone());
            let elements = results(given, "xs");
            effect(async move |cx: Cx<()>| {
                for element in elements {
                    if let Ok(x) = element {
                        // A defect ends all of it.
                        let _ = cx.run(f(x)).await;
                    }
                    cx.run(sleep::<_, Never>(BEAT).zip(steps.note("body")))
                        .await?;
                }
                Ok(Duration::ZERO)
            })
        },
    );
}

/// Ours: as a `futures::Stream`, a stream is at most one item ahead, and none before it is asked.
#[test]
fn a_futures_stream_is_one_item_ahead_at_most() {
    for wanted in 0..20 {
        let pulled = Arc::new(AtomicUsize::new(0));
        let stream = counted(&pulled).into_stream();
        let all: Vec<_> = in_virtual_time(stream.take(wanted).collect());
        assert_eq!(all.len(), wanted);
        let pulled = pulled.load(Ordering::Relaxed);
        assert!(
            (wanted..=wanted + wanted.min(1)).contains(&pulled),
            "{pulled} of {wanted}"
        );
    }
}
