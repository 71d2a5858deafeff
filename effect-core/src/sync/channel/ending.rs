//! How a channel ends: drained, with a reason, or at once.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Channel;
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ending::{Ends, Mourner};
use crate::sync::ring::{Latecomers, Shared};

/// # Ending
impl<T> Channel<T> {
    /// Closes the channel: what is inside can still be received. Closing it again changes nothing.
    ///
    /// Senders who wait for room get their items back.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(1);
    /// channel.send(1).await.unwrap();
    /// channel.close();
    /// assert!(channel.is_closed());
    /// assert_eq!(channel.receive().await, Ok(1));
    /// assert!(channel.receive().await.is_err());
    /// # }
    /// ```
    pub fn close(&self) {
        self.shared.ring.close(Latecomers::Refused, || ());
    }

    /// Closes the channel as [`close`](Channel::close) does, and says why.
    ///
    /// Receivers have what is inside, and are told then that the channel is closed; its
    /// [`close_reason`](Channel::close_reason) is there for all who ask. If it was closed before, this changes nothing, and
    /// the error is dropped. Where the error is to be a part of the type, [`Queue`](crate::sync::Queue) has a `close_with` as
    /// well.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, ChannelClosed};
    /// use std::io;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(1);
    /// channel.send("last").await.unwrap();
    /// channel.close_with(io::Error::from(io::ErrorKind::BrokenPipe));
    /// assert_eq!(channel.receive().await, Ok("last"));
    /// assert_eq!(channel.receive().await, Err(ChannelClosed));
    /// let reason = channel.close_reason().unwrap();
    /// assert_eq!(reason.to_string(), "broken pipe");
    /// assert!(reason.downcast_ref::<io::Error>().is_some());
    /// # }
    /// ```
    #[doc(alias = "fail")]
    pub fn close_with(&self, error: impl Error + Send + Sync + 'static) {
        let reason = CloseReason(Arc::new(error));
        self.shared.close_with(Latecomers::Refused, reason);
    }

    /// The error that it was [closed with](Channel::close_with). None while it is open, and if it was closed without.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.shared.error().cloned()
    }

    /// Closes the channel, and has what is inside. Everybody who waits is told at once.
    ///
    /// What a pipeline has taken and not begun comes back to the channel, and can be received. So can what somebody sends
    /// who has a [`Permit`](super::Permit).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::{Channel, ChannelClosed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(2);
    /// channel.send_many([1, 2]).await.unwrap();
    /// assert_eq!(channel.abort(), [1, 2]);
    /// assert_eq!(channel.receive().await, Err(ChannelClosed));
    /// # }
    /// ```
    pub fn abort(&self) -> Vec<T> {
        self.shared.ring.abort()
    }

    /// Waits until the channel has ended: it is closed, and nothing is left in it or will come.
    ///
    /// # Errors
    ///
    /// The error that it was [closed with](Channel::close_with).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(1);
    /// channel.send(1).await.unwrap();
    /// channel.close();
    /// let mut ended = channel.await_closed();
    /// assert!(futures::poll!(&mut ended).is_pending());
    /// assert_eq!(channel.receive().await, Ok(1));
    /// assert!(ended.await.is_ok());
    /// # }
    /// ```
    #[doc(alias = "closed")]
    #[track_caller]
    pub fn await_closed(&self) -> AwaitChannelClosed<T> {
        let waits_for = WaitsFor::here("the end of a channel");
        AwaitChannelClosed {
            mourner: Mourner::new(Arc::clone(&self.shared), waits_for),
        }
    }
}

/// Why a channel was closed: the error of [`Channel::close_with`], shared by all who ask for it.
///
/// A channel of items that may fail is one of results. This is the error of the whole, of which nobody knows what to do
/// with it but to tell: so it is of any type, and the type of the channel does not name it.
#[derive(Clone)]
pub struct CloseReason(Arc<dyn Error + Send + Sync>);

impl CloseReason {
    /// The error itself, if it is of this type.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    ///
    /// let channel = Channel::<u8>::bounded(1);
    /// channel.close_with("x".parse::<u8>().unwrap_err());
    /// let reason = channel.close_reason().unwrap();
    /// assert!(reason.downcast_ref::<std::num::ParseIntError>().is_some());
    /// assert!(reason.downcast_ref::<std::fmt::Error>().is_none());
    /// ```
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for CloseReason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// The future of [`Channel::await_closed`].
#[must_use = "futures do nothing unless they are polled"]
pub struct AwaitChannelClosed<T> {
    mourner: Mourner<Arc<Shared<T, CloseReason>>>,
}

impl<T> Future for AwaitChannelClosed<T> {
    type Output = Result<(), CloseReason>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        self.mourner.poll(task)
    }
}

opaque_debug!(AwaitChannelClosed<T>);
