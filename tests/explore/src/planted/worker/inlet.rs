//! A copy of where a worker's items come from: a batch, of which it gives back what it has not begun.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;

use super::super::channel::{Channel, Closed, Receive};
use super::Bug;
use super::ticket::{Envelope, Ledger, Ticket};

/// How many items move at once.
const BATCH: usize = 3;

/// The copy of `Batch`: what has not begun goes back when it is dropped.
pub(super) struct Batch<'a> {
    bug: Option<Bug>,
    input: &'a Channel<u64>,
    ledger: &'a Arc<Ledger>,
    receive: Receive<u64>,
    pub(super) items: VecDeque<Envelope>,
    claimed: usize,
    /// What [`Bug::BegunGivenBack`] gives back as well.
    pub(super) begun: Option<u64>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(input: &'a Channel<u64>, ledger: &'a Arc<Ledger>, bug: Option<Bug>) -> Self {
        Batch {
            bug,
            input,
            ledger,
            receive: input.receive(),
            items: VecDeque::new(),
            claimed: 0,
            begun: None,
        }
    }

    /// Takes what is there, at least one item.
    pub(super) async fn fill(&mut self) -> Result<(), Closed> {
        self.release();
        let claims = self.bug != Some(Bug::ClaimForgotten);
        let (receive, items, ledger) = (&mut self.receive, &mut self.items, self.ledger);
        poll_fn(|task| {
            receive.poll_many(task, BATCH, claims, &mut |value| {
                let ticket = Ticket::issue(ledger);
                items.push_back(Envelope { ticket, value });
            })
        })
        .await?;
        self.claimed = if claims { self.items.len() } else { 0 };
        Ok(())
    }

    /// Gives back what has not begun, ahead of what came later.
    pub(super) fn release(&mut self) {
        let keeps = self.bug == Some(Bug::EmptyClaimKept) && self.items.is_empty();
        if keeps || self.claimed == 0 && self.items.is_empty() {
            return;
        }
        let items = self.items.drain(..).map(|Envelope { ticket, value }| {
            ticket.cancel();
            value
        });
        self.input.release(self.claimed, items);
        self.claimed = 0;
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        match self.bug {
            Some(Bug::BatchKeptOnDrop) => return,
            Some(Bug::BatchLostOnDrop) => self.items.clear(),
            _ => {}
        }
        self.release();
        if let Some(begun) = self.begun.take() {
            self.input.release(0, std::iter::once(begun));
        }
    }
}
