//! Where a stream begins and ends: `take`, `skip` and what is near them.

use std::ops::ControlFlow;

use effect_core::{Env, Value};

use super::choose::{Choice, Choose, Chosen, OfValues};
use super::take::Take;
use crate::opaque_debug::opaque_debug;
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Limiting
impl<R: Env, A: Value, S> Stream<R, A, S> {
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

    /// Emits items as long as a predicate holds. The first for which it does not is dropped.
    ///
    /// - **Pulls** an item for each that is wanted, and the one that ends it.
    /// - **Fails** never; a panic of the predicate is a defect of the run.
    /// - **Completes** with the first item that the predicate does not hold for, or when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_iter(0..).take_while(|n| *n < 3).run_collect().await;
    /// assert_eq!(all, [0, 1, 2]);
    /// # }
    /// ```
    pub fn take_while<F>(self, holds: F) -> Stream<R, A, TakeWhile<S, F>>
    where
        F: FnMut(&A) -> bool + Value,
    {
        Stream::of(Choose::new(self.source, TakenWhile(holds)))
    }

    /// Emits items up to the first that a predicate holds for, and with that.
    ///
    /// - **Pulls** an item for each that is wanted, and none after the last.
    /// - **Fails** never; a panic of the predicate is a defect of the run.
    /// - **Completes** with the first item that the predicate holds for, or when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::from_iter(0..).take_until(|n| *n == 3).run_collect().await;
    /// assert_eq!(all, [0, 1, 2, 3]);
    /// # }
    /// ```
    pub fn take_until<F>(self, is_last: F) -> Stream<R, A, TakeUntil<S, F>>
    where
        F: FnMut(&A) -> bool + Value,
    {
        Stream::of(Choose::new(self.source, TakenUntil(is_last)))
    }

    /// Leaves out the first `count` items.
    ///
    /// - **Pulls** those first, when the first item is wanted.
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
    /// let Ok(all) = Stream::range(0..5).skip(3).run_collect().await;
    /// assert_eq!(all, [3, 4]);
    /// # }
    /// ```
    #[doc(alias = "drop")]
    pub fn skip(self, count: usize) -> Stream<R, A, Skip<S>> {
        Stream::of(Choose::new(self.source, Skipped { left: count }))
    }

    /// Leaves out items as long as a predicate holds.
    ///
    /// - **Pulls** until it does not, when the first item is wanted.
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
    /// let Ok(all) = Stream::from_iter([1, 2, 9, 3]).skip_while(|n| *n < 5).run_collect().await;
    /// assert_eq!(all, [9, 3]);
    /// # }
    /// ```
    #[doc(alias = "drop_while")]
    pub fn skip_while<F>(self, skips: F) -> Stream<R, A, SkipWhile<S, F>>
    where
        F: FnMut(&A) -> bool + Value,
    {
        let choice = SkippedWhile { skips: Some(skips) };
        Stream::of(Choose::new(self.source, choice))
    }
}

/// # Limiting
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits the first `count` elements only, failures counted.
    ///
    /// - **Pulls** exactly `count` elements, and not one more to see whether there is one.
    /// - **Completes** with the last of them, or when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = StreamE::from_results([Ok(1), Err("two"), Ok(3)]).take(2).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn take(self, count: usize) -> StreamE<R, E, A, Take<S>> {
        StreamE::of(Take {
            source: self.source,
            count,
        })
    }

    /// Emits elements as long as a predicate holds for the values. Touches successes only: failures flow on.
    ///
    /// - **Pulls** an element for each that is wanted, and the one that ends it.
    /// - **Fails** never; a panic of the predicate is a defect of the run.
    /// - **Completes** with the first value that the predicate does not hold for, or when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3), Ok(4)]);
    /// let Ok(all) = results.take_while(|n| *n < 3).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn take_while<F>(self, holds: F) -> StreamE<R, E, A, TakeWhileOk<S, F>>
    where
        F: FnMut(&A) -> bool + Value,
    {
        StreamE::of(Choose::new(self.source, OfValues(TakenWhile(holds))))
    }

    /// Emits elements up to the first value that a predicate holds for, and with that. Touches successes only: failures flow on.
    ///
    /// - **Pulls** an element for each that is wanted, and none after the last.
    /// - **Fails** never; a panic of the predicate is a defect of the run.
    /// - **Completes** with the first value that the predicate holds for, or when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3), Ok(4)]);
    /// let Ok(all) = results.take_until(|n| *n == 3).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two"), Ok(3)]);
    /// # }
    /// ```
    pub fn take_until<F>(self, is_last: F) -> StreamE<R, E, A, TakeUntilOk<S, F>>
    where
        F: FnMut(&A) -> bool + Value,
    {
        StreamE::of(Choose::new(self.source, OfValues(TakenUntil(is_last))))
    }

    /// Leaves out the first `count` elements, failures counted.
    ///
    /// - **Pulls** those first, when the first element is wanted.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = StreamE::from_results([Ok(1), Err("two"), Ok(3)]).skip(1).run_collect().await;
    /// assert_eq!(all, [Err("two"), Ok(3)]);
    /// # }
    /// ```
    #[doc(alias = "drop")]
    pub fn skip(self, count: usize) -> StreamE<R, E, A, Skip<S>> {
        StreamE::of(Choose::new(self.source, Skipped { left: count }))
    }

    /// Leaves out values as long as a predicate holds for them. Touches successes only: failures flow on.
    ///
    /// - **Pulls** until there is an element to emit.
    /// - **Fails** never; a panic of the predicate is a defect of the run.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(9), Ok(3)]);
    /// let Ok(all) = results.skip_while(|n| *n < 5).run_collect().await;
    /// assert_eq!(all, [Err("two"), Ok(9), Ok(3)]);
    /// # }
    /// ```
    #[doc(alias = "drop_while")]
    pub fn skip_while<F>(self, skips: F) -> StreamE<R, E, A, SkipWhileOk<S, F>>
    where
        F: FnMut(&A) -> bool + Value,
    {
        let choice = OfValues(SkippedWhile { skips: Some(skips) });
        StreamE::of(Choose::new(self.source, choice))
    }

    /// Emits elements up to the first failure, and with that.
    ///
    /// - **Pulls** an element for each that is wanted, and none after a failure.
    /// - **Completes** with the first failure, or when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(all) = results.fail_fast().run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn fail_fast(self) -> StreamE<R, E, A, FailFast<S>> {
        StreamE::of(Choose::new(self.source, UpToFailure))
    }
}

/// The source of [`Stream::take_while`].
pub type TakeWhile<S, F> = Choose<S, TakenWhile<F>>;
/// The source of [`StreamE::take_while`].
pub type TakeWhileOk<S, F> = Choose<S, OfValues<TakenWhile<F>>>;
/// The source of [`Stream::take_until`].
pub type TakeUntil<S, F> = Choose<S, TakenUntil<F>>;
/// The source of [`StreamE::take_until`].
pub type TakeUntilOk<S, F> = Choose<S, OfValues<TakenUntil<F>>>;
/// The source of [`Stream::skip`] and [`StreamE::skip`].
pub type Skip<S> = Choose<S, Skipped>;
/// The source of [`Stream::skip_while`].
pub type SkipWhile<S, F> = Choose<S, SkippedWhile<F>>;
/// The source of [`StreamE::skip_while`].
pub type SkipWhileOk<S, F> = Choose<S, OfValues<SkippedWhile<F>>>;
/// The source of [`StreamE::fail_fast`].
pub type FailFast<S> = Choose<S, UpToFailure>;

/// Of `take_while`: itself, as long as a predicate holds.
#[derive(Clone)]
pub struct TakenWhile<F>(F);

impl<A: Value, F: FnMut(&A) -> bool + Value> Choice<A> for TakenWhile<F> {
    type Output = A;

    const ENDS: bool = true;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<A> {
        if (self.0)(&item) {
            ControlFlow::Continue(Some(item))
        } else {
            ControlFlow::Break(None)
        }
    }
}

/// Of `take_until`: itself, up to one that a predicate holds for, and with that.
#[derive(Clone)]
pub struct TakenUntil<F>(F);

impl<A: Value, F: FnMut(&A) -> bool + Value> Choice<A> for TakenUntil<F> {
    type Output = A;

    const ENDS: bool = true;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<A> {
        if (self.0)(&item) {
            ControlFlow::Break(Some(item))
        } else {
            ControlFlow::Continue(Some(item))
        }
    }
}

/// Of `skip`: itself, once so many have come.
#[derive(Clone, Debug)]
pub struct Skipped {
    left: usize,
}

impl<A: Value> Choice<A> for Skipped {
    type Output = A;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<A> {
        let skipped = self.left > 0;
        self.left -= usize::from(skipped);
        ControlFlow::Continue((!skipped).then_some(item))
    }
}

/// Of `skip_while`: itself, once a predicate has failed to hold.
#[derive(Clone)]
pub struct SkippedWhile<F> {
    // `None` once it has.
    skips: Option<F>,
}

impl<A: Value, F: FnMut(&A) -> bool + Value> Choice<A> for SkippedWhile<F> {
    type Output = A;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<A> {
        if let Some(skips) = &mut self.skips {
            if skips(&item) {
                return ControlFlow::Continue(None);
            }
            self.skips = None;
        }
        ControlFlow::Continue(Some(item))
    }
}

/// Of `fail_fast`: itself, up to a failure, and with that.
#[derive(Clone, Debug)]
pub struct UpToFailure;

impl<A: Value, E: Value> Choice<Result<A, E>> for UpToFailure {
    type Output = Result<A, E>;

    const ENDS: bool = true;

    #[inline]
    fn choose(&mut self, element: Result<A, E>) -> Chosen<Result<A, E>> {
        if element.is_err() {
            ControlFlow::Break(Some(element))
        } else {
            ControlFlow::Continue(Some(element))
        }
    }
}

opaque_debug!(TakenWhile<F>, TakenUntil<F>, SkippedWhile<F>);
