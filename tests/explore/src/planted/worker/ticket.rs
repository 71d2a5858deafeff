//! A copy of the pipeline's ticket: each item has one fate, and the ledger counts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What became of the items.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) received: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) abandoned: AtomicU64,
}

/// The proof that an item was received and has had no fate yet. Dropped as it is, the item was abandoned.
pub(super) struct Ticket {
    // `None` once the fate is settled.
    ledger: Option<Arc<Ledger>>,
}

impl Ticket {
    pub(super) fn issue(ledger: &Arc<Ledger>) -> Self {
        ledger.received.fetch_add(1, Ordering::Relaxed);
        Ticket {
            ledger: Some(Arc::clone(ledger)),
        }
    }

    pub(super) fn deliver(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            ledger.delivered.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn fail(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            ledger.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The item went back to where it came from: it was not received after all.
    pub(super) fn cancel(mut self) {
        if let Some(ledger) = self.ledger.take() {
            ledger.received.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts a fate and keeps the ticket: no correct copy does.
    pub(super) fn settle_again(&self) {
        if let Some(ledger) = &self.ledger {
            ledger.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Goes without a fate: no correct copy does.
    pub(super) fn forget(&mut self) {
        self.ledger = None;
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
pub(super) struct Envelope {
    pub(super) ticket: Ticket,
    pub(super) value: u64,
}
