//! A circuit breaker: when it opens and closes, and that nobody can wedge it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::common::simulated::case;
use crate::common::{Log, everywhere, exit_of, in_turns, on_both, secs};
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};
use effect::{CircuitBreaker, CircuitError, CircuitState, yield_now};

use CircuitError::{Failed, Open};
use CircuitState::{Closed, HalfOpen};

type Call = Effect<(), CircuitError<&'static str>, u32>;

/// A call of a service that answers, or does not.
fn call(breaker: &CircuitBreaker, result: Result<u32, &'static str>) -> Call {
    breaker.protect(from_result(result)).erase()
}

/// Opens a circuit that does after one failure.
async fn open(cx: &Cx<()>, breaker: &CircuitBreaker) {
    let failed = cx.run(call(breaker, Err("down"))).await;
    assert_eq!(failed, Err(Failed("down")));
    assert_eq!(breaker.state(), CircuitState::Open);
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::consecutive(1).cool_down(secs(10))
}

#[test]
fn failures_in_a_row_open_it_and_a_success_counts_anew() {
    on_both(async |cx: Cx<()>| {
        let breaker = CircuitBreaker::consecutive(3);
        let results = [Err("a"), Err("b"), Ok(1), Err("c"), Err("d"), Err("e")];
        for result in results {
            assert_eq!(breaker.state(), Closed);
            let seen = cx.run(call(&breaker, result)).await;
            assert_eq!(seen, result.map_err(Failed));
        }
        assert_eq!(breaker.state(), CircuitState::Open);
    });
}

#[test]
fn nothing_runs_through_an_open_circuit() {
    on_both(async |cx: Cx<()>| {
        let breaker = breaker();
        open(&cx, &breaker).await;
        let log = Log::new();
        let noted = breaker.protect(log.note("ran"));
        cx.sleep(secs(9)).await;
        assert_eq!(cx.run(noted.clone()).await, Err(Open));
        assert_eq!(log.count(), 0);
        cx.sleep(secs(1)).await;
        assert_eq!(cx.run(noted).await, Ok(()));
        assert_eq!(log.count(), 1);
    });
}

#[test]
fn a_probe_that_succeeds_closes_it() {
    on_both(async |cx: Cx<()>| {
        let breaker = breaker();
        open(&cx, &breaker).await;
        cx.sleep(secs(10)).await;
        assert_eq!(cx.run(call(&breaker, Ok(1))).await, Ok(1));
        assert_eq!(breaker.state(), Closed);
    });
}

#[test]
fn a_probe_that_fails_opens_it_for_another_cool_down() {
    on_both(async |cx: Cx<()>| {
        let breaker = breaker();
        open(&cx, &breaker).await;
        cx.sleep(secs(10)).await;
        open(&cx, &breaker).await;
        cx.sleep(secs(9)).await;
        assert_eq!(cx.run(call(&breaker, Ok(1))).await, Err(Open));
        cx.sleep(secs(1)).await;
        assert_eq!(cx.run(call(&breaker, Ok(1))).await, Ok(1));
    });
}

#[test]
fn one_probes_at_a_time() {
    everywhere(async |cx: Cx<()>| {
        let breaker = breaker();
        open(&cx, &breaker).await;
        cx.sleep(secs(10)).await;
        let slow = breaker.protect(sleep::<_, &str>(secs(5)));
        let probes: Vec<_> = (0..4).map(|_| cx.fork(slow.clone())).collect();
        cx.sleep(secs(1)).await;
        assert_eq!(breaker.state(), HalfOpen);
        assert_eq!(cx.run(call(&breaker, Ok(1))).await, Err(Open));
        let mut succeeded = 0;
        for probe in probes {
            succeeded += u32::from(cx.run(probe.join()).await.is_ok());
        }
        assert_eq!((succeeded, breaker.state()), (1, Closed));
    });
}

#[test]
fn an_interrupted_probe_leaves_its_place() {
    everywhere(async |cx: Cx<()>| {
        let breaker = breaker();
        open(&cx, &breaker).await;
        cx.sleep(secs(10)).await;
        let probe = cx.fork(breaker.protect(never::<_, &str, u32>()));
        cx.sleep(secs(1)).await;
        assert_eq!(cx.run(call(&breaker, Ok(1))).await, Err(Open));
        drop(cx.run(probe.interrupt()).await);
        assert_eq!(breaker.state(), HalfOpen);
        assert_eq!(cx.run(call(&breaker, Ok(1))).await, Ok(1));
        assert_eq!(breaker.state(), Closed);
    });
}

#[test]
fn a_probe_that_times_out_leaves_its_place() {
    on_both(async |cx: Cx<()>| {
        let breaker = breaker();
        open(&cx, &breaker).await;
        cx.sleep(secs(10)).await;
        let slow = breaker.protect(never::<_, &str, u32>()).timeout(secs(1));
        assert_eq!(cx.run(slow).await, Err(TimeoutError::Elapsed(secs(1))));
        assert_eq!(cx.run(call(&breaker, Ok(1))).await, Ok(1));
    });
}

#[test]
fn a_timeout_inside_is_a_failure() {
    on_both(async |cx: Cx<()>| {
        let breaker = breaker();
        let slow = breaker.protect(never::<_, &str, u32>().timeout(secs(1)));
        assert_eq!(
            cx.run(slow).await,
            Err(Failed(TimeoutError::Elapsed(secs(1))))
        );
        assert_eq!(breaker.state(), CircuitState::Open);
    });
}

#[test]
fn a_defect_is_a_failure() {
    on_both(async |cx: Cx<()>| {
        let breaker = breaker();
        let bug = breaker.protect(die::<_, &str, u32>("a bug"));
        let exit = exit_of(&cx, bug.clone()).await;
        assert!(exit.cause().unwrap().is_die());
        assert_eq!(breaker.state(), CircuitState::Open);
        // A probe that dies, too.
        cx.sleep(secs(10)).await;
        drop(exit_of(&cx, bug).await);
        assert_eq!(breaker.state(), CircuitState::Open);
    });
}

#[test]
fn what_began_before_a_change_says_nothing_after_it() {
    // On threads, nobody knows which of two that are forked begins first.
    in_turns(async |cx: Cx<()>| {
        let breaker = breaker();
        let after = |seconds, result: Result<u32, &'static str>| {
            let late = sleep(secs(seconds)).flat_map(move |()| from_result(result));
            cx.fork(breaker.protect(late))
        };
        let (fails_late, succeeds_late) = (after(15, Err("late")), after(12, Ok(1)));
        yield_now().await;
        open(&cx, &breaker).await;
        cx.sleep(secs(10)).await;
        // A probe is on its way from 10 to 20.
        let probe = after(10, Err("down"));
        yield_now().await;
        assert_eq!(cx.run(succeeds_late.join()).await, Ok(1));
        assert_eq!(breaker.state(), HalfOpen);
        assert_eq!(cx.run(fails_late.join()).await, Err(Failed("late")));
        assert_eq!(breaker.state(), HalfOpen);
        assert_eq!(cx.run(probe.join()).await, Err(Failed("down")));
        assert_eq!(breaker.state(), CircuitState::Open);
    });
}

#[test]
fn a_share_of_the_last_effects_opens_it() {
    on_both(async |cx: Cx<()>| {
        let breaker = CircuitBreaker::failure_rate(0.5, 4).cool_down(secs(10));
        let run = async |results: &str| {
            for result in results.chars() {
                let result = if result == 'x' { Err("down") } else { Ok(1) };
                drop(cx.run(call(&breaker, result)).await);
            }
            breaker.state()
        };
        // Not before there are four, and of the last four only.
        assert_eq!(run("xxx").await, Closed);
        assert_eq!(run("x").await, CircuitState::Open);
        cx.sleep(secs(10)).await;
        // Closed by a probe, it begins anew.
        assert_eq!(run(".").await, Closed);
        assert_eq!(run("x...x...x..").await, Closed);
        assert_eq!(run("x").await, CircuitState::Open);
    });
}

#[test]
fn each_change_is_told_in_order() {
    on_both(async |cx: Cx<()>| {
        let log = Log::new();
        let lines = log.clone();
        let breaker = breaker().on_change(move |state| lines.write(format!("{state:?}")));
        open(&cx, &breaker).await;
        cx.sleep(secs(10)).await;
        open(&cx, &breaker).await;
        cx.sleep(secs(10)).await;
        drop(cx.run(call(&breaker, Ok(1))).await);
        drop(cx.run(call(&breaker, Ok(1))).await);
        assert_eq!(
            log.lines(),
            ["Open", "HalfOpen", "Open", "HalfOpen", "Closed"]
        );
    });
}

#[test]
fn who_panics_when_told_does_not_wedge_it() {
    on_both(async |cx: Cx<()>| {
        let told = Arc::new(AtomicU32::new(0));
        let breaker = breaker().on_change(move |_| {
            // When a probe is let run.
            assert_ne!(told.fetch_add(1, Ordering::Relaxed), 1, "a bug");
        });
        open(&cx, &breaker).await;
        cx.sleep(secs(10)).await;
        let exit = exit_of(&cx, call(&breaker, Ok(1))).await;
        assert!(exit.cause().unwrap().is_die());
        assert_eq!(cx.run(call(&breaker, Ok(1))).await, Ok(1));
    });
}

#[test]
fn clones_share_one_circuit() {
    on_both(async |cx: Cx<()>| {
        let breaker = breaker();
        let clone = breaker.clone();
        open(&cx, &breaker).await;
        assert_eq!(cx.run(call(&clone, Ok(1))).await, Err(Open));
    });
}

#[test]
fn a_retry_waits_for_the_cool_down() {
    on_both(async |cx: Cx<()>| {
        let breaker = breaker();
        open(&cx, &breaker).await;
        let begun = cx.now();
        let patient = call(&breaker, Ok(1)).retry(Schedule::spaced(secs(3)));
        assert_eq!(cx.run(patient).await, Ok(1));
        assert_eq!(cx.now() - begun, secs(12));
    });
}

#[test]
#[should_panic(expected = "a circuit opens after at least one failure")]
fn no_failure_at_all_is_refused() {
    let _ = CircuitBreaker::consecutive(0);
}

#[test]
#[should_panic(expected = "a share of failures is above 0 and at most 1")]
fn a_share_that_is_none_is_refused() {
    let _ = CircuitBreaker::failure_rate(1.5, 10);
}

/// Whatever strikes those who call, two never probe at once, and in the end somebody gets through.
fn callers(trial: &Trial) -> Case<Never, ()> {
    const COOL_DOWN: Duration = Duration::from_micros(20);
    let trial = trial.clone();
    case(move |cx| async move {
        let breaker = CircuitBreaker::consecutive(2).cool_down(COOL_DOWN);
        let probing = Arc::new(AtomicU32::new(0));
        let mut fibers = Vec::new();
        for caller in 0..3 {
            let (trial, breaker) = (trial.clone(), breaker.clone());
            let probing = Arc::clone(&probing);
            fibers.push(cx.fork(effect(async move |cx: Cx<()>| {
                for n in 0..4_u64 {
                    let works = trial.clone();
                    let (breaks, probing) = (breaker.clone(), Arc::clone(&probing));
                    let service = effect(async move |cx: Cx<()>| {
                        let _probe = works.probe();
                        // It is let run only where it is one of many, or the only one.
                        let among = Probing::begin(&probing, breaks.state() == HalfOpen);
                        works.expect(among.0.is_none_or(|others| others == 0), "two probe");
                        cx.sleep(Duration::from_micros(1 + cx.random() % 5)).await;
                        works.fault_point();
                        drop(among);
                        if (n + caller) % 3 == 0 {
                            Ok(())
                        } else {
                            Err("down")
                        }
                    });
                    drop(
                        trial
                            .droppable(cx.run(breaker.protect(service).exit()))
                            .await,
                    );
                    cx.sleep(Duration::from_micros(cx.random() % 15)).await;
                }
                Ok::<_, Never>(())
            })));
        }
        for fiber in fibers {
            drop(cx.run(fiber.exit()).await);
        }
        cx.sleep(COOL_DOWN).await;
        let through = cx.run(breaker.protect(succeed::<_, Never, _>(()))).await;
        trial.expect(through == Ok(()), "the circuit is wedged");
    })
}

/// Counts those who run while the circuit is half-open.
struct Probing(Option<u32>, Arc<AtomicU32>);

impl Probing {
    fn begin(probing: &Arc<AtomicU32>, is_probe: bool) -> Self {
        let others = is_probe.then(|| probing.fetch_add(1, Ordering::Relaxed));
        Probing(others, Arc::clone(probing))
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.1.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn nothing_that_strikes_its_callers_wedges_it() {
    Sim::new().each_interrupt(callers).unwrap();
    Sim::new().each_panic(callers).unwrap();
    Sim::new().each_drop(callers).unwrap();
    Sim::new().runs(1_000).test(callers);
}

#[test]
fn a_share_is_not_off_by_what_a_float_is() {
    on_both(async |cx: Cx<()>| {
        for (share, failures) in [(0.07, 7), (0.14, 14), (0.55, 55), (0.005, 1), (0.071, 8)] {
            let breaker = CircuitBreaker::failure_rate(share, 100);
            for n in 0..100 {
                assert_eq!(breaker.state(), Closed, "{share}, after {n}");
                let fails = n >= 100 - failures;
                let result = if fails { Err("down") } else { Ok(1) };
                drop(cx.run(call(&breaker, result)).await);
            }
            assert_eq!(breaker.state(), CircuitState::Open, "{share}");
        }
    });
}
