//! Watching a run: its reports as a stream, and its end.

use std::time::Duration;

use effect_core::{Cx, Effect, Env, Never, effect};
use futures::future::select;

use super::handle::PipelineHandle;
use super::report::PipelineReport;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream::generate::Generating;

/// # Watching
impl PipelineHandle {
    /// Emits a report at once, then one each time so much time has passed, and one more when the run has ended.
    ///
    /// - **Pulls** nothing: the report is made when it is wanted, and the time passes from then on.
    /// - **Fails** never.
    /// - **Completes** after the report of the run's end: at once, if the run had ended, or was dropped before it began.
    /// - **When interrupted**, stops waiting.
    ///
    /// # Panics
    ///
    /// If no time is to pass.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage, Channel, Pipeline, Stream};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let write = |n: u32| async move {
    ///     tokio::time::sleep(Duration::from_millis(300)).await;
    ///     Ok::<_, String>(n)
    /// };
    /// let connected = Pipeline::from_stream(Stream::range(0..5))
    ///     .via(stage("write", write))
    ///     .to_channel(Channel::bounded(8));
    /// let reports = connected.handle().reports(Duration::from_secs(1));
    /// let delivered = reports.map(|report| report.delivered).run_collect();
    /// let (run, delivered) = tokio::join!(connected.run().into_future(), delivered.into_future());
    /// run?;
    /// let Ok(delivered) = delivered;
    /// assert_eq!(delivered, [0, 3, 5]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn reports<R: Env>(&self, every: Duration) -> Stream<R, PipelineReport, Reports> {
        assert!(!every.is_zero(), "reports are some time apart");
        let handle = self.clone();
        Stream::of(Reports { handle, every })
    }

    /// Waits until the run has ended, or was dropped before it began, to its report.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let connected = Pipeline::from_stream(Stream::range(0..5))
    ///     .via(stage_sync("double", |n: u32| Ok::<_, String>(2 * n)))
    ///     .to_channel(Channel::bounded(8));
    /// let handle = connected.handle();
    /// let ended = handle.await_ended::<()>();
    /// let (run, ended) = tokio::join!(connected.run().into_future(), ended.into_future());
    /// assert_eq!(ended, Ok(run?));
    /// assert!(handle.has_ended());
    /// # Ok(())
    /// # }
    /// ```
    pub fn await_ended<R: Env>(&self) -> Effect<R, Never, PipelineReport> {
        let handle = self.clone();
        effect(async move |_: Cx<R>| {
            handle.board.ended().await;
            Ok(handle.report())
        })
        .erase()
    }

    /// Whether the run has ended, or was dropped before it began.
    pub fn has_ended(&self) -> bool {
        self.board.has_ended()
    }
}

/// The source of [`PipelineHandle::reports`].
#[derive(Clone, Debug)]
pub struct Reports {
    handle: PipelineHandle,
    every: Duration,
}

impl<R: Env> Source<R> for Reports {
    type Item = PipelineReport;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = PipelineReport> + Send {
        Generating::new(async move |mut out| {
            let board = &self.handle.board;
            loop {
                // Before the report: what is reported after the end is final.
                let has_ended = board.has_ended();
                out.emit(board.report()).await;
                if has_ended {
                    return;
                }
                let ended = std::pin::pin!(board.ended());
                let passed = std::pin::pin!(cx.sleep(self.every));
                select(ended, passed).await;
            }
        })
    }
}
