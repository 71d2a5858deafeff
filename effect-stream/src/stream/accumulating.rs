//! Each item, and what came before it: `scan`, `map_accum`, `enumerate`, `changes`.

use std::ops::ControlFlow;

use effect_core::{Env, Value};

use super::choose::{Choice, Choose, Chosen, OfValues};
use crate::opaque_debug::opaque_debug;
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Accumulating
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Folds the items, and emits what is folded after each of them.
    ///
    /// What it begins with is not emitted: as many come out as go in.
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
    /// let Ok(sums) = Stream::range(1..5).scan(0, |sum, n| sum + n).run_collect().await;
    /// assert_eq!(sums, [1, 3, 6, 10]);
    /// # }
    /// ```
    pub fn scan<B, F>(self, init: B, f: F) -> Stream<R, B, Scan<S, B, F>>
    where
        B: Value + Clone,
        F: FnMut(B, A) -> B + Value,
    {
        Stream::of(Choose::new(self.source, Scanned::new(init, f)))
    }

    /// Transforms each item with a state that goes from one to the next.
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
    /// // The differences between neighbours.
    /// let steps = Stream::from_iter([3, 5, 4]).map_accum(0, |last, n| n - std::mem::replace(last, n));
    /// let Ok(all) = steps.run_collect().await;
    /// assert_eq!(all, [3, 2, -1]);
    /// # }
    /// ```
    pub fn map_accum<B, C, F>(self, state: B, f: F) -> Stream<R, C, MapAccum<S, B, F>>
    where
        B: Value,
        C: Value,
        F: FnMut(&mut B, A) -> C + Value,
    {
        Stream::of(Choose::new(self.source, Accumulated { state, f }))
    }

    /// Numbers the items, from 0. [`enumerate_from`](Stream::enumerate_from) begins elsewhere.
    ///
    /// - **Pulls** an item for each that is wanted.
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
    /// let Ok(all) = Stream::from_iter(["a", "b"]).enumerate().run_collect().await;
    /// assert_eq!(all, [(0, "a"), (1, "b")]);
    /// # }
    /// ```
    #[doc(alias = "zip_with_index")]
    pub fn enumerate(self) -> Stream<R, (u64, A), Enumerate<S>> {
        self.enumerate_from(0)
    }

    /// Numbers the items, from a number of one's own.
    ///
    /// - **Pulls** an item for each that is wanted.
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
    /// let Ok(all) = Stream::from_iter(["a", "b"]).enumerate_from(5).run_collect().await;
    /// assert_eq!(all, [(5, "a"), (6, "b")]);
    /// # }
    /// ```
    pub fn enumerate_from(self, first: u64) -> Stream<R, (u64, A), Enumerate<S>> {
        Stream::of(Choose::new(self.source, Enumerated { next: first }))
    }

    /// Emits each item with the one before it.
    ///
    /// - **Pulls** an item for each that is wanted.
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
    /// let Ok(all) = Stream::from_iter(["a", "b"]).zip_with_previous().run_collect().await;
    /// assert_eq!(all, [(None, "a"), (Some("a"), "b")]);
    /// # }
    /// ```
    pub fn zip_with_previous(self) -> Stream<R, (Option<A>, A), ZipWithPrevious<S, A>>
    where
        A: Clone,
    {
        Stream::of(Choose::new(self.source, WithPrevious { previous: None }))
    }

    /// Leaves out the items that are equal to the one before.
    ///
    /// - **Pulls** until an item is another.
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
    /// let Ok(all) = Stream::from_iter([1, 1, 2, 1]).changes().run_collect().await;
    /// assert_eq!(all, [1, 2, 1]);
    /// # }
    /// ```
    #[doc(alias = "dedup")]
    #[doc(alias = "distinct_until_changed")]
    pub fn changes(self) -> Stream<R, A, Changes<S, A, fn(&A) -> A>>
    where
        A: Clone + PartialEq,
    {
        self.changes_by(A::clone as fn(&A) -> A)
    }

    /// Leaves out the items whose key is that of the one before.
    ///
    /// - **Pulls** until an item has another key.
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
    /// let Ok(all) = Stream::from_iter([10, 11, 20]).changes_by(|n| n / 10).run_collect().await;
    /// assert_eq!(all, [10, 20]);
    /// # }
    /// ```
    #[doc(alias = "dedup_by_key")]
    pub fn changes_by<K, F>(self, key: F) -> Stream<R, A, Changes<S, K, F>>
    where
        K: Value + PartialEq,
        F: FnMut(&A) -> K + Value,
    {
        Stream::of(Choose::new(self.source, Changed { last: None, key }))
    }
}

/// # Accumulating
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Folds the values, and emits what is folded after each of them. Touches successes only.
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
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(sums) = results.scan(0, |sum, n| sum + n).run_collect().await;
    /// assert_eq!(sums, [Ok(1), Err("two"), Ok(4)]);
    /// # }
    /// ```
    pub fn scan<B, F>(self, init: B, f: F) -> StreamE<R, E, B, ScanOk<S, B, F>>
    where
        B: Value + Clone,
        F: FnMut(B, A) -> B + Value,
    {
        StreamE::of(Choose::new(self.source, OfValues(Scanned::new(init, f))))
    }

    /// Transforms each value with a state that goes from one to the next. Touches successes only.
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
    /// let results = StreamE::from_results([Ok("a"), Err("b"), Ok("c")]);
    /// let numbered = results.map_accum(0, |n, letter| {
    ///     *n += 1;
    ///     format!("{letter}{n}")
    /// });
    /// let Ok(all) = numbered.run_collect().await;
    /// assert_eq!(all, [Ok("a1".to_owned()), Err("b"), Ok("c2".to_owned())]);
    /// # }
    /// ```
    pub fn map_accum<B, C, F>(self, state: B, f: F) -> StreamE<R, E, C, MapAccumOk<S, B, F>>
    where
        B: Value,
        C: Value,
        F: FnMut(&mut B, A) -> C + Value,
    {
        let choice = OfValues(Accumulated { state, f });
        StreamE::of(Choose::new(self.source, choice))
    }

    /// Numbers the values, from 0. Touches successes only: failures have no number.
    ///
    /// - **Pulls** an element for each that is wanted.
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
    /// let results = StreamE::from_results([Ok("a"), Err("b"), Ok("c")]);
    /// let Ok(all) = results.enumerate().run_collect().await;
    /// assert_eq!(all, [Ok((0, "a")), Err("b"), Ok((1, "c"))]);
    /// # }
    /// ```
    #[doc(alias = "zip_with_index")]
    pub fn enumerate(self) -> StreamE<R, E, (u64, A), EnumerateOk<S>> {
        StreamE::of(Choose::new(self.source, OfValues(Enumerated { next: 0 })))
    }
}

/// The source of [`Stream::scan`].
pub type Scan<S, B, F> = Choose<S, Scanned<B, F>>;
/// The source of [`StreamE::scan`].
pub type ScanOk<S, B, F> = Choose<S, OfValues<Scanned<B, F>>>;
/// The source of [`Stream::map_accum`].
pub type MapAccum<S, B, F> = Choose<S, Accumulated<B, F>>;
/// The source of [`StreamE::map_accum`].
pub type MapAccumOk<S, B, F> = Choose<S, OfValues<Accumulated<B, F>>>;
/// The source of [`Stream::enumerate`].
pub type Enumerate<S> = Choose<S, Enumerated>;
/// The source of [`StreamE::enumerate`].
pub type EnumerateOk<S> = Choose<S, OfValues<Enumerated>>;
/// The source of [`Stream::zip_with_previous`].
pub type ZipWithPrevious<S, A> = Choose<S, WithPrevious<A>>;
/// The source of [`Stream::changes_by`] and [`Stream::changes`].
pub type Changes<S, K, F> = Choose<S, Changed<K, F>>;

/// Of `scan`: the fold of all so far.
#[derive(Clone)]
pub struct Scanned<B, F> {
    // `None` while the closure has it.
    folded: Option<B>,
    f: F,
}

impl<B, F> Scanned<B, F> {
    const fn new(init: B, f: F) -> Self {
        Scanned {
            folded: Some(init),
            f,
        }
    }
}

impl<A, B, F> Choice<A> for Scanned<B, F>
where
    B: Value + Clone,
    F: FnMut(B, A) -> B + Value,
{
    type Output = B;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<B> {
        let folded = self
            .folded
            .take()
            .expect("a closure that panics is never called again");
        let folded = (self.f)(folded, item);
        self.folded = Some(folded.clone());
        ControlFlow::Continue(Some(folded))
    }
}

/// Of `map_accum`: what a closure makes of it and of a state.
#[derive(Clone)]
pub struct Accumulated<B, F> {
    state: B,
    f: F,
}

impl<A, B, C, F> Choice<A> for Accumulated<B, F>
where
    B: Value,
    C: Value,
    F: FnMut(&mut B, A) -> C + Value,
{
    type Output = C;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<C> {
        ControlFlow::Continue(Some((self.f)(&mut self.state, item)))
    }
}

/// Of `enumerate`: itself with a number.
#[derive(Clone, Debug)]
pub struct Enumerated {
    next: u64,
}

impl<A: Value> Choice<A> for Enumerated {
    type Output = (u64, A);

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<(u64, A)> {
        let number = self.next;
        self.next += 1;
        ControlFlow::Continue(Some((number, item)))
    }
}

/// Of `zip_with_previous`: itself, and the one before it.
#[derive(Clone)]
pub struct WithPrevious<A> {
    previous: Option<A>,
}

impl<A: Value + Clone> Choice<A> for WithPrevious<A> {
    type Output = (Option<A>, A);

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<(Option<A>, A)> {
        let previous = self.previous.replace(item.clone());
        ControlFlow::Continue(Some((previous, item)))
    }
}

/// Of `changes_by`: itself, if its key is not that of the one before.
#[derive(Clone)]
pub struct Changed<K, F> {
    last: Option<K>,
    key: F,
}

impl<A, K, F> Choice<A> for Changed<K, F>
where
    A: Value,
    K: Value + PartialEq,
    F: FnMut(&A) -> K + Value,
{
    type Output = A;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<A> {
        let key = Some((self.key)(&item));
        let changed = self.last != key;
        self.last = key;
        ControlFlow::Continue(changed.then_some(item))
    }
}

opaque_debug!(Scanned<B, F>, Accumulated<B, F>, WithPrevious<A>, Changed<K, F>);
