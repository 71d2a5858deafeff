//! What goes over the wire: a line of JSON each.

use std::time::Duration;

use effect_stream::{Blueprint, NodeKind, PipelineReport};
use serde::{Deserialize, Serialize};

/// A line from a program that is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Line {
    /// The first: what the pipeline is.
    Plan(Plan),
    /// What it has done so far.
    Report(Snapshot),
    /// An item, as its stage shows it.
    Sample {
        /// The name of the stage.
        stage: String,
        /// The item.
        item: String,
    },
    /// A stage that was asked for samples has none: there is none of this name, or it is not observed.
    NotObserved {
        /// The name that was asked for.
        stage: String,
    },
}

/// A line to a program that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Request {
    /// Asks for samples of what comes to a stage, and for no others.
    Tap {
        /// The name of the stage.
        stage: String,
        /// One of so many items.
        every: u64,
    },
    /// Asks for no more samples.
    Untap,
}

/// What a pipeline is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What the run is called.
    pub name: String,
    /// Its stages, sources and output.
    pub stages: Vec<PlanStage>,
    /// Which leads to which, by their places in `stages`.
    pub edges: Vec<(usize, usize)>,
}

/// What a stage is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStage {
    /// Its name.
    pub name: String,
    /// What it is, in a word.
    pub kind: String,
    /// How many workers it has. None, where it is a source or the output.
    pub workers: usize,
    /// How many items may wait before it.
    pub buffer: usize,
    /// What else was asked of it.
    pub notes: Vec<String>,
}

/// What a pipeline has done so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// For how long it has run.
    pub elapsed: Duration,
    /// Items taken from the input.
    pub received: u64,
    /// Items accepted by the output.
    pub delivered: u64,
    /// Items that have failed.
    pub failed: u64,
    /// Items that are inside.
    pub in_flight: u64,
    /// What became of all items, as a line that adds up.
    pub line: String,
    /// Whether the run has ended.
    pub has_ended: bool,
    /// The stage that the others wait for, by its place.
    pub bottleneck: Option<usize>,
    /// What each stage has done.
    pub stages: Vec<StageSnapshot>,
}

/// What a stage has done so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageSnapshot {
    /// Items that have gone on.
    pub done: u64,
    /// Items that have failed here.
    pub failed: u64,
    /// How often one was tried again.
    pub retried: u64,
    /// Items that wait before it.
    pub queued: usize,
    /// Workers that are busy.
    pub running: usize,
    /// For which share of the time its workers were busy.
    pub busy: f64,
    /// What half of its items took, at most.
    pub median: Duration,
    /// What all but one of a hundred took, at most.
    pub p99: Duration,
}

impl Plan {
    /// What a blueprint says.
    pub fn of(name: &str, blueprint: &Blueprint) -> Self {
        let stages = blueprint.nodes().iter().map(|node| PlanStage {
            name: node.name.to_string(),
            kind: kind(node.kind).to_owned(),
            workers: node.workers,
            buffer: node.buffer,
            notes: node.notes.clone(),
        });
        Plan {
            name: name.to_owned(),
            stages: stages.collect(),
            edges: blueprint.edges().to_vec(),
        }
    }
}

fn kind(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Source => "source",
        NodeKind::Stage => "stage",
        NodeKind::Filter => "filter",
        NodeKind::FlatMap => "flat map",
        NodeKind::Batch => "batch",
        NodeKind::Branch => "branch",
        NodeKind::Output => "output",
        _ => "other",
    }
}

impl Snapshot {
    /// What a report says.
    pub fn of(report: &PipelineReport, has_ended: bool) -> Self {
        let bottleneck = report.bottleneck().and_then(|bottleneck| {
            let mut stages = report.stages.iter();
            stages.position(|stage| std::ptr::eq(stage, bottleneck))
        });
        let stages = report.stages.iter().map(|stage| StageSnapshot {
            done: match stage.kind {
                NodeKind::Source => stage.items_out.max(stage.items_in),
                _ => stage.items_out,
            },
            failed: stage.failed,
            retried: stage.retried,
            queued: stage.queued,
            running: stage.running,
            busy: stage.busy_share(report.elapsed),
            median: stage.latency.quantile(0.5),
            p99: stage.latency.quantile(0.99),
        });
        let mut stages: Vec<_> = stages.collect();
        // A channel counts nothing itself; if it is the only source, all comes from it.
        let mut sources =
            (0..stages.len()).filter(|at| report.stages[*at].kind == NodeKind::Source);
        if let (Some(source), None) = (sources.next(), sources.next()) {
            stages[source].done = report.received;
        }
        Snapshot {
            elapsed: report.elapsed,
            received: report.received,
            delivered: report.delivered,
            failed: report.failed,
            in_flight: report.in_flight(),
            line: report.to_string(),
            has_ended,
            bottleneck,
            stages,
        }
    }
}
