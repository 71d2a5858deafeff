//! Who waits, in turn: a queue of wakers, each with a ticket.

use std::collections::VecDeque;
use std::task::Waker;

/// A place in a queue of waiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// A queue of wakers. Tickets rise, so the queue is sorted by them.
pub(super) struct Waiters {
    next: u64,
    queue: VecDeque<(Ticket, Waker)>,
}

impl Waiters {
    pub(super) const fn new() -> Self {
        Waiters {
            next: 0,
            queue: VecDeque::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Joins the end of the queue.
    pub(super) fn join(&mut self, waker: &Waker) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.queue.push_back((ticket, waker.clone()));
        ticket
    }

    /// Takes up a place in the queue again, after having been popped.
    pub(super) fn rejoin(&mut self, ticket: Ticket, waker: &Waker) {
        let place = self.queue.partition_point(|(waiting, _)| *waiting < ticket);
        self.queue.insert(place, (ticket, waker.clone()));
    }

    /// Whether the ticket still waits. If not, it was popped: its owner was woken.
    pub(super) fn contains(&self, ticket: Ticket) -> bool {
        self.position(ticket).is_some()
    }

    /// Replaces the waker of a ticket that still waits.
    pub(super) fn update(&mut self, ticket: Ticket, waker: &Waker) {
        if let Some(position) = self.position(ticket) {
            self.queue[position].1.clone_from(waker);
        }
    }

    /// Leaves the queue. False if the ticket was popped before.
    pub(super) fn leave(&mut self, ticket: Ticket) -> bool {
        self.position(ticket)
            .and_then(|position| self.queue.remove(position))
            .is_some()
    }

    /// Takes whoever has waited longest.
    pub(super) fn pop(&mut self) -> Option<Waker> {
        self.queue.pop_front().map(|(_, waker)| waker)
    }

    /// Takes everybody.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waker> {
        self.queue.drain(..).map(|(_, waker)| waker)
    }

    fn position(&self, ticket: Ticket) -> Option<usize> {
        self.queue
            .binary_search_by_key(&ticket, |(waiting, _)| *waiting)
            .ok()
    }
}
