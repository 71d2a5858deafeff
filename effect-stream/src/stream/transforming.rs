//! Each item by itself: `map`, `filter` and what is near them.

use std::ops::ControlFlow;

use effect_core::{Env, Value};

use super::choose::{Choice, Choose, Chosen, OfErrors, OfValues};
use super::expand::{EachOf, Expand, ExpandValues, Interspersed};
use crate::opaque_debug::opaque_debug;
use crate::stream::Stream;
use crate::stream_e::StreamE;

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
        Stream::of(Choose::new(self.source, Mapped(f)))
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
        Stream::of(Choose::new(self.source, Kept(keep)))
    }

    /// Transforms each item to another one, or to nothing.
    ///
    /// - **Pulls** until there is an item to emit.
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
    /// let words = Stream::from_iter(["1", "two", "3"]);
    /// let Ok(all) = words.filter_map(|word| word.parse::<u8>().ok()).run_collect().await;
    /// assert_eq!(all, [1, 3]);
    /// # }
    /// ```
    #[doc(alias = "collect")]
    pub fn filter_map<B, F>(self, f: F) -> Stream<R, B, FilterMap<S, F>>
    where
        B: Value,
        F: FnMut(A) -> Option<B> + Value,
    {
        Stream::of(Choose::new(self.source, Picked(f)))
    }

    /// Has a closure look at each item. [`tap`](Stream::tap) does so with an effect.
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
    /// let (seen, all) = (std::sync::Arc::new(std::sync::Mutex::new(Vec::new())), Stream::range(0..3));
    /// let log = seen.clone();
    /// let Ok(sum) = all.inspect(move |n| log.lock().unwrap().push(*n)).run_fold(0, |sum, n| sum + n).await;
    /// assert_eq!((sum, &*seen.lock().unwrap()), (3, &vec![0, 1, 2]));
    /// # }
    /// ```
    pub fn inspect<F>(self, f: F) -> Stream<R, A, Inspect<S, F>>
    where
        F: FnMut(&A) + Value,
    {
        Stream::of(Choose::new(self.source, Inspected(f)))
    }

    /// Transforms each item to any number of items, and emits those one by one.
    ///
    /// - **Pulls** an item once those of the one before are emitted.
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
    /// let lines = Stream::from_iter(["to be", "or not"]);
    /// let Ok(all) = lines.flat_map_iter(str::split_whitespace).run_collect().await;
    /// assert_eq!(all, ["to", "be", "or", "not"]);
    /// # }
    /// ```
    #[doc(alias = "map_concat")]
    pub fn flat_map_iter<I, F>(self, f: F) -> Stream<R, I::Item, FlatMapIter<S, F>>
    where
        I: IntoIterator<Item: Value, IntoIter: Send>,
        F: FnMut(A) -> I + Value,
    {
        Stream::of(Expand {
            source: self.source,
            expansion: EachOf(f),
        })
    }

    /// Emits a separator between each two items.
    ///
    /// - **Pulls** an item for each that is wanted, and one to know whether a separator is.
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
    /// let Ok(all) = Stream::from_iter(["a", "b"]).intersperse("-").run_collect().await;
    /// assert_eq!(all, ["a", "-", "b"]);
    /// # }
    /// ```
    pub fn intersperse(self, separator: A) -> Stream<R, A, Intersperse<S, A>>
    where
        A: Clone,
    {
        Stream::of(Expand {
            source: self.source,
            expansion: Interspersed {
                separator,
                is_first: true,
            },
        })
    }
}

/// # Transforming
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Transforms each value. Touches successes only.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** never; a panic of the closure is a defect of the run.
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
    /// let mapped = StreamE::from_results([Ok(1), Err("two")]).map(|n| n * 10);
    /// let Ok(all) = mapped.run_collect().await;
    /// assert_eq!(all, [Ok(10), Err("two")]);
    /// # }
    /// ```
    pub fn map<B, F>(self, f: F) -> StreamE<R, E, B, MapOk<S, F>>
    where
        B: Value,
        F: FnMut(A) -> B + Value,
    {
        StreamE::of(Choose::new(self.source, OfValues(Mapped(f))))
    }

    /// Transforms each error. Touches failures only.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** never; a panic of the closure is a defect of the run.
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
    /// let mapped = StreamE::from_results([Ok(1), Err("two")]).map_error(str::len);
    /// let Ok(all) = mapped.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err(3)]);
    /// # }
    /// ```
    pub fn map_error<E2, F>(self, f: F) -> StreamE<R, E2, A, MapError<S, F>>
    where
        E2: Value,
        F: FnMut(E) -> E2 + Value,
    {
        StreamE::of(Choose::new(self.source, OfErrors(Mapped(f))))
    }

    /// Transforms each element as a whole: a failure may become a success, and a success a failure.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** never; a panic of the closure is a defect of the run.
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
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(300)]);
    /// let bytes = results.map_result(|result| u8::try_from(result.unwrap_or(0)));
    /// let Ok((good, bad)) = bytes.partition().await;
    /// assert_eq!((good, bad.len()), (vec![1, 0], 1));
    /// # }
    /// ```
    pub fn map_result<E2, B, F>(self, f: F) -> StreamE<R, E2, B, Map<S, F>>
    where
        E2: Value,
        B: Value,
        F: FnMut(Result<A, E>) -> Result<B, E2> + Value,
    {
        StreamE::of(Choose::new(self.source, Mapped(f)))
    }

    /// Keeps the values that a predicate holds for. Touches successes only: failures flow on.
    ///
    /// - **Pulls** until an element is kept.
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
    /// let kept = StreamE::from_results([Ok(1), Err("two"), Ok(3)]).filter(|n| *n > 1);
    /// let Ok(all) = kept.run_collect().await;
    /// assert_eq!(all, [Err("two"), Ok(3)]);
    /// # }
    /// ```
    pub fn filter<F>(self, keep: F) -> StreamE<R, E, A, FilterOk<S, F>>
    where
        F: FnMut(&A) -> bool + Value,
    {
        StreamE::of(Choose::new(self.source, OfValues(Kept(keep))))
    }

    /// Transforms each value to another one, or to nothing. Touches successes only: failures flow on.
    ///
    /// - **Pulls** until there is an element to emit.
    /// - **Fails** never; a panic of the closure is a defect of the run.
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
    /// let words = StreamE::from_results([Ok("1"), Err("unread"), Ok("two")]);
    /// let Ok(all) = words.filter_map(|word| word.parse::<u8>().ok()).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("unread")]);
    /// # }
    /// ```
    #[doc(alias = "collect")]
    pub fn filter_map<B, F>(self, f: F) -> StreamE<R, E, B, FilterMapOk<S, F>>
    where
        B: Value,
        F: FnMut(A) -> Option<B> + Value,
    {
        StreamE::of(Choose::new(self.source, OfValues(Picked(f))))
    }

    /// Has a closure look at each value. Touches successes only.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** never; a panic of the closure is a defect of the run.
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
    /// let results = StreamE::from_results([Ok(1), Err("two")]).inspect(|n| println!("{n}"));
    /// let Ok(all) = results.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn inspect<F>(self, f: F) -> StreamE<R, E, A, InspectOk<S, F>>
    where
        F: FnMut(&A) + Value,
    {
        StreamE::of(Choose::new(self.source, OfValues(Inspected(f))))
    }

    /// Has a closure look at each error. Touches failures only.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Fails** never; a panic of the closure is a defect of the run.
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
    /// let results = StreamE::from_results([Ok(1), Err("two")]).inspect_error(|error| eprintln!("{error}"));
    /// let Ok(all) = results.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn inspect_error<F>(self, f: F) -> StreamE<R, E, A, InspectError<S, F>>
    where
        F: FnMut(&E) + Value,
    {
        StreamE::of(Choose::new(self.source, OfErrors(Inspected(f))))
    }

    /// Transforms each value to any number of values, and emits those one by one. Touches successes only.
    ///
    /// - **Pulls** an element once the values of the one before are emitted.
    /// - **Fails** never; a panic of the closure is a defect of the run.
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
    /// let lines = StreamE::from_results([Ok("to be"), Err("unread")]);
    /// let Ok(all) = lines.flat_map_iter(str::split_whitespace).run_collect().await;
    /// assert_eq!(all, [Ok("to"), Ok("be"), Err("unread")]);
    /// # }
    /// ```
    #[doc(alias = "map_concat")]
    pub fn flat_map_iter<I, F>(self, f: F) -> StreamE<R, E, I::Item, FlatMapIterOk<S, F>>
    where
        I: IntoIterator<Item: Value, IntoIter: Send>,
        F: FnMut(A) -> I + Value,
    {
        StreamE::of(Expand {
            source: self.source,
            expansion: ExpandValues(EachOf(f)),
        })
    }
}

/// The source of [`Stream::map`] and [`StreamE::map_result`].
pub type Map<S, F> = Choose<S, Mapped<F>>;
/// The source of [`StreamE::map`].
pub type MapOk<S, F> = Choose<S, OfValues<Mapped<F>>>;
/// The source of [`StreamE::map_error`].
pub type MapError<S, F> = Choose<S, OfErrors<Mapped<F>>>;
/// The source of [`Stream::filter`].
pub type Filter<S, F> = Choose<S, Kept<F>>;
/// The source of [`StreamE::filter`].
pub type FilterOk<S, F> = Choose<S, OfValues<Kept<F>>>;
/// The source of [`Stream::filter_map`].
pub type FilterMap<S, F> = Choose<S, Picked<F>>;
/// The source of [`StreamE::filter_map`].
pub type FilterMapOk<S, F> = Choose<S, OfValues<Picked<F>>>;
/// The source of [`Stream::inspect`].
pub type Inspect<S, F> = Choose<S, Inspected<F>>;
/// The source of [`StreamE::inspect`].
pub type InspectOk<S, F> = Choose<S, OfValues<Inspected<F>>>;
/// The source of [`StreamE::inspect_error`].
pub type InspectError<S, F> = Choose<S, OfErrors<Inspected<F>>>;
/// The source of [`Stream::flat_map_iter`].
pub type FlatMapIter<S, F> = Expand<S, EachOf<F>>;
/// The source of [`StreamE::flat_map_iter`].
pub type FlatMapIterOk<S, F> = Expand<S, ExpandValues<EachOf<F>>>;
/// The source of [`Stream::intersperse`].
pub type Intersperse<S, A> = Expand<S, Interspersed<A>>;

/// Of `map`: what a closure makes of it.
#[derive(Clone)]
pub struct Mapped<F>(pub(crate) F);

impl<A, B: Value, F: FnMut(A) -> B + Value> Choice<A> for Mapped<F> {
    type Output = B;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<B> {
        ControlFlow::Continue(Some((self.0)(item)))
    }
}

/// Of `filter`: itself, if a predicate holds.
#[derive(Clone)]
pub struct Kept<F>(F);

impl<A: Value, F: FnMut(&A) -> bool + Value> Choice<A> for Kept<F> {
    type Output = A;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<A> {
        ControlFlow::Continue((self.0)(&item).then_some(item))
    }
}

/// Of `filter_map`: what a closure makes of it, if anything.
#[derive(Clone)]
pub struct Picked<F>(F);

impl<A, B: Value, F: FnMut(A) -> Option<B> + Value> Choice<A> for Picked<F> {
    type Output = B;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<B> {
        ControlFlow::Continue((self.0)(item))
    }
}

/// Of `inspect`: itself, once a closure has seen it.
#[derive(Clone)]
pub struct Inspected<F>(F);

impl<A: Value, F: FnMut(&A) + Value> Choice<A> for Inspected<F> {
    type Output = A;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<A> {
        (self.0)(&item);
        ControlFlow::Continue(Some(item))
    }
}

opaque_debug!(Mapped<F>, Kept<F>, Picked<F>, Inspected<F>);
