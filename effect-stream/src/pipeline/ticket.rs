//! The ticket that travels with each item, and the ledger that it reports to.
//!
//! A guard in the worker is not enough: an item at rest in a buffer would vanish with the buffer. So the proof
//! that an item had exactly one fate is part of the item, in every queue and every hand, and reports in its
//! `Drop`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::report::PipelineReport;

/// What became of the items of one run. Counters are independent of each other, so relaxed order is enough:
/// whoever reads the final figures has awaited all fibers that wrote them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    received: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    abandoned: AtomicU64,
}

impl Ledger {
    pub(crate) fn report(&self) -> PipelineReport {
        PipelineReport {
            received: self.received.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            abandoned: self.abandoned.load(Ordering::Relaxed),
        }
    }
}

/// The proof that an item was received and has had no fate yet. Dropped as it is, the item was abandoned.
#[derive(Debug)]
pub(crate) struct Ticket {
    // `None` once the fate is settled.
    ledger: Option<Arc<Ledger>>,
}

impl Ticket {
    /// Counts an item as received.
    pub(crate) fn issue(ledger: &Arc<Ledger>) -> Self {
        ledger.received.fetch_add(1, Ordering::Relaxed);
        Ticket {
            ledger: Some(Arc::clone(ledger)),
        }
    }

    /// The item was accepted by the output.
    pub(crate) fn deliver(self) {
        self.settle(|ledger| &ledger.delivered);
    }

    /// The item's failure was accepted by the error channel, or became the run's.
    pub(crate) fn fail(self) {
        self.settle(|ledger| &ledger.failed);
    }

    /// The item went back to where it came from: it was not received after all.
    pub(crate) fn cancel(mut self) {
        if let Some(ledger) = self.ledger.take() {
            ledger.received.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn settle(mut self, fate: impl FnOnce(&Ledger) -> &AtomicU64) {
        if let Some(ledger) = self.ledger.take() {
            fate(&ledger).fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            ledger.abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// An item and its ticket.
#[derive(Debug)]
pub(crate) struct Envelope<T> {
    pub(crate) ticket: Ticket,
    pub(crate) value: T,
}
