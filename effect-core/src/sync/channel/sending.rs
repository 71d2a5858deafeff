//! Sending: as much at once as there is room for, in turn.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::state::Wakers;
use super::waiters::Place;
use super::{Channel, ChannelClosed, SendError};
use crate::opaque_debug::opaque_debug;
use crate::{WaitsFor, poll_turn};

impl<T> Channel<T> {
    /// Moves items out of `supply` while there is room. Ready when none is left there.
    ///
    /// `waiting` is the caller's place in the queue of senders; it belongs to [`forget_sender`].
    ///
    /// [`forget_sender`]: Channel::forget_sender
    pub(super) fn poll_push<S: Supply<T>>(
        &self,
        task: &mut Context<'_>,
        waiting: &mut Option<Place>,
        supply: &mut S,
    ) -> Poll<Result<(), ChannelClosed>> {
        ready!(poll_turn(task));
        let mut wakers = Wakers::default();
        let pushed = {
            let mut state = self.shared.state.lock();
            if state.closed {
                *waiting = None;
                return Poll::Ready(Err(ChannelClosed));
            }
            // Senders are served in turn: who comes later waits behind those who wait already.
            let room = match waiting.take() {
                Some(place) if state.senders.contains(place) => {
                    wakers.discard(state.senders.update(place, task.waker()));
                    *waiting = Some(place);
                    return Poll::Pending;
                }
                Some(place) => {
                    state.granted -= 1;
                    let room = state.room(self.shared.capacity);
                    if room == 0 && self.shared.capacity == 0 {
                        // The receiver that it was promised to has left. The sender keeps its place.
                        state.senders.rejoin(place, task.waker());
                        *waiting = Some(place);
                        return Poll::Pending;
                    }
                    room.max(1)
                }
                None if state.senders.is_empty() => state.room(self.shared.capacity),
                None => 0,
            };
            let mut pushed = 0;
            while pushed < room
                && let Some(item) = supply.take()
            {
                state.buffer.push_back(item);
                pushed += 1;
            }
            state.notify_receivers(pushed, &mut wakers);
            if supply.is_empty() {
                state.grant(self.shared.capacity, &mut wakers);
                Poll::Ready(Ok(()))
            } else {
                *waiting = Some(state.senders.join(task.waker()));
                Poll::Pending
            }
        };
        wakers.wake();
        pushed
    }

    /// Gives up a sender's place, and passes on the room that it may have been granted.
    pub(super) fn forget_sender(&self, waiting: &mut Option<Place>) {
        let Some(place) = waiting.take() else { return };
        let mut wakers = Wakers::default();
        {
            let mut state = self.shared.state.lock();
            let left = state.senders.leave(place);
            if left.is_none() && !state.closed {
                state.granted -= 1;
                state.grant(self.shared.capacity, &mut wakers);
            }
            wakers.discard(left);
        }
        wakers.wake();
    }
}

/// A sender's place in the queue of those who wait for room, given up when it is dropped.
///
/// # Examples
///
/// ```
/// use effect_core::sync::{Channel, WaitingSender};
/// use std::collections::VecDeque;
/// use std::future::poll_fn;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channel = Channel::bounded(4);
/// let mut items = VecDeque::from([1, 2, 3]);
/// let mut sender = WaitingSender::new(&channel);
/// poll_fn(|task| sender.poll_push(task, &mut items)).await.unwrap();
/// assert_eq!((items.len(), channel.len()), (0, 3));
/// # }
/// ```
pub struct WaitingSender<'a, T> {
    channel: &'a Channel<T>,
    waits_for: WaitsFor,
    waiting: Option<Place>,
}

impl<'a, T> WaitingSender<'a, T> {
    /// Creates a sender that does not wait yet.
    #[track_caller]
    pub fn new(channel: &'a Channel<T>) -> Self {
        WaitingSender {
            channel,
            waits_for: WaitsFor::here("room in a channel"),
            waiting: None,
        }
    }

    /// Moves items out of `supply` while there is room. Ready when none is left there.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`] when the channel is closed: what was not sent is in the supply.
    ///
    /// # Cancel safety
    ///
    /// What was not sent is in the supply.
    pub fn poll_push<S: Supply<T>>(
        &mut self,
        task: &mut Context<'_>,
        supply: &mut S,
    ) -> Poll<Result<(), ChannelClosed>> {
        let pushed = self.channel.poll_push(task, &mut self.waiting, supply);
        if pushed.is_pending() {
            self.waits_for.note();
        }
        pushed
    }
}

impl<T> Drop for WaitingSender<'_, T> {
    fn drop(&mut self) {
        self.channel.forget_sender(&mut self.waiting);
    }
}

/// Where a sender takes its items from, one by one, as each finds room.
///
/// It is asked under the channel's lock: it hands the item over, and no more.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Supply;
///
/// let mut one = Some("item");
/// assert_eq!(Supply::take(&mut one), Some("item"));
/// assert!(Supply::is_empty(&one));
/// ```
pub trait Supply<T> {
    /// Whether nothing is left.
    fn is_empty(&self) -> bool;

    /// Takes the next item, which has found room.
    fn take(&mut self) -> Option<T>;
}

impl<T> Supply<T> for Option<T> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }

    fn take(&mut self) -> Option<T> {
        Option::take(self)
    }
}

impl<T> Supply<T> for VecDeque<T> {
    fn is_empty(&self) -> bool {
        VecDeque::is_empty(self)
    }

    fn take(&mut self) -> Option<T> {
        self.pop_front()
    }
}

/// The future of [`Channel::send`].
#[must_use = "futures do nothing unless they are polled"]
pub struct SendItem<T> {
    pub(super) channel: Channel<T>,
    pub(super) waits_for: WaitsFor,
    pub(super) item: Option<T>,
    pub(super) waiting: Option<Place>,
}

// Nothing is pinned to its place: the item is moved out when there is room.
impl<T> Unpin for SendItem<T> {}

impl<T> Future for SendItem<T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let pushed = this
            .channel
            .poll_push(task, &mut this.waiting, &mut this.item);
        if pushed.is_pending() {
            this.waits_for.note();
        }
        pushed
            .map_err(|ChannelClosed| SendError(this.item.take().expect("polled after completion")))
    }
}

impl<T> Drop for SendItem<T> {
    fn drop(&mut self) {
        self.channel.forget_sender(&mut self.waiting);
    }
}

/// The future of [`Channel::send_many`].
#[must_use = "futures do nothing unless they are polled"]
pub struct SendMany<T> {
    pub(super) channel: Channel<T>,
    pub(super) waits_for: WaitsFor,
    pub(super) items: VecDeque<T>,
    pub(super) waiting: Option<Place>,
}

impl<T> Unpin for SendMany<T> {}

impl<T> Future for SendMany<T> {
    type Output = Result<(), SendError<Vec<T>>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let pushed = this
            .channel
            .poll_push(task, &mut this.waiting, &mut this.items);
        if pushed.is_pending() {
            this.waits_for.note();
        }
        pushed.map_err(|ChannelClosed| SendError(this.items.drain(..).collect()))
    }
}

impl<T> Drop for SendMany<T> {
    fn drop(&mut self) {
        self.channel.forget_sender(&mut self.waiting);
    }
}

impl<T> fmt::Debug for WaitingSender<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingSender").finish_non_exhaustive()
    }
}

opaque_debug!(SendItem<T>, SendMany<T>);
