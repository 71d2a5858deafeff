//! The error-aware type: a lazy description of many values, each of which may have failed.

use std::marker::PhantomData;

use effect_core::fits::{SameError, SameValue};
use effect_core::{Env, IntoEffect, Value};

use crate::erased::ErasedSource;
use crate::opaque_debug::opaque_debug;
use crate::source::Source;
use crate::stream::Stream;
use crate::stream::map_effect::{MapEffectE, RecoverE};
use crate::stream::merge::Merge;

/// A lazy description of many values, each of which succeeded with `A` or failed with `E`.
///
/// A failure is an element: it flows on in its place, and does not end the stream. Each operator says which
/// side it touches.
///
/// # Examples
///
/// ```
/// use effect_stream::StreamE;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let checked = StreamE::range(1..5).map_effect(|n| async move {
///     if n % 3 == 0 { Err(format!("no {n}")) } else { Ok(n * 2) }
/// });
/// let Ok((good, bad)) = checked.partition().await;
/// assert_eq!(good, [2, 4, 8]);
/// assert_eq!(bad, ["no 3"]);
/// # }
/// ```
#[must_use = "a stream is a description: nothing happens until it is run"]
pub struct StreamE<R, E, A, S = ErasedSource<R, Result<A, E>>> {
    pub(crate) source: S,
    types: PhantomData<fn(&R) -> (E, A)>,
}

impl<R, E, A, S> StreamE<R, E, A, S>
where
    R: Env,
    E: Value,
    A: Value,
    S: Source<R, Item = Result<A, E>>,
{
    /// Wraps a source of results. Operators of one's own begin here.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Stream, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = Stream::<(), _>::from_iter([Ok(1), Err("two")]);
    /// let Ok(sides) = StreamE::new(results.into_source()).partition().await;
    /// assert_eq!(sides, (vec![1], vec!["two"]));
    /// # }
    /// ```
    pub const fn new(source: S) -> Self {
        StreamE {
            source,
            types: PhantomData,
        }
    }

    /// Forgets the source's type, so that the stream can be named in a signature.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// fn parse(words: &'static [&'static str]) -> StreamE<(), std::num::ParseIntError, i32> {
    ///     StreamE::from_results(words.iter().map(|word| word.parse())).erase()
    /// }
    /// let Ok((good, bad)) = parse(&["1", "x"]).partition().await;
    /// assert_eq!((good, bad.len()), (vec![1], 1));
    /// # }
    /// ```
    pub fn erase(self) -> StreamE<R, E, A>
    where
        S: Clone,
    {
        StreamE::new(ErasedSource::new(self.source))
    }
}

impl<R, E, A, S> StreamE<R, E, A, S> {
    /// Wraps the source of an operator, and leaves it to where the stream is run to ask whether it is a [`Source`],
    /// as [`Stream`]'s own does.
    pub(crate) const fn of(source: S) -> Self {
        StreamE {
            source,
            types: PhantomData,
        }
    }
}

/// # Running effects
impl<R, E, A, S> StreamE<R, E, A, S>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs an effect for each value, one after the other, and emits its result. Touches successes only.
    ///
    /// - **Pulls** the next element once the current effect has ended; never ahead.
    /// - **Fails** never: a failed effect is a failed element, and the next one follows.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let halves = StreamE::range(1..4).map_effect(|n| async move {
    ///     if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) }
    /// });
    /// let Ok((good, bad)) = halves.partition().await;
    /// assert_eq!(good, [1]);
    /// assert_eq!(bad, ["1 is odd", "3 is odd"]);
    /// # }
    /// ```
    pub fn map_effect<I, F>(self, f: F) -> StreamE<R, E, I::Value, MapEffectE<S, F>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        F: FnMut(A) -> I + Value,
    {
        StreamE::of(MapEffectE {
            source: self.source,
            f,
        })
    }

    /// Runs an effect for each error, one after the other, and emits its result in the error's place. Touches
    /// failures only.
    ///
    /// - **Pulls** the next element once the current effect has ended; never ahead.
    /// - **Fails** never: a failed recovery is a failed element.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use effect_core::{succeed, Never};
    /// let safe = StreamE::from_results([Ok(1), Err("two")])
    ///     .recover(|error| succeed::<_, Never, _>(error.len()));
    /// let Ok((all, _)) = safe.partition().await;
    /// assert_eq!(all, [1, 3]);
    /// # }
    /// ```
    pub fn recover<I, F>(self, f: F) -> StreamE<R, I::Error, A, RecoverE<S, F>>
    where
        I: IntoEffect<R> + SameValue<A, I::Value>,
        F: FnMut(E) -> I + Value,
    {
        StreamE::of(RecoverE {
            source: self.source,
            f,
        })
    }

    /// Emits the elements of both streams as they come. Two that are always ready alternate.
    ///
    /// - **Pulls** from both sides while one waits for its element; holds at most one of each ahead.
    /// - **Completes** when both sides have.
    /// - **When interrupted**, interrupts both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let left = StreamE::from_results([Ok(1), Err("two")]);
    /// let Ok(all) = left.merge(StreamE::from_iter([3])).run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(3), Err("two")]);
    /// # }
    /// ```
    pub fn merge<T>(self, other: StreamE<R, E, A, T>) -> StreamE<R, E, A, Merge<S, T>>
    where
        T: Source<R, Item = Result<A, E>>,
    {
        StreamE::of(Merge {
            left: self.source,
            right: other.source,
        })
    }

    /// Takes the elements as plain results: what [`Stream`] can do is then done with both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two")]).into_results();
    /// let Ok(count) = results.run_fold(0, |count, _| count + 1).await;
    /// assert_eq!(count, 2);
    /// # }
    /// ```
    pub fn into_results(self) -> Stream<R, Result<A, E>, S> {
        Stream::of(self.source)
    }
}

impl<R, E, A, S: Clone> Clone for StreamE<R, E, A, S> {
    fn clone(&self) -> Self {
        StreamE {
            source: self.source.clone(),
            types: PhantomData,
        }
    }
}

opaque_debug!(StreamE<R, E, A, S>);
