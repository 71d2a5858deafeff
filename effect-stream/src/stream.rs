//! The type: a lazy description of many values.

use std::marker::PhantomData;

use effect_core::{Env, IntoEffect, Value};

use crate::erased::ErasedSource;
use crate::opaque_debug::opaque_debug;
use crate::source::Source;
use crate::stream_e::StreamE;

pub(crate) mod creating;
pub(crate) mod from;
pub(crate) mod from_effect;
pub(crate) mod generate;
pub(crate) mod transforming;
pub(crate) mod choose;
pub(crate) mod expand;
pub(crate) mod accumulating;
pub(crate) mod limiting;
pub(crate) mod take;
pub(crate) mod gathering;
pub(crate) mod gather;
pub(crate) mod flat_map;
pub(crate) mod concat;
pub(crate) mod map_effect;
pub(crate) mod merge;
pub(crate) mod run;
pub(crate) mod into_stream;

use map_effect::MapEffect;
use merge::Merge;

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

/// # Running effects
impl<R: Env, A: Value, S> Stream<R, A, S> {
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
