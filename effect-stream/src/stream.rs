//! The type: a lazy description of many values.

use std::marker::PhantomData;

use effect_core::{Env, Value};

use crate::erased::ErasedSource;
use crate::opaque_debug::opaque_debug;
use crate::source::Source;

pub(crate) mod creating;
pub(crate) mod from;
pub(crate) mod from_effect;
pub(crate) mod from_hub;
pub(crate) mod from_reader;
pub(crate) mod callback;
pub(crate) mod ticking;
pub(crate) mod generate;
pub(crate) mod transforming;
pub(crate) mod choose;
pub(crate) mod expand;
pub(crate) mod accumulating;
pub(crate) mod lines;
pub(crate) mod limiting;
pub(crate) mod take;
pub(crate) mod gathering;
pub(crate) mod gather;
pub(crate) mod inner;
pub(crate) mod flat_map;
pub(crate) mod concat;
pub(crate) mod map_effect;
pub(crate) mod begin;
pub(crate) mod tapping;
pub(crate) mod judging;
pub(crate) mod stepping;
pub(crate) mod map_effect_par;
pub(crate) mod in_flight;
pub(crate) mod key;
pub(crate) mod map_effect_par_by_key;
pub(crate) mod merge;
pub(crate) mod side;
pub(crate) mod zip;
pub(crate) mod interleave;
pub(crate) mod merge_sorted;
pub(crate) mod flat_map_par;
pub(crate) mod flat_map_switch;
pub(crate) mod buffer;
pub(crate) mod conflate;
pub(crate) mod again;
pub(crate) mod stopping;
pub(crate) mod bounding;
pub(crate) mod reporting;
pub(crate) mod passing;
pub(crate) mod pump;
pub(crate) mod broadcast;
pub(crate) mod partition;
pub(crate) mod share;
pub(crate) mod through;
pub(crate) mod group_by;
pub(crate) mod alarm;
pub(crate) mod infallible;
pub(crate) mod debounce;
pub(crate) mod chunks_within;
pub(crate) mod windowed;
pub(crate) mod timing_out;
pub(crate) mod throttle;
pub(crate) mod run;
pub(crate) mod run_into;
pub(crate) mod into_stream;

/// A lazy description of many values: it needs the environment `R` and emits `A`s.
///
/// Nothing happens until one of the `run_` methods makes an effect of it, and that is run. `S` is the source
/// inside; a signature leaves it out, and [`erase`](Stream::erase) gets there. A stream is `Clone` where its
/// source is, and may then run more than once. Where elements can fail, it is a [`StreamE`](crate::StreamE).
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
    ///
    /// So are steps that are chosen when the program runs, sync or not: applied in the order of their list.
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// type Step = fn(Stream<(), u32>) -> Stream<(), u32>;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let increment: Step = |numbers| numbers.map(|n| n + 1).erase();
    /// let multiply: Step = |numbers| {
    ///     let slowly = |n| sleep::<_, Never>(Duration::from_secs(1)).map(move |()| n * 10);
    ///     numbers.map_effect(slowly).into_values().erase()
    /// };
    /// let steps = [increment, multiply];
    /// let numbers = Stream::range(1..3).erase();
    /// let processed = steps.into_iter().fold(numbers, |numbers, step| step(numbers));
    /// let Ok(all) = processed.run_collect().await;
    /// assert_eq!(all, [20, 30]);
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

impl<R, A, S: Clone> Clone for Stream<R, A, S> {
    fn clone(&self) -> Self {
        Stream {
            source: self.source.clone(),
            types: PhantomData,
        }
    }
}

opaque_debug!(Stream<R, A, S>);
