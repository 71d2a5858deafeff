//! A copy of the channel's waiters: a queue of wakers, each with a place.

use std::collections::VecDeque;
use std::task::Waker;

/// A place in a queue of waiters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

/// A queue of wakers, sorted by their places.
#[derive(Default)]
pub(super) struct Waiters {
    next: u64,
    queue: VecDeque<(Place, Waker)>,
}

impl Waiters {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn join(&mut self, waker: &Waker) -> Place {
        let place = Place(self.next);
        self.next += 1;
        self.queue.push_back((place, waker.clone()));
        place
    }

    pub(super) fn rejoin(&mut self, place: Place, waker: &Waker) {
        let position = self.queue.partition_point(|(waiting, _)| *waiting < place);
        self.queue.insert(position, (place, waker.clone()));
    }

    pub(super) fn contains(&self, place: Place) -> bool {
        self.position(place).is_some()
    }

    pub(super) fn update(&mut self, place: Place, waker: &Waker) -> Option<Waker> {
        let position = self.position(place)?;
        let current = &mut self.queue[position].1;
        (!current.will_wake(waker)).then(|| std::mem::replace(current, waker.clone()))
    }

    /// Leaves the queue, with the waker. `None` if the place was popped before.
    pub(super) fn leave(&mut self, place: Place) -> Option<Waker> {
        let position = self.position(place)?;
        self.queue.remove(position).map(|(_, waker)| waker)
    }

    pub(super) fn pop(&mut self) -> Option<Waker> {
        self.queue.pop_front().map(|(_, waker)| waker)
    }

    /// Takes whoever came last: no correct copy does.
    pub(super) fn pop_last(&mut self) -> Option<Waker> {
        self.queue.pop_back().map(|(_, waker)| waker)
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waker> {
        self.queue.drain(..).map(|(_, waker)| waker)
    }

    fn position(&self, place: Place) -> Option<usize> {
        self.queue
            .binary_search_by_key(&place, |(waiting, _)| *waiting)
            .ok()
    }
}
