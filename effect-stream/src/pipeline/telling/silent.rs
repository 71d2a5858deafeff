//! What stands for the spans and events where the feature is off: nothing.

use std::time::Duration;

use effect_core::{Effect, Env, Value};

use crate::pipeline::report::{Failed, PipelineReport};

pub(in crate::pipeline) struct RunSpan;

impl RunSpan {
    pub(in crate::pipeline) fn open(_name: &str) -> Self {
        RunSpan
    }

    pub(in crate::pipeline) fn around<R: Env, E: Value, A: Value>(
        &self,
        body: Effect<R, E, A>,
    ) -> Effect<R, E, A> {
        body
    }

    pub(in crate::pipeline) fn ended(&self, _report: &PipelineReport) {}
}

#[inline]
pub(in crate::pipeline) fn item_failed<E, O>(_failed: &Failed<E, O>) {}

#[inline]
pub(in crate::pipeline) fn item_retried(_stage: &str, _attempt: u32, _delay: Duration) {}
