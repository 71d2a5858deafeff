//! What a hub's lock guards: the messages, how many have still to take each, and who waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use slab::Slab;

use crate::sync::ending::Phase;
use crate::sync::ring::Supply;
use crate::sync::turns::Turns;
use crate::sync::waiters::Waiters;
use crate::sync::wakers::Wakers;

/// The messages of a hub, from the oldest that somebody has to take, or that is replayed, to the newest.
///
/// Each subscriber has to take what comes after a point in it. So of two messages, the newer one has at least as many
/// left who have to take it; and those that nobody has to take come first.
pub(super) struct Log<T> {
    messages: VecDeque<Message<T>>,
    /// The number of the oldest of them.
    first: u64,
    /// How many of them nobody has to take: they are kept for those who come later.
    read: usize,
    replay: usize,
    /// A seat for each subscriber.
    pub(super) seats: Slab<Seat>,
    /// How many of them wait.
    waiting: usize,
    pub(super) publishers: Turns,
    pub(super) phase: Phase,
    /// Those who wait for the end.
    pub(super) mourners: Waiters,
}

/// Where a subscriber is.
pub(super) struct Seat {
    /// The number of the message to take next.
    next: u64,
    /// How many messages went before it could take them.
    pub(super) missed: u64,
    /// Of a subscriber that waits.
    waker: Option<Waker>,
}

struct Message<T> {
    // Shared, so that it is cloned when the lock is free.
    content: Arc<T>,
    /// How many have still to take it.
    left: usize,
}

/// A message that is to be dropped, when the lock is free.
pub(super) type Gone<T> = Vec<Arc<T>>;

impl<T> Log<T> {
    pub(super) const fn new(replay: usize) -> Self {
        Log {
            messages: VecDeque::new(),
            first: 0,
            read: 0,
            replay,
            seats: Slab::new(),
            waiting: 0,
            publishers: Turns::new(),
            phase: Phase::Open,
            mourners: Waiters::new(),
        }
    }

    /// How many messages somebody has to take.
    pub(super) fn unread(&self) -> usize {
        self.messages.len() - self.read
    }

    /// How many messages there are to take from a seat.
    pub(super) fn ahead_of(&self, seat: usize) -> usize {
        let before = self.seats[seat].next - self.first;
        // No more than there are messages in memory.
        self.messages.len() - before as usize
    }

    pub(super) fn is_closed(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Whether nothing will come after what is here.
    pub(super) fn is_complete(&self) -> bool {
        self.is_closed() && self.publishers.is_idle()
    }

    /// Whether nothing was left to take, and nothing to come. Who takes a seat after that changes nothing about it.
    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Takes a seat.
    pub(super) fn sit(&mut self) -> usize {
        let kept = self.messages.len().saturating_sub(self.replay);
        for message in self.messages.iter_mut().skip(kept) {
            message.left += 1;
        }
        self.read = self.read.min(kept);
        self.seats.insert(Seat {
            next: self.first + kept as u64,
            missed: 0,
            waker: None,
        })
    }

    /// Leaves a seat, and all that was still to take from it.
    pub(super) fn rise(&mut self, seat: usize, gone: &mut Gone<T>, wakers: &mut Wakers) {
        self.sleep_no_more(seat, wakers);
        let begin = self.messages.len() - self.ahead_of(seat);
        for message in self.messages.iter_mut().skip(begin) {
            message.left -= 1;
        }
        self.seats.remove(seat);
        self.trim(gone);
    }

    /// Takes the oldest message that there is to take from a seat, and says whether that was the last who had to.
    #[inline]
    pub(super) fn take(&mut self, seat: usize, gone: &mut Gone<T>) -> Option<(Arc<T>, bool)> {
        let seat = &mut self.seats[seat];
        let message = self.messages.get_mut((seat.next - self.first) as usize)?;
        seat.next += 1;
        message.left -= 1;
        if message.left > 0 {
            return Some((Arc::clone(&message.content), false));
        }
        if self.replay == 0 {
            // Nobody has to take what comes before it either, so it is the first.
            self.first += 1;
            let message = self.messages.pop_front();
            return message.map(|message| (message.content, true));
        }
        let content = Arc::clone(&message.content);
        self.trim(gone);
        Some((content, true))
    }

    /// Adds as many messages as there is room for; all of them, if nobody has to take them.
    #[inline]
    pub(super) fn publish<S: Supply<T>>(
        &mut self,
        room: usize,
        messages: &mut S,
        gone: &mut Gone<T>,
        wakers: &mut Wakers,
    ) {
        let mut room = room;
        while room > 0
            && let Some(message) = messages.take()
        {
            self.append(message, gone, wakers);
            room -= usize::from(!self.seats.is_empty());
        }
    }

    /// Adds a message for all who have a seat, and wakes those who wait.
    #[inline]
    pub(super) fn append(&mut self, message: T, gone: &mut Gone<T>, wakers: &mut Wakers) {
        let message = Message {
            content: Arc::new(message),
            left: self.seats.len(),
        };
        let nobody = message.left == 0;
        self.messages.push_back(message);
        if nobody || self.replay > 0 {
            self.trim(gone);
        }
        self.wake_all(wakers);
    }

    /// Has those who are behind miss their oldest messages, until there is room for one more.
    pub(super) fn evict(&mut self, capacity: usize, gone: &mut Gone<T>) {
        while self.unread() >= capacity {
            let oldest = self.first + self.read as u64;
            for (_, seat) in self
                .seats
                .iter_mut()
                .filter(|(_, seat)| seat.next == oldest)
            {
                seat.next += 1;
                seat.missed += 1;
            }
            self.messages[self.read].left = 0;
            self.trim(gone);
        }
    }

    /// Forgets all messages: nobody has to take any.
    pub(super) fn clear(&mut self, gone: &mut Gone<T>) {
        self.first += self.messages.len() as u64;
        self.read = 0;
        gone.extend(self.messages.drain(..).map(|message| message.content));
        for (_, seat) in &mut self.seats {
            seat.next = self.first;
        }
    }

    /// Waits for a message, or for the end.
    pub(super) fn sleep(&mut self, seat: usize, task: &Context<'_>, wakers: &mut Wakers) {
        let waker = &mut self.seats[seat].waker;
        match waker {
            Some(waker) if waker.will_wake(task.waker()) => {}
            Some(waker) => {
                let old = std::mem::replace(waker, task.waker().clone());
                wakers.discard(Some(old));
            }
            None => {
                *waker = Some(task.waker().clone());
                self.waiting += 1;
            }
        }
    }

    /// Waits no more.
    pub(super) fn sleep_no_more(&mut self, seat: usize, wakers: &mut Wakers) {
        if let Some(waker) = self.seats[seat].waker.take() {
            self.waiting -= 1;
            wakers.discard(Some(waker));
        }
    }

    /// Wakes those who wait for a message, if none will come, and those who wait for the end, if it has.
    #[inline]
    pub(super) fn tell_if_ended(&mut self, wakers: &mut Wakers) {
        if self.is_complete() {
            self.wake_all(wakers);
            if self.unread() == 0 {
                self.phase = Phase::Closed;
                wakers.extend(self.mourners.drain());
            }
        }
    }

    #[inline]
    fn wake_all(&mut self, wakers: &mut Wakers) {
        if self.waiting > 0 {
            self.waiting = 0;
            wakers.extend(
                self.seats
                    .iter_mut()
                    .filter_map(|(_, seat)| seat.waker.take()),
            );
        }
    }

    /// Forgets what nobody has to take, but for what is replayed.
    fn trim(&mut self, gone: &mut Gone<T>) {
        while let Some(message) = self.messages.get(self.read)
            && message.left == 0
        {
            self.read += 1;
        }
        while self.read > 0 && self.messages.len() > self.replay {
            self.read -= 1;
            self.first += 1;
            gone.extend(self.messages.pop_front().map(|message| message.content));
        }
    }
}
