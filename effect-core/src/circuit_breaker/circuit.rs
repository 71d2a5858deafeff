//! Where a circuit stands, and what has ended in it.

use std::collections::VecDeque;
use std::time::Instant;

use super::CircuitState;

/// When a closed circuit opens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trips {
    Consecutive(u32),
    Share { failures: usize, of_last: usize },
}

/// Where a circuit stands. A term is from one change of its state to the next.
pub(super) struct Circuit {
    phase: Phase,
    term: u64,
    // Failures in a row, in this term.
    consecutive: u32,
    // Which of the last effects have failed, in this term, and how many of them.
    last: VecDeque<bool>,
    failures: usize,
}

#[derive(Clone, Copy)]
enum Phase {
    Closed,
    Open { until: Instant },
    // Nobody probes after a probe was interrupted, until the next comes.
    HalfOpen { probing: bool },
}

/// An effect was let run.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    term: u64,
    pub(super) is_probe: bool,
}

impl Circuit {
    pub(super) fn new() -> Self {
        Circuit {
            phase: Phase::Closed,
            term: 0,
            consecutive: 0,
            last: VecDeque::new(),
            failures: 0,
        }
    }

    pub(super) fn state(&self) -> CircuitState {
        match self.phase {
            Phase::Closed => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// Lets an effect run, or not.
    pub(super) fn enter(&mut self, now: impl FnOnce() -> Instant) -> Option<Entry> {
        match self.phase {
            Phase::Closed => {}
            Phase::HalfOpen { probing: false } => self.phase = Phase::HalfOpen { probing: true },
            Phase::Open { until } if until <= now() => {
                self.begin(Phase::HalfOpen { probing: true });
            }
            Phase::Open { .. } | Phase::HalfOpen { probing: true } => return None,
        }
        Some(Entry {
            term: self.term,
            is_probe: matches!(self.phase, Phase::HalfOpen { .. }),
        })
    }

    /// Counts how an effect has ended that was let run.
    pub(super) fn record(
        &mut self,
        entry: Entry,
        failed: bool,
        trips: Trips,
        until: impl FnOnce() -> Instant,
    ) {
        // What began in another term says nothing of this one.
        if entry.term != self.term {
            return;
        }
        let opens = match self.phase {
            Phase::Closed => self.count(failed, trips),
            Phase::Open { .. } | Phase::HalfOpen { .. } => failed,
        };
        if opens {
            self.begin(Phase::Open { until: until() });
        } else if entry.is_probe {
            self.begin(Phase::Closed);
        }
    }

    /// Lets another probe, where this one goes without a word.
    pub(super) fn leave(&mut self, entry: Entry) {
        if entry.term == self.term && entry.is_probe {
            self.phase = Phase::HalfOpen { probing: false };
        }
    }

    /// Counts one more effect, and tells whether that is one failure too many.
    fn count(&mut self, failed: bool, trips: Trips) -> bool {
        match trips {
            Trips::Consecutive(failures) => {
                self.consecutive = if failed { self.consecutive + 1 } else { 0 };
                self.consecutive >= failures
            }
            Trips::Share { failures, of_last } => {
                if self.last.len() == of_last {
                    self.failures -= usize::from(self.last.pop_front() == Some(true));
                }
                self.last.push_back(failed);
                self.failures += usize::from(failed);
                self.last.len() == of_last && self.failures >= failures
            }
        }
    }

    /// Begins another term.
    fn begin(&mut self, phase: Phase) {
        *self = Circuit {
            phase,
            term: self.term + 1,
            ..Circuit::new()
        };
    }
}
