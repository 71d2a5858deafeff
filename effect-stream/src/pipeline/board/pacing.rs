//! How much a runner does at a time, and what is worth waking another for. Nothing depends on it but how long a run takes.

use super::{Counts, LARGEST_BATCH, State};

/// How long a runner works at a batch before it looks for what else is to be done. Long against a lock, short against
/// what a user notices. In nanoseconds.
const BATCH_TIME: u64 = 250_000;

/// How much work has to be left over before another runner is woken for it, at least: a wake costs about as much, in
/// nanoseconds.
const LEAST_WORTH_A_WAKE: u64 = 10_000;

/// And against what a batch costs beside the work.
const HAND_OVERS_WORTH_A_WAKE: u64 = 8;

impl Counts {
    /// For how many nanoseconds the thread is busy with an item, as far as is known.
    pub(super) fn service(&self) -> Option<u64> {
        self.spent.checked_div(self.spent_on)
    }

    /// Whether the thread is busy with so many items for so many nanoseconds.
    pub(super) fn lasts(&self, items: usize, nanoseconds: u64) -> bool {
        let service = self.service().unwrap_or(0);
        service.saturating_mul(items as u64) >= nanoseconds
    }

    /// How many of `ready` items make a batch: few while nothing is known, then as many as take [`BATCH_TIME`].
    pub(super) fn batch(&self, ready: usize) -> usize {
        let Some(service) = self.service() else {
            return 1;
        };
        let known = self.spent_on.saturating_mul(2);
        let fits = (BATCH_TIME / service.max(1)).min(known);
        (fits as usize).clamp(1, LARGEST_BATCH).min(ready)
    }
}

impl State {
    /// How many of a stage's workers one runner may have that wait: an item stays with the runner that has begun it, and what
    /// it does after it has waited is to be shared by all.
    pub(super) fn share(&self, at: usize) -> usize {
        let stage = &self.stages[at];
        if !stage.lasts(1, self.worth_a_wake()) {
            // There is little to share.
            return stage.workers;
        }
        stage.workers.div_ceil(self.resting.len().max(1))
    }

    /// How much work is worth a wake, in nanoseconds.
    pub(super) fn worth_a_wake(&self) -> u64 {
        LEAST_WORTH_A_WAKE.max(HAND_OVERS_WORTH_A_WAKE * self.hand_over)
    }

    /// Whether an item is done sooner than another runner would be awake.
    pub(super) fn is_soon_done(&self, at: usize) -> bool {
        let stage = &self.stages[at];
        stage.service().is_some() && !stage.lasts(1, 2 * self.worth_a_wake())
    }

    /// Into how many batches so many items are divided, so that all runners have some and end at about the same time: each takes
    /// its share of what is left (Polychronopoulos and Kuck, "Guided Self-Scheduling", 1987).
    pub(super) fn shares(&self, at: usize, ready: usize) -> usize {
        let stage = &self.stages[at];
        // There may be little to share.
        let runners = if stage.lasts(ready, 4 * self.worth_a_wake()) {
            self.resting.len()
        } else {
            1
        };
        runners.max(1)
    }
}
