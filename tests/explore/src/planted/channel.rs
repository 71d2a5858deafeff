//! A copy of the channel: a bounded buffer under a short lock, with waiters on both sides, and bugs to plant.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use effect::WaitsFor;
use parking_lot::Mutex;

mod receiving;
mod sending;
mod waiters;
mod programs;

pub(super) use programs::{closing, narrow, rendezvous, wide};
pub(super) use receiving::Receive;
use sending::SendItem;
use waiters::{Place, Waiters};

/// What can be wrong with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// It holds one item more than its capacity.
    CapacityOffByOne,
    /// The room that a sender was granted is not given back when that sender is dropped.
    GrantLost,
    /// It is given back, but not offered to the next sender.
    GrantNotPassedOn,
    /// A receiver that is dropped after it was notified does not notify the next.
    NotificationLost,
    /// Of the senders that wait, the latest is served first.
    SendersLifo,
    /// Items come out last in, first out.
    ItemsLifo,
    /// Closing it does not wake the senders that wait.
    CloseForgetsSenders,
    /// Closing it does not wake the receivers that wait.
    CloseForgetsReceivers,
    /// Closing it discards what is inside.
    CloseDiscards,
    /// A sender that waited when it was closed pushes its item all the same.
    StragglerEnters,
    /// A send that is dropped after it was granted room has sent its item.
    DroppedSendSends,
    /// A sender that is polled again keeps the waker of its first poll.
    SenderWakerKept,
    /// A receiver that is polled again keeps the waker of its first poll.
    ReceiverWakerKept,
    /// A receiver that has come still counts as one on its way: the next rendezvous has room for nobody.
    NotifiedKept,
    /// In a rendezvous, a sender pushes though the receiver that it was promised to has left.
    PromiseOutlivesReceiver,
    /// That sender joins the queue again at its end.
    TurnLost,
    /// A receiver that begins to wait does not tell the senders of a rendezvous.
    WaitingNotTold,
    /// Tasks are woken while the lock is held.
    WokenUnderLock,
}

/// The channel was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

/// The copy of `Channel`.
pub(super) struct Channel<T> {
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    bug: Option<Bug>,
    capacity: usize,
    buffer: VecDeque<T>,
    closed: bool,
    senders: Waiters,
    receivers: Waiters,
    /// Room that was promised to senders who were woken and have not pushed yet.
    granted: usize,
    /// Receivers who were woken and have not come yet.
    notified: usize,
    /// Items that were pulled and may come back.
    claimed: usize,
}

/// Wakers, to be called and dropped after the lock is released.
#[derive(Default)]
struct Wakers {
    woken: Vec<Waker>,
    discarded: Option<Waker>,
}

impl<T> State<T> {
    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn has_ended(&self) -> bool {
        self.closed && self.buffer.is_empty() && self.claimed == 0
    }

    fn room(&self) -> usize {
        let places = match self.capacity {
            0 => self.receivers.len() + self.notified,
            capacity if self.has(Bug::CapacityOffByOne) => capacity + 1,
            capacity => capacity,
        };
        places.saturating_sub(self.buffer.len() + self.granted)
    }

    fn grant(&mut self, wakers: &mut Wakers) {
        while self.room() > 0
            && let Some(waker) = if self.has(Bug::SendersLifo) {
                self.senders.pop_last()
            } else {
                self.senders.pop()
            }
        {
            self.granted += 1;
            wakers.woken.push(waker);
        }
    }

    fn notify(&mut self, wakers: &mut Wakers) {
        if let Some(waker) = self.receivers.pop() {
            self.notified += 1;
            wakers.woken.push(waker);
        }
    }

    fn notify_all(&mut self, wakers: &mut Wakers) {
        self.notified += self.receivers.len();
        wakers.woken.extend(self.receivers.drain());
    }

    /// Pushes an item if there is room, or waits.
    fn push(
        &mut self,
        waker: &Waker,
        waiting: &mut Option<Place>,
        item: &mut Option<T>,
        wakers: &mut Wakers,
    ) -> Poll<Result<(), Closed>> {
        if self.closed && !(waiting.is_some() && self.has(Bug::StragglerEnters)) {
            *waiting = None;
            return Poll::Ready(Err(Closed));
        }
        let room = match *waiting {
            Some(place) if self.senders.contains(place) => {
                if !self.has(Bug::SenderWakerKept) {
                    wakers.discarded = self.senders.update(place, waker);
                }
                return Poll::Pending;
            }
            Some(place) => {
                self.granted = self.granted.saturating_sub(1);
                let promise_kept = self.has(Bug::PromiseOutlivesReceiver);
                if self.room() == 0 && self.capacity == 0 && !promise_kept && !self.closed {
                    // The receiver that it was promised to has left. The sender keeps its place.
                    if self.has(Bug::TurnLost) {
                        *waiting = Some(self.senders.join(waker));
                    } else {
                        self.senders.rejoin(place, waker);
                    }
                    return Poll::Pending;
                }
                *waiting = None;
                self.room().max(1)
            }
            None if self.senders.is_empty() => self.room(),
            None => 0,
        };
        if room == 0 {
            *waiting = Some(self.senders.join(waker));
            return Poll::Pending;
        }
        self.buffer.extend(item.take());
        self.notify(wakers);
        self.grant(wakers);
        Poll::Ready(Ok(()))
    }

    /// Hands out at most `max` items, or waits.
    fn pull(
        &mut self,
        waker: &Waker,
        waiting: &mut Option<Place>,
        (max, claim): (usize, bool),
        take: &mut dyn FnMut(T),
        wakers: &mut Wakers,
    ) -> Poll<Result<(), Closed>> {
        if self.buffer.is_empty() && !self.has_ended() {
            match *waiting {
                Some(place) if self.receivers.contains(place) => {
                    if !self.has(Bug::ReceiverWakerKept) {
                        wakers.discarded = self.receivers.update(place, waker);
                    }
                }
                notified => {
                    self.notified -= usize::from(notified.is_some());
                    *waiting = Some(self.receivers.join(waker));
                    if !self.has(Bug::WaitingNotTold) {
                        // A receiver that waits is what a rendezvous waits for.
                        self.grant(wakers);
                    }
                }
            }
            return Poll::Pending;
        }
        if let Some(place) = waiting.take() {
            wakers.discarded = self.receivers.leave(place);
            let was_notified = wakers.discarded.is_none() && !self.has(Bug::NotifiedKept);
            self.notified -= usize::from(was_notified);
        }
        let count = self.buffer.len().min(max);
        for _ in 0..count {
            let item = if self.has(Bug::ItemsLifo) {
                self.buffer.pop_back()
            } else {
                self.buffer.pop_front()
            };
            item.into_iter().for_each(&mut *take);
        }
        self.claimed += if claim { count } else { 0 };
        self.grant(wakers);
        self.tell_if_ended(wakers);
        Poll::Ready(if count > 0 { Ok(()) } else { Err(Closed) })
    }

    fn tell_if_ended(&mut self, wakers: &mut Wakers) {
        if self.has_ended() {
            self.notify_all(wakers);
        }
    }
}

impl Wakers {
    fn wake(&mut self) {
        self.woken.drain(..).for_each(Waker::wake);
    }
}

impl<T> Channel<T> {
    pub(super) fn bounded(capacity: usize, bug: Option<Bug>) -> Self {
        let state = State {
            bug,
            capacity,
            buffer: VecDeque::new(),
            closed: false,
            senders: Waiters::default(),
            receivers: Waiters::default(),
            granted: 0,
            notified: 0,
            claimed: 0,
        };
        Channel {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Does something under the lock, and wakes whom it concerns after that.
    fn locked<O>(&self, f: impl FnOnce(&mut State<T>, &mut Wakers) -> O) -> O {
        // Declared first, so that it is dropped after the lock is released.
        let mut wakers = Wakers::default();
        let output = {
            let mut state = self.state.lock();
            let output = f(&mut state, &mut wakers);
            if state.has(Bug::WokenUnderLock) {
                wakers.wake();
            }
            output
        };
        wakers.wake();
        output
    }

    #[track_caller]
    pub(super) fn send(&self, item: T) -> SendItem<T> {
        SendItem {
            channel: self.clone(),
            waits_for: WaitsFor::here("room in the copy of a channel"),
            item: Some(item),
            waiting: None,
        }
    }

    #[track_caller]
    pub(super) fn receive(&self) -> Receive<T> {
        Receive {
            channel: self.clone(),
            waits_for: WaitsFor::here("an item from the copy of a channel"),
            waiting: None,
        }
    }

    pub(super) fn close(&self) {
        let _discarded = self.locked(|state, wakers| {
            state.closed = true;
            state.granted = 0;
            if !state.has(Bug::CloseForgetsSenders) {
                wakers.woken.extend(state.senders.drain());
            }
            if !state.has(Bug::CloseForgetsReceivers) {
                state.notify_all(wakers);
            }
            let discards = state.has(Bug::CloseDiscards);
            discards.then(|| std::mem::take(&mut state.buffer))
        });
    }

    /// Gives up a claim on `count` items, and puts the ones that were not used back ahead of all others.
    pub(super) fn release(&self, count: usize, items: impl DoubleEndedIterator<Item = T>) {
        self.locked(|state, wakers| {
            for item in items.rev() {
                state.buffer.push_front(item);
                state.notify(wakers);
            }
            state.claimed -= count;
            state.tell_if_ended(wakers);
        });
    }

    /// Takes what is left.
    pub(super) fn drain(&self) -> Vec<T> {
        self.state.lock().buffer.drain(..).collect()
    }

    fn is_locked(&self) -> bool {
        self.state.is_locked()
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Channel {
            state: Arc::clone(&self.state),
        }
    }
}
