//! The ends: what makes an effect of a stream.

use std::ops::ControlFlow;
use std::pin::pin;

use effect_core::{Budget, Cx, Effect, Env, IntoEffect, Never, Program, Value};

use crate::opaque_debug::opaque_debug;
use crate::source::{Source, beside, next};
use crate::stream::Stream;
use crate::stream::take::Take;
use crate::stream_e::StreamE;

/// # Running
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Runs the stream and collects what it emits, in order.
    ///
    /// # Panics
    ///
    /// A panic in the stream is a defect of the effect. This holds for every end.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, the stream is interrupted with all that runs in it, and its finalizers run. This holds
    /// for every end.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = Stream::range(0..3).run_collect().await;
    /// assert_eq!(all, [0, 1, 2]);
    /// # }
    /// ```
    pub fn run_collect(self) -> Effect<R, Never, Vec<A>, Collect<S, A>> {
        self.run_fold(Vec::new(), push as fn(Vec<A>, A) -> Vec<A>)
    }

    /// Runs the stream and folds what it emits into one value.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(sum) = Stream::range(0..4).run_fold(0, |sum, n| sum + n).await;
    /// assert_eq!(sum, 6);
    /// # }
    /// ```
    pub fn run_fold<B, F>(self, init: B, f: F) -> Effect<R, Never, B, Fold<S, B, F>>
    where
        B: Value,
        F: FnMut(B, A) -> B + Value,
    {
        Effect::of(Fold {
            source: self.source,
            init,
            f,
        })
    }

    /// Runs the stream to its end, and puts what it emits into a collection, which may hold something already.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    /// use std::collections::HashMap;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let squares = Stream::range(0..4).map(|n| (n, n * n));
    /// let Ok(squares) = squares.run_collect_into(HashMap::new()).await;
    /// assert_eq!(squares[&3], 9);
    /// # }
    /// ```
    pub fn run_collect_into<C>(self, collection: C) -> Effect<R, Never, C, CollectInto<S, C, A>>
    where
        C: Extend<A> + Value,
    {
        self.run_fold(collection, extend as fn(C, A) -> C)
    }

    /// Runs an effect for each item, one after the other. What the stream has in flight goes on meanwhile.
    ///
    /// # Errors
    ///
    /// The first error of the effect, after which nothing more is pulled.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let each = Stream::from_iter(0..).run_for_each(|n| async move {
    ///     if n < 3 { Ok(()) } else { Err(n) }
    /// });
    /// assert_eq!(each.await, Err(3));
    /// # }
    /// ```
    pub fn run_for_each<I, F>(self, f: F) -> Effect<R, I::Error, (), ForEach<S, F>>
    where
        I: IntoEffect<R>,
        F: FnMut(A) -> I + Value,
    {
        Effect::of(ForEach {
            source: self.source,
            f,
        })
    }
}

/// # Running
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Runs the stream to its end, and drops what it emits.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(()) = Stream::range(0..3).inspect(|n| println!("{n}")).run_drain().await;
    /// # }
    /// ```
    pub fn run_drain(self) -> Effect<R, Never, (), Drain<S, A>> {
        self.run_fold((), forget as fn((), A))
    }

    /// Runs the stream and counts what it emits.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(count) = Stream::range(0..3).run_count().await;
    /// assert_eq!(count, 3);
    /// # }
    /// ```
    pub fn run_count(self) -> Effect<R, Never, u64, Count<S, A>> {
        self.run_fold(0, count as fn(u64, A) -> u64)
    }

    /// Runs the stream up to its first item, and has that, if there is one. Nothing more is pulled.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(first) = Stream::from_iter(7..).run_head().await;
    /// assert_eq!(first, Some(7));
    /// # }
    /// ```
    #[doc(alias = "run_first")]
    pub fn run_head(self) -> Effect<R, Never, Option<A>, Last<Take<S>, A>> {
        self.take(1).run_last()
    }

    /// Runs the stream to its end, and has its last item, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(last) = Stream::range(0..3).run_last().await;
    /// assert_eq!(last, Some(2));
    /// # }
    /// ```
    pub fn run_last(self) -> Effect<R, Never, Option<A>, Last<S, A>> {
        self.run_fold(None, later as fn(Option<A>, A) -> Option<A>)
    }
}

/// # Running
impl<R, E, A, S> StreamE<R, E, A, S>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs the stream and collects all its elements, failures in their places.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = StreamE::from_results([Ok(1), Err("two")]).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn run_collect(self) -> Effect<R, Never, Vec<Result<A, E>>, Collect<S, Result<A, E>>> {
        self.into_results().run_collect()
    }

    /// Runs the stream and folds all its elements, failures included, into one value.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(failures) = results.run_fold(0, |n, result| n + i32::from(result.is_err())).await;
    /// assert_eq!(failures, 1);
    /// # }
    /// ```
    pub fn run_fold<B, F>(self, init: B, f: F) -> Effect<R, Never, B, Fold<S, B, F>>
    where
        B: Value,
        F: FnMut(B, Result<A, E>) -> B + Value,
    {
        self.into_results().run_fold(init, f)
    }

    /// Runs an effect for each element, failures included, one after the other.
    ///
    /// # Errors
    ///
    /// The first error of the effect, after which nothing more is pulled.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // The first failure of the stream ends this run: the body passes it on.
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let ended = results.run_for_each(|result| async move { result.map(drop) });
    /// assert_eq!(ended.await, Err("two"));
    /// # }
    /// ```
    pub fn run_for_each<I, F>(self, f: F) -> Effect<R, I::Error, (), ForEach<S, F>>
    where
        I: IntoEffect<R>,
        F: FnMut(Result<A, E>) -> I + Value,
    {
        self.into_results().run_for_each(f)
    }

    /// Runs the stream up to its first failure, and collects the values before that.
    ///
    /// # Errors
    ///
    /// The first failure of the stream, after which nothing more is pulled. The values are dropped then:
    /// [`partition`](StreamE::partition) keeps both sides.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(all) = StreamE::<_, &str, _>::range(0..3).collect_results().await else { panic!() };
    /// assert_eq!(all, [0, 1, 2]);
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// assert_eq!(results.collect_results().await, Err("two"));
    /// # }
    /// ```
    pub fn collect_results(self) -> Effect<R, E, Vec<A>, CollectResults<S, A>> {
        self.run_fold_ok(Vec::new(), push as fn(Vec<A>, A) -> Vec<A>)
    }

    /// Runs the stream up to its first failure, and puts its values into a collection, which may hold something already.
    ///
    /// # Errors
    ///
    /// The first failure of the stream, after which nothing more is pulled. The collection is dropped then.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    /// use std::collections::BTreeSet;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(2), Ok(1), Ok(2)]);
    /// let set = results.collect_results_into(BTreeSet::new()).await;
    /// assert_eq!(set, Ok::<_, &str>(BTreeSet::from([1, 2])));
    /// # }
    /// ```
    pub fn collect_results_into<C>(
        self,
        collection: C,
    ) -> Effect<R, E, C, CollectResultsInto<S, C, A>>
    where
        C: Extend<A> + Value,
    {
        self.run_fold_ok(collection, extend as fn(C, A) -> C)
    }

    /// Runs the stream up to its first failure, and drops its values.
    ///
    /// # Errors
    ///
    /// The first failure of the stream, after which nothing more is pulled.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// assert_eq!(results.run_drain().await, Err("two"));
    /// # }
    /// ```
    pub fn run_drain(self) -> Effect<R, E, (), DrainOk<S, A>> {
        self.run_fold_ok((), forget as fn((), A))
    }

    /// Runs the stream up to its first failure, and folds the values before that into one.
    ///
    /// # Errors
    ///
    /// The first failure of the stream, after which nothing more is pulled.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let sum = StreamE::<_, &str, _>::range(1..5).run_fold_ok(0, |sum, n| sum + n);
    /// assert_eq!(sum.await, Ok(10));
    /// # }
    /// ```
    #[doc(alias = "try_fold")]
    pub fn run_fold_ok<B, F>(self, init: B, f: F) -> Effect<R, E, B, FoldOk<S, B, F>>
    where
        B: Value,
        F: FnMut(B, A) -> B + Value,
    {
        Effect::of(FoldOk {
            source: self.source,
            init,
            f,
        })
    }

    /// Runs the stream and collects the values and the errors, each side in its order.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(sides) = results.partition().await;
    /// assert_eq!(sides, (vec![1, 3], vec!["two"]));
    /// # }
    /// ```
    pub fn partition(self) -> Effect<R, Never, (Vec<A>, Vec<E>), Partition<S, A, E>> {
        self.run_fold((Vec::new(), Vec::new()), sort as fn(_, _) -> _)
    }
}

/// The program of [`Stream::run_collect`].
pub type Collect<S, A> = Fold<S, Vec<A>, fn(Vec<A>, A) -> Vec<A>>;

/// The program of [`Stream::run_collect_into`].
pub type CollectInto<S, C, A> = Fold<S, C, fn(C, A) -> C>;

/// The program of [`Stream::run_drain`].
pub type Drain<S, A> = Fold<S, (), fn((), A)>;

/// The program of [`Stream::run_count`].
pub type Count<S, A> = Fold<S, u64, fn(u64, A) -> u64>;

/// The program of [`Stream::run_last`].
pub type Last<S, A> = Fold<S, Option<A>, fn(Option<A>, A) -> Option<A>>;

/// The program of [`StreamE::run_drain`].
pub type DrainOk<S, A> = FoldOk<S, (), fn((), A)>;

/// The program of [`StreamE::collect_results`].
pub type CollectResults<S, A> = FoldOk<S, Vec<A>, fn(Vec<A>, A) -> Vec<A>>;

/// The program of [`StreamE::collect_results_into`].
pub type CollectResultsInto<S, C, A> = FoldOk<S, C, fn(C, A) -> C>;

/// The program of [`StreamE::partition`].
pub type Partition<S, A, E> = Fold<S, Sides<A, E>, fn(Sides<A, E>, Result<A, E>) -> Sides<A, E>>;

type Sides<A, E> = (Vec<A>, Vec<E>);

fn push<A>(mut items: Vec<A>, item: A) -> Vec<A> {
    items.push(item);
    items
}

fn extend<C: Extend<A>, A>(mut collection: C, item: A) -> C {
    // One item, as the unstable `extend_one` would.
    collection.extend(Some(item));
    collection
}

fn forget<A>((): (), item: A) {
    drop(item);
}

fn count<A>(count: u64, item: A) -> u64 {
    drop(item);
    count + 1
}

fn later<A>(_: Option<A>, item: A) -> Option<A> {
    Some(item)
}

fn sort<A, E>(mut sides: Sides<A, E>, element: Result<A, E>) -> Sides<A, E> {
    match element {
        Ok(value) => sides.0.push(value),
        Err(error) => sides.1.push(error),
    }
    sides
}

/// The program of [`Stream::run_fold`].
#[derive(Clone)]
pub struct Fold<S, B, F> {
    source: S,
    init: B,
    f: F,
}

impl<R, B, S, F> Program<R> for Fold<S, B, F>
where
    R: Env,
    B: Value,
    S: Source<R>,
    F: FnMut(B, S::Item) -> B + Value,
{
    type Error = Never;
    type Value = B;

    async fn run(mut self, cx: &Cx<R>) -> Result<B, Never> {
        let step = move |folded, item| ControlFlow::Continue((self.f)(folded, item));
        Ok(cx.settling(self.source.fold(cx, self.init, step)).await)
    }
}

/// The program of [`StreamE::run_fold_ok`].
#[derive(Clone)]
pub struct FoldOk<S, B, F> {
    source: S,
    init: B,
    f: F,
}

impl<R, A, E, B, S, F> Program<R> for FoldOk<S, B, F>
where
    R: Env,
    A: Value,
    E: Value,
    B: Value,
    S: Source<R, Item = Result<A, E>>,
    F: FnMut(B, A) -> B + Value,
{
    type Error = E;
    type Value = B;

    async fn run(mut self, cx: &Cx<R>) -> Result<B, E> {
        let step = move |folded: Result<B, E>, element| match (folded, element) {
            (Ok(folded), Ok(value)) => ControlFlow::Continue(Ok((self.f)(folded, value))),
            (_, Err(error)) | (Err(error), _) => ControlFlow::Break(Err(error)),
        };
        cx.settling(self.source.fold(cx, Ok(self.init), step)).await
    }
}

/// The program of [`Stream::run_for_each`].
#[derive(Clone)]
pub struct ForEach<S, F> {
    source: S,
    f: F,
}

impl<R, S, F, I> Program<R> for ForEach<S, F>
where
    R: Env,
    S: Source<R>,
    I: IntoEffect<R>,
    F: FnMut(S::Item) -> I + Value,
{
    type Error = I::Error;
    type Value = ();

    async fn run(mut self, cx: &Cx<R>) -> Result<(), I::Error> {
        let run = async move {
            let mut source = pin!(self.source.open(cx));
            let mut budget = Budget::new();
            while let Some(item) = next(source.as_mut()).await {
                beside(source.as_mut(), cx.run((self.f)(item))).await?;
                budget.spend().await;
            }
            Ok(())
        };
        cx.settling(run).await
    }
}

opaque_debug!(Fold<S, B, F>, FoldOk<S, B, F>, ForEach<S, F>);
