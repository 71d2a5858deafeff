//! The groups, as those see them who take the items. Nothing is dropped under the lock of it: neither items nor wakers.

use std::collections::VecDeque;
use std::mem;
use std::num::NonZeroUsize;
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// A seat for each group.
pub(super) struct Seats<A> {
    pub(super) seats: Slab<Seat<A>>,
    /// The groups that wait for an item, by when they began to: the first and the last of a list through the seats.
    pub(super) asking: Option<(usize, usize)>,
    /// How many items they hold.
    pub(super) held: usize,
    /// Those whose streams were dropped.
    pub(super) left: Vec<usize>,
    /// Who hands out the items, if it waits.
    pub(super) outer: Option<Waker>,
    pub(super) heeds: Heeds,
    pub(super) over: Option<Over>,
    /// Nobody looks after those who leave any more.
    pub(super) is_deserted: bool,
}

pub(super) struct Seat<A> {
    pub(super) items: VecDeque<A>,
    pub(super) has_ended: bool,
    /// Somebody has wanted an item of it.
    pub(super) was_pulled: bool,
    /// Who waits for an item of it.
    pub(super) asks: Option<Waker>,
    /// Which group began to wait before it, and which after, while it does.
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
}

/// What whoever hands out the items is to be told of: always of a stream that is dropped.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Heeds {
    WhoLeaves,
    /// Any group that begins to wait for an item.
    WhoAsks,
    /// That an item was taken from a group.
    Room(usize),
    /// That no group holds an item any more.
    TheLastItem,
}

#[derive(Clone, Copy)]
pub(super) enum Over {
    /// There are no more items.
    Ended,
    /// Nobody hands out what may be left.
    Interrupted,
}

pub(super) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<A> Seats<A> {
    pub(super) const fn new() -> Self {
        Seats {
            seats: Slab::new(),
            asking: None,
            held: 0,
            left: Vec::new(),
            outer: None,
            heeds: Heeds::WhoLeaves,
            over: None,
            is_deserted: false,
        }
    }

    pub(super) const fn seen(&self) -> Seen {
        Seen {
            somebody_asks: self.asking.is_some(),
            somebody_left: !self.left.is_empty(),
            is_empty: self.held == 0,
        }
    }

    /// A seat for another group, with its first item.
    pub(super) fn insert(&mut self, item: A) -> usize {
        self.held += 1;
        self.seats.insert(Seat {
            items: VecDeque::from([item]),
            has_ended: false,
            was_pulled: false,
            asks: None,
            before: None,
            after: None,
        })
    }

    /// The seat of a group that nobody takes from any more.
    pub(super) fn remove(&mut self, number: usize) -> Seat<A> {
        let seat = self.seats.remove(number);
        self.held -= seat.items.len();
        seat
    }

    /// Has a group hold one more item, or gives it back.
    pub(super) fn hand_to(
        &mut self,
        number: usize,
        item: A,
        holding: NonZeroUsize,
    ) -> Result<Option<Waker>, A> {
        let items = &mut self.seats[number].items;
        if items.len() == holding.get() {
            return Err(item);
        }
        items.push_back(item);
        self.held += 1;
        Ok(self.asks_no_more(number))
    }

    /// Ends the group that has waited longest.
    pub(super) fn end_one(&mut self) -> Option<(usize, Option<Waker>)> {
        let number = self.first_to_ask()?;
        self.seats[number].has_ended = true;
        Some((number, self.asks_no_more(number)))
    }

    pub(super) fn first_to_ask(&self) -> Option<usize> {
        self.asking.map(|(first, _)| first)
    }

    /// Has a group wait for an item, behind all others that do.
    pub(super) fn begin_to_ask(&mut self, number: usize, task: &Context<'_>) {
        let before = self.asking.map(|(_, last)| last);
        if let Some(before) = before {
            self.seats[before].after = Some(number);
        }
        let first = self.first_to_ask().unwrap_or(number);
        self.asking = Some((first, number));
        let seat = &mut self.seats[number];
        seat.asks = Some(task.waker().clone());
        seat.before = before;
    }

    /// Has a group wait no more, and who has.
    pub(super) fn asks_no_more(&mut self, number: usize) -> Option<Waker> {
        let seat = &mut self.seats[number];
        let asks = seat.asks.take()?;
        let (before, after) = (seat.before.take(), seat.after.take());
        if let Some(before) = before {
            self.seats[before].after = after;
        }
        if let Some(after) = after {
            self.seats[after].before = before;
        }
        let (first, last) = self.asking?;
        let first = if first == number { after } else { Some(first) };
        let last = if last == number { before } else { Some(last) };
        self.asking = first.zip(last);
        Some(asks)
    }
}

/// What may be old by now: it is looked at again before anybody rests.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) somebody_asks: bool,
    pub(super) somebody_left: bool,
    pub(super) is_empty: bool,
}

/// What is done when the lock is free, after an item was taken, or is waited for.
pub(super) struct Taken<A> {
    pub(super) polled: Poll<Result<A, Over>>,
    /// To be told.
    pub(super) outer: Option<Waker>,
    /// To be dropped.
    pub(super) replaced: Option<Waker>,
}

impl<A> Seats<A> {
    /// The next item of a group.
    pub(super) fn take_item(&mut self, number: usize, task: &Context<'_>) -> Taken<A> {
        let seat = &mut self.seats[number];
        seat.was_pulled = true;
        let mut taken = Taken {
            polled: Poll::Pending,
            outer: None,
            replaced: None,
        };
        if let Some(item) = seat.items.pop_front() {
            self.held -= 1;
            let is_told = match self.heeds {
                Heeds::WhoLeaves | Heeds::WhoAsks => false,
                Heeds::Room(seat) => seat == number,
                Heeds::TheLastItem => self.held == 0,
            };
            taken.polled = Poll::Ready(Ok(item));
            if is_told {
                taken.outer = self.outer.take();
            }
        } else if seat.has_ended {
            taken.polled = Poll::Ready(Err(Over::Ended));
        } else if let Some(over) = self.over {
            taken.polled = Poll::Ready(Err(over));
        } else if let Some(waker) = &mut seat.asks {
            if !waker.will_wake(task.waker()) {
                taken.replaced = Some(mem::replace(waker, task.waker().clone()));
            }
        } else {
            self.begin_to_ask(number, task);
            if self.heeds == Heeds::WhoAsks {
                taken.outer = self.outer.take();
            }
        }
        taken
    }

    /// A group whose stream is dropped leaves. Who hands out the items looks after those that it holds, if there is anybody; one of which
    /// nobody has wanted any takes them with it: opened again for those, it would be dropped again.
    pub(super) fn leave(&mut self, number: usize) -> Gone<A> {
        let asked = self.asks_no_more(number);
        let items = if self.is_deserted {
            self.remove(number).items
        } else {
            self.left.push(number);
            let seat = &mut self.seats[number];
            if seat.was_pulled {
                VecDeque::new()
            } else {
                self.held -= seat.items.len();
                mem::take(&mut seat.items)
            }
        };
        Gone {
            outer: self.outer.take(),
            _asked: asked,
            _items: items,
        }
    }
}

/// What is left of a stream that was dropped. It goes when the lock is free.
pub(super) struct Gone<A> {
    pub(super) outer: Option<Waker>,
    pub(super) _asked: Option<Waker>,
    pub(super) _items: VecDeque<A>,
}
