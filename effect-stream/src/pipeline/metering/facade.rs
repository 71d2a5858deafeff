//! The counters, gauges and histograms of pipelines, with their names.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use effect_core::{Cx, Env};
use futures::future::{Either, select};
use metrics::{
    Label, SharedString, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use parking_lot::Mutex;

use crate::pipeline::board::Board;
use crate::pipeline::report::PipelineReport;

const ITEMS: &str = "effect_items_total";
const DURATION: &str = "effect_stage_duration_seconds";
const DEPTH: &str = "effect_queue_depth";
const CAPACITY: &str = "effect_queue_capacity";
const IN_FLIGHT: &str = "effect_in_flight";
const RETRIES: &str = "effect_retries_total";

/// How often the facade is told.
const EVERY: Duration = Duration::from_secs(1);

/// Tells the recorder of metrics that is installed what each metric of pipelines means, and its unit.
///
/// Each has the label `pipeline`, the [name](crate::Connected::named) of the run, and all but one have the label `stage`. They are told
/// once a second while something happens, and when the run has ended.
///
/// | name | kind | what |
/// | --- | --- | --- |
/// | `effect_items_total` | counter | items that stages are done with, by `outcome`: `success`, `failure` |
/// | `effect_stage_duration_seconds` | histogram | how long items took in a stage, by the bounds of [`Latency`](crate::Latency) |
/// | `effect_queue_depth` | gauge | items that wait before a stage |
/// | `effect_queue_capacity` | gauge | how many may |
/// | `effect_in_flight` | gauge | items inside the pipeline |
/// | `effect_retries_total` | counter | how often an item was tried again |
///
/// # Examples
///
/// ```
/// // Once, after a recorder was installed; without one, it does nothing.
/// effect_stream::describe_pipeline_metrics();
/// ```
pub fn describe_pipeline_metrics() {
    describe_counter!(ITEMS, Unit::Count, "Items that stages are done with");
    describe_histogram!(DURATION, Unit::Seconds, "How long items took in a stage");
    describe_gauge!(DEPTH, Unit::Count, "Items that wait before a stage");
    describe_gauge!(CAPACITY, Unit::Count, "Items that may wait before a stage");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Items inside a pipeline");
    describe_counter!(RETRIES, Unit::Count, "How often an item was tried again");
}

/// Tells the facade of a run.
#[derive(Clone)]
pub(in crate::pipeline) struct Meter {
    board: Arc<Board>,
    /// What was told.
    told: Arc<Mutex<PipelineReport>>,
}

impl Meter {
    pub(in crate::pipeline) fn new(board: &Arc<Board>) -> Self {
        Meter {
            board: Arc::clone(board),
            told: Arc::default(),
        }
    }

    /// Tells of what happens while something else goes on.
    pub(in crate::pipeline) async fn beside<R: Env>(
        &self,
        cx: &Cx<R>,
        body: impl Future<Output = ()>,
    ) {
        let telling = async {
            loop {
                // No timer runs while nothing happens: a run that is stuck is to be seen as such.
                let version = self.board.lock().version();
                self.tell();
                poll_fn(|task| self.board.lock().poll_changed(version, task)).await;
                cx.sleep(EVERY).await;
            }
        };
        match select(pin!(body), pin!(telling)).await {
            Either::Left(((), _)) | Either::Right(((), _)) => {}
        }
    }

    /// Tells of what has happened since it last did.
    pub(in crate::pipeline) fn tell(&self) {
        let mut told = self.told.lock();
        let report = self.board.report();
        let name: SharedString = self.board.name().to_owned().into();
        let pipeline = || Label::new("pipeline", name.clone());
        gauge!(IN_FLIGHT, vec![pipeline()]).set(report.in_flight() as f64);
        for (place, stage) in report.stages.iter().enumerate() {
            let before = told.stages.get(place);
            let of_stage = || vec![pipeline(), Label::new("stage", stage.name.to_string())];
            let outcomes = [
                (
                    "success",
                    stage.items_out,
                    before.map_or(0, |it| it.items_out),
                ),
                ("failure", stage.failed, before.map_or(0, |it| it.failed)),
            ];
            for (outcome, now, before) in outcomes {
                if now > before {
                    let mut labels = of_stage();
                    labels.push(Label::from_static_parts("outcome", outcome));
                    counter!(ITEMS, labels).increment(now - before);
                }
            }
            let retried = stage.retried - before.map_or(0, |it| it.retried);
            if retried > 0 {
                counter!(RETRIES, of_stage()).increment(retried);
            }
            if stage.workers > 0 {
                gauge!(DEPTH, of_stage()).set(stage.queued as f64);
                gauge!(CAPACITY, of_stage()).set(stage.buffer as f64);
            }
            let took = stage.latency.since(before.map(|it| &it.latency));
            for (bound, count) in took {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                histogram!(DURATION, of_stage()).record_many(bound.as_secs_f64(), count);
            }
        }
        *told = report;
    }
}

/// Who waits for the board to change.
pub(in crate::pipeline) struct Changed {
    waiting: Option<Waker>,
}

impl Changed {
    pub(in crate::pipeline) fn new() -> Self {
        Changed { waiting: None }
    }

    pub(in crate::pipeline) fn tell(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    pub(in crate::pipeline) fn poll(&mut self, has_changed: bool, task: &Context<'_>) -> Poll<()> {
        if has_changed {
            return Poll::Ready(());
        }
        self.waiting = Some(task.waker().clone());
        Poll::Pending
    }
}
