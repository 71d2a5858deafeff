//! The span of a run, and the events in it.

use std::time::Duration;

use effect_core::{Effect, Env, Value};
use tracing::{Level, Span};

use crate::pipeline::report::{Failed, Fault, PipelineReport};

/// The span of a run.
pub(in crate::pipeline) struct RunSpan {
    span: Span,
}

impl RunSpan {
    pub(in crate::pipeline) fn open(name: &str) -> Self {
        RunSpan {
            span: tracing::info_span!(target: "effect::pipeline", "pipeline.run", pipeline = name),
        }
    }

    /// Has what the run does be in its span.
    pub(in crate::pipeline) fn around<R: Env, E: Value, A: Value>(
        &self,
        body: Effect<R, E, A>,
    ) -> Effect<R, E, A> {
        if self.span.is_none() {
            return body;
        }
        body.traced(self.span.clone()).erase_once()
    }

    /// The run has ended: the line that adds up.
    pub(in crate::pipeline) fn ended(&self, report: &PipelineReport) {
        tracing::event!(
            name: "pipeline.ended",
            target: "effect::pipeline",
            parent: &self.span,
            Level::INFO,
            received = report.received,
            made = report.made,
            delivered = report.delivered,
            failed = report.failed,
            unreported = report.unreported,
            filtered = report.filtered,
            joined = report.joined,
            abandoned = report.abandoned,
            elapsed_ms = millis(report.elapsed),
            "{report}"
        );
    }
}

/// An item has failed for good. What its error says is for whoever reads the error channel.
pub(in crate::pipeline) fn item_failed<E, O>(failed: &Failed<E, O>) {
    let fault = match &failed.fault {
        Fault::Error(_) => "error",
        Fault::Defect(_) => "defect",
        Fault::TimedOut(_) => "timeout",
        Fault::CircuitOpen => "circuit open",
    };
    let defect = match &failed.fault {
        Fault::Defect(defect) => Some(defect),
        _ => None,
    };
    tracing::event!(
        name: "item.error",
        target: "effect::pipeline",
        Level::DEBUG,
        stage = &*failed.stage,
        attempts = failed.attempts,
        fault,
        defect = defect.map(tracing::field::display),
        "an item has failed"
    );
}

/// An item is tried again.
#[cold]
pub(in crate::pipeline) fn item_retried(stage: &str, attempt: u32, delay: Duration) {
    tracing::event!(
        name: "retry",
        target: "effect::pipeline",
        Level::DEBUG,
        stage,
        attempt,
        delay_ms = millis(delay),
        "an item failed and is tried again"
    );
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
