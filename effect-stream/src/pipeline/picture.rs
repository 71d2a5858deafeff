//! Pictures of a pipeline, as text: mermaid, DOT and SVG; before it runs, and with the counts of a run.

use super::blueprint::{Blueprint, BlueprintNode, NodeKind};
use super::explain::{buffer, kind, plain, workers};
use super::report::{PipelineReport, StageReport};

mod svg;

/// How long a line of notes may be that consists of several.
const LINE: usize = 32;

/// # Pictures
impl Blueprint {
    /// Draws the pipeline as a [mermaid](https://mermaid.js.org) flow chart, which many renderers of markdown show.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// let pipeline = Pipeline::<(), _, _>::from_stream(Stream::from_iter(["1", "2"]))
    ///     .via(stage_sync("parse", str::parse::<u64>).workers(4).ordered())
    ///     .to_channel(Channel::bounded(16))
    ///     .with_error_channel(Channel::bounded(16));
    /// assert_eq!(
    ///     pipeline.blueprint().to_mermaid(),
    ///     r#"flowchart LR
    ///     n0(["stream<br/>source"])
    ///     n1["parse<br/>4 workers, buffer 64<br/>ordered"]
    ///     n2(["output"])
    ///     n3(["errors"])
    ///     n0 --> n1
    ///     n1 --> n2
    ///     n1 -.-> n3
    /// "#
    /// );
    /// ```
    pub fn to_mermaid(&self) -> String {
        mermaid(&Picture::of(self, None))
    }

    /// Draws the pipeline as [`to_mermaid`](Blueprint::to_mermaid) does, with what a report of its run has counted: what each stage has
    /// done, how many items wait before it, and which stage the others wait for.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let connected = Pipeline::from_stream(Stream::range(0..3))
    ///     .via(stage_sync("double", |n: u32| Ok::<_, String>(2 * n)))
    ///     .to_channel(Channel::bounded(16));
    /// let handle = connected.handle();
    /// let report = connected.run().await?;
    /// let picture = handle.blueprint().to_mermaid_with(&report);
    /// assert!(picture.contains("n0([\"stream<br/>source<br/>3 received\"])"), "{picture}");
    /// assert!(picture.contains("n0 -->|\"0/64\"| n1"), "{picture}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_mermaid_with(&self, report: &PipelineReport) -> String {
        mermaid(&Picture::of(self, Some(report)))
    }

    /// Draws the pipeline in DOT, the language of [Graphviz](https://graphviz.org).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// let pipeline = Pipeline::<(), _, _>::from_stream(Stream::from_iter(["1", "2"]))
    ///     .via(stage_sync("parse", str::parse::<u64>).workers(4))
    ///     .to_channel(Channel::bounded(16));
    /// let dot = pipeline.blueprint().to_dot();
    /// assert!(dot.contains(r#"n1 [label="parse\n4 workers, buffer 64"];"#), "{dot}");
    /// assert!(dot.contains("n0 -> n1;"), "{dot}");
    /// ```
    pub fn to_dot(&self) -> String {
        dot(&Picture::of(self, None))
    }

    /// Draws the pipeline as [`to_dot`](Blueprint::to_dot) does, with what a report of its run has counted.
    pub fn to_dot_with(&self, report: &PipelineReport) -> String {
        dot(&Picture::of(self, Some(report)))
    }

    /// Draws the pipeline as an SVG, which needs nothing else to be looked at. It has no script in it, and is readable on a light
    /// ground and on a dark one.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{stage_sync, Channel, Pipeline, Stream};
    ///
    /// let pipeline = Pipeline::<(), _, _>::from_stream(Stream::from_iter(["1", "2"]))
    ///     .via(stage_sync("parse & check", str::parse::<u64>).workers(4))
    ///     .to_channel(Channel::bounded(16));
    /// let svg = pipeline.blueprint().to_svg();
    /// assert!(svg.starts_with("<svg ") && svg.contains("parse &amp; check"));
    /// ```
    pub fn to_svg(&self) -> String {
        svg::svg(&Picture::of(self, None))
    }

    /// Draws the pipeline as [`to_svg`](Blueprint::to_svg) does, with what a report of its run has counted.
    pub fn to_svg_with(&self, report: &PipelineReport) -> String {
        svg::svg(&Picture::of(self, Some(report)))
    }
}

/// What all pictures show.
struct Picture {
    nodes: Vec<Drawn>,
    arrows: Vec<Arrow>,
}

struct Drawn {
    name: String,
    kind: NodeKind,
    /// What stands below the name.
    lines: Vec<String>,
    /// For which share of the time its workers were busy, where that is known.
    busy: Option<f64>,
    is_bottleneck: bool,
}

struct Arrow {
    from: usize,
    to: usize,
    /// How many items wait there.
    label: Option<String>,
    /// Whether no more may.
    is_full: bool,
    /// Whether it is the way of failures.
    is_of_failures: bool,
}

impl Picture {
    fn of(blueprint: &Blueprint, report: Option<&PipelineReport>) -> Self {
        let bottleneck = report.and_then(PipelineReport::bottleneck);
        let nodes = blueprint.nodes().iter().enumerate();
        let nodes = nodes.map(|(place, node)| {
            let mut drawn = Drawn {
                name: plain(&node.name).into_owned(),
                kind: node.kind,
                lines: described(node),
                busy: None,
                is_bottleneck: false,
            };
            let counted = report.and_then(|report| Some((report, report.stages.get(place)?)));
            if let Some((report, stage)) = counted {
                drawn.lines.extend(done(blueprint, place, report, stage));
                let worked = stage.workers > 0 && report.elapsed.as_nanos() > 0;
                drawn.busy = worked.then(|| stage.busy_share(report.elapsed));
                drawn.is_bottleneck = bottleneck.is_some_and(|it| std::ptr::eq(it, stage));
            }
            drawn
        });
        let arrows = blueprint.edges().iter().map(|(from, to)| {
            let stage = report.and_then(|report| report.stages.get(*to));
            let own = stage.filter(|_| has_one_before(blueprint, *to));
            Arrow {
                from: *from,
                to: *to,
                label: own.and_then(queue),
                is_full: own.is_some_and(|stage| stage.buffer > 0 && stage.queued >= stage.buffer),
                is_of_failures: false,
            }
        });
        let mut picture = Picture {
            nodes: nodes.collect(),
            arrows: arrows.collect(),
        };
        if blueprint.routes_failures {
            picture.add_failures(blueprint, report);
        }
        picture
    }

    /// Adds the channel of failures, and the ways that lead there.
    fn add_failures(&mut self, blueprint: &Blueprint, report: Option<&PipelineReport>) {
        let to = self.nodes.len();
        let failed = report.map(|report| format!("{} failed", Count(report.failed)));
        self.nodes.push(Drawn {
            name: "errors".to_owned(),
            kind: NodeKind::Output,
            lines: failed.into_iter().collect(),
            busy: None,
            is_bottleneck: false,
        });
        let nodes = blueprint.nodes().iter().enumerate();
        let failing = nodes.filter(|(_, node)| node.may_fail);
        self.arrows.extend(failing.map(|(from, _)| Arrow {
            from,
            to,
            label: None,
            is_full: false,
            is_of_failures: true,
        }));
    }
}

fn has_one_before(blueprint: &Blueprint, place: usize) -> bool {
    let before = blueprint.edges().iter().filter(|edge| edge.1 == place);
    before.count() == 1
}

/// What a node is, in lines.
fn described(node: &BlueprintNode) -> Vec<String> {
    let word = Some(kind(node.kind).to_owned())
        .filter(|word| node.kind != NodeKind::Stage && **word != *node.name);
    let facts = [word, Some(workers(node)), Some(buffer(node))];
    let facts: Vec<_> = facts.into_iter().flatten().collect();
    let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    let mut lines = vec![facts.join(", ")];
    for note in &node.notes {
        let note = plain(note);
        let last = lines.len() - 1;
        // Together, where there is room for both. The facts stay by themselves.
        if last > 0 && lines[last].len() + 2 + note.len() <= LINE {
            lines[last] += &format!(", {note}");
        } else {
            lines.push(note.into_owned());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// What a node has done, in lines.
fn done(
    blueprint: &Blueprint,
    place: usize,
    report: &PipelineReport,
    stage: &StageReport,
) -> Vec<String> {
    let counts = match stage.kind {
        NodeKind::Source => {
            // A channel is read by the stage behind it.
            let next = blueprint.edges().iter().find(|edge| edge.0 == place);
            let begun = next.and_then(|edge| report.stages.get(edge.1));
            let received = match (blueprint.sources(), begun) {
                (1, _) => report.received,
                (_, Some(begun)) if stage.items_out == 0 => begun.items_in,
                _ => stage.items_out,
            };
            format!("{} received", Count(received))
        }
        NodeKind::Output => format!("{} delivered", Count(report.delivered)),
        NodeKind::Stage => format!("{} done", Count(stage.items_out)),
        _ => format!(
            "{} in, {} out",
            Count(stage.items_in),
            Count(stage.items_out)
        ),
    };
    let mut lines = vec![counts];
    let fates = [(stage.failed, "failed"), (stage.retried, "retried")];
    let fates = fates.into_iter().filter(|(count, _)| *count > 0);
    let fates: Vec<_> = fates
        .map(|(count, fate)| format!("{} {fate}", Count(count)))
        .collect();
    if !fates.is_empty() {
        lines.push(fates.join(", "));
    }
    if stage.workers > 0 {
        let share = 100.0 * stage.busy_share(report.elapsed);
        let busy = format!("{} of {} busy, {share:.0} %", stage.running, stage.workers);
        lines.push(busy);
    }
    // One queue, and several ways that lead into it.
    if !has_one_before(blueprint, place)
        && let Some(queue) = queue(stage)
    {
        lines.push(format!("{queue} waiting"));
    }
    lines
}

/// How many items wait before a stage.
fn queue(stage: &StageReport) -> Option<String> {
    match (stage.queued, stage.buffer) {
        (0, 0) => None,
        (queued, 0) => Some(queued.to_string()),
        (queued, buffer) => Some(format!("{queued}/{buffer}")),
    }
}

/// A number with its thousands apart.
struct Count(u64);

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

fn mermaid(picture: &Picture) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (place, node) in picture.nodes.iter().enumerate() {
        let lines = std::iter::once(&node.name).chain(&node.lines);
        let lines: Vec<_> = lines.map(|line| for_mermaid(line)).collect();
        let (open, close) = match node.kind {
            NodeKind::Source | NodeKind::Output => ("([", "])"),
            NodeKind::Filter | NodeKind::Branch => ("{{", "}}"),
            NodeKind::Batch => ("[[", "]]"),
            NodeKind::Stage | NodeKind::FlatMap => ("[", "]"),
        };
        text += &format!("    n{place}{open}\"{}\"{close}\n", lines.join("<br/>"));
    }
    for arrow in &picture.arrows {
        let Arrow { from, to, .. } = arrow;
        let line = if arrow.is_of_failures { "-.->" } else { "-->" };
        let label = arrow.label.as_ref().map(|label| format!("|\"{label}\"|"));
        text += &format!("    n{from} {line}{} n{to}\n", label.unwrap_or_default());
    }
    for (place, node) in picture.nodes.iter().enumerate() {
        if node.is_bottleneck {
            text += &format!("    style n{place} stroke:#d97706,stroke-width:3px\n");
        }
    }
    text
}

/// Everything that could mean something else in a quoted label.
fn for_mermaid(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '"' => escaped += "#quot;",
            '#' => escaped += "#35;",
            '&' => escaped += "#amp;",
            '<' => escaped += "#lt;",
            '>' => escaped += "#gt;",
            '`' => escaped += "#96;",
            '\\' => escaped += "#92;",
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn dot(picture: &Picture) -> String {
    let mut text = "digraph pipeline {\n".to_owned();
    text += "    rankdir=LR;\n    bgcolor=transparent;\n";
    text += "    node [shape=box, style=filled, fillcolor=\"#f6f8fa\", fontname=monospace];\n";
    text += "    edge [color=\"#848d97\", fontcolor=\"#848d97\", fontname=monospace];\n";
    for (place, node) in picture.nodes.iter().enumerate() {
        let lines = std::iter::once(&node.name).chain(&node.lines);
        let lines: Vec<_> = lines.map(|line| for_dot(line)).collect();
        let shape = match node.kind {
            NodeKind::Source | NodeKind::Output => ", style=\"filled,rounded\"",
            NodeKind::Filter | NodeKind::Branch => ", shape=hexagon",
            NodeKind::Stage | NodeKind::FlatMap | NodeKind::Batch => "",
        };
        let mark = if node.is_bottleneck {
            ", color=\"#d97706\", penwidth=3"
        } else {
            ""
        };
        text += &format!(
            "    n{place} [label=\"{}\"{shape}{mark}];\n",
            lines.join("\\n")
        );
    }
    for arrow in &picture.arrows {
        let Arrow { from, to, .. } = arrow;
        let style = match &arrow.label {
            _ if arrow.is_of_failures => " [style=dashed]".to_owned(),
            Some(label) => format!(" [label=\"{label}\"]"),
            None => String::new(),
        };
        text += &format!("    n{from} -> n{to}{style};\n");
    }
    text + "}\n"
}

fn for_dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
