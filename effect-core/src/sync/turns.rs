//! Turns: those who wait for room, and what was promised to those who were woken.

use std::task::Context;

use super::waiters::{Place, Waiters};
use super::wakers::Wakers;

/// Those who wait for room, in the order in which they came, and what was promised to those who were woken.
pub(super) struct Turns {
    /// With how much room each wants at once.
    waiting: Waiters<usize>,
    /// Room that was promised to those who were woken and have not come yet.
    granted: usize,
}

/// Whether a promise holds when the room is gone by now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// It does: one more goes in.
    Kept,
    /// It was the room of somebody who has left. Whoever was woken keeps their place.
    Void,
}

impl Turns {
    pub(super) const fn new() -> Self {
        Turns {
            waiting: Waiters::new(),
            granted: 0,
        }
    }

    /// Whether nobody waits, and nothing is promised.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.granted == 0
    }

    /// Whether nobody waits. Something may be promised.
    #[inline]
    pub(super) fn nobody_waits(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How much is promised.
    #[inline]
    pub(super) fn granted(&self) -> usize {
        self.granted
    }

    /// How much whoever comes now may use, of so much that is free. Nothing, if others wait.
    pub(super) fn room(&self, free: usize) -> usize {
        if self.waiting.is_empty() {
            free.saturating_sub(self.granted)
        } else {
            0
        }
    }

    /// Asks for room, of so much that is free: how much there is for the caller, which may be nothing, or `None` if it
    /// still waits.
    ///
    /// Served in turn: who comes later waits behind those who wait already.
    #[inline]
    pub(super) fn enter(
        &mut self,
        place: &mut Option<Place>,
        task: &Context<'_>,
        free: usize,
        promise: Promise,
        wakers: &mut Wakers,
    ) -> Option<usize> {
        self.enter_for(1, place, task, free, promise, wakers)
    }

    /// As [`enter`](Turns::enter), for one that wants so much at once.
    #[inline]
    pub(super) fn enter_for(
        &mut self,
        wants: usize,
        place: &mut Option<Place>,
        task: &Context<'_>,
        free: usize,
        promise: Promise,
        wakers: &mut Wakers,
    ) -> Option<usize> {
        let Some(mine) = *place else {
            return Some(self.room(free));
        };
        if self.waiting.contains(mine) {
            wakers.discard(self.waiting.update(mine, task.waker()));
            return None;
        }
        self.granted -= wants;
        let room = free.saturating_sub(self.granted);
        if room < wants && promise == Promise::Void {
            self.waiting.rejoin_for(wants, mine, task.waker());
            return None;
        }
        *place = None;
        Some(room.max(wants))
    }

    /// Joins the end of those who wait.
    pub(super) fn join(&mut self, task: &Context<'_>) -> Place {
        self.join_for(1, task)
    }

    /// As [`join`](Turns::join), for one that wants so much at once.
    pub(super) fn join_for(&mut self, wants: usize, task: &Context<'_>) -> Place {
        self.waiting.join_for(wants, task.waker())
    }

    /// Promises what is free to those who have waited longest. One that wants more than there is holds up those behind it.
    #[inline]
    pub(super) fn grant(&mut self, free: usize, wakers: &mut Wakers) {
        while let Some(&wants) = self.waiting.first()
            && free.saturating_sub(self.granted) >= wants
            && let Some(waker) = self.waiting.pop()
        {
            self.granted += wants;
            wakers.push(waker);
        }
    }

    /// Gives up a place, and what was promised to it.
    pub(super) fn leave(&mut self, place: Place, wakers: &mut Wakers) {
        self.leave_for(1, place, wakers);
    }

    /// As [`leave`](Turns::leave), of one that wanted so much at once.
    pub(super) fn leave_for(&mut self, wants: usize, place: Place, wakers: &mut Wakers) {
        let left = self.waiting.leave(place);
        self.granted -= if left.is_none() { wants } else { 0 };
        wakers.discard(left);
    }

    /// Sends everybody away. What was promised is void.
    pub(super) fn dismiss(&mut self, wakers: &mut Wakers) {
        self.granted = 0;
        wakers.extend(self.waiting.drain());
    }
}
