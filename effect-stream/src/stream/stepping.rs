//! Effects with a state that goes from one item to the next.

use std::pin::pin;

use effect_core::fits::SameError;
use effect_core::{Cx, Env, IntoEffect, Value};

use super::generate::Generating;
use super::stopping::{Succeeding, succeeding};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source, beside, next};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Accumulating
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Folds the items with effects, and emits what is folded after each of them. See [`scan`](Stream::scan).
    ///
    /// - **Pulls** the next item once the current effect has ended; never ahead.
    /// - **Fails** never: a failed effect is a failed element, and the next item is folded into what there was before.
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
    /// let sums = Stream::from_iter([100_u8, 50, 200, 50]).scan_effect(0_u8, |sum, n| async move {
    ///     sum.checked_add(n).ok_or("too much")
    /// });
    /// let Ok(all) = sums.run_collect().await;
    /// assert_eq!(all, [Ok(100), Ok(150), Err("too much"), Ok(200)]);
    /// # }
    /// ```
    pub fn scan_effect<B, I, F>(
        self,
        init: B,
        f: F,
    ) -> StreamE<R, I::Error, B, ScanEffect<Succeeding<S, A, I::Error>, B, F>>
    where
        B: Value + Clone,
        I: IntoEffect<R, Value = B>,
        F: FnMut(B, A) -> I + Value,
    {
        let source = succeeding(self.source);
        StreamE::of(ScanEffect { source, init, f })
    }

    /// Transforms each item by an effect with a state, which yields the state for the next one as well. See [`map_accum`](Stream::map_accum).
    ///
    /// - **Pulls** the next item once the current effect has ended; never ahead.
    /// - **Fails** never: a failed effect is a failed element, and the next one has the state that it had.
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
    /// let named = Stream::from_iter(["a", "", "b"]).map_accum_effect(1, |n, name| async move {
    ///     if name.is_empty() { return Err("no name") }
    ///     Ok((n + 1, format!("{name}{n}")))
    /// });
    /// let Ok(all) = named.run_collect().await;
    /// assert_eq!(all, [Ok("a1".to_owned()), Err("no name"), Ok("b2".to_owned())]);
    /// # }
    /// ```
    pub fn map_accum_effect<B, C, I, F>(
        self,
        state: B,
        f: F,
    ) -> StreamE<R, I::Error, C, MapAccumEffect<Succeeding<S, A, I::Error>, B, F>>
    where
        B: Value + Clone,
        C: Value,
        I: IntoEffect<R, Value = (B, C)>,
        F: FnMut(B, A) -> I + Value,
    {
        let source = succeeding(self.source);
        StreamE::of(MapAccumEffect { source, state, f })
    }
}

/// # Accumulating
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Folds the values with effects, and emits what is folded after each of them. Touches successes only.
    ///
    /// - **Pulls** the next element once the current effect has ended; never ahead.
    /// - **Fails** never: a failed effect is a failed element, and the next value is folded into what there was before.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::succeed;
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let sums = results.scan_effect(0, |sum, n| succeed(sum + n));
    /// let Ok(all) = sums.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two"), Ok(4)]);
    /// # }
    /// ```
    pub fn scan_effect<B, I, F>(self, init: B, f: F) -> StreamE<R, E, B, ScanEffect<S, B, F>>
    where
        B: Value + Clone,
        I: IntoEffect<R, Value = B> + SameError<E, I::Error>,
        F: FnMut(B, A) -> I + Value,
    {
        let source = self.source;
        StreamE::of(ScanEffect { source, init, f })
    }

    /// Transforms each value by an effect with a state, which yields the state for the next one as well. Touches successes only.
    ///
    /// - **Pulls** the next element once the current effect has ended; never ahead.
    /// - **Fails** never: a failed effect is a failed element, and the next one has the state that it had.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::succeed;
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok("a"), Err("b"), Ok("c")]);
    /// let numbered = results.map_accum_effect(0, |n, letter| succeed((n + 1, (n, letter))));
    /// let Ok(all) = numbered.run_collect().await;
    /// assert_eq!(all, [Ok((0, "a")), Err("b"), Ok((1, "c"))]);
    /// # }
    /// ```
    pub fn map_accum_effect<B, C, I, F>(
        self,
        state: B,
        f: F,
    ) -> StreamE<R, E, C, MapAccumEffect<S, B, F>>
    where
        B: Value + Clone,
        C: Value,
        I: IntoEffect<R, Value = (B, C)> + SameError<E, I::Error>,
        F: FnMut(B, A) -> I + Value,
    {
        let source = self.source;
        StreamE::of(MapAccumEffect { source, state, f })
    }
}

/// The source of [`Stream::scan_effect`] and [`StreamE::scan_effect`].
#[derive(Clone)]
pub struct ScanEffect<S, B, F> {
    source: S,
    init: B,
    f: F,
}

impl<R, A, E, B, S, I, F> Source<R> for ScanEffect<S, B, F>
where
    R: Env,
    A: Value,
    E: Value,
    B: Value + Clone,
    S: Source<R, Item = Result<A, E>>,
    I: IntoEffect<R, Error = E, Value = B>,
    F: FnMut(B, A) -> I + Value,
{
    type Item = Result<B, E>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let step = move |so_far, item| (self.f)(so_far, item);
        stepping(
            self.source,
            self.init,
            step,
            |folded| (folded.clone(), folded),
            cx,
        )
    }
}

/// The source of [`Stream::map_accum_effect`] and [`StreamE::map_accum_effect`].
#[derive(Clone)]
pub struct MapAccumEffect<S, B, F> {
    source: S,
    state: B,
    f: F,
}

impl<R, A, E, B, C, S, I, F> Source<R> for MapAccumEffect<S, B, F>
where
    R: Env,
    A: Value,
    E: Value,
    B: Value + Clone,
    C: Value,
    S: Source<R, Item = Result<A, E>>,
    I: IntoEffect<R, Error = E, Value = (B, C)>,
    F: FnMut(B, A) -> I + Value,
{
    type Item = Result<C, E>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        let step = move |state, item| (self.f)(state, item);
        stepping(self.source, self.state, step, |stepped| stepped, cx)
    }
}

/// Runs an effect for each value and the state, and splits what it yields into the next state and what is emitted.
fn stepping<R, A, E, B, C, S, I>(
    source: S,
    mut state: B,
    mut step: impl FnMut(B, A) -> I + Send,
    split: impl Fn(I::Value) -> (B, C) + Send,
    cx: &Cx<R>,
) -> impl Pull<Item = Result<C, E>> + Send
where
    R: Env,
    A: Value,
    E: Value,
    B: Value + Clone,
    C: Value,
    S: Source<R, Item = Result<A, E>>,
    I: IntoEffect<R, Error = E>,
{
    Generating::new(async move |mut out| {
        let mut source = pin!(source.open(cx));
        while let Some(element) = next(source.as_mut()).await {
            let stepped = match element {
                Ok(item) => beside(source.as_mut(), cx.run(step(state.clone(), item))).await,
                Err(error) => Err(error),
            };
            let element = stepped.map(|stepped| {
                let (next, emitted) = split(stepped);
                state = next;
                emitted
            });
            beside(source.as_mut(), out.emit(element)).await;
        }
    })
}

opaque_debug!(ScanEffect<S, B, F>, MapAccumEffect<S, B, F>);
