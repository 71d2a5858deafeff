//! The type: a lazy description of many values.

use std::marker::PhantomData;

use effect_core::{Env, IntoEffect, Value};
use futures::Stream as FuturesStream;

use crate::Channel;
use crate::erased::ErasedSource;
use crate::opaque_debug::opaque_debug;
use crate::source::Source;
use crate::stream_e::StreamE;

pub(crate) mod from;
pub(crate) mod filter_map;
pub(crate) mod take;
pub(crate) mod map_effect;
pub(crate) mod chunks;
pub(crate) mod merge;
pub(crate) mod run;
pub(crate) mod into_stream;

use chunks::Chunks;
use filter_map::{Filter, Kept, Map, Mapped};
use from::{FromChannel, FromIter, FromStream};
use map_effect::MapEffect;
use merge::Merge;
use take::Take;

/// A lazy description of many values: it needs the environment `R` and emits `A`s.
///
/// Nothing happens until one of the `run_` methods makes an effect of it, and that is run. `S` is the source
/// inside; a signature leaves it out, and [`erase`](Stream::erase) gets there. A stream is `Clone` where its
/// source is, and may then run more than once. Where elements can fail, it is a [`StreamE`].
///
/// Every operator pulls: it asks its source for an item when it is asked for one, and reads ahead only where
/// it says so.
///
/// # Examples
///
/// ```
/// use effect_stream::Stream;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let stream = Stream::range(1..6).map(|n| n * 2).filter(|n| *n > 5);
/// let Ok(all) = stream.run_collect().await;
/// assert_eq!(all, [6, 8, 10]);
/// # }
/// ```
#[must_use = "a stream is a description: nothing happens until it is run"]
pub struct Stream<R, A, S = ErasedSource<R, A>> {
    pub(crate) source: S,
    types: PhantomData<fn(&R) -> A>,
}

impl<R: Env, A: Value, S: Source<R, Item = A>> Stream<R, A, S> {
    /// Wraps a source. Operators of one's own begin here.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // A source of one's own would stand here.
    /// let source = Stream::<(), _>::range(0..3).map(|n| n + 1);
    /// let Ok(all) = Stream::new(source.into_source()).run_collect().await;
    /// assert_eq!(all, [1, 2, 3]);
    /// # }
    /// ```
    pub const fn new(source: S) -> Self {
        Stream {
            source,
            types: PhantomData,
        }
    }

    /// Takes the source out again.
    pub fn into_source(self) -> S {
        self.source
    }

    /// Forgets the source's type, so that the stream can be named in a signature.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// fn evens(below: u32) -> Stream<(), u32> {
    ///     Stream::range(0..below).filter(|n| n % 2 == 0).erase()
    /// }
    /// let Ok(all) = evens(7).run_collect().await;
    /// assert_eq!(all, [0, 2, 4, 6]);
    /// # }
    /// ```
    pub fn erase(self) -> Stream<R, A>
    where
        S: Clone,
    {
        Stream::new(ErasedSource::new(self.source))
    }
}

impl<R, A, S> Stream<R, A, S> {
    /// Wraps the source of an operator, and leaves it to where the stream is run to ask whether it is a [`Source`]:
    /// asked at every step of a chain whose environment is not known yet, the compiler does not end.
    pub(crate) const fn of(source: S) -> Self {
        Stream {
            source,
            types: PhantomData,
        }
    }
}

/// # Creating
impl<R: Env, A: Value> Stream<R, A> {
    /// Emits the items of an iterator.
    ///
    /// - **Pulls** an item from the iterator for each that is wanted.
    /// - **Completes** when the iterator ends.
    /// - **When interrupted**, drops the iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_iter(vec!["a", "b"]).run_collect().await;
    /// assert_eq!(all, ["a", "b"]);
    /// # }
    /// ```
    #[allow(
        clippy::should_implement_trait,
        reason = "the iterator is part of the stream's type, which `FromIterator` could not name"
    )]
    pub fn from_iter<I>(items: I) -> Stream<R, A, FromIter<I>>
    where
        I: IntoIterator<Item = A, IntoIter: Send> + Value,
    {
        Stream::new(FromIter { items })
    }

    /// Emits the numbers of a range.
    ///
    /// - **Pulls**, **completes** and **when interrupted** as [`from_iter`](Stream::from_iter).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(sum) = Stream::range(1..101).run_fold(0, |sum, n| sum + n).await;
    /// assert_eq!(sum, 5050);
    /// # }
    /// ```
    pub fn range<I>(range: std::ops::Range<I>) -> Stream<R, A, FromIter<std::ops::Range<I>>>
    where
        I: Value,
        std::ops::Range<I>: Iterator<Item = A>,
    {
        Stream::from_iter(range)
    }

    /// Emits what is received from a channel.
    ///
    /// - **Pulls** an item from the channel for each that is wanted. A fold takes up to 32 at once of those that are
    ///   there, and puts back what it does not come to.
    /// - **Completes** when the channel is closed and empty.
    /// - **When interrupted**, leaves the rest in the channel.
    ///
    /// Run twice, or cloned, the runs share what comes: each item goes to one of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let channel = Channel::bounded(4);
    /// channel.send_many([1, 2, 3]).await.unwrap();
    /// channel.close();
    /// let Ok(all) = Stream::from_channel(channel).run_collect().await;
    /// assert_eq!(all, [1, 2, 3]);
    /// # }
    /// ```
    pub fn from_channel(channel: Channel<A>) -> Stream<R, A, FromChannel<A>> {
        Stream::new(FromChannel { channel })
    }

    /// Emits what a `futures::Stream` yields.
    ///
    /// - **Pulls** an item from it for each that is wanted.
    /// - **Completes** when it ends.
    /// - **When interrupted**, drops it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_stream(futures::stream::iter([1, 2])).run_collect().await;
    /// assert_eq!(all, [1, 2]);
    /// # }
    /// ```
    pub fn from_stream<T>(stream: T) -> Stream<R, A, FromStream<T>>
    where
        T: FuturesStream<Item = A> + Value,
    {
        Stream::new(FromStream { stream })
    }
}

/// # Transforming
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Transforms each item.
    ///
    /// - **Pulls** an item for each that is wanted.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::range(1..4).map(|n| n * n).run_collect().await;
    /// assert_eq!(all, [1, 4, 9]);
    /// # }
    /// ```
    pub fn map<B, F>(self, f: F) -> Stream<R, B, Map<S, F>>
    where
        B: Value,
        F: FnMut(A) -> B + Value,
    {
        Stream::of(Map::new(self.source, Mapped(f)))
    }

    /// Keeps the items that a predicate holds for.
    ///
    /// - **Pulls** until an item is kept.
    /// - **Fails** never; a panic of the predicate is a defect of the run.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::range(1..6).filter(|n| n % 2 == 1).run_collect().await;
    /// assert_eq!(all, [1, 3, 5]);
    /// # }
    /// ```
    pub fn filter<F>(self, keep: F) -> Stream<R, A, Filter<S, F>>
    where
        F: FnMut(&A) -> bool + Value,
    {
        Stream::of(Filter::new(self.source, Kept(keep)))
    }

    /// Emits the first `count` items only.
    ///
    /// - **Pulls** exactly `count` items, and not one more to see whether there is one.
    /// - **Completes** with the last of them, or when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_iter(0..).take(3).run_collect().await;
    /// assert_eq!(all, [0, 1, 2]);
    /// # }
    /// ```
    pub fn take(self, count: usize) -> Stream<R, A, Take<S>> {
        Stream::of(Take {
            source: self.source,
            count,
        })
    }

    /// Emits items in groups of `size`; the last may be smaller.
    ///
    /// - **Pulls** `size` items for a group.
    /// - **Completes** when the source does, with what is left as a last group.
    /// - **When interrupted**, interrupts the source; an open group is dropped.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::range(0..5).chunks(2).run_collect().await;
    /// assert_eq!(all, [vec![0, 1], vec![2, 3], vec![4]]);
    /// # }
    /// ```
    #[track_caller]
    pub fn chunks(self, size: usize) -> Stream<R, Vec<A>, Chunks<S>> {
        assert!(size > 0, "a chunk has at least one item");
        Stream::of(Chunks {
            source: self.source,
            size,
        })
    }

    /// Runs an effect for each item, one after the other, and emits its result.
    ///
    /// - **Pulls** the next item once the current effect has ended; never ahead.
    /// - **Fails** never: a failed effect is a failed element, and the next item follows.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let checked = Stream::range(1..4).map_effect(|n| async move {
    ///     if n == 2 { Err("two") } else { Ok(n) }
    /// });
    /// let Ok(all) = checked.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two"), Ok(3)]);
    /// # }
    /// ```
    pub fn map_effect<I, F>(self, f: F) -> StreamE<R, I::Error, I::Value, MapEffect<S, F>>
    where
        I: IntoEffect<R>,
        F: FnMut(A) -> I + Value,
    {
        StreamE::of(MapEffect {
            source: self.source,
            f,
        })
    }

    /// Emits the items of both streams as they come. Two that are always ready alternate.
    ///
    /// - **Pulls** from both sides while one waits for its item; holds at most one item of each ahead.
    /// - **Completes** when both sides have.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let odd = Stream::from_iter([1, 3, 5]);
    /// let even = Stream::from_iter([2, 4]);
    /// let Ok(all) = odd.merge(even).run_collect().await;
    /// assert_eq!(all, [1, 2, 3, 4, 5]);
    /// # }
    /// ```
    pub fn merge<T>(self, other: Stream<R, A, T>) -> Stream<R, A, Merge<S, T>>
    where
        T: Source<R, Item = A>,
    {
        Stream::of(Merge {
            left: self.source,
            right: other.source,
        })
    }
}

impl<R, A, S: Clone> Clone for Stream<R, A, S> {
    fn clone(&self) -> Self {
        Stream {
            source: self.source.clone(),
            types: PhantomData,
        }
    }
}

opaque_debug!(Stream<R, A, S>);
