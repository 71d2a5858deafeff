//! What is asked in parallel is answered by one call, and nobody who asks is left without an answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{everywhere, in_turns, on_both, on_one_thread, reasons, secs, timed};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{Request, RequestResolver, for_each_par, for_each_par_forked, request};
use futures::FutureExt;
use futures::future::join_all;

/// Asks for the double of a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Double(pub(super) u32);

impl Request for Double {
    type Error = &'static str;
    type Value = u32;
}

pub(super) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What was asked, call by call.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<Vec<u32>>>>);

impl Calls {
    pub(super) fn seen(&self) -> Vec<Vec<u32>> {
        self.0.lock().unwrap().clone()
    }

    /// A resolver that answers after a second, but for thirteen.
    pub(super) fn resolver<R: effect::Env>(&self) -> RequestResolver<R, Double> {
        let calls = self.clone();
        RequestResolver::new(move |cx: Cx<R>, asked: Vec<Double>| {
            let numbers = asked.iter().map(|asked| asked.0).collect();
            calls.0.lock().unwrap().push(numbers);
            async move {
                cx.sleep(secs(1)).await;
                let answers = asked.into_iter().map(|asked| match asked {
                    Double(13) => (asked, Err("thirteen")),
                    Double(n) => (asked, Ok(2 * n)),
                });
                Ok(answers.collect::<BTreeMap<_, _>>())
            }
        })
    }
}

impl PartialOrd for Double {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Double {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

#[test]
fn what_one_fiber_asks_in_parallel_is_one_call() {
    // On threads, a batch may close while somebody is about to ask: a `delay` collects more.
    on_one_thread(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver();
        let [one, two, again] = [1, 2, 1].map(|n| request(Double(n), &doubles));
        let asked = cx.run(one.zip_par(two.zip_par(again)));
        assert_eq!(timed(&cx, asked).await, (1, Ok((2, (4, 2)))));
        assert_eq!(calls.seen(), [[1, 2]]);

        let many = (0..300).map(|n| cx.run(request(Double(n % 100 + 20), &doubles)).boxed());
        let answers = join_all(many).await;
        assert_eq!((answers[0], answers[299]), (Ok(40), Ok(238)));
        assert_eq!(calls.seen().len(), 2);
        assert_eq!(calls.seen()[1], Vec::from_iter(20..120));
    });
}

#[test]
fn what_a_parallel_loop_asks_is_one_call() {
    // On threads, a batch may close while somebody is about to ask: a `delay` collects more.
    in_turns(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver();
        let asking = doubles.clone();
        let in_place = for_each_par(20..120, 100, move |n| request(Double(n), &asking));
        let forked = for_each_par_forked(20..120, 100, move |n| request(Double(n), &doubles));
        let expected: Vec<_> = (20..120).map(|n| 2 * n).collect();
        assert_eq!(cx.run(in_place).await, Ok(expected.clone()));
        assert_eq!(cx.run(forked).await, Ok(expected));
        let sizes: Vec<_> = calls.seen().iter().map(Vec::len).collect();
        assert_eq!(sizes, [100, 100]);
    });
}

#[test]
fn what_children_ask_is_one_call() {
    // On threads, a batch may close while somebody is about to ask: a `delay` collects more.
    in_turns(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver();
        let children: Vec<_> = (0..200)
            .map(|n| {
                let inner = request(Double(n + 20), &doubles);
                // Some ask a little later than others.
                let deep = effect(async move |cx: Cx<()>| {
                    let inner = cx.fork(inner);
                    cx.run(inner.join()).await
                });
                match n % 2 {
                    0 => cx.fork(deep),
                    _ => cx.fork(request(Double(n + 20), &doubles)),
                }
            })
            .collect();
        for (n, child) in (20..).zip(children) {
            assert_eq!(cx.run(child.join()).await, Ok(2 * n));
        }
        let seen = calls.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0].len(), 200);
    });
}

#[test]
fn what_is_asked_one_after_the_other_is_not_put_off() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver();
        let asked = request(Double(1), &doubles).zip(request(Double(1), &doubles));
        assert_eq!(timed(&cx, cx.run(asked)).await, (2, Ok((2, 2))));
        assert_eq!(calls.seen(), [[1], [1]]);
    });
}

#[test]
fn with_a_delay_what_is_asked_in_that_time_is_one_call_in_any_order() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver().delay(millis(5));
        let children = [0, 1, 2, 3].map(|n| {
            let asked = request(Double(n), &doubles);
            cx.fork(sleep(millis(n.into())).flat_map(|()| asked))
        });
        for (n, child) in (0..).zip(children) {
            assert_eq!(cx.run(child.join()).await, Ok(2 * n));
        }
        assert_eq!(calls.seen(), [[0, 1, 2, 3]]);
    });
}

#[test]
fn a_batch_is_never_larger_than_allowed() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        // One that is full does not wait for the delay.
        let doubles = calls.resolver().delay(secs(10)).batch_n(4);
        let asked = (0..9).map(|n| cx.run(request(Double(n), &doubles)).boxed());
        let (took, answers) = timed(&cx, join_all(asked)).await;
        assert_eq!(answers[7..], [Ok(14), Ok(16)]);
        assert_eq!(took, 11);
        let mut seen = calls.seen();
        seen.sort();
        assert_eq!(seen, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8]]);
    });
}

#[test]
#[should_panic(expected = "a batch has at least one request")]
fn a_batch_of_nothing_is_refused() {
    drop(Calls::default().resolver::<()>().batch_n(0));
}

#[test]
fn an_answer_may_be_an_error_of_one_request_alone() {
    everywhere(async |cx: Cx<()>| {
        let doubles = Calls::default().resolver();
        let bad = request(Double(13), &doubles).exit();
        let good = request(Double(1), &doubles).exit();
        let Ok((bad, good)) = cx.run(bad.zip_par(good)).await;
        assert_eq!(bad, Exit::Failure(Cause::fail("thirteen")));
        assert_eq!(good, Exit::Success(2));
    });
}

/// Asks three things in parallel of a resolver that goes wrong, and has how each has ended.
async fn ask_three(
    cx: &Cx<()>,
    doubles: &RequestResolver<(), Double>,
) -> [Exit<&'static str, u32>; 3] {
    let [one, two, again] = [1, 2, 1].map(|n| cx.fork(request(Double(n), doubles)));
    let Ok(((one, two), again)) = cx
        .run(one.exit().zip_par(two.exit()).zip_par(again.exit()))
        .await;
    [one, two, again]
}

pub(super) type NoAnswers = Vec<(Double, Result<u32, &'static str>)>;

#[test]
fn a_call_that_fails_fails_all_who_wait_for_it() {
    everywhere(async |cx: Cx<()>| {
        let doubles = RequestResolver::new(|_: Cx<()>, _: Vec<Double>| async {
            Err::<NoAnswers, _>("offline")
        });
        for exit in ask_three(&cx, &doubles).await {
            assert_eq!(exit, Exit::Failure(Cause::fail("offline")));
        }
    });
}

#[test]
fn a_call_that_panics_is_a_defect_of_all_who_wait_for_it() {
    everywhere(async |cx: Cx<()>| {
        let at_once =
            RequestResolver::new(|_: Cx<()>, _: Vec<Double>| -> Effect<(), _, NoAnswers> {
                panic!("a bug")
            });
        let later = RequestResolver::new(|_: Cx<()>, _: Vec<Double>| {
            sleep(secs(1)).map(|()| -> NoAnswers { panic!("a bug") })
        });
        for doubles in [at_once, later] {
            for exit in ask_three(&cx, &doubles).await {
                assert_eq!(reasons(exit.cause().unwrap()), ["die a bug"]);
            }
        }
    });
}

#[test]
fn a_request_without_an_answer_is_a_defect_that_names_it() {
    everywhere(async |cx: Cx<()>| {
        let line = line!() + 1;
        let doubles = RequestResolver::new(|_: Cx<()>, _: Vec<Double>| async {
            Ok(vec![(Double(1), Ok(2)), (Double(3), Ok(6))])
        });
        let [one, two, again] = ask_three(&cx, &doubles).await;
        assert_eq!((one, again), (Exit::Success(2), Exit::Success(2)));
        let defect = two.cause().unwrap().defect().unwrap().clone();
        assert_eq!(defect.message(), "the resolver has no answer to Double(2)");
        assert_eq!(defect.location(), Some((file!(), line)));
    });
}

#[test]
fn a_call_that_is_interrupted_interrupts_all_who_wait_for_it() {
    everywhere(async |cx: Cx<()>| {
        let doubles = RequestResolver::new(|_: Cx<()>, _: Vec<Double>| {
            effect(async |cx: Cx<()>| {
                let child = cx.fork(never::<_, &str, NoAnswers>());
                child.interrupt_fork();
                cx.run(child.join()).await
            })
        });
        for exit in ask_three(&cx, &doubles).await {
            assert!(exit.is_interrupt(), "{exit:?}");
        }
    });
}

#[test]
fn a_failed_request_can_be_made_again() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver();
        let tried = request(Double(13), &doubles).retry(Schedule::recurs(2));
        assert_eq!(cx.run(tried).await, Err("thirteen"));
        assert_eq!(calls.seen().len(), 3);
    });
}

#[test]
fn what_is_asked_in_different_environments_is_not_one_call() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let tenants = calls.resolver::<&'static str>();
        let asked = |n, tenant| request(Double(n), &tenants).provide(tenant);
        let shared = Arc::new("c");
        let both = [3, 4].map(|n| request(Double(n), &tenants).provide_shared(Arc::clone(&shared)));
        let [three, four] = both;
        let all = asked(1, "a")
            .zip_par(asked(2, "b"))
            .zip_par(three.zip_par(four));
        assert_eq!(cx.run(all).await, Ok(((2, 4), (6, 8))));
        let mut seen = calls.seen();
        seen.sort();
        assert_eq!(seen, [vec![1], vec![2], vec![3, 4]]);
    });
}

#[test]
fn environments_with_nothing_in_them_are_all_the_same() {
    on_both(async |cx: Cx<()>| {
        let calls = Calls::default();
        let doubles = calls.resolver::<()>();
        let asked = |n| request(Double(n), &doubles).provide(());
        assert_eq!(cx.run(asked(1).zip_par(asked(2))).await, Ok((2, 4)));
        assert_eq!(calls.seen(), [[1, 2]]);
    });
}

#[test]
fn the_environment_has_the_resolver() {
    #[derive(Has)]
    struct App {
        doubles: RequestResolver<App, Double>,
    }
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let double =
            |n| effect(async move |cx: Cx<App>| cx.run(request(Double(n), cx.get())).await);
        let app = App {
            doubles: calls.resolver(),
        };
        assert_eq!(
            cx.run(double(1).zip_par(double(2)).provide(app)).await,
            Ok((2, 4))
        );
        assert_eq!(calls.seen(), [[1, 2]]);
    });
}

#[test]
fn a_resolver_may_ask_another_and_itself() {
    everywhere(async |cx: Cx<()>| {
        let calls = Calls::default();
        let (doubles, slot) = (calls.resolver::<()>(), Arc::new(Mutex::new(None)));
        let me = Arc::clone(&slot);
        let quadruples = RequestResolver::new(move |cx: Cx<()>, asked: Vec<Double>| {
            let (doubles, me) = (doubles.clone(), me.clone());
            async move {
                let me: Option<RequestResolver<(), Double>> = me.lock().unwrap().clone();
                let mut answers = Vec::new();
                for asked in asked {
                    let answer = match (&asked, &me) {
                        (Double(100..), Some(me)) => {
                            cx.run(request(Double(asked.0 - 100), me)).await
                        }
                        _ => cx.run(request(asked.clone(), &doubles)).await,
                    };
                    answers.push((asked, answer.map(|double| 2 * double)));
                }
                Ok(answers)
            }
        });
        *slot.lock().unwrap() = Some(quadruples.clone());
        assert_eq!(cx.run(request(Double(101), &quadruples)).await, Ok(8));
        *slot.lock().unwrap() = None;
    });
}

#[test]
fn on_threads_everybody_has_an_answer() {
    let calls = Calls::default();
    let counted = calls.clone();
    let doubles = RequestResolver::new(move |_: Cx<()>, asked: Vec<Double>| {
        counted
            .0
            .lock()
            .unwrap()
            .push(asked.iter().map(|asked| asked.0).collect());
        async move {
            Ok(asked
                .into_iter()
                .map(|asked| (asked.clone(), Ok(2 * asked.0)))
                .collect::<Vec<_>>())
        }
    });
    let program = effect(async move |cx: Cx<()>| {
        for round in 0..50 {
            let children: Vec<_> = (0..20)
                .map(|n| {
                    let (left, right) = (
                        request(Double(n), &doubles),
                        request(Double(n + 1), &doubles),
                    );
                    let slow = request(Double(n), &doubles)
                        .timeout(Duration::from_micros(u64::from(n) * round));
                    cx.fork(
                        left.zip_par(right)
                            .zip_par(slow.exit().map_error(|never| match never {})),
                    )
                })
                .collect();
            for (n, child) in (0..).zip(children) {
                let (both, _) = cx.run(child.join()).await?;
                assert_eq!(both, (2 * n, 2 * n + 2));
            }
        }
        Ok::<_, &str>(())
    });
    assert!(run(program).unwrap().is_success());
    for batch in calls.seen() {
        let mut once = batch.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), batch.len(), "{batch:?}");
    }
}

#[test]
fn nobody_hangs_and_nothing_is_left_whatever_strikes() {
    Sim::new().runs(2_000).test(|trial: &Trial| {
        let most = trial.capacity(3);
        let faults = trial.clone();
        let doubles = RequestResolver::new(move |_: Cx<()>, asked: Vec<Double>| {
            faults.expect(asked.len() <= most, "more than allowed");
            faults.fault_point();
            // Calls run at the same time, and end in any order: each has its own books.
            let books = faults.finalizers();
            let (released, probe, faults) = (books.clone(), faults.probe(), faults.clone());
            acquire_release(
                sync::<(), &'static str, _, _>(move || books.acquired(1)),
                move |()| sleep(Duration::from_micros(1)).map(move |()| released.released(1)),
            )
            .flat_map(|()| sleep(Duration::from_micros(2)))
            .map(move |()| {
                let _probe = probe;
                faults.fault_point();
                let answers = asked.into_iter().map(|asked| match asked {
                    Double(3) => (asked, Err("three")),
                    Double(n) => (asked, Ok(2 * n)),
                });
                answers.collect::<Vec<_>>()
            })
            .scoped()
        });
        let doubles = doubles.batch_n(most);
        let run = doubles.cached();
        let expects = trial.clone();
        let program = effect(async move |cx: Cx<()>| {
            let children: Vec<_> = (0..4)
                .map(|n| {
                    let from = if n % 2 == 0 { &run } else { &doubles };
                    let asked = request(Double(n), from).zip_par(request(Double(n / 2), from));
                    cx.fork(sleep(Duration::from_micros(u64::from(n / 2))).flat_map(|()| asked))
                })
                .collect();
            let limited = request(Double(2), &run).timeout(Duration::from_micros(2));
            let Ok(_) = cx.run(limited.exit()).await;
            for (n, child) in (0..).zip(children) {
                let Ok(exit) = cx.run(child.exit()).await;
                if let Exit::Success(both) = exit {
                    expects.expect(both == (2 * n, n / 2 * 2), "the answer to something else");
                    expects.expect(n != 3, "an answer to what has none");
                }
            }
            Ok::<_, &str>(())
        });
        Case::new(program).check(|_| ())
    });
}
