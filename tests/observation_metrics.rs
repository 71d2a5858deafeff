//! Fibers, finalizers and retries are counted by way of the `metrics` facade.

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use common::secs;
use effect::Observed;
use effect::prelude::*;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// A recorder that adds up all that it is told, by name and labels.
#[derive(Clone, Default)]
struct Sums {
    values: Arc<Mutex<BTreeMap<String, f64>>>,
    described: Arc<Mutex<Vec<String>>>,
}

/// One metric of them.
struct Sum {
    name: String,
    sums: Sums,
}

impl Sums {
    fn sum(&self, key: &Key) -> Arc<Sum> {
        let labels: Vec<_> = key.labels().map(|label| label.value()).collect();
        Arc::new(Sum {
            name: [&[key.name()], &labels[..]].concat().join(" "),
            sums: self.clone(),
        })
    }

    fn get(&self, name: &str) -> f64 {
        self.values
            .lock()
            .unwrap()
            .get(name)
            .copied()
            .unwrap_or(0.0)
    }

    fn describe(&self, name: &KeyName) {
        self.described
            .lock()
            .unwrap()
            .push(name.as_str().to_owned());
    }
}

impl Sum {
    fn add(&self, value: f64) {
        let mut values = self.sums.values.lock().unwrap();
        *values.entry(self.name.clone()).or_default() += value;
    }
}

impl CounterFn for Sum {
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }

    fn absolute(&self, _: u64) {
        unreachable!("counters count");
    }
}

impl GaugeFn for Sum {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        let mut values = self.sums.values.lock().unwrap();
        values.insert(self.name.clone(), value);
    }
}

impl HistogramFn for Sum {
    fn record(&self, value: f64) {
        assert!(value >= 0.0);
        self.add(1.0);
    }
}

impl Recorder for Sums {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.sum(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.sum(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.sum(key))
    }
}

/// Runs a body as a root fiber in virtual time, with a recorder.
fn recorded<Fut>(body: impl FnOnce(Cx<()>, Sums) -> Fut + Send + 'static) -> Sums
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let sums = Sums::default();
    let looking = sums.clone();
    let body = effect(async move |cx: Cx<()>| {
        body(cx, looking).await;
        Ok::<_, Never>(())
    });
    metrics::with_local_recorder(&sums, || {
        let exit = VirtualTime::new().run(body.erase_once()).unwrap();
        assert!(exit.is_success(), "{:?}", exit.cause());
    });
    sums
}

#[test]
fn fibers_are_counted_when_they_begin_and_when_they_end_and_by_how() {
    let sums = recorded(async |cx: Cx<()>, sums: Sums| {
        let good = cx.fork(sleep::<_, Never>(secs(1)));
        let bad = cx.fork(fail::<_, _, ()>("no"));
        let buggy = cx.fork(die::<_, Never, ()>("a bug"));
        let stopped = cx.fork(never::<_, Never, ()>());
        assert_eq!(sums.get("effect_fibers_live"), 5.0);
        cx.run(good.join()).await.unwrap();
        drop(cx.run(bad.exit()).await);
        drop(cx.run(buggy.exit()).await);
        drop(cx.run(stopped.interrupt()).await);
        assert_eq!(sums.get("effect_fibers_live"), 1.0);
        // Never polled, and dropped.
        drop(never::<_, Never, ()>().run_on(Arc::clone(cx.runtime())));
    });
    assert_eq!(sums.get("effect_fibers_live"), 0.0);
    assert_eq!(sums.get("effect_fibers_begun_total"), 6.0);
    for (outcome, count) in [
        ("success", 2.0),
        ("failure", 1.0),
        ("defect", 1.0),
        ("interruption", 2.0),
    ] {
        let name = format!("effect_fibers_ended_total {outcome}");
        assert_eq!(sums.get(&name), count, "{outcome}");
    }
}

#[test]
fn finalizers_are_pending_from_when_they_are_promised_until_they_have_run() {
    const PENDING: &str = "effect_scope_finalizers_pending";
    let sums = recorded(async |cx: Cx<()>, sums: Sums| {
        let resource =
            || acquire_release(succeed::<(), Never, _>(()), |()| sleep::<_, Never>(secs(1)));
        let child = resource().zip(resource()).flat_map(|_| never::<_, _, ()>());
        let child = cx.fork(child.ensuring(sleep(secs(1))));
        cx.sleep(secs(1)).await;
        assert_eq!(sums.get(PENDING), 2.0);
        child.interrupt_fork();
        cx.sleep(std::time::Duration::from_millis(500)).await;
        assert_eq!(sums.get(PENDING), 3.0, "what a drop owes as well");
        cx.sleep(secs(1)).await;
        assert_eq!(sums.get(PENDING), 2.0);
        drop(cx.run(child.exit()).await);
        assert_eq!(sums.get(PENDING), 0.0);
        let scoped = resource().zip(resource()).scoped().zip(sleep(secs(1)));
        cx.run(scoped).await.unwrap();
        assert_eq!(sums.get(PENDING), 0.0);
    });
    assert_eq!(sums.get(PENDING), 0.0);
}

#[test]
fn finalizers_that_are_lost_with_their_runtime_are_not_pending_any_more() {
    let sums = Sums::default();
    metrics::with_local_recorder(&sums, || {
        let stuck = || never::<(), Never, ()>();
        let lost = acquire_release(succeed::<(), Never, _>(()), move |()| stuck())
            .flat_map(move |()| stuck())
            .ensuring(stuck().zip(stuck()));
        let interrupting = effect(async move |cx: Cx<()>| {
            let fiber = cx.fork(lost.scoped());
            cx.sleep(secs(1)).await;
            cx.run(fiber.interrupt()).await
        });
        assert!(VirtualTime::new().run(interrupting).is_err(), "a deadlock");
    });
    assert_eq!(sums.get("effect_scope_finalizers_pending"), 0.0);
    assert_eq!(sums.get("effect_fibers_live"), 0.0);
}

#[test]
fn retries_are_counted() {
    let sums = recorded(async |cx: Cx<()>, _| {
        let failing = fail::<_, _, ()>("no").retry(Schedule::recurs(3));
        assert!(cx.run(failing).await.is_err());
    });
    assert_eq!(sums.get("effect_retries_total"), 3.0);
}

#[test]
fn polls_are_measured_on_observed_runtimes() {
    const POLLS: &str = "effect_poll_duration_seconds";
    let sums = recorded(async |cx: Cx<()>, sums: Sums| {
        assert_eq!(sums.get(POLLS), 0.0);
        let observed = Observed::new(Arc::clone(cx.runtime()));
        let waits_once = sleep::<_, Never>(secs(1));
        drop(waits_once.run_on(Arc::new(observed)).await);
        assert_eq!(sums.get(POLLS), 2.0);
    });
    assert_eq!(sums.get(POLLS), 2.0);
}

#[test]
fn every_metric_is_described() {
    let sums = recorded(async |cx: Cx<()>, _| {
        let observed = Arc::new(Observed::new(Arc::clone(cx.runtime())));
        let failing = fail::<_, _, ()>("no").retry(Schedule::recurs(1));
        drop(failing.ensuring(succeed(())).run_on(observed).await);
    });
    metrics::with_local_recorder(&sums, effect::describe_metrics);
    let described = sums.described.lock().unwrap().clone();
    for name in sums.values.lock().unwrap().keys() {
        let name = name.split(' ').next().unwrap().to_owned();
        assert!(described.contains(&name), "{name}");
    }
}

#[test]
fn what_the_stages_of_a_pipeline_do_is_told_once_a_second_and_at_the_end() {
    let sums = recorded(async |cx: Cx<()>, sums: Sums| {
        let (output, errors) = (Channel::bounded(16), Channel::bounded(16));
        let wait = |n: u32| {
            let waited = sleep::<_, Never>(std::time::Duration::from_millis(400)).widen_error();
            waited.flat_map(move |()| {
                if n % 5 == 4 {
                    fail("five").erase()
                } else {
                    succeed(n).erase()
                }
            })
        };
        let again = Schedule::recurs(1);
        let run = Pipeline::from_stream(Stream::range(0..10))
            .via(stage("wait", wait).retry(again))
            .to_channel(output)
            .with_error_channel(errors)
            .named("numbers")
            .run();
        let run = cx.fork(run);
        cx.sleep(std::time::Duration::from_millis(2500)).await;
        // Of two seconds ago, at most.
        let told = sums.get("effect_items_total numbers wait success");
        assert!((1.0..=5.0).contains(&told), "{told}");
        assert!(sums.get("effect_queue_depth numbers wait") > 0.0);
        assert!(sums.get("effect_in_flight numbers") > 0.0);
        assert_eq!(sums.get("effect_queue_capacity numbers wait"), 64.0);
        let report = cx.run(run.join()).await.unwrap();
        assert_eq!((report.delivered, report.failed), (8, 2));
    });
    for (name, value) in [
        ("effect_items_total numbers stream success", 10.0),
        ("effect_items_total numbers wait success", 8.0),
        ("effect_items_total numbers wait failure", 2.0),
        ("effect_items_total numbers output success", 8.0),
        ("effect_stage_duration_seconds numbers wait", 10.0),
        ("effect_retries_total numbers wait", 2.0),
        ("effect_queue_depth numbers wait", 0.0),
        ("effect_in_flight numbers", 0.0),
    ] {
        assert_eq!(sums.get(name), value, "{name}");
    }
}

#[test]
fn a_pipeline_that_is_stuck_is_found_to_be_stuck_though_it_is_counted() {
    metrics::with_local_recorder(&Sums::default(), || {
        let run = Pipeline::<(), Never, _>::from_channel(Channel::<u32>::bounded(1))
            .via(stage("keep", |n: u32| async move { Ok(n) }))
            .to_channel(Channel::bounded(1))
            .run();
        let exit = VirtualTime::new().run(run);
        assert!(exit.is_err(), "there is no timer that could go on for ever");
    });
}
