//! Effects that say which items are emitted, and where a stream begins and ends.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;

use effect_core::fits::SameError;
use effect_core::{Budget, Cx, Env, IntoEffect, Program, Value};

use super::begin::{Begin, ForItems, ForValues};
use super::choose::{Choice, Choose, Chosen, OfValues, Present};
use super::generate::Generating;
use super::map_effect::MapEffect;
use super::stopping::{Succeeding, succeeding};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source, beside, next};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Running effects
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Keeps the items that an effect has `true` for.
    ///
    /// - **Pulls** until an item is kept; the next item once the current effect has ended.
    /// - **Fails** never: an item whose effect fails is a failed element in its stead, and the next item follows.
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
    /// let kept = Stream::range(1..5).filter_effect(|n| {
    ///     let keep = if *n == 3 { Err("three") } else { Ok(n % 2 == 0) };
    ///     async move { keep }
    /// });
    /// let Ok(all) = kept.run_collect().await;
    /// assert_eq!(all, [Ok(2), Err("three"), Ok(4)]);
    /// # }
    /// ```
    pub fn filter_effect<I, F>(
        self,
        keep: F,
    ) -> StreamE<R, I::Error, A, FilterEffect<Succeeding<S, A, I::Error>, F>>
    where
        I: IntoEffect<R, Value = bool>,
        F: FnMut(&A) -> I + Value,
    {
        let judged = MapEffect::new(succeeding(self.source), Judged(keep));
        StreamE::of(Choose::new(judged, OfValues(IfSo)))
    }

    /// Runs an effect for each item, one after the other, and emits what it yields, if that is something.
    ///
    /// - **Pulls** until there is an element to emit; the next item once the current effect has ended.
    /// - **Fails** never: a failed effect is a failed element, and the next item follows.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never};
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let found = Stream::range(1..5).filter_map_effect(|n| succeed::<_, Never, _>((n % 2 == 0).then_some(n * 10)));
    /// let Ok(all) = found.run_collect().await;
    /// assert_eq!(all, [Ok(20), Ok(40)]);
    /// # }
    /// ```
    #[doc(alias = "collect_effect")]
    pub fn filter_map_effect<B, I, F>(self, f: F) -> StreamE<R, I::Error, B, FilterMapEffect<S, F>>
    where
        B: Value,
        I: IntoEffect<R, Value = Option<B>>,
        F: FnMut(A) -> I + Value,
    {
        let mapped = MapEffect::new(self.source, ForItems(f));
        StreamE::of(Choose::new(mapped, OfValues(Present)))
    }

    /// Emits items as long as an effect says so. The first of which it does not is dropped.
    ///
    /// - **Pulls** an item for each that is wanted, once the current effect has ended, and the one that ends it.
    /// - **Fails** never: a failed effect is a failed element, in its item's place.
    /// - **Completes** with the first item of which the effect says no, or when the source does.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never};
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let first = Stream::from_iter(0..).take_while_effect(|n| succeed::<_, Never, _>(*n < 3));
    /// let Ok(all) = first.run_collect().await;
    /// assert_eq!(all, [Ok(0), Ok(1), Ok(2)]);
    /// # }
    /// ```
    pub fn take_while_effect<I, F>(
        self,
        holds: F,
    ) -> StreamE<R, I::Error, A, TakeWhileEffect<Succeeding<S, A, I::Error>, F>>
    where
        I: IntoEffect<R, Value = bool>,
        F: FnMut(&A) -> I + Value,
    {
        let judged = MapEffect::new(succeeding(self.source), Judged(holds));
        StreamE::of(Choose::new(judged, OfValues(WhileSo)))
    }

    /// Emits items up to the first of which an effect says that it is the last, and with that.
    ///
    /// - **Pulls** an item for each that is wanted, once the current effect has ended, and none after the last.
    /// - **Fails** never: a failed effect is a failed element, in its item's place.
    /// - **Completes** with the first item of which the effect says yes, or when the source does.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never};
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let first = Stream::from_iter(0..).take_until_effect(|n| succeed::<_, Never, _>(*n == 2));
    /// let Ok(all) = first.run_collect().await;
    /// assert_eq!(all, [Ok(0), Ok(1), Ok(2)]);
    /// # }
    /// ```
    pub fn take_until_effect<I, F>(
        self,
        is_last: F,
    ) -> StreamE<R, I::Error, A, TakeUntilEffect<Succeeding<S, A, I::Error>, F>>
    where
        I: IntoEffect<R, Value = bool>,
        F: FnMut(&A) -> I + Value,
    {
        let judged = MapEffect::new(succeeding(self.source), Judged(is_last));
        StreamE::of(Choose::new(judged, OfValues(UntilSo)))
    }

    /// Leaves out items as long as an effect says so. From the first of which it does not, no effect is run.
    ///
    /// - **Pulls** until there is an element to emit; the next item once the current effect has ended.
    /// - **Fails** never: a failed effect is a failed element, in its item's place, and the next item is asked about.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never};
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let rest = Stream::from_iter([1, 2, 9, 3]).skip_while_effect(|n| succeed::<_, Never, _>(*n < 5));
    /// let Ok(all) = rest.run_collect().await;
    /// assert_eq!(all, [Ok(9), Ok(3)]);
    /// # }
    /// ```
    #[doc(alias = "drop_while_effect")]
    pub fn skip_while_effect<I, F>(
        self,
        skips: F,
    ) -> StreamE<R, I::Error, A, SkipWhileEffect<Succeeding<S, A, I::Error>, F>>
    where
        I: IntoEffect<R, Value = bool>,
        F: FnMut(&A) -> I + Value,
    {
        let source = succeeding(self.source);
        StreamE::of(SkipWhileEffect { source, skips })
    }
}

/// # Running effects
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Runs an effect for each value, one after the other, and emits what it yields, if that is something. Touches successes only.
    ///
    /// - **Pulls** until there is an element to emit; the next one once the current effect has ended.
    /// - **Fails** never: a failed effect is a failed element, and the next one follows.
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
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(4)]);
    /// let even = results.filter_map_effect(|n| succeed((n % 2 == 0).then_some(n * 10)));
    /// let Ok(all) = even.run_collect().await;
    /// assert_eq!(all, [Err("two"), Ok(40)]);
    /// # }
    /// ```
    #[doc(alias = "collect_effect")]
    pub fn filter_map_effect<B, I, F>(self, f: F) -> StreamE<R, E, B, FilterMapEffectOk<S, F>>
    where
        B: Value,
        I: IntoEffect<R, Value = Option<B>> + SameError<E, I::Error>,
        F: FnMut(A) -> I + Value,
    {
        let mapped = MapEffect::new(self.source, ForValues(f));
        StreamE::of(Choose::new(mapped, OfValues(Present)))
    }

    /// Keeps the values that an effect has `true` for. Touches successes only.
    ///
    /// - **Pulls** until an element is kept; the next one once the current effect has ended.
    /// - **Fails** never: a failed effect is a failed element, in its value's place.
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
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(4)]);
    /// let Ok(all) = results.filter_effect(|n| succeed(n % 2 == 0)).run_collect().await;
    /// assert_eq!(all, [Err("two"), Ok(4)]);
    /// # }
    /// ```
    pub fn filter_effect<I, F>(self, keep: F) -> StreamE<R, E, A, FilterEffect<S, F>>
    where
        I: IntoEffect<R, Value = bool> + SameError<E, I::Error>,
        F: FnMut(&A) -> I + Value,
    {
        let judged = MapEffect::new(self.source, Judged(keep));
        StreamE::of(Choose::new(judged, OfValues(IfSo)))
    }

    /// Emits elements as long as an effect says so of the values. Touches successes only: failures flow on.
    ///
    /// - **Pulls** an element for each that is wanted, once the current effect has ended, and the one that ends it.
    /// - **Fails** never: a failed effect is a failed element, in its value's place.
    /// - **Completes** with the first value of which the effect says no, or when the source does.
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
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3), Ok(4)]);
    /// let Ok(all) = results.take_while_effect(|n| succeed(*n < 3)).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn take_while_effect<I, F>(self, holds: F) -> StreamE<R, E, A, TakeWhileEffect<S, F>>
    where
        I: IntoEffect<R, Value = bool> + SameError<E, I::Error>,
        F: FnMut(&A) -> I + Value,
    {
        let judged = MapEffect::new(self.source, Judged(holds));
        StreamE::of(Choose::new(judged, OfValues(WhileSo)))
    }

    /// Emits elements up to the first value of which an effect says that it is the last, and with that. Touches successes only: failures flow on.
    ///
    /// - **Pulls** an element for each that is wanted, once the current effect has ended, and none after the last.
    /// - **Fails** never: a failed effect is a failed element, in its value's place.
    /// - **Completes** with the first value of which the effect says yes, or when the source does.
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
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3), Ok(4)]);
    /// let Ok(all) = results.take_until_effect(|n| succeed(*n == 3)).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two"), Ok(3)]);
    /// # }
    /// ```
    pub fn take_until_effect<I, F>(self, is_last: F) -> StreamE<R, E, A, TakeUntilEffect<S, F>>
    where
        I: IntoEffect<R, Value = bool> + SameError<E, I::Error>,
        F: FnMut(&A) -> I + Value,
    {
        let judged = MapEffect::new(self.source, Judged(is_last));
        StreamE::of(Choose::new(judged, OfValues(UntilSo)))
    }

    /// Leaves out values as long as an effect says so. From the first of which it does not, no effect is run. Touches successes only: failures flow on.
    ///
    /// - **Pulls** until there is an element to emit; the next one once the current effect has ended.
    /// - **Fails** never: a failed effect is a failed element, in its value's place, and the next value is asked about.
    /// - **Completes** when the source does.
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
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(9), Ok(3)]);
    /// let Ok(all) = results.skip_while_effect(|n| succeed(*n < 5)).run_collect().await;
    /// assert_eq!(all, [Err("two"), Ok(9), Ok(3)]);
    /// # }
    /// ```
    #[doc(alias = "drop_while_effect")]
    pub fn skip_while_effect<I, F>(self, skips: F) -> StreamE<R, E, A, SkipWhileEffect<S, F>>
    where
        I: IntoEffect<R, Value = bool> + SameError<E, I::Error>,
        F: FnMut(&A) -> I + Value,
    {
        let source = self.source;
        StreamE::of(SkipWhileEffect { source, skips })
    }
}

/// The source of [`Stream::filter_map_effect`].
pub type FilterMapEffect<S, F> = Choose<MapEffect<S, ForItems<F>>, OfValues<Present>>;
/// The source of [`StreamE::filter_map_effect`].
pub type FilterMapEffectOk<S, F> = Choose<MapEffect<S, ForValues<F>>, OfValues<Present>>;
/// The source of [`Stream::filter_effect`] and [`StreamE::filter_effect`].
pub type FilterEffect<S, F> = Choose<MapEffect<S, Judged<F>>, OfValues<IfSo>>;
/// The source of [`Stream::take_while_effect`] and [`StreamE::take_while_effect`].
pub type TakeWhileEffect<S, F> = Choose<MapEffect<S, Judged<F>>, OfValues<WhileSo>>;
/// The source of [`Stream::take_until_effect`] and [`StreamE::take_until_effect`].
pub type TakeUntilEffect<S, F> = Choose<MapEffect<S, Judged<F>>, OfValues<UntilSo>>;

/// An effect that says yes or no of each value; failures pass.
#[derive(Clone)]
pub struct Judged<F>(F);

impl<R, A, E, I, F> Begin<R, Result<A, E>> for Judged<F>
where
    R: Env,
    A: Value,
    E: Value,
    I: IntoEffect<R, Error = E, Value = bool>,
    F: FnMut(&A) -> I + Value,
{
    type Output = Result<(A, bool), E>;

    fn begin<'cx>(
        &mut self,
        element: Result<A, E>,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<
        Self::Output,
        impl Future<Output = Self::Output> + Send + use<'cx, R, A, E, I, F>,
    > {
        let value = match element {
            Ok(value) => value,
            Err(error) => return ControlFlow::Break(Err(error)),
        };
        let program = (self.0)(&value).into_effect().into_program();
        ControlFlow::Continue(async move {
            let is_so = program.run(cx).await?;
            Ok((value, is_so))
        })
    }
}

/// Of `filter_effect`: itself, if the effect says so.
#[derive(Clone, Debug)]
pub struct IfSo;

impl<A: Value> Choice<(A, bool)> for IfSo {
    type Output = A;

    #[inline]
    fn choose(&mut self, (item, is_so): (A, bool)) -> Chosen<A> {
        ControlFlow::Continue(is_so.then_some(item))
    }
}

/// Of `take_while_effect`: itself, as long as the effect says so.
#[derive(Clone, Debug)]
pub struct WhileSo;

impl<A: Value> Choice<(A, bool)> for WhileSo {
    type Output = A;

    const ENDS: bool = true;

    #[inline]
    fn choose(&mut self, (item, is_so): (A, bool)) -> Chosen<A> {
        if is_so {
            ControlFlow::Continue(Some(item))
        } else {
            ControlFlow::Break(None)
        }
    }
}

/// Of `take_until_effect`: itself, up to one of which the effect says so, and with that.
#[derive(Clone, Debug)]
pub struct UntilSo;

impl<A: Value> Choice<(A, bool)> for UntilSo {
    type Output = A;

    const ENDS: bool = true;

    #[inline]
    fn choose(&mut self, (item, is_so): (A, bool)) -> Chosen<A> {
        if is_so {
            ControlFlow::Break(Some(item))
        } else {
            ControlFlow::Continue(Some(item))
        }
    }
}

/// The source of [`Stream::skip_while_effect`] and [`StreamE::skip_while_effect`].
#[derive(Clone)]
pub struct SkipWhileEffect<S, F> {
    source: S,
    skips: F,
}

impl<R, A, E, S, I, F> Source<R> for SkipWhileEffect<S, F>
where
    R: Env,
    A: Value,
    E: Value,
    S: Source<R, Item = Result<A, E>>,
    I: IntoEffect<R, Error = E, Value = bool>,
    F: FnMut(&A) -> I + Value,
{
    type Item = Result<A, E>;

    fn open(mut self, cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        Generating::new(async move |mut out| {
            let mut source = pin!(self.source.open(cx));
            let mut has_begun = false;
            let mut budget = Budget::new();
            while let Some(mut element) = next(source.as_mut()).await {
                if !has_begun && let Ok(value) = &element {
                    let skips = (self.skips)(value);
                    match beside(source.as_mut(), cx.run(skips)).await {
                        Ok(true) => {
                            budget.spend().await;
                            continue;
                        }
                        Ok(false) => has_begun = true,
                        Err(error) => element = Err(error),
                    }
                }
                beside(source.as_mut(), out.emit(element)).await;
            }
        })
    }
}

opaque_debug!(Judged<F>, SkipWhileEffect<S, F>);
