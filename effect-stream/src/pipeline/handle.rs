//! A handle to a run: what it has done so far, and how to stop or pause it.

use std::fmt;
use std::sync::Arc;

use super::blueprint::Blueprint;
use super::board::Board;
use super::report::PipelineReport;

/// A handle to a pipeline's run: its counts while it runs and after it, and how to drain it or to make it pause.
///
/// It comes from [`Connected::handle`](crate::Connected::handle), before the run begins, and may be cloned and kept.
/// Interrupting the run is up to whoever has its fiber.
///
/// # Examples
///
/// ```
/// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let output = Channel::bounded(8);
/// let endless = Stream::iterate(0_u64, |n| n + 1);
/// let connected = Pipeline::from_stream(endless)
///     .via(stage_sync("double", |n: u64| Ok::<_, String>(2 * n)))
///     .to_channel(output.clone());
/// let handle = connected.handle();
/// let consume = async move {
///     let first = output.receive_many(3).await.unwrap();
///     handle.drain();
///     while output.receive().await.is_ok() {}
///     first.len()
/// };
/// let (report, first) = tokio::join!(connected.run().into_future(), consume);
/// let report = report?;
/// assert!(first > 0);
/// // Nothing new was taken, and what was inside has been delivered.
/// assert_eq!(report.received, report.delivered);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PipelineHandle {
    pub(super) board: Arc<Board>,
    blueprint: Arc<Blueprint>,
}

/// # Steering
impl PipelineHandle {
    pub(super) fn new(board: Arc<Board>, blueprint: Arc<Blueprint>) -> Self {
        PipelineHandle { board, blueprint }
    }

    /// What has become of the items, at this moment.
    pub fn report(&self) -> PipelineReport {
        self.board.report()
    }

    /// What the run is [called](crate::Connected::named).
    pub fn name(&self) -> &str {
        self.board.name()
    }

    /// The stages, and how they are joined.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Takes nothing new from the sources, and finishes what is inside: then the run ends well. What an input channel has
    /// stays there.
    pub fn drain(&self) {
        self.board.change(|board| board.drain());
    }

    /// Takes nothing new from the sources until it is [resumed](PipelineHandle::resume). What is inside goes on.
    pub fn pause(&self) {
        self.board.change(|board| board.pause(true));
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.board.change(|board| board.pause(false));
    }
}

impl fmt::Debug for PipelineHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineHandle")
            .field("report", &self.report())
            .finish_non_exhaustive()
    }
}
