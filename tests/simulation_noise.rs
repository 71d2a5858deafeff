//! Polls that nobody has asked for, wakers that are others, and polls that take time: what does not expect them is found.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::common::simulated::{case, wrong};
use effect::prelude::*;
use effect::simulation::{Case, Plan, Sim, Trial};
use effect::yield_now;

const fn micros(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// Notes of each poll whether it came with the same waker as the one before, while an hour passes in ten parts.
fn polls(plan: &Plan) -> Vec<bool> {
    let polls = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&polls);
    let program = move |_: &Trial| {
        let noted = Arc::clone(&noted);
        case(async move |cx| {
            for _ in 0..10 {
                let (noted, mut latest) = (Arc::clone(&noted), None::<Waker>);
                let mut sleep = Box::pin(cx.sleep(Duration::from_secs(360)));
                poll_fn(move |task| {
                    let same = latest.replace(task.waker().clone());
                    let same = same.is_none_or(|latest| latest.will_wake(task.waker()));
                    noted.lock().unwrap().push(same);
                    sleep.as_mut().poll(task)
                })
                .await;
            }
        })
    };
    assert_eq!(wrong(plan, program), None, "{plan}");
    std::mem::take(&mut polls.lock().unwrap())
}

#[test]
fn without_noise_a_task_is_polled_when_it_is_woken_and_has_one_waker() {
    assert_eq!(polls(&Plan::of_seed(0)), [true; 20]);
}

#[test]
fn spurious_polls_come_without_a_wake_up() {
    for seed in 0..20 {
        let mut plan = Plan::of_seed(seed);
        plan.spurious_percent = 50;
        let polls = polls(&plan);
        assert!(polls.len() > 20, "{}", polls.len());
        assert!(!polls.contains(&false));
    }
}

#[test]
fn swapped_wakers_are_others_and_no_more_polls() {
    let mut plan = Plan::of_seed(1);
    plan.swapped_percent = 100;
    let polls = polls(&plan);
    assert_eq!(polls.len(), 20);
    assert_eq!(polls.iter().filter(|same| !**same).count(), 10);
}

/// Something that opens, and those who wait for it.
#[derive(Clone, Default)]
struct Gate {
    inner: Arc<Mutex<(bool, Option<Waker>)>>,
}

impl Gate {
    fn open(&self) {
        let waker = {
            let mut inner = self.inner.lock().unwrap();
            inner.0 = true;
            inner.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn is_open(&self) -> bool {
        self.inner.lock().unwrap().0
    }

    /// Waits, with the waker of the latest poll, or by mistake with that of the first.
    fn wait(&self, keeps_first: bool) -> impl Future<Output = ()> + Send + use<> {
        let inner = Arc::clone(&self.inner);
        poll_fn(move |task| {
            let mut inner = inner.lock().unwrap();
            if inner.0 {
                return Poll::Ready(());
            }
            if !keeps_first || inner.1.is_none() {
                inner.1 = Some(task.waker().clone());
            }
            Poll::Pending
        })
    }
}

/// Waits for a gate beside a clock that ticks in the same task. The gate opens when the clock has stopped.
fn waits_beside_a_clock(keeps_first: bool) -> Case<Never, ()> {
    let gate = Gate::default();
    case(async move |cx| {
        let opens = gate.clone();
        let opens = sync(move || opens.open());
        drop(cx.fork(sleep::<_, Never>(micros(100)).ensuring(opens)));
        let clock = async {
            for _ in 0..3 {
                cx.sleep(micros(10)).await;
            }
        };
        futures::join!(gate.wait(keeps_first), clock);
    })
}

#[test]
fn a_future_that_keeps_its_first_waker_is_found_as_a_deadlock() {
    let violation = Sim::new()
        .explore(|_| waits_beside_a_clock(true))
        .unwrap_err();
    assert!(
        violation.what.starts_with("deadlock after 100µs"),
        "{violation}"
    );
    assert!(violation.plan.swapped_percent > 0, "{violation}");
    assert_eq!(violation.plan.spurious_percent, 0, "{violation}");

    assert_eq!(
        wrong(&Plan::of_seed(0), |_| waits_beside_a_clock(true)),
        None,
        "without noise it works"
    );
    let explored = Sim::new().explore(|_| waits_beside_a_clock(false));
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

/// Takes its second poll for the wake-up that it waits for.
struct Naive {
    wait: Pin<Box<dyn Future<Output = ()> + Send>>,
    polled: bool,
}

impl Future for Naive {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.polled, true) {
            return Poll::Ready(());
        }
        self.wait.as_mut().poll(task)
    }
}

#[test]
fn a_future_that_takes_any_poll_for_its_wake_up_is_found() {
    let naive = |trial: &Trial| {
        let (trial, gate) = (trial.clone(), Gate::default());
        case(async move |cx| {
            let opens = gate.clone();
            drop(
                cx.fork(
                    sleep::<_, Never>(micros(100))
                        .map(move |()| opens.open())
                        .widen_error::<Never>(),
                ),
            );
            let wait = Box::pin(gate.wait(false));
            Naive {
                wait,
                polled: false,
            }
            .await;
            trial.expect(gate.is_open(), "it went on before the gate was open");
        })
    };
    assert_eq!(wrong(&Plan::of_seed(0), naive), None);
    let violation = Sim::new().explore(naive).unwrap_err();
    assert_eq!(violation.what, "it went on before the gate was open");
    assert!(violation.plan.spurious_percent > 0, "{violation}");
    assert_eq!(violation.plan.swapped_percent, 0, "{violation}");
}

#[test]
fn if_polls_take_time_a_time_limit_ends_work_that_is_ready() {
    let in_time = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&in_time);
    let limited = move |_: &Trial| {
        let noted = Arc::clone(&noted);
        case(async move |cx| {
            let work = effect(async |_: Cx<()>| {
                for _ in 0..100 {
                    yield_now().await;
                }
                Ok::<_, Never>(())
            });
            let exit = cx.run(work.timeout(micros(20)).exit()).await;
            let Ok(exit) = exit;
            *noted.lock().unwrap() = Some(exit.is_success());
        })
    };
    let mut plan = Plan::of_seed(0);
    assert_eq!(wrong(&plan, &limited), None);
    assert_eq!(*in_time.lock().unwrap(), Some(true));
    plan.poll_cost = micros(1);
    assert_eq!(wrong(&plan, &limited), None);
    assert_eq!(*in_time.lock().unwrap(), Some(false));
}

#[test]
fn if_polls_take_time_it_passes_while_they_work() {
    let times = |cost| {
        let times = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&times);
        let mut plan = Plan::of_seed(0);
        plan.poll_cost = cost;
        let program = move |_: &Trial| {
            let noted = Arc::clone(&noted);
            case(async move |cx| {
                let begun = cx.now();
                for _ in 0..1_000 {
                    noted.lock().unwrap().push(cx.now() - begun);
                    yield_now().await;
                }
            })
        };
        assert_eq!(wrong(&plan, program), None);
        std::mem::take(&mut *times.lock().unwrap())
    };
    assert!(times(Duration::ZERO).iter().all(Duration::is_zero));
    let times = times(micros(1));
    assert!(times.windows(2).all(|two| two[1] - two[0] <= micros(1)));
    // Half of the most that a poll takes, on average.
    let all = times[999];
    assert!((micros(400)..micros(600)).contains(&all), "{all:?}");
}
