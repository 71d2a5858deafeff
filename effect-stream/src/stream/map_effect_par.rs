//! An effect for each item, so many at a time: `map_effect_par` and its unordered twin.

use effect_core::fits::SameError;
use effect_core::{Cx, Env, IntoEffect, Value};

use super::begin::{Begin, ForItems, ForValues};
use super::in_flight::{AsTheyEnd, InFlight, InOrder};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Running effects in parallel
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Runs an effect for each item, at most `limit` at a time, and emits their results in the order of the items.
    ///
    /// The effects run in place, in the task that pulls, and go on while the consumer is busy.
    ///
    /// - **Pulls** up to `limit` items ahead: so many effects have begun and their results are not emitted yet.
    /// - **Fails** never: a failed effect is a failed element, in its place.
    /// - **Completes** when the source does and all results are emitted.
    /// - **When interrupted**, interrupts the running effects and waits for their finalizers, then the source's.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begin = tokio::time::Instant::now();
    /// let doubled = Stream::range(0..4).map_effect_par(2, |n| {
    ///     sleep::<_, Never>(Duration::from_secs(4 - n)).map(move |()| n * 2)
    /// });
    /// let Ok(all) = doubled.run_collect().await;
    /// assert_eq!(all, [Ok(0), Ok(2), Ok(4), Ok(6)]);
    /// assert_eq!(begin.elapsed().as_secs(), 6);
    /// # }
    /// ```
    #[doc(alias = "buffered")]
    #[doc(alias = "map_async")]
    #[track_caller]
    pub fn map_effect_par<I, F>(
        self,
        limit: usize,
        f: F,
    ) -> StreamE<R, I::Error, I::Value, MapEffectPar<S, ForItems<F>>>
    where
        I: IntoEffect<R>,
        F: FnMut(A) -> I + Value,
    {
        StreamE::of(MapEffectPar::new(self.source, limit, ForItems(f)))
    }

    /// Runs an effect for each item, at most `limit` at a time, and emits their results as they end.
    ///
    /// The effects run in place, in the task that pulls, and go on while the consumer is busy.
    ///
    /// - **Pulls** up to `limit` items ahead: so many effects have begun and their results are not emitted yet.
    /// - **Fails** never: a failed effect is a failed element.
    /// - **Completes** when the source does and all results are emitted.
    /// - **When interrupted**, interrupts the running effects and waits for their finalizers, then the source's.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let slept = Stream::from_iter([3, 1, 2]).map_effect_par_unordered(3, |n| {
    ///     sleep::<_, Never>(Duration::from_secs(n)).map(move |()| n)
    /// });
    /// let Ok(all) = slept.run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(2), Ok(3)]);
    /// # }
    /// ```
    #[doc(alias = "buffer_unordered")]
    #[track_caller]
    pub fn map_effect_par_unordered<I, F>(
        self,
        limit: usize,
        f: F,
    ) -> StreamE<R, I::Error, I::Value, MapEffectParUnordered<S, ForItems<F>>>
    where
        I: IntoEffect<R>,
        F: FnMut(A) -> I + Value,
    {
        StreamE::of(MapEffectParUnordered::new(self.source, limit, ForItems(f)))
    }
}

/// # Running effects in parallel
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Runs an effect for each value, at most `limit` at a time, and emits their results in the order of the elements. Touches successes only: failures flow on, in their places.
    ///
    /// - **Pulls** up to `limit` elements ahead: so many have come and are not emitted yet.
    /// - **Fails** never: a failed effect is a failed element, in its place.
    /// - **Completes** when the source does and all results are emitted.
    /// - **When interrupted**, interrupts the running effects and waits for their finalizers, then the source's.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(all) = results.map_effect_par(8, |n| async move { Ok(n * 10) }).run_collect().await;
    /// assert_eq!(all, [Ok(10), Err("two"), Ok(30)]);
    /// # }
    /// ```
    #[doc(alias = "try_buffered")]
    #[track_caller]
    pub fn map_effect_par<I, F>(
        self,
        limit: usize,
        f: F,
    ) -> StreamE<R, E, I::Value, MapEffectPar<S, ForValues<F>>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        F: FnMut(A) -> I + Value,
    {
        StreamE::of(MapEffectPar::new(self.source, limit, ForValues(f)))
    }

    /// Runs an effect for each value, at most `limit` at a time, and emits their results as they end. Touches successes only: failures flow on at once.
    ///
    /// - **Pulls** up to `limit` elements ahead: so many have come and are not emitted yet.
    /// - **Fails** never: a failed effect is a failed element.
    /// - **Completes** when the source does and all results are emitted.
    /// - **When interrupted**, interrupts the running effects and waits for their finalizers, then the source's.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sleep;
    /// use effect_stream::StreamE;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(2), Ok(1), Err("three")]);
    /// let slept = results.map_effect_par_unordered(3, |n| sleep(Duration::from_secs(n)).map(move |()| n));
    /// let Ok(all) = slept.run_collect().await;
    /// assert_eq!(all, [Err("three"), Ok(1), Ok(2)]);
    /// # }
    /// ```
    #[doc(alias = "try_buffer_unordered")]
    #[track_caller]
    pub fn map_effect_par_unordered<I, F>(
        self,
        limit: usize,
        f: F,
    ) -> StreamE<R, E, I::Value, MapEffectParUnordered<S, ForValues<F>>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        F: FnMut(A) -> I + Value,
    {
        StreamE::of(MapEffectParUnordered::new(self.source, limit, ForValues(f)))
    }
}

/// The source of [`Stream::map_effect_par`] and [`StreamE::map_effect_par`].
#[derive(Clone)]
pub struct MapEffectPar<S, B> {
    pub(crate) source: S,
    pub(crate) limit: usize,
    pub(crate) begin: B,
}

impl<S, B> MapEffectPar<S, B> {
    #[track_caller]
    pub(crate) fn new(source: S, limit: usize, begin: B) -> Self {
        assert!(limit > 0, "at least one effect has to run at a time");
        MapEffectPar {
            source,
            limit,
            begin,
        }
    }
}

impl<R: Env, S: Source<R>, B: Begin<R, S::Item>> Source<R> for MapEffectPar<S, B> {
    type Item = B::Output;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = B::Output> + Send {
        let begin = move |item| self.begin.begin(item, cx);
        InFlight::<_, _, _, InOrder<_>>::new(self.source.open(cx), self.limit, begin)
    }
}

/// The source of [`Stream::map_effect_par_unordered`] and [`StreamE::map_effect_par_unordered`].
#[derive(Clone)]
pub struct MapEffectParUnordered<S, B> {
    pub(crate) source: S,
    pub(crate) limit: usize,
    pub(crate) begin: B,
}

impl<S, B> MapEffectParUnordered<S, B> {
    #[track_caller]
    pub(crate) fn new(source: S, limit: usize, begin: B) -> Self {
        assert!(limit > 0, "at least one effect has to run at a time");
        MapEffectParUnordered {
            source,
            limit,
            begin,
        }
    }
}

impl<R: Env, S: Source<R>, B: Begin<R, S::Item>> Source<R> for MapEffectParUnordered<S, B> {
    type Item = B::Output;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = B::Output> + Send {
        let begin = move |item| self.begin.begin(item, cx);
        InFlight::<_, _, _, AsTheyEnd<_>>::new(self.source.open(cx), self.limit, begin)
    }
}

opaque_debug!(MapEffectPar<S, B>, MapEffectParUnordered<S, B>);
