//! Through a channel, and to several beside.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use effect_core::{Budget, Channel, Cx, Env, SendError, Value};
use futures::future::join_all;

use super::generate::Generating;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source, beside, next};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Through channels
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Sends each item to a channel, and emits what the channel gives out: what others send to it as well, and not what others take from
    /// it.
    ///
    /// When the stream ends, the channel is closed, and when all that is in it was emitted, that is the end. So a channel is for one stream,
    /// and one run of it.
    ///
    /// - **Pulls** items ahead until the channel is full, and one that waits for room.
    /// - **Fails** if somebody else has closed the channel: the next item, which that refuses, is the last element, a failed one, after
    ///   what the channel still had. Nothing more is pulled.
    /// - **Completes** when the channel is closed, by this stream's end, and empty.
    /// - **When interrupted**, interrupts the source. What is in the channel stays there, and the channel open; an item that waits for room in it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, SendError, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(2);
    /// let all = Stream::range(0..5).through(&channel).collect_results().await;
    /// assert_eq!(all, Ok(vec![0, 1, 2, 3, 4]));
    /// // It has ended.
    /// let again = Stream::range(0..5).through(&channel).collect_results().await;
    /// assert_eq!(again, Err(SendError(0)));
    /// # }
    /// ```
    pub fn through(self, channel: &Channel<A>) -> StreamE<R, SendError<A>, A, Through<S, A>> {
        StreamE::of(Through {
            source: self.source,
            channel: channel.clone(),
        })
    }

    /// Sends each item to several channels as well, to all at once, and emits it when the slowest has taken it.
    ///
    /// A channel that is closed is skipped from then on: nobody there wants more. One that is full and never read holds this stream up
    /// for ever; close it, or choose one that drops: [`broadcast`](Stream::broadcast) has a bound of its own. The channels are left open.
    ///
    /// - **Pulls** the next item when it is wanted; never ahead.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source. The item at hand may have been sent to some channels and not to others.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (a, b) = (Channel::bounded(8), Channel::bounded(8));
    /// let Ok(all) = Stream::range(0..3).echo([&a, &b]).run_collect().await;
    /// assert_eq!(all, [0, 1, 2]);
    /// assert_eq!(a.receive_many(8).await, Ok(vec![0, 1, 2]));
    /// assert_eq!(b.receive_many(8).await, Ok(vec![0, 1, 2]));
    /// # }
    /// ```
    pub fn echo<'c>(
        self,
        channels: impl IntoIterator<Item = &'c Channel<A>>,
    ) -> Stream<R, A, Echo<S, A>>
    where
        A: Clone,
    {
        Stream::of(Echo::new(self.source, channels))
    }
}

/// # Through channels
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Sends each element, failures too, to several channels as well, to all at once, and emits it when the slowest has taken it. See
    /// [`Stream::echo`].
    ///
    /// - **Pulls** the next element when it is wanted; never ahead.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source. The element at hand may have been sent to some channels and not to others.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let log = Channel::bounded(8);
    /// let results = StreamE::from_results([Ok(1), Err("two")]);
    /// let Ok(all) = results.echo([&log]).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// assert_eq!(log.receive_many(8).await, Ok(all));
    /// # }
    /// ```
    pub fn echo<'c>(
        self,
        channels: impl IntoIterator<Item = &'c Channel<Result<A, E>>>,
    ) -> StreamE<R, E, A, Echo<S, Result<A, E>>>
    where
        A: Clone,
        E: Clone,
    {
        StreamE::of(Echo::new(self.source, channels))
    }
}

/// The source of [`Stream::through`].
#[derive(Clone)]
pub struct Through<S, A> {
    source: S,
    channel: Channel<A>,
}

impl<R: Env, S: Source<R>> Source<R> for Through<S, S::Item> {
    type Item = Result<S::Item, SendError<S::Item>>;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let Through { source, channel } = self;
        Generating::new(async move |mut out| {
            // A source that is left half-way, since the channel is closed, has let go of all before this ends.
            let mut feeding = pin!(cx.settling(feed(source, &channel, cx)));
            let mut fed = None;
            loop {
                let received = along(feeding.as_mut(), &mut fed, channel.receive()).await;
                let Ok(item) = received else {
                    break;
                };
                along(feeding.as_mut(), &mut fed, out.emit(Ok(item))).await;
            }
            match fed {
                Some(fed) => fed,
                // Somebody else has closed the channel, and the next item will be refused, if there is one.
                None => feeding.await,
            }
        })
    }
}

/// Sends all of a source to a channel, and closes that.
async fn feed<R: Env, S: Source<R>>(
    source: S,
    channel: &Channel<S::Item>,
    cx: &Cx<R>,
) -> Result<(), SendError<S::Item>> {
    let mut source = pin!(source.open(cx));
    let mut budget = Budget::new();
    while let Some(item) = next(source.as_mut()).await {
        beside(source.as_mut(), channel.send(item)).await?;
        budget.spend().await;
    }
    channel.close();
    Ok(())
}

/// Awaits a body, and meanwhile another future, whose output is kept.
async fn along<F: Future, B: Future>(
    mut other: Pin<&mut F>,
    output: &mut Option<F::Output>,
    body: B,
) -> B::Output {
    let mut body = pin!(body);
    poll_fn(|task| {
        if output.is_none()
            && let Poll::Ready(ended) = other.as_mut().poll(task)
        {
            *output = Some(ended);
        }
        body.as_mut().poll(task)
    })
    .await
}

/// The source of [`Stream::echo`] and [`StreamE::echo`].
#[derive(Clone)]
pub struct Echo<S, A> {
    source: S,
    channels: Vec<Channel<A>>,
}

impl<S, A: Value> Echo<S, A> {
    fn new<'c>(source: S, channels: impl IntoIterator<Item = &'c Channel<A>>) -> Self {
        Echo {
            source,
            channels: channels.into_iter().cloned().collect(),
        }
    }
}

impl<R: Env, S: Source<R, Item: Clone>> Source<R> for Echo<S, S::Item> {
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        let Echo {
            source,
            mut channels,
        } = self;
        Generating::new(async move |mut out| {
            let mut source = pin!(source.open(cx));
            while let Some(item) = next(source.as_mut()).await {
                let sends = channels.iter().map(|channel| channel.send(item.clone()));
                let sent = beside(source.as_mut(), join_all(sends)).await;
                if sent.iter().any(Result::is_err) {
                    channels.retain(|channel| !channel.is_closed());
                }
                beside(source.as_mut(), out.emit(item)).await;
            }
        })
    }
}

opaque_debug!(Through<S, A>, Echo<S, A>);
