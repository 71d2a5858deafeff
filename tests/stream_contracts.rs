//! What every operator of a stream promises, tested of each of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::common::elements::Elements;
use crate::common::operators::{OPERATORS, Operator};
use crate::common::programs::{BEAT, canceled};
use crate::common::{everywhere, in_turns};
use effect::prelude::*;

/// Runs a test's body for each operator.
#[track_caller]
fn of_each(test: impl Fn(&'static Operator)) {
    for operator in OPERATORS {
        println!("{}", operator.name);
        test(operator);
    }
}

/// How many elements a stream was asked for, and how many came out at the other end.
#[derive(Clone, Default)]
struct Counts {
    pulled: Arc<AtomicU64>,
    emitted: Arc<AtomicU64>,
    /// Whether whoever is at that end is busy with what came last.
    is_busy: Arc<AtomicBool>,
    most_ahead: Arc<AtomicU64>,
}

impl Counts {
    fn counted(&self, stream: Elements) -> Elements {
        let counts = self.clone();
        let pull = move |element| {
            let pulled = counts.pulled.fetch_add(1, Ordering::SeqCst) + 1;
            let wanted = u64::from(!counts.is_busy.load(Ordering::SeqCst));
            let ahead = pulled - counts.emitted.load(Ordering::SeqCst) - wanted;
            counts.most_ahead.fetch_max(ahead, Ordering::SeqCst);
            element
        };
        stream.map_result(pull).erase()
    }
}

/// Complaint 6: read-ahead that is off by one.
#[test]
fn each_operator_reads_ahead_exactly_as_far_as_it_says() {
    of_each(|operator| {
        everywhere(async move |cx: Cx<()>| {
            let counts = Counts::default();
            let source = counts.counted(StreamE::from_iter(0..12).erase());
            let seen = counts.clone();
            let run = (operator.apply)(source).run_for_each(move |_| {
                seen.emitted.fetch_add(1, Ordering::SeqCst);
                seen.is_busy.store(true, Ordering::SeqCst);
                let is_busy = Arc::clone(&seen.is_busy);
                // Time for what would go too far.
                let work = sleep::<_, Never>(BEAT * 4);
                work.map(move |()| is_busy.store(false, Ordering::SeqCst))
            });
            let Ok(()) = cx.run(run).await;
            assert_eq!(
                counts.emitted.load(Ordering::SeqCst),
                12,
                "{}",
                operator.name
            );
            let ahead = counts.most_ahead.load(Ordering::SeqCst);
            assert_eq!(ahead, operator.ahead, "{}", operator.name);
        });
    });
}

/// Nothing is pulled before anything is wanted, and nothing after the last that was.
#[test]
fn each_operator_pulls_no_more_than_is_taken() {
    of_each(|operator| {
        everywhere(async move |cx: Cx<()>| {
            for wanted in [0, 1, 3] {
                let counts = Counts::default();
                let source = counts.counted(StreamE::from_iter(0..).erase());
                let taken = (operator.apply)(source).take(wanted).run_collect();
                let Ok(all) = cx.run(taken).await;
                assert_eq!(all.len(), wanted, "{}", operator.name);
                let pulled = counts.pulled.load(Ordering::SeqCst);
                let most = if wanted == 0 {
                    0
                } else {
                    wanted as u64 + operator.ahead
                };
                assert!(pulled <= most, "{}: {pulled} for {wanted}", operator.name);
            }
        });
    });
}

/// What a source ends with, or does not.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Dies,
    IsInterrupted,
    NeverEnds,
}

fn ending(ending: Ending) -> Elements {
    let last = match ending {
        Ending::Dies => die("of old age").erase(),
        Ending::IsInterrupted => canceled().erase(),
        Ending::NeverEnds => never().erase(),
    };
    StreamE::from_iter(0..2)
        .concat(StreamE::from_effect(last))
        .erase()
}

/// Complaint 7: hangs when a source dies.
#[test]
fn no_operator_hangs_or_leaks_whatever_becomes_of_its_source() {
    of_each(|operator| {
        everywhere(async move |cx: Cx<()>| {
            let exit = async |how| {
                let run = (operator.apply)(ending(how)).run_collect();
                let fiber = cx.fork(run.timeout(BEAT * 100));
                cx.run(fiber.exit()).await
            };
            let Ok(died) = exit(Ending::Dies).await;
            assert!(
                died.cause()
                    .is_some_and(|cause| cause.defects().next().is_some()),
                "{}: {died:?}",
                operator.name
            );
            let Ok(interrupted) = exit(Ending::IsInterrupted).await;
            assert!(
                interrupted.is_interrupt(),
                "{}: {interrupted:?}",
                operator.name
            );
            let Ok(limited) = exit(Ending::NeverEnds).await;
            assert!(!limited.is_success(), "{}: {limited:?}", operator.name);
        });
    });
}

/// A source that holds something, and how often that was acquired and released.
fn holding(held: &Arc<AtomicU64>, released: &Arc<AtomicU64>) -> Elements {
    let (held, released) = (Arc::clone(held), Arc::clone(released));
    let acquire = sync(move || held.fetch_add(1, Ordering::SeqCst));
    let release = move |_: u64| {
        let released = Arc::clone(&released);
        sleep(BEAT).map(move |()| {
            released.fetch_add(1, Ordering::SeqCst);
        })
    };
    let resource = acquire_release(acquire, release);
    StreamE::scoped(resource.map(|_| StreamE::from_iter(0..6))).erase()
}

/// Law 14, of streams; T101.
#[test]
fn what_a_source_holds_is_released_before_whoever_ran_it_goes_on() {
    of_each(|operator| {
        everywhere(async move |cx: Cx<()>| {
            for taken in [1, 3, usize::MAX] {
                let (held, released) = (Arc::default(), Arc::default());
                let stream = (operator.apply)(holding(&held, &released));
                let Ok(_) = cx.run(stream.take(taken).run_collect()).await;
                let counts = [&held, &released].map(|count| count.load(Ordering::SeqCst));
                assert_eq!(counts, [1, 1], "{} of {taken}", operator.name);
            }
            // Interrupted while it runs.
            let (held, released) = (Arc::default(), Arc::default());
            let stream = (operator.apply)(holding(&held, &released));
            let run = stream.run_for_each(|_| sleep::<_, Never>(BEAT));
            let Err(_) = cx.run(run.timeout(BEAT * 3 / 2)).await else {
                panic!("{} is not to end so soon", operator.name);
            };
            let counts = [&held, &released].map(|count| count.load(Ordering::SeqCst));
            assert_eq!(counts, [1, 1], "{}", operator.name);
        });
    });
}

/// A stream folds itself, or is pulled; erased, or not.
#[test]
fn each_operator_emits_the_same_however_it_is_run() {
    of_each(|operator| {
        in_turns(async move |cx: Cx<()>| {
            let elements = || {
                let results = (0..20).map(|n| if n % 7 == 3 { Err(n) } else { Ok(n) });
                (operator.apply)(StreamE::from_results(results).erase())
            };
            let Ok(folded) = cx.run(elements().run_collect()).await;
            let pulled = Arc::new(std::sync::Mutex::new(Vec::new()));
            let log = Arc::clone(&pulled);
            let pull = elements().run_for_each(move |element| {
                log.lock().unwrap().push(element);
                succeed::<(), Never, _>(())
            });
            let Ok(()) = cx.run(pull).await;
            assert_eq!(folded, *pulled.lock().unwrap(), "{}", operator.name);
        });
    });
}

/// Some plain streams panic when they are asked again.
#[test]
fn no_operator_asks_a_source_that_has_ended_again() {
    of_each(|operator| {
        in_turns(async move |cx: Cx<()>| {
            let numbers = || {
                let next = async |n| (n < 5).then_some((Ok(n), n + 1));
                let unfolded = futures::stream::unfold(0, next);
                StreamE::from_stream(Box::pin(unfolded)).into_results()
            };
            let source = Stream::suspend(numbers);
            let stream = (operator.apply)(StreamE::new(source.into_source()).erase());
            let run = stream.run_for_each(|_| sleep::<_, Never>(BEAT));
            assert_eq!(cx.run(run).await, Ok(()), "{}", operator.name);
        });
    });
}

#[test]
fn each_operator_emits_every_element_once_and_in_order_if_it_says_so() {
    of_each(|operator| {
        everywhere(async move |cx: Cx<()>| {
            let stream = (operator.apply)(StreamE::from_iter(0..12).erase());
            let Ok(mut all) = cx.run(stream.run_collect()).await;
            if !operator.keeps_order {
                all.sort();
            }
            let wanted = (0..12).map(Ok).collect::<Vec<_>>();
            assert_eq!(all, wanted, "{}", operator.name);
        });
    });
}
