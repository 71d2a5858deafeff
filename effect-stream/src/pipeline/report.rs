//! What became of a run: the counts that add up, and the failures.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use effect_core::Defect;

use super::blueprint::NodeKind;
use super::latency::Latency;

/// What became of the items of a pipeline's run, so far.
///
/// Every item that was received is delivered, failed or abandoned, and exactly one of these; unless a stage was asked to
/// [filter](crate::Pipeline::filter) it, or has [made several of it](crate::Pipeline::flat_map) or
/// [one of several](crate::Pipeline::batch). Then these are counted too, so that the line adds up all the same:
///
/// `received + made = delivered + failed + filtered + joined + abandoned`, and those in flight, while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineReport {
    /// Items taken from the input.
    pub received: u64,
    /// Items that stages made of one, beyond the first.
    pub made: u64,
    /// Items accepted by the output.
    pub delivered: u64,
    /// Items whose failure was accepted by the error channel, or ended the run, or went unreported.
    pub failed: u64,
    /// Of those that failed, the ones that a full error channel had no room for, where the pipeline was told
    /// [not to wait](crate::ErrorsFull::Count).
    pub unreported: u64,
    /// Items that became nothing, as they were asked to.
    pub filtered: u64,
    /// Items that went on as a part of another.
    pub joined: u64,
    /// Items that were inside when the run was ended early.
    pub abandoned: u64,
    /// How long the run has taken, or takes so far.
    pub elapsed: Duration,
    /// What each stage has done, in the order in which they were added.
    pub stages: Vec<StageReport>,
}

impl PipelineReport {
    /// Items that are still inside: none, once the run has ended.
    pub fn in_flight(&self) -> u64 {
        let ended = self.delivered + self.failed + self.filtered + self.joined + self.abandoned;
        (self.received + self.made).saturating_sub(ended)
    }

    /// Whether every item is accounted for, in exactly one place.
    pub fn adds_up(&self) -> bool {
        let ended = self.delivered + self.failed + self.filtered + self.joined + self.abandoned;
        self.received + self.made == ended + self.in_flight()
    }

    /// The stage of this name. The first, if there are several.
    pub fn stage(&self, name: &str) -> Option<&StageReport> {
        self.stages.iter().find(|stage| &*stage.name == name)
    }

    /// The stage that the others wait for: whose workers were busy for the largest share of the time. `None` before
    /// anything has happened.
    pub fn bottleneck(&self) -> Option<&StageReport> {
        let busy = self
            .stages
            .iter()
            .filter(|stage| stage.workers > 0 && stage.busy > Duration::ZERO);
        busy.max_by(|a, b| {
            let (a, b) = (a.busy_share(self.elapsed), b.busy_share(self.elapsed));
            a.total_cmp(&b)
        })
    }
}

impl fmt::Display for PipelineReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} received", self.received)?;
        if self.made > 0 {
            write!(f, " + {} made", self.made)?;
        }
        write!(
            f,
            " = {} delivered + {} failed",
            self.delivered, self.failed
        )?;
        for (count, fate) in [(self.filtered, "filtered"), (self.joined, "joined")] {
            if count > 0 {
                write!(f, " + {count} {fate}")?;
            }
        }
        write!(f, " + {} abandoned", self.abandoned)?;
        match self.in_flight() {
            0 => Ok(()),
            inside => write!(f, " + {inside} in flight"),
        }
    }
}

/// What one stage of a pipeline has done, so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageReport {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub kind: NodeKind,
    /// How many workers it has. None, where it is a source or the output.
    pub workers: usize,
    /// How many items may wait before it.
    pub buffer: usize,
    /// Items that its workers have begun.
    pub items_in: u64,
    /// Items that have gone on.
    pub items_out: u64,
    /// Items that have failed here.
    pub failed: u64,
    /// How often one was tried again.
    pub retried: u64,
    /// Items that wait before it, now.
    pub queued: usize,
    /// Workers that are busy, now.
    pub running: usize,
    /// For how long its workers were busy, all together: with an item, whether it ran or waited for something.
    pub busy: Duration,
    /// How long its items took.
    pub latency: Latency,
}

impl StageReport {
    /// For which share of the time its workers were busy, of a run that took so long.
    pub fn busy_share(&self, elapsed: Duration) -> f64 {
        let workers = self.workers.max(1) as f64;
        let whole = elapsed.as_secs_f64() * workers;
        if whole > 0.0 {
            (self.busy.as_secs_f64() / whole).min(1.0)
        } else {
            0.0
        }
    }
}

/// An item's failure: where it failed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failed<E, O = ()> {
    /// The name of the stage.
    pub stage: Arc<str>,
    /// What went wrong there.
    pub fault: Fault<E>,
    /// What went wrong after that, when the item's finalizers ran.
    pub then: Vec<Defect>,
    /// How often it was tried: more than once, where the stage [tries again](crate::Stage::retry).
    pub attempts: u32,
    /// What entered the pipeline and became this item, where that is [kept](crate::Pipeline::keep_source).
    pub source: O,
    /// When it failed, by the runtime's clock.
    pub at: SystemTime,
}

impl<E: fmt::Display, O> fmt::Display for Failed<E, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage {}: {}", self.stage, self.fault)?;
        if self.attempts > 1 {
            write!(f, ", after {} attempts", self.attempts)?;
        }
        self.then
            .iter()
            .try_for_each(|defect| write!(f, "; then died: {defect}"))
    }
}

impl<E: fmt::Debug + fmt::Display, O: fmt::Debug> std::error::Error for Failed<E, O> {}

/// What went wrong in a stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault<E> {
    /// The stage failed with its typed error.
    #[error("{0}")]
    Error(E),
    /// The stage panicked: a bug in it.
    #[error("died: {0}")]
    Defect(Defect),
    /// The stage took longer than [it may](crate::Stage::timeout).
    #[error("took longer than {0:?}")]
    TimedOut(Duration),
    /// The stage's [circuit breaker](crate::Stage::circuit_breaker) was open: it was not tried.
    #[error("the circuit is open")]
    CircuitOpen,
}

/// Why a pipeline's run ended early. The report says what became of the items.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError<E, O = ()> {
    /// An item failed, and there is no error channel, or it was closed.
    #[error("{failed} ({report})")]
    Failed {
        /// The failure.
        failed: Box<Failed<E, O>>,
        /// What became of the items.
        report: Box<PipelineReport>,
    },
    /// The output channel was closed by somebody else before the run had ended.
    #[error("the output was closed early ({report})")]
    OutputClosed {
        /// What became of the items.
        report: Box<PipelineReport>,
    },
    /// A stage's workers did not get what they need before there is an item.
    #[error("stage {stage} was not ready: {fault} ({report})")]
    NotReady {
        /// The name of the stage.
        stage: Arc<str>,
        /// What went wrong.
        fault: Fault<E>,
        /// What became of the items: there were none.
        report: Box<PipelineReport>,
    },
}

impl<E, O> PipelineError<E, O> {
    /// What became of the items.
    pub fn report(&self) -> &PipelineReport {
        match self {
            PipelineError::Failed { report, .. }
            | PipelineError::OutputClosed { report }
            | PipelineError::NotReady { report, .. } => report,
        }
    }
}
