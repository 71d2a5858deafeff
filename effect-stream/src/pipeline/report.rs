//! What became of a run: the counts that add up, and the failures.

use std::fmt;
use std::sync::Arc;

use effect_core::Defect;

/// What became of the items of a pipeline's run.
///
/// Every item that was received is delivered, failed or abandoned, and exactly one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineReport {
    /// Items taken from the input.
    pub received: u64,
    /// Items accepted by the output.
    pub delivered: u64,
    /// Items whose failure was accepted by the error channel, or ended the run.
    pub failed: u64,
    /// Items that were inside when the run was ended early.
    pub abandoned: u64,
}

impl PipelineReport {
    /// Items that are still inside: none, once the run has ended.
    pub fn in_flight(&self) -> u64 {
        self.received
            .saturating_sub(self.delivered + self.failed + self.abandoned)
    }
}

impl fmt::Display for PipelineReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} received = {} delivered + {} failed + {} abandoned",
            self.received, self.delivered, self.failed, self.abandoned
        )?;
        match self.in_flight() {
            0 => Ok(()),
            inside => write!(f, " + {inside} in flight"),
        }
    }
}

/// An item's failure: where it failed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failed<E> {
    /// The name of the stage.
    pub stage: Arc<str>,
    /// What went wrong there.
    pub fault: Fault<E>,
    /// What went wrong after that, when the item's finalizers ran.
    pub then: Vec<Defect>,
}

impl<E: fmt::Display> fmt::Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage {}: {}", self.stage, self.fault)?;
        self.then
            .iter()
            .try_for_each(|defect| write!(f, "; then died: {defect}"))
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Failed<E> {}

/// What went wrong in a stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault<E> {
    /// The stage failed with its typed error.
    #[error("{0}")]
    Error(E),
    /// The stage panicked: a bug in it.
    #[error("died: {0}")]
    Defect(Defect),
}

/// Why a pipeline's run ended early. The report says what became of the items.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError<E> {
    /// An item failed, and there is no error channel, or it was closed.
    #[error("{failed} ({report})")]
    Failed {
        /// The failure.
        failed: Box<Failed<E>>,
        /// What became of the items.
        report: PipelineReport,
    },
    /// The output channel was closed by somebody else before the run had ended.
    #[error("the output was closed early ({report})")]
    OutputClosed {
        /// What became of the items.
        report: PipelineReport,
    },
}

impl<E> PipelineError<E> {
    /// What became of the items.
    pub fn report(&self) -> PipelineReport {
        match self {
            PipelineError::Failed { report, .. } | PipelineError::OutputClosed { report } => {
                *report
            }
        }
    }
}
