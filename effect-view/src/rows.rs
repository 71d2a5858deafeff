//! Rows: what is to be seen of each stage, by what has changed since one looked last.

use std::time::Duration;

use crate::wire::{Plan, Snapshot, StageSnapshot};

/// Makes rows of snapshots: it keeps the last one, to tell how fast things go.
#[derive(Clone, Debug)]
pub struct Rows {
    plan: Plan,
    last: Snapshot,
    /// What the rates were, while no time has passed.
    rates: Vec<f64>,
}

/// What is to be seen of a stage.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What it is, in a word.
    pub kind: String,
    /// How many workers it has.
    pub workers: usize,
    /// How many items may wait before it.
    pub buffer: usize,
    /// What it has done.
    pub now: StageSnapshot,
    /// How many items it does a second, of late; and of the whole run, once that has ended.
    pub rate: f64,
    /// Whether the others wait for it.
    pub is_bottleneck: bool,
}

impl Rows {
    /// Nothing has been seen of a run yet.
    pub fn new(plan: Plan) -> Self {
        let rates = vec![0.0; plan.stages.len()];
        Rows {
            plan,
            last: Snapshot::default(),
            rates,
        }
    }

    /// What the pipeline is.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What was seen last.
    pub fn last(&self) -> &Snapshot {
        &self.last
    }

    /// Takes what is seen after so much time. At the end, rates are those of the whole run.
    pub fn see(&mut self, now: Snapshot, after: Duration) {
        if now.has_ended && !now.elapsed.is_zero() {
            let whole = now.elapsed.as_secs_f64();
            let rates = now.stages.iter().map(|stage| stage.done as f64 / whole);
            self.rates
                .iter_mut()
                .zip(rates)
                .for_each(|(rate, whole)| *rate = whole);
        } else if !after.is_zero() {
            for (place, rate) in self.rates.iter_mut().enumerate() {
                let done = |snapshot: &Snapshot| snapshot.stages.get(place).map_or(0, |it| it.done);
                let more = done(&now).saturating_sub(done(&self.last));
                *rate = more as f64 / after.as_secs_f64();
            }
        }
        self.last = now;
    }

    /// A row for each stage, with sources and the output.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        let stages = self.plan.stages.iter().zip(&self.rates).enumerate();
        stages.map(|(place, (stage, rate))| Row {
            name: stage.name.clone(),
            kind: stage.kind.clone(),
            workers: stage.workers,
            buffer: stage.buffer,
            now: self.last.stages.get(place).cloned().unwrap_or_default(),
            rate: *rate,
            is_bottleneck: self.last.bottleneck == Some(place),
        })
    }
}

impl Row {
    /// How fast it goes, in a few letters: `950/s`, `12.3k/s`.
    pub fn rate_in_short(&self) -> String {
        format!("{}/s", in_short(self.rate))
    }

    /// What it has done, in a few letters.
    pub fn done_in_short(&self) -> String {
        in_short(self.now.done as f64)
    }

    /// Its queue as a bar of so many letters. Empty, if it has none.
    pub fn queue_bar(&self, width: usize) -> String {
        if self.buffer == 0 {
            return " ".repeat(width);
        }
        let full = (self.now.queued as f64 / self.buffer as f64).min(1.0);
        let mut filled = (full * width as f64).round() as usize;
        if self.now.queued > 0 {
            filled = filled.max(1);
        }
        format!("{}{}", "█".repeat(filled), "░".repeat(width - filled))
    }
}

/// A number in five letters at most.
fn in_short(number: f64) -> String {
    let mut number = number;
    for unit in ["", "k", "M", "G"] {
        if number < 10.0 && !unit.is_empty() || number < 100.0 && number.fract() >= 0.05 {
            return format!("{number:.1}{unit}");
        }
        if number < 1000.0 {
            return format!("{number:.0}{unit}");
        }
        number /= 1000.0;
    }
    format!("{number:.0}T")
}

#[cfg(test)]
mod tests {
    use super::in_short;

    #[test]
    fn numbers_are_short() {
        let numbers = [
            0.0, 0.5, 7.0, 99.5, 640.2, 999.0, 1204.0, 56_789.0, 999_400.0, 2.5e9,
        ];
        let short: Vec<_> = numbers.into_iter().map(in_short).collect();
        let expected = [
            "0", "0.5", "7", "99.5", "640", "999", "1.2k", "56.8k", "999k", "2.5G",
        ];
        assert_eq!(short, expected);
    }
}
