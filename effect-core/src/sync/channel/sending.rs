//! Sending: as much at once as there is room for, in turn.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Channel, ChannelClosed, SendError};
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ring::{Pusher, Refused, Ring, Supply};

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
    pusher: Pusher<&'a Ring<T>>,
}

impl<'a, T> WaitingSender<'a, T> {
    /// Creates a sender that does not wait yet.
    #[track_caller]
    pub fn new(channel: &'a Channel<T>) -> Self {
        WaitingSender {
            pusher: Pusher::new(&channel.ring, WaitsFor::here("room in a channel")),
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
        // Full, a channel waits.
        let pushed = self.pusher.poll_push(task, supply);
        pushed.map_err(|_: Refused| ChannelClosed)
    }
}

/// The future of [`Channel::send`].
#[must_use = "futures do nothing unless they are polled"]
pub struct SendItem<T> {
    pub(super) pusher: Pusher<Arc<Ring<T>>>,
    pub(super) item: Option<T>,
}

// Nothing is pinned to its place: the item is moved out when there is room.
impl<T> Unpin for SendItem<T> {}

impl<T> Future for SendItem<T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.pusher
            .poll_push(task, &mut this.item)
            .map_err(|_: Refused| SendError(this.item.take().expect("polled after completion")))
    }
}

/// The future of [`Channel::send_many`].
#[must_use = "futures do nothing unless they are polled"]
pub struct SendMany<T> {
    pub(super) pusher: Pusher<Arc<Ring<T>>>,
    pub(super) items: VecDeque<T>,
}

impl<T> Unpin for SendMany<T> {}

impl<T> Future for SendMany<T> {
    type Output = Result<(), SendError<Vec<T>>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.pusher
            .poll_push(task, &mut this.items)
            .map_err(|_: Refused| SendError(this.items.drain(..).collect()))
    }
}

impl<T> fmt::Debug for WaitingSender<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingSender").finish_non_exhaustive()
    }
}

opaque_debug!(SendItem<T>, SendMany<T>);
