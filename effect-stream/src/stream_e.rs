//! The error-aware type: a lazy description of many values, each of which may have failed.

use std::marker::PhantomData;

use effect_core::{Env, Never, Value};

use crate::erased::ErasedSource;
use crate::opaque_debug::opaque_debug;
use crate::source::Source;
use crate::stream::Stream;
use crate::stream::infallible::{Infallible, leave};

mod creating;
pub(crate) mod each;

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

/// # Leaving
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
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

/// # Leaving
impl<R: Env, A: Value, S> StreamE<R, Never, A, S> {
    /// Takes the values, where none can fail.
    ///
    /// - **Pulls** an element for each value that is wanted.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync;
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let seen = Stream::range(0..2).tap(|n| {
    ///     let n = *n;
    ///     sync(move || println!("{n}"))
    /// });
    /// let Ok(all) = seen.into_values().run_collect().await;
    /// assert_eq!(all, [0, 1]);
    /// # }
    /// ```
    pub fn into_values(self) -> Stream<R, A, Infallible<S>> {
        Stream::of(leave(self.source))
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
