//! Who waits, first come, first served.

use std::collections::VecDeque;
use std::task::{Context, Waker};

/// A line of those who wait. Each has a place once it has joined.
#[derive(Debug, Default)]
pub(crate) struct Line {
    next: u64,
    waiting: VecDeque<(u64, Waker)>,
}

/// A place in a line, if it was joined.
pub(crate) type Place = Option<u64>;

impl Line {
    /// Whether nobody else is before this one.
    pub(crate) fn is_first(&self, place: Place) -> bool {
        let first = self.waiting.front();
        first.is_none_or(|(first, _)| Some(*first) == place)
    }

    /// Joins the line, or waits on. Has a waker that is to be dropped.
    pub(crate) fn wait(&mut self, place: &mut Place, task: &Context<'_>) -> Option<Waker> {
        if let Some(index) = self.index(*place) {
            let waker = &mut self.waiting[index].1;
            return (!waker.will_wake(task.waker()))
                .then(|| std::mem::replace(waker, task.waker().clone()));
        }
        *place = Some(self.next);
        self.waiting.push_back((self.next, task.waker().clone()));
        self.next += 1;
        None
    }

    /// Leaves the line. Has a waker that is to be dropped.
    pub(crate) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let index = self.index(place.take())?;
        self.waiting.remove(index).map(|(_, waker)| waker)
    }

    /// The waker of who has waited longest, and stays.
    pub(crate) fn first(&self) -> Option<Waker> {
        self.waiting.front().map(|(_, waker)| waker.clone())
    }

    /// Sends everybody away.
    pub(crate) fn dismiss(&mut self) -> impl Iterator<Item = Waker> {
        self.waiting.drain(..).map(|(_, waker)| waker)
    }

    // Places rise, so the line is sorted by them.
    fn index(&self, place: Place) -> Option<usize> {
        let place = place?;
        self.waiting
            .binary_search_by_key(&place, |(waiting, _)| *waiting)
            .ok()
    }
}
