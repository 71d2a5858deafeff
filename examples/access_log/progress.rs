//! How far the reading is: a bar on a terminal, a line every few seconds elsewhere; and what each stage has done.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use effect::{PipelineHandle, PipelineReport};
use indicatif::{ProgressBar, ProgressStyle};

use super::console;

const LINE_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct ReadProgress {
    // `None` where nobody watches.
    bar: Option<ProgressBar>,
    counts: PipelineHandle,
    last_line: Instant,
}

impl ReadProgress {
    pub(crate) fn new(size: Option<u64>, counts: PipelineHandle, now: Instant) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(size));
        ReadProgress {
            bar,
            counts,
            last_line: now,
        }
    }

    pub(crate) fn show(&mut self, bytes_read: u64, now: Instant) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(bytes_read);
                bar.set_message(self.counts.report().to_string());
            }
            None if now.duration_since(self.last_line) >= LINE_EVERY => {
                self.last_line = now;
                let counts = self.counts.report();
                console::tell(format_args!("{bytes_read} bytes read; {counts}"));
            }
            None => {}
        }
    }
}

impl Drop for ReadProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Says what each stage has done, and for which share of the time its workers were busy.
pub(crate) fn tell_stages(report: &PipelineReport) {
    let head = ["stage", "workers", "in", "out", "failed", "retried", "busy"];
    let [stage, workers, came, went, failed, retried, busy] = head;
    console::tell(format_args!(
        "{stage:<12}{workers:>8}{came:>10}{went:>10}{failed:>8}{retried:>9}{busy:>6}"
    ));
    for stage in report.stages.iter().filter(|stage| stage.workers > 0) {
        let busy = 100.0 * stage.busy_share(report.elapsed);
        console::tell(format_args!(
            "{:<12}{:>8}{:>10}{:>10}{:>8}{:>9}{busy:>5.0}%",
            stage.name, stage.workers, stage.items_in, stage.items_out, stage.failed, stage.retried
        ));
    }
    if let Some(stage) = report.bottleneck() {
        console::tell(format_args!("the bottleneck is {}", stage.name));
    }
}

fn bar(size: Option<u64>) -> ProgressBar {
    match size {
        Some(size) => ProgressBar::new(size).with_style(style(
            "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}\n{msg}",
        )),
        None => {
            ProgressBar::new_spinner().with_style(style("{spinner} {bytes} {bytes_per_sec}\n{msg}"))
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template that does not parse would be a typing error above; the default one shows as much.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
