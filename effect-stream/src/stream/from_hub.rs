//! Streams of what is published to a hub.

use effect_core::sync::{Hub, ReceiveError};
use effect_core::{Cx, Env, Value};

use super::generate::Generating;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream::infallible::{Infallible, leave};
use crate::stream_e::StreamE;

/// # Creating
impl<R: Env, A: Value> Stream<R, A> {
    /// Emits what is published to a hub, from when the first item is wanted.
    ///
    /// What is published before that it does not get, but for what the hub replays. To miss nothing, subscribe first, and have
    /// [`from_stream`](Stream::from_stream) emit what the subscription receives.
    ///
    /// - **Pulls** by subscribing, when the first item is wanted, and then a message for each.
    /// - **Fails** never.
    /// - **Completes** when the hub is closed, and all that was published is emitted.
    /// - **When interrupted**, drops the subscription, so that nobody waits for it any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(16).replay(2);
    /// for n in 1..=3 {
    ///     hub.publish(n).await.unwrap();
    /// }
    /// hub.close();
    /// let Ok(all) = Stream::from_hub(hub).run_collect().await;
    /// assert_eq!(all, [2, 3]);
    /// # }
    /// ```
    pub fn from_hub(hub: Hub<A>) -> Stream<R, A, Infallible<FromHub<A, effect_core::Never>>>
    where
        A: Clone + Sync,
    {
        Stream::of(leave(FromHub { hub }))
    }
}

/// # Creating
impl<R: Env, E: Value, A: Value> StreamE<R, E, A> {
    /// Emits what is published to a hub, from when the first element is wanted, and the error that the hub is closed with, if it is. See [`Stream::from_hub`](crate::Stream::from_hub).
    ///
    /// - **Pulls** by subscribing, when the first element is wanted, and then a message for each.
    /// - **Fails** never: the hub's error is the last element.
    /// - **Completes** when the hub is closed, and all that was published is emitted.
    /// - **When interrupted**, drops the subscription, so that nobody waits for it any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Hub;
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hub = Hub::bounded(16).with_error().replay(1);
    /// hub.publish("news").await.unwrap();
    /// hub.close_with("the line is down");
    /// let Ok(all) = StreamE::from_hub(hub).run_collect().await;
    /// assert_eq!(all, [Ok("news"), Err("the line is down")]);
    /// # }
    /// ```
    pub fn from_hub(hub: Hub<A, E>) -> StreamE<R, E, A, FromHub<A, E>>
    where
        A: Clone + Sync,
        E: Clone + Sync,
    {
        StreamE::of(FromHub { hub })
    }
}

/// The source of [`Stream::from_hub`] and [`StreamE::from_hub`].
#[derive(Clone, Debug)]
pub struct FromHub<A, E> {
    hub: Hub<A, E>,
}

impl<R, A, E> Source<R> for FromHub<A, E>
where
    R: Env,
    A: Value + Clone + Sync,
    E: Value + Clone + Sync,
{
    type Item = Result<A, E>;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Generating::new(async move |mut out| {
            let mut subscription = self.hub.subscribe();
            loop {
                match subscription.receive().await {
                    Ok(message) => out.emit(Ok(message)).await,
                    Err(ReceiveError::Failed(error)) => return Err(error),
                    Err(ReceiveError::Closed) => return Ok(()),
                }
            }
        })
    }
}
