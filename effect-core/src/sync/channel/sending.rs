//! Sending: as much at once as there is room for, in turn.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Channel, ChannelClosed, CloseReason, SendError};
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ring::{Pusher, Refused, Ring, Shared, Supply};

/// What a sender waits for.
pub(super) const ROOM: &str = "room in a channel";

/// # Sending
impl<T> Channel<T> {
    /// Sends an item, waiting while the channel is full.
    ///
    /// # Errors
    ///
    /// The item itself, if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was sent, and the item is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, SendError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(1);
    /// channel.send(1).await.unwrap();
    /// channel.close();
    /// assert_eq!(channel.send(2).await, Err(SendError(2)));
    /// assert_eq!(channel.receive().await, Ok(1));
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn send(&self, item: T) -> SendItem<T> {
        SendItem {
            pusher: Pusher::new(Arc::clone(&self.shared), WaitsFor::here(ROOM)),
            item: Some(item),
        }
    }

    /// Sends many items in their order, as many at once as there is room for.
    ///
    /// # Errors
    ///
    /// Those items that were not sent, if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, the first items may have been sent; the rest is dropped with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, SendError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(3);
    /// channel.send_many([1, 2]).await.unwrap();
    /// assert_eq!(channel.len(), 2);
    /// channel.close();
    /// let SendError(rest) = channel.send_many([3]).await.unwrap_err();
    /// assert_eq!(rest.into_iter().collect::<Vec<_>>(), [3]);
    /// # }
    /// ```
    #[track_caller]
    pub fn send_many(&self, items: impl IntoIterator<Item = T>) -> SendMany<T> {
        SendMany {
            pusher: Pusher::new(Arc::clone(&self.shared), WaitsFor::here(ROOM)),
            items: items.into_iter().collect(),
        }
    }

    /// Sends an item, if that needs no wait: for code that is not async, such as a callback.
    ///
    /// # Errors
    ///
    /// The item itself: [`TrySendError::Full`] if there is no room, or others wait for it; [`TrySendError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, TrySendError};
    ///
    /// let channel = Channel::bounded(1);
    /// assert_eq!(channel.try_send(1), Ok(()));
    /// assert_eq!(channel.try_send(2), Err(TrySendError::Full(2)));
    /// channel.close();
    /// assert_eq!(channel.try_send(3), Err(TrySendError::Closed(3)));
    /// ```
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut item = Some(item);
        let pushed = self.shared.ring.push_now(&mut item);
        match (pushed, item) {
            (Err(refused), Some(item)) => Err(TrySendError::of(refused, item)),
            _ => Ok(()),
        }
    }

    /// Moves items out of `supply` while there is room, and does not wait: the rest stays there. There is no room where
    /// others wait for it.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`] when the channel is closed: nothing has left the supply.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, ChannelClosed};
    /// use std::collections::VecDeque;
    ///
    /// let channel = Channel::bounded(2);
    /// let mut items = VecDeque::from([1, 2, 3]);
    /// assert_eq!(channel.push_now(&mut items), Ok(()));
    /// assert_eq!((channel.len(), items.len()), (2, 1));
    /// channel.close();
    /// assert_eq!(channel.push_now(&mut items), Err(ChannelClosed));
    /// assert_eq!(items, [3]);
    /// ```
    pub fn push_now<S: Supply<T>>(&self, supply: &mut S) -> Result<(), ChannelClosed> {
        match self.shared.ring.push_now(supply) {
            Ok(()) | Err(Refused::Full) => Ok(()),
            Err(Refused::Closed) => Err(ChannelClosed),
        }
    }
}

/// What could not be sent without waiting; here it is.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError<T> {
    /// There is no room, or others wait for it.
    #[error("the channel is full")]
    Full(T),
    /// The channel was closed.
    #[error("the channel is closed")]
    Closed(T),
}

impl<T> TrySendError<T> {
    pub(super) fn of(refused: Refused, item: T) -> Self {
        match refused {
            Refused::Full => TrySendError::Full(item),
            Refused::Closed => TrySendError::Closed(item),
        }
    }

    /// Takes out what was to be sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// let channel = Channel::bounded(1);
    /// channel.try_send("first").unwrap();
    /// assert_eq!(channel.try_send("second").unwrap_err().into_inner(), "second");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(item) | TrySendError::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "Full(..)",
            TrySendError::Closed(_) => "Closed(..)",
        })
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
    pusher: Pusher<&'a Ring<T>>,
}

impl<'a, T> WaitingSender<'a, T> {
    /// Creates a sender that does not wait yet.
    #[track_caller]
    pub fn new(channel: &'a Channel<T>) -> Self {
        WaitingSender {
            pusher: Pusher::new(&channel.shared.ring, WaitsFor::here(ROOM)),
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
    pub(super) pusher: Pusher<Arc<Shared<T, CloseReason>>>,
    pub(super) item: Option<T>,
}

// Nothing is pinned to its place: the item is moved out when there is room.
impl<T> Unpin for SendItem<T> {}

impl<T> Future for SendItem<T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
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
    pub(super) pusher: Pusher<Arc<Shared<T, CloseReason>>>,
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
