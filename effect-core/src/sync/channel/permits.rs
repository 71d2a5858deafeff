//! Permits: room first, and the items later.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::sending::ROOM;
use super::{Channel, ChannelClosed, CloseReason, TrySendError};
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ring::{Refused, Reserver, Shared, Supply};

/// # Reserving
impl<T> Channel<T> {
    /// Waits for room for an item, in turn with those who send, and keeps it until the item is there.
    ///
    /// For an item that is not to be made, or taken from elsewhere, before there is room for it.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`], if it is closed before there was room.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, it has no room.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, TrySendError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(1);
    /// let permit = channel.reserve().await.unwrap();
    /// assert_eq!(channel.try_send("too late"), Err(TrySendError::Full("too late")));
    /// permit.send("in time");
    /// assert_eq!(channel.receive().await, Ok("in time"));
    /// # }
    /// ```
    #[track_caller]
    pub fn reserve(&self) -> Reserve<T> {
        let waits_for = WaitsFor::here(ROOM);
        Reserve {
            reserver: Reserver::new(Arc::clone(&self.shared), 1, waits_for),
        }
    }

    /// Waits for room for so many items, until there is as much at once. Those who come later wait behind it.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`], if it is closed before there was room.
    ///
    /// # Panics
    ///
    /// If there is never so much room: `count` is more than the capacity, or, at a rendezvous, more than one.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, it has no room.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(4);
    /// let permits = channel.reserve_many(3).await.unwrap();
    /// for (permit, item) in permits.zip(["a", "b"]) {
    ///     permit.send(item);
    /// }
    /// // The third was not used, and the room is there again.
    /// assert_eq!(channel.receive_many(4).await.unwrap(), ["a", "b"]);
    /// assert!(channel.try_reserve_many(4).is_ok());
    /// # }
    /// ```
    #[track_caller]
    pub fn reserve_many(&self, count: usize) -> ReserveMany<T> {
        let most = self.capacity().max(1);
        assert!(
            count <= most,
            "a channel of {most} will never have room for {count}"
        );
        let waits_for = WaitsFor::here(ROOM);
        ReserveMany {
            reserver: Reserver::new(Arc::clone(&self.shared), count, waits_for),
        }
    }

    /// Has room for an item, if that needs no wait.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] if there is no room, or others wait for it; [`TrySendError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// let channel = Channel::bounded(1);
    /// let permit = channel.try_reserve().unwrap();
    /// assert!(channel.try_reserve().is_err());
    /// drop(permit);
    /// channel.try_reserve().unwrap().send(1);
    /// assert_eq!(channel.len(), 1);
    /// ```
    pub fn try_reserve(&self) -> Result<Permit<T>, TrySendError<()>> {
        let permits = self.try_reserve_many(1)?;
        Ok(Permit { permits })
    }

    /// Has room for so many items, if that needs no wait.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] if there is less room, or others wait for it; [`TrySendError::Closed`].
    pub fn try_reserve_many(&self, count: usize) -> Result<Permits<T>, TrySendError<()>> {
        match self.shared.ring.reserve_now(count) {
            Ok(()) => Ok(Permits::of(&self.shared, count)),
            Err(refused) => Err(TrySendError::of(refused, ())),
        }
    }
}

/// Room for an item in a channel. Dropped, it gives the room back.
///
/// It is good for as long as it is there: a channel that is [closed](Channel::close) meanwhile, or
/// [aborted](Channel::abort), still takes its item, and has not ended before the item was received or the permit dropped.
/// The item goes in behind those that are inside when it is sent: what a permit keeps is room, not a place.
///
/// # Examples
///
/// ```
/// use effect_core::sync::{Channel, ChannelClosed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channel = Channel::bounded(2);
/// let permit = channel.reserve().await.unwrap();
/// channel.close();
/// permit.send("the last");
/// assert_eq!(channel.receive().await, Ok("the last"));
/// assert_eq!(channel.receive().await, Err(ChannelClosed));
/// # }
/// ```
#[must_use = "dropped, it gives the room back"]
pub struct Permit<T> {
    permits: Permits<T>,
}

impl<T> Permit<T> {
    /// One that was reserved.
    pub(super) fn of(shared: &Arc<Shared<T, CloseReason>>) -> Self {
        let permits = Permits::of(shared, 1);
        Permit { permits }
    }

    /// Sends an item, for which there is room.
    pub fn send(mut self, item: T) {
        let mut item = Some(item);
        self.permits.send_all(&mut item);
    }
}

/// Room for so many items in a channel: an iterator of permits, each of which is good for one item. What is left of it when
/// it is dropped is given back.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Channel;
/// use std::collections::VecDeque;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channel = Channel::bounded(4);
/// let mut permits = channel.reserve_many(3).await.unwrap();
/// permits.next().unwrap().send(1);
/// permits.send_all(&mut VecDeque::from([2, 3]));
/// assert_eq!(permits.len(), 0);
/// assert_eq!(channel.receive_many(4).await.unwrap(), [1, 2, 3]);
/// # }
/// ```
#[must_use = "dropped, they give the room back"]
pub struct Permits<T> {
    shared: Arc<Shared<T, CloseReason>>,
    left: usize,
}

impl<T> Permits<T> {
    fn of(shared: &Arc<Shared<T, CloseReason>>, left: usize) -> Self {
        Permits {
            shared: Arc::clone(shared),
            left,
        }
    }

    /// Sends items out of `supply`, all at once, as many as there are permits for.
    pub fn send_all<S: Supply<T>>(&mut self, supply: &mut S) {
        self.left -= self.shared.ring.push_reserved(self.left, supply);
    }
}

impl<T> Iterator for Permits<T> {
    type Item = Permit<T>;

    fn next(&mut self) -> Option<Permit<T>> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit::of(&self.shared))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Permits<T> {}

impl<T> Drop for Permits<T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.shared.ring.unreserve(self.left);
        }
    }
}

/// The future of [`Channel::reserve`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Reserve<T> {
    reserver: Reserver<Arc<Shared<T, CloseReason>>>,
}

impl<T> Future for Reserve<T> {
    type Output = Result<Permit<T>, ChannelClosed>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let permits = poll_permits(&mut self.reserver, task);
        permits.map_ok(|permits| Permit { permits })
    }
}

/// The future of [`Channel::reserve_many`].
#[must_use = "futures do nothing unless they are polled"]
pub struct ReserveMany<T> {
    reserver: Reserver<Arc<Shared<T, CloseReason>>>,
}

impl<T> Future for ReserveMany<T> {
    type Output = Result<Permits<T>, ChannelClosed>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        poll_permits(&mut self.reserver, task)
    }
}

fn poll_permits<T>(
    reserver: &mut Reserver<Arc<Shared<T, CloseReason>>>,
    task: &mut Context<'_>,
) -> Poll<Result<Permits<T>, ChannelClosed>> {
    let reserved = reserver.poll(task);
    reserved
        .map_ok(|()| Permits::of(reserver.handle(), reserver.count()))
        .map_err(|_: Refused| ChannelClosed)
}

impl<T> fmt::Debug for Permits<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits").field("left", &self.left).finish()
    }
}

opaque_debug!(Permit<T>, Reserve<T>, ReserveMany<T>);
