//! From tokio's channels into ours, and back, with room before an item is taken.

use std::borrow::{Borrow, BorrowMut};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use futures::{Stream, stream};
use tokio::sync::mpsc;

use super::{Channel, ChannelClosed};
use crate::sync::ring::Closing;

/// How many items are moved in one go, of those that are there.
const AT_ONCE: usize = 32;

/// # Other crates
impl<T> Channel<T> {
    /// Sends what a stream of the futures crate yields, until that ends. The channel stays open.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`], as soon as the channel is closed: also while the stream has nothing.
    ///
    /// # Cancel safety
    ///
    /// It has room before it asks for an item: dropped at any moment, each item that the stream has yielded is in the
    /// channel. The stream is dropped with it, or goes on where it was, if it was lent.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    /// use futures::stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(4);
    /// channel.fill_from(stream::iter(1..=3)).await.unwrap();
    /// assert_eq!(channel.receive_many(4).await, Ok(vec![1, 2, 3]));
    /// # }
    /// ```
    pub fn fill_from<S>(
        &self,
        stream: S,
    ) -> impl Future<Output = Result<(), ChannelClosed>> + use<T, S>
    where
        S: Stream<Item = T>,
    {
        let channel = self.clone();
        async move {
            let mut stream = pin!(stream);
            loop {
                let permit = channel.reserve().await?;
                let mut closing = pin!(Closing::new(&channel.shared.ring));
                // What is there goes in, also when the channel is closed by now: there was room for it.
                let next = poll_fn(|task| {
                    if let Poll::Ready(item) = stream.as_mut().poll_next(task) {
                        return Poll::Ready(Ok(item));
                    }
                    closing.as_mut().poll(task).map(|()| Err(ChannelClosed))
                });
                match next.await? {
                    Some(item) => permit.send(item),
                    None => return Ok(()),
                }
            }
        }
    }

    /// Sends what comes from a channel of tokio, until all of its senders are gone. The channel stays open.
    ///
    /// # Errors
    ///
    /// [`ChannelClosed`], as soon as the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// As [`fill_from`](Channel::fill_from): what was not moved stays in tokio's channel. Lend its receiver, and nothing of
    /// that is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    /// use tokio::sync::mpsc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (sender, receiver) = mpsc::channel(4);
    /// let channel = Channel::bounded(4);
    /// sender.send("from tokio").await.unwrap();
    /// drop(sender);
    /// channel.fill_from_tokio(receiver).await.unwrap();
    /// assert_eq!(channel.receive().await, Ok("from tokio"));
    /// # }
    /// ```
    pub fn fill_from_tokio<R>(
        &self,
        receiver: R,
    ) -> impl Future<Output = Result<(), ChannelClosed>> + use<T, R>
    where
        R: BorrowMut<mpsc::Receiver<T>>,
    {
        let mut receiver = receiver;
        self.fill_from(stream::poll_fn(move |task| {
            receiver.borrow_mut().poll_recv(task)
        }))
    }

    /// Moves what is received into a channel of tokio, until this one is closed and empty.
    ///
    /// # Errors
    ///
    /// When tokio's receiver is gone. What was not moved is in the channel.
    ///
    /// # Cancel safety
    ///
    /// It has room there before it receives an item here: dropped at any moment, each item is in one of the two.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Channel;
    /// use tokio::sync::mpsc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (sender, mut receiver) = mpsc::channel(4);
    /// let channel = Channel::bounded(4);
    /// channel.send("to tokio").await.unwrap();
    /// channel.close();
    /// channel.drain_into_tokio(sender).await.unwrap();
    /// assert_eq!(receiver.recv().await, Some("to tokio"));
    /// assert_eq!(receiver.recv().await, None);
    /// # }
    /// ```
    pub fn drain_into_tokio<K>(
        &self,
        sender: K,
    ) -> impl Future<Output = Result<(), mpsc::error::SendError<()>>> + use<T, K>
    where
        K: Borrow<mpsc::Sender<T>>,
    {
        let channel = self.clone();
        async move {
            let sender = sender.borrow();
            loop {
                let permit = sender.reserve().await?;
                let mut gone = pin!(sender.closed());
                let mut receive = channel.receive();
                let received = poll_fn(|task| {
                    if gone.as_mut().poll(task).is_ready() {
                        return Poll::Ready(Err(mpsc::error::SendError(())));
                    }
                    Pin::new(&mut receive).poll(task).map(Ok)
                });
                match received.await? {
                    Ok(item) => permit.send(item),
                    Err(ChannelClosed) => return Ok(()),
                }
                for _ in 1..AT_ONCE {
                    let Ok(permit) = sender.try_reserve() else {
                        break;
                    };
                    let Ok(item) = channel.try_receive() else {
                        break;
                    };
                    permit.send(item);
                }
            }
        }
    }
}
