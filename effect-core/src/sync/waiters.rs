//! Who waits, in turn: a queue of wakers, each with a place.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::task::{Context, Waker};

use super::wakers::Wakers;

/// A place in a queue of waiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

/// A queue of wakers, each with what it wants, if they want different things. Places rise, so the queue is sorted by
/// them.
pub(super) struct Waiters<W = ()> {
    next: u64,
    queue: VecDeque<(Place, Waker, W)>,
}

impl<W> Waiters<W> {
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

    /// What that one wants that has waited longest.
    pub(super) fn first(&self) -> Option<&W> {
        self.queue.front().map(|(_, _, wants)| wants)
    }

    /// Joins the end of the queue, for something.
    pub(super) fn join_for(&mut self, wants: W, waker: &Waker) -> Place {
        let place = Place(self.next);
        self.next += 1;
        self.queue.push_back((place, waker.clone(), wants));
        place
    }

    /// Takes up a place in the queue again, after having been popped.
    pub(super) fn rejoin_for(&mut self, wants: W, place: Place, waker: &Waker) {
        let position = self
            .queue
            .partition_point(|(waiting, _, _)| *waiting < place);
        self.queue.insert(position, (place, waker.clone(), wants));
    }

    /// Whether the place still waits. If not, it was popped: its owner was woken.
    pub(super) fn contains(&self, place: Place) -> bool {
        self.position(place).is_some()
    }

    /// Replaces the waker of a place that still waits, and has the old one if it was another.
    pub(super) fn update(&mut self, place: Place, waker: &Waker) -> Option<Waker> {
        let position = self.position(place)?;
        let current = &mut self.queue[position].1;
        (!current.will_wake(waker)).then(|| std::mem::replace(current, waker.clone()))
    }

    /// Leaves the queue, with the waker. `None` if the place was popped before.
    pub(super) fn leave(&mut self, place: Place) -> Option<Waker> {
        let position = self.position(place)?;
        self.queue.remove(position).map(|(_, waker, _)| waker)
    }

    /// Takes whoever has waited longest.
    pub(super) fn pop(&mut self) -> Option<Waker> {
        self.queue.pop_front().map(|(_, waker, _)| waker)
    }

    /// Takes everybody.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waker> {
        self.queue.drain(..).map(|(_, waker, _)| waker)
    }

    #[inline]
    fn position(&self, place: Place) -> Option<usize> {
        let (first, ..) = self.queue.front()?;
        match place.cmp(first) {
            // Those who are popped leave from the front.
            Ordering::Less => None,
            Ordering::Equal => Some(0),
            Ordering::Greater => self.search(place),
        }
    }

    fn search(&self, place: Place) -> Option<usize> {
        self.queue
            .binary_search_by_key(&place, |(waiting, _, _)| *waiting)
            .ok()
    }
}

impl Waiters {
    /// Joins the end of the queue.
    pub(super) fn join(&mut self, waker: &Waker) -> Place {
        self.join_for((), waker)
    }

    /// Waits in the place that a task has, or at the end if it has none or was popped.
    pub(super) fn wait(
        &mut self,
        place: &mut Option<Place>,
        task: &Context<'_>,
        wakers: &mut Wakers,
    ) {
        match *place {
            Some(mine) if self.contains(mine) => wakers.discard(self.update(mine, task.waker())),
            _ => *place = Some(self.join(task.waker())),
        }
    }

    /// Takes up a place in the queue again, after having been popped.
    pub(super) fn rejoin(&mut self, place: Place, waker: &Waker) {
        self.rejoin_for((), place, waker);
    }
}
