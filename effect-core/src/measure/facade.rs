//! The counters, gauges and histograms, with their names.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::{Exit, Reason};

const BEGUN: &str = "effect_fibers_begun_total";
const ENDED: &str = "effect_fibers_ended_total";
const LIVE: &str = "effect_fibers_live";
const FINALIZERS: &str = "effect_scope_finalizers_pending";
const RETRIES: &str = "effect_retries_total";
const POLLS: &str = "effect_poll_duration_seconds";

/// Tells the recorder of metrics that is installed what each metric of this library means, and its unit.
///
/// | name | kind | what |
/// | --- | --- | --- |
/// | `effect_fibers_begun_total` | counter | fibers that have begun |
/// | `effect_fibers_ended_total` | counter | fibers that have ended, by `outcome`: `success`, `failure`, `defect`, `interruption` |
/// | `effect_fibers_live` | gauge | fibers that have begun and not ended |
/// | `effect_scope_finalizers_pending` | gauge | finalizers that are still to run |
/// | `effect_retries_total` | counter | effects that ran again after a failure |
/// | `effect_poll_duration_seconds` | histogram | how long fibers held their threads at a time, on [`Observed`](crate::Observed) runtimes |
///
/// # Examples
///
/// ```
/// // Once, after a recorder was installed; without one, it does nothing.
/// effect_core::describe_metrics();
/// ```
pub fn describe_metrics() {
    describe_counter!(BEGUN, Unit::Count, "Fibers that have begun");
    describe_counter!(ENDED, Unit::Count, "Fibers that have ended, by outcome");
    describe_gauge!(LIVE, Unit::Count, "Fibers that have begun and not ended");
    describe_gauge!(FINALIZERS, Unit::Count, "Finalizers that are still to run");
    describe_counter!(
        RETRIES,
        Unit::Count,
        "Effects that ran again after a failure"
    );
    describe_histogram!(
        POLLS,
        Unit::Seconds,
        "How long fibers held their threads at a time"
    );
}

pub(crate) fn fiber_begun() {
    counter!(BEGUN).increment(1);
    gauge!(LIVE).increment(1.0);
}

pub(crate) fn fiber_ended(ending: &Ending) {
    gauge!(LIVE).decrement(1.0);
    counter!(ENDED, "outcome" => ending.outcome()).increment(1);
}

/// So many more finalizers are to run, or fewer.
pub(crate) fn finalizers(change: isize) {
    gauge!(FINALIZERS).increment(change as f64);
}

pub(crate) fn retried() {
    counter!(RETRIES).increment(1);
}

pub(crate) fn polled(took: Duration) {
    histogram!(POLLS).record(took.as_secs_f64());
}

/// How the body of a fiber has ended, if it has.
pub(crate) struct Ending {
    /// A place in the list of outcomes.
    outcome: AtomicU8,
}

const OUTCOMES: [&str; 4] = ["interruption", "success", "failure", "defect"];

impl Ending {
    /// A fiber whose body never ends was dropped.
    pub(crate) const fn new() -> Self {
        Ending {
            outcome: AtomicU8::new(0),
        }
    }

    pub(crate) fn set<E, A>(&self, exit: &Exit<E, A>) {
        let outcome = match exit {
            Exit::Success(_) => 1,
            Exit::Failure(cause) => match cause.primary() {
                Reason::Fail(_) => 2,
                Reason::Die(_) => 3,
                Reason::Interrupt(_) => 0,
            },
        };
        self.outcome.store(outcome, Ordering::Relaxed);
    }

    fn outcome(&self) -> &'static str {
        OUTCOMES[usize::from(self.outcome.load(Ordering::Relaxed))]
    }
}
