//! How far the reading is: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use effect::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use super::console;

const LINE_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct ReadProgress {
    // `None` where nobody watches.
    bar: Option<ProgressBar>,
    counts: Progress,
    last_line: Instant,
}

impl ReadProgress {
    pub(crate) fn new(size: Option<u64>, counts: Progress, now: Instant) -> Self {
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
