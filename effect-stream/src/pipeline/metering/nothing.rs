//! What stands for the metrics where the feature is off: nothing.

use std::future::Future;
use std::sync::Arc;

use effect_core::{Cx, Env};

use crate::pipeline::board::Board;

#[derive(Clone)]
pub(in crate::pipeline) struct Meter;

impl Meter {
    pub(in crate::pipeline) fn new(_board: &Arc<Board>) -> Self {
        Meter
    }

    pub(in crate::pipeline) async fn beside<R: Env>(
        &self,
        _cx: &Cx<R>,
        body: impl Future<Output = ()>,
    ) {
        body.await;
    }

    pub(in crate::pipeline) fn tell(&self) {}
}

/// Nobody waits for a change.
pub(in crate::pipeline) struct Changed;

impl Changed {
    pub(in crate::pipeline) fn new() -> Self {
        Changed
    }

    #[inline]
    pub(in crate::pipeline) fn tell(&mut self) {}
}
