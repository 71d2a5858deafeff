//! A channel as a stream of the futures crate.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;

use super::receiving::ITEM;
use super::{Channel, CloseReason};
use crate::WaitsFor;
use crate::opaque_debug::opaque_debug;
use crate::sync::ring::{Puller, Shared};

/// # Other crates
impl<T> Channel<T> {
    /// A stream of the futures crate of what is received. It ends when the channel is closed and empty.
    ///
    /// # Cancel safety
    ///
    /// Dropped at any moment, it leaves in the channel what it has not yielded.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    /// use futures::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(8);
    /// channel.send_many([1, 2, 3]).await.unwrap();
    /// channel.close();
    /// assert_eq!(channel.clone().into_stream().take(2).collect::<Vec<_>>().await, [1, 2]);
    /// assert_eq!(channel.receive().await, Ok(3));
    /// # }
    /// ```
    #[track_caller]
    pub fn into_stream(self) -> ChannelStream<T> {
        ChannelStream {
            puller: Puller::new(self.shared, WaitsFor::here(ITEM)),
        }
    }
}

/// The stream of [`Channel::into_stream`].
#[must_use = "streams do nothing unless they are polled"]
pub struct ChannelStream<T> {
    puller: Puller<Arc<Shared<T, CloseReason>>>,
}

impl<T> Stream for ChannelStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T>> {
        self.puller.poll_next(task).map(Result::ok)
    }
}

opaque_debug!(ChannelStream<T>);
