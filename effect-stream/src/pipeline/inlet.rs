//! Where a worker's items come from: a batch of what is ready, of which it gives back what it has not begun.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;

use super::ticket::{Envelope, Ledger, Ticket};
use crate::{Channel, ChannelClosed, Receive};

/// How many items move at once. More would cost latency and save little: the lock that a batch shares is
/// already a fraction of what an item costs.
pub(super) const BATCH: usize = 32;

/// Where a stage takes its items from.
pub(super) enum Inlet<T> {
    /// The pipeline's input: items get their tickets here.
    Input(Channel<T>, Arc<Ledger>),
    /// The queue behind another stage.
    Queue(Channel<Envelope<T>>),
}

impl<T> Clone for Inlet<T> {
    fn clone(&self) -> Self {
        match self {
            Inlet::Input(channel, ledger) => Inlet::Input(channel.clone(), Arc::clone(ledger)),
            Inlet::Queue(queue) => Inlet::Queue(queue.clone()),
        }
    }
}

/// The items in a worker's hand. What it has not begun goes back when it is dropped.
pub(super) struct Batch<'a, T> {
    inlet: &'a Inlet<T>,
    receive: ReceiveFrom<T>,
    pub(super) items: VecDeque<Envelope<T>>,
    claimed: usize,
}

enum ReceiveFrom<T> {
    Input(Receive<T>),
    Queue(Receive<Envelope<T>>),
}

impl<'a, T> Batch<'a, T> {
    pub(super) fn new(inlet: &'a Inlet<T>) -> Self {
        let receive = match inlet {
            Inlet::Input(channel, _) => ReceiveFrom::Input(channel.receive()),
            Inlet::Queue(queue) => ReceiveFrom::Queue(queue.receive()),
        };
        Batch {
            inlet,
            receive,
            items: VecDeque::with_capacity(BATCH),
            claimed: 0,
        }
    }

    /// Takes what is there, at least one item.
    pub(super) async fn fill(&mut self) -> Result<(), ChannelClosed> {
        self.release();
        let Batch {
            inlet,
            receive,
            items,
            claimed,
        } = self;
        poll_fn(|task| match (&mut *receive, *inlet) {
            (ReceiveFrom::Input(receive), Inlet::Input(_, ledger)) => {
                receive.poll_claim(task, BATCH, |value| {
                    items.push_back(Envelope {
                        ticket: Ticket::issue(ledger),
                        value,
                    });
                })
            }
            (ReceiveFrom::Queue(receive), _) => {
                receive.poll_claim(task, BATCH, |envelope| items.push_back(envelope))
            }
            (ReceiveFrom::Input(_), Inlet::Queue(_)) => unreachable!("made from the same inlet"),
        })
        .await?;
        *claimed = items.len();
        Ok(())
    }

    /// Gives back what has not been begun, ahead of what came later, for other workers to take.
    pub(super) fn release(&mut self) {
        if self.claimed == 0 {
            return;
        }
        let items = self.items.drain(..);
        match self.inlet {
            Inlet::Input(channel, _) => channel.release(
                self.claimed,
                items.map(|Envelope { ticket, value }| {
                    ticket.cancel();
                    value
                }),
            ),
            Inlet::Queue(queue) => queue.release(self.claimed, items),
        }
        self.claimed = 0;
    }
}

impl<T> Drop for Batch<'_, T> {
    fn drop(&mut self) {
        self.release();
    }
}
