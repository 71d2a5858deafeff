//! A channel as a sink of the futures crate.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Sink;

use super::sending::ROOM;
use super::{Channel, CloseReason, Permit, SendError};
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ring::{Refused, Reserver, Shared};

/// # Other crates
impl<T> Channel<T> {
    /// A sink of the futures crate that sends to the channel. Closing it leaves the channel open: others may send as well.
    ///
    /// It is ready when it has a [`Permit`], which it keeps until it is given an item, closed, or dropped.
    ///
    /// # Errors
    ///
    /// An item that is sent after the channel was closed comes back in a [`SendError`].
    ///
    /// # Cancel safety
    ///
    /// Each item that it has accepted is in the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    /// use futures::{stream, StreamExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(8);
    /// stream::iter([1, 2]).map(Ok).forward(channel.clone().into_sink()).await.unwrap();
    /// assert_eq!(channel.receive_many(8).await, Ok(vec![1, 2]));
    /// # }
    /// ```
    #[track_caller]
    pub fn into_sink(self) -> ChannelSink<T> {
        ChannelSink {
            reserver: Reserver::new(self.shared, 1, WaitsFor::here(ROOM)),
            permit: None,
        }
    }
}

/// The sink of [`Channel::into_sink`].
#[must_use = "sinks do nothing unless they are polled"]
pub struct ChannelSink<T> {
    reserver: Reserver<Arc<Shared<T, CloseReason>>>,
    permit: Option<Permit<T>>,
}

impl<T> Sink<T> for ChannelSink<T> {
    type Error = SendError<T>;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        if self.permit.is_none() {
            // Where it was closed, the item comes back: there is none yet.
            let reserved = ready!(self.reserver.poll(task));
            self.permit = reserved.map(|()| self.permit()).ok();
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, item: T) -> Result<(), SendError<T>> {
        let permit = match self.permit.take() {
            Some(permit) => permit,
            None => match self.reserver.reserve_now() {
                Ok(()) => self.permit(),
                Err(Refused::Closed) => return Err(SendError(item)),
                Err(Refused::Full) => panic!("a sink is given an item when it is ready"),
            },
        };
        permit.send(item);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _task: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        _task: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        self.permit = None;
        Poll::Ready(Ok(()))
    }
}

impl<T> ChannelSink<T> {
    fn permit(&self) -> Permit<T> {
        Permit::of(self.reserver.handle())
    }
}

opaque_debug!(ChannelSink<T>);
