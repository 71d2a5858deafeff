//! Where elements come from that can fail.

use std::future::Future;
use std::iter;
use std::ops::Range;

use effect_core::{Cx, Env, IntoEffect, Value};
use futures::Stream as FuturesStream;

use crate::Channel;
use crate::source::Source;
use crate::stream::choose::Choose;
use crate::stream::from::{FromChannel, FromIter, FromStream};
use crate::stream::from_effect::{FromEffect, RepeatEffect, Scoped, UnfoldEffect};
use crate::stream::generate::{Emitter, Generate};
use crate::stream::transforming::{Map, Mapped};
use crate::stream_e::StreamE;

/// A closure's type where there is only a function: succeeds with an item.
type Succeed<A, E> = fn(A) -> Result<A, E>;

/// # Creating
impl<R: Env, E: Value, A: Value> StreamE<R, E, A> {
    /// Emits the items of an iterator, as successes.
    ///
    /// It pulls, completes and is interrupted as [`Stream::from_iter`](crate::Stream::from_iter).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = StreamE::<_, (), _>::from_iter([1, 2]).run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(2)]);
    /// # }
    /// ```
    #[allow(
        clippy::should_implement_trait,
        reason = "the iterator is part of the stream's type, which `FromIterator` could not name"
    )]
    pub fn from_iter<I>(items: I) -> StreamE<R, E, A, Map<FromIter<I>, Succeed<A, E>>>
    where
        I: IntoIterator<Item = A, IntoIter: Send> + Value,
    {
        StreamE::new(Choose::new(FromIter { items }, Mapped(Ok)))
    }

    /// Emits the numbers of a range, as successes.
    ///
    /// It pulls, completes and is interrupted as [`Stream::from_iter`](crate::Stream::from_iter).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = StreamE::<_, (), _>::range(1..3).run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(2)]);
    /// # }
    /// ```
    pub fn range<I>(range: Range<I>) -> StreamE<R, E, A, Map<FromIter<Range<I>>, Succeed<A, E>>>
    where
        I: Value,
        Range<I>: Iterator<Item = A>,
    {
        StreamE::from_iter(range)
    }

    /// Emits the results of an iterator, each on its side.
    ///
    /// It pulls, completes and is interrupted as [`Stream::from_iter`](crate::Stream::from_iter).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(sides) = StreamE::from_results([Ok(1), Err("two")]).partition().await;
    /// assert_eq!(sides, (vec![1], vec!["two"]));
    /// # }
    /// ```
    pub fn from_results<I>(results: I) -> StreamE<R, E, A, FromIter<I>>
    where
        I: IntoIterator<Item = Result<A, E>, IntoIter: Send> + Value,
    {
        StreamE::new(FromIter { items: results })
    }

    /// Emits one failure, and completes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = StreamE::<_, _, ()>::fail("no route").run_collect().await;
    /// assert_eq!(all, [Err("no route")]);
    /// # }
    /// ```
    pub fn fail(error: E) -> StreamE<R, E, A, FromIter<iter::Once<Result<A, E>>>> {
        StreamE::from_results(iter::once(Err(error)))
    }

    /// Runs an effect, and emits its value or its error.
    ///
    /// - **Pulls** by running the effect, when the element is wanted.
    /// - **Fails** never; the effect's error is an element. Its defect is one of the run.
    /// - **Completes** after one element.
    /// - **When interrupted**, interrupts the effect, and waits for its finalizers.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let one = StreamE::from_effect(async { Ok::<_, &str>(1) });
    /// let Ok(all) = one.run_collect().await;
    /// assert_eq!(all, [Ok(1)]);
    /// # }
    /// ```
    pub fn from_effect<I>(effect: I) -> StreamE<R, E, A, FromEffect<I>>
    where
        I: IntoEffect<R, Error = E, Value = A>,
    {
        StreamE::of(FromEffect { effect })
    }

    /// Runs an effect again and again, and emits its value or its error each time, for ever.
    ///
    /// - **Pulls** by running the effect, when an element is wanted.
    /// - **Fails** never; the effect's error is an element. Its defect is one of the run.
    /// - **When interrupted**, interrupts the effect, and waits for its finalizers.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Queue;
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let queue = Queue::bounded(4);
    /// queue.offer_all([1, 2]).await.unwrap();
    /// queue.close();
    /// let taken = StreamE::repeat_effect(move || {
    ///     let queue = queue.clone();
    ///     async move { queue.take().await }
    /// });
    /// let Ok((items, ends)) = taken.take(3).partition().await;
    /// assert_eq!((items, ends.len()), (vec![1, 2], 1));
    /// # }
    /// ```
    pub fn repeat_effect<I, F>(f: F) -> StreamE<R, E, A, RepeatEffect<F>>
    where
        I: IntoEffect<R, Error = E, Value = A>,
        F: FnMut() -> I + Value,
    {
        StreamE::of(RepeatEffect { f })
    }

    /// Runs effects, each with the state that the one before leads to, and emits what they succeed with.
    ///
    /// An effect has `Some` item and the next state, or `None` at the end.
    ///
    /// - **Pulls** by running one effect for each element that is wanted.
    /// - **Fails** never; an effect's error is the last element, for there is no state to go on with.
    /// - **Completes** when an effect has `None`, or after the first error.
    /// - **When interrupted**, interrupts the effect that runs, and waits for its finalizers.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // Pages, each of which names the next one.
    /// let pages = StreamE::unfold_effect(1_u32, |page| async move {
    ///     if page > 3 { return Err("no such page") }
    ///     Ok(Some((format!("page {page}"), page + 2)))
    /// });
    /// let Ok(all) = pages.run_collect().await;
    /// assert_eq!(all, [Ok("page 1".to_owned()), Ok("page 3".to_owned()), Err("no such page")]);
    /// # }
    /// ```
    #[doc(alias = "paginate")]
    pub fn unfold_effect<B, I, F>(state: B, f: F) -> StreamE<R, E, A, UnfoldEffect<B, F>>
    where
        B: Value,
        I: IntoEffect<R, Error = E, Value = Option<(A, B)>>,
        F: FnMut(B) -> I + Value,
    {
        StreamE::of(UnfoldEffect { state, f })
    }

    /// Is the stream that an effect succeeds with. What the effect acquires is held until that stream ends.
    ///
    /// - **Pulls** by running the effect, when the first element is wanted, and then as that stream.
    /// - **Fails** never; the effect's error is the only element.
    /// - **Completes** when that stream has, and what the effect acquired is released.
    /// - **When interrupted**, interrupts whichever runs, and waits until what was acquired is released.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, succeed, sync, Never};
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let file = acquire_release(succeed::<(), &str, _>(vec![1, 2]), |_| sync(|| println!("closed")));
    /// let lines = StreamE::scoped(file.map(StreamE::from_iter));
    /// let Ok(all) = lines.run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(2)]);
    /// # }
    /// ```
    #[doc(alias = "unwrap")]
    #[doc(alias = "resource")]
    pub fn scoped<I, S>(effect: I) -> StreamE<R, E, A, Scoped<I>>
    where
        S: Source<R, Item = Result<A, E>>,
        I: IntoEffect<R, Error = E, Value = StreamE<R, E, A, S>>,
    {
        StreamE::of(Scoped { effect })
    }

    /// Emits what a body emits, on either side, and the error that it ends with, if it does. See [`Stream::generate`](crate::Stream::generate).
    ///
    /// - **Pulls** by running the body up to its next element; it goes on from there when another one is wanted.
    /// - **Fails** never; an error of the body is the last element. Its panic is a defect of the run.
    /// - **Completes** when the body ends.
    /// - **When interrupted**, interrupts the body, and waits for the finalizers of what it runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cx;
    /// use effect_stream::{Emitter, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let words = StreamE::generate(async |_: Cx<()>, mut out: Emitter<_>| {
    ///     for word in ["1", "2", "three"] {
    ///         let number: u8 = word.parse().map_err(|_| word)?;
    ///         out.emit(Ok(number)).await;
    ///     }
    ///     Ok(())
    /// });
    /// let Ok(all) = words.run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(2), Err("three")]);
    /// # }
    /// ```
    pub fn generate<F, Fut>(body: F) -> StreamE<R, E, A, Generate<F, Result<A, E>>>
    where
        F: FnOnce(Cx<R>, Emitter<Result<A, E>>) -> Fut + Value,
        Fut: Future<Output = Result<(), E>> + Send,
    {
        StreamE::of(Generate::new(body))
    }

    /// Emits what is received from a channel, as successes.
    ///
    /// It pulls, completes and is interrupted as [`Stream::from_channel`](crate::Stream::from_channel).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(4);
    /// channel.send(1).await.unwrap();
    /// channel.close();
    /// let Ok(all) = StreamE::<_, (), _>::from_channel(channel).run_collect().await;
    /// assert_eq!(all, [Ok(1)]);
    /// # }
    /// ```
    pub fn from_channel(
        channel: Channel<A>,
    ) -> StreamE<R, E, A, Map<FromChannel<A>, Succeed<A, E>>> {
        StreamE::new(Choose::new(FromChannel { channel }, Mapped(Ok)))
    }

    /// Emits the results that a `futures::Stream` yields, each on its side.
    ///
    /// It pulls, completes and is interrupted as [`Stream::from_stream`](crate::Stream::from_stream).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let foreign = futures::stream::iter([Ok(1), Err("two")]);
    /// let Ok(sides) = StreamE::from_stream(foreign).partition().await;
    /// assert_eq!(sides, (vec![1], vec!["two"]));
    /// # }
    /// ```
    pub fn from_stream<T>(stream: T) -> StreamE<R, E, A, FromStream<T>>
    where
        T: FuturesStream<Item = Result<A, E>> + Value,
    {
        StreamE::new(FromStream { stream })
    }
}
