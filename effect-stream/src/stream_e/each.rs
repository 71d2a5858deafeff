//! What is done about the effect of each element that has failed, with the item at hand.

use std::future::Future;
use std::ops::ControlFlow;

use effect_core::programs::Retry;
use effect_core::{
    Channel, Cx, Effect, Env, IntoEffect, Program, Recurrence, Schedule, SendError, Value,
};

use crate::opaque_debug::opaque_debug;
use crate::stream::begin::{Begin, ForItems, ForValues};
use crate::stream::choose::{Choose, Present};
use crate::stream::map_effect::MapEffect;
use crate::stream::map_effect_par::{MapEffectPar, MapEffectParUnordered};
use crate::stream::map_effect_par_by_key::MapEffectParByKey;
use crate::stream_e::StreamE;

/// # Handling failures of effects
///
/// These follow a `map_effect`, or one of its parallel twins: it is the effects of that which they change.
impl<R: Env, E: Value, B: Value, M: EachEffect> StreamE<R, E, B, M> {
    /// Runs the effect of an element again when it has failed, as long as a schedule says. Each element has a run of the schedule of its own.
    ///
    /// The contract is that of the `map_effect` before it, but for the failures that are retried.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Schedule};
    /// use effect_stream::Stream;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // Each element fails as often as it says.
    /// let fetched = Stream::from_iter([0, 1, 5]).map_effect(|failures| {
    ///     let tries = Arc::new(AtomicU32::new(0));
    ///     effect(move |_: Cx<()>| {
    ///         let tries = tries.fetch_add(1, Ordering::Relaxed);
    ///         async move { if tries < failures { Err(failures) } else { Ok(failures) } }
    ///     })
    /// });
    /// let Ok(all) = fetched.retry_each(Schedule::recurs(2)).run_collect().await;
    /// assert_eq!(all, [Ok(0), Ok(1), Err(5)]);
    /// # }
    /// ```
    pub fn retry_each<T, Out, C>(
        self,
        schedule: Schedule<Out, C>,
    ) -> StreamE<R, E, B, M::With<RetryEach<M::Begin, Schedule<Out, C>>>>
    where
        M::Begin: MakesEffect<R, T>,
        <M::Begin as MakesEffect<R, T>>::Effect: IntoEffect<R, Error = E, Value = B>,
        Out: Value,
        C: Recurrence<E, Output = Out>,
    {
        StreamE::of(self.source.with(|begin| RetryEach { begin, schedule }))
    }

    /// Runs another effect when that of an element has failed, made by a closure that is given the item and the error.
    ///
    /// The contract is that of the `map_effect` before it. What the other effect fails with is the failed element then.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::succeed;
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let parsed = Stream::from_iter(["1", "two"]).map_effect(|word| async move { word.parse::<usize>() });
    /// let counted = parsed.recover_with_item(|word, _| succeed(word.len()));
    /// let Ok(all) = counted.run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(3)]);
    /// # }
    /// ```
    pub fn recover_with_item<T, I, F>(
        self,
        f: F,
    ) -> StreamE<R, E, B, M::With<RecoverWithItem<M::Begin, F>>>
    where
        M::Begin: MakesEffect<R, T, Item: Clone>,
        <M::Begin as MakesEffect<R, T>>::Effect: IntoEffect<R, Error = E, Value = B>,
        I: IntoEffect<R, Error = E, Value = B>,
        F: FnOnce(<M::Begin as MakesEffect<R, T>>::Item, E) -> I + Clone + Value,
    {
        StreamE::of(self.source.with(|begin| RecoverWithItem { begin, f }))
    }

    /// Sends each item whose effect has failed to a channel, with its error, and emits the values of the others.
    ///
    /// After [`retry_each`](StreamE::retry_each), those that have failed for good. What the channel holds can be run again: its
    /// letters have the items.
    ///
    /// The contract is that of the `map_effect` before it. An effect has ended when the channel has accepted its letter: it holds its place while that is full.
    ///
    /// - **Fails** never; an error that a closed channel refuses flows on, in its place, as does a failure that came
    ///   before the effect, which has no item: none is lost.
    /// - **When interrupted**, drops a letter that waits for the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, DeadLetter, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let letters = Channel::bounded(8);
    /// let parsed = Stream::from_iter(["1", "two"]).map_effect(|word| async move {
    ///     word.parse::<u32>().map_err(|_| "no number")
    /// });
    /// let Ok(all) = parsed.errors_to_dead_letters(&letters).run_collect().await;
    /// assert_eq!(all, [Ok(1)]);
    /// let DeadLetter { item, error } = letters.receive().await.unwrap();
    /// assert_eq!((item, error), ("two", "no number"));
    /// # }
    /// ```
    pub fn errors_to_dead_letters<T>(
        self,
        letters: &Channel<DeadLetter<<M::Begin as MakesEffect<R, T>>::Item, E>>,
    ) -> StreamE<R, E, B, ErrorsToDeadLetters<M, <M::Begin as MakesEffect<R, T>>::Item, E>>
    where
        M::Begin: MakesEffect<R, T, Item: Clone>,
        <M::Begin as MakesEffect<R, T>>::Effect: IntoEffect<R, Error = E, Value = B>,
    {
        let letters = letters.clone();
        let written = self.source.with(|begin| DeadLetters { begin, letters });
        StreamE::of(Choose::new(written, Present))
    }
}

/// An item whose effect has failed, and its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetter<T, E> {
    /// What the effect was made of.
    pub item: T,
    /// What it failed with.
    pub error: E,
}

/// The source of [`StreamE::errors_to_dead_letters`].
pub type ErrorsToDeadLetters<M, T, E> =
    Choose<<M as EachEffect>::With<DeadLetters<<M as EachEffect>::Begin, T, E>>, Present>;

/// # Leaving
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Sends each error to a channel, and emits the values. Touches failures only.
    ///
    /// - **Pulls** the next element once the channel has accepted the error: it waits while that is full.
    /// - **Fails** never; an error that a closed channel refuses flows on, in its place: none is lost.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source; an error that waits for the channel is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Channel, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let errors = Channel::bounded(8);
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(all) = results.route_errors(&errors).run_collect().await;
    /// assert_eq!(all, [Ok(1), Ok(3)]);
    /// assert_eq!(errors.receive().await, Ok("two"));
    /// # }
    /// ```
    pub fn route_errors(self, errors: &Channel<E>) -> StreamE<R, E, A, RouteErrors<S, E>> {
        let errors = errors.clone();
        let routed = MapEffect::new(self.source, Routed { errors });
        StreamE::of(Choose::new(routed, Present))
    }
}

/// An operator that runs an effect for each element.
pub trait EachEffect {
    /// What begins the effects.
    type Begin;
    /// The same operator with something else that does.
    type With<B>;

    /// Has something else begin the effects.
    fn with<B>(self, f: impl FnOnce(Self::Begin) -> B) -> Self::With<B>;
}

impl<S, W> EachEffect for MapEffect<S, W> {
    type Begin = W;
    type With<B> = MapEffect<S, B>;

    fn with<B>(self, f: impl FnOnce(W) -> B) -> MapEffect<S, B> {
        MapEffect::new(self.source, f(self.begin))
    }
}

impl<S, W> EachEffect for MapEffectPar<S, W> {
    type Begin = W;
    type With<B> = MapEffectPar<S, B>;

    fn with<B>(self, f: impl FnOnce(W) -> B) -> MapEffectPar<S, B> {
        MapEffectPar::new(self.source, self.limit, f(self.begin))
    }
}

impl<S, W> EachEffect for MapEffectParUnordered<S, W> {
    type Begin = W;
    type With<B> = MapEffectParUnordered<S, B>;

    fn with<B>(self, f: impl FnOnce(W) -> B) -> MapEffectParUnordered<S, B> {
        MapEffectParUnordered::new(self.source, self.limit, f(self.begin))
    }
}

impl<S, G, W> EachEffect for MapEffectParByKey<S, G, W> {
    type Begin = W;
    type With<B> = MapEffectParByKey<S, G, B>;

    fn with<B>(self, f: impl FnOnce(W) -> B) -> MapEffectParByKey<S, G, B> {
        MapEffectParByKey::new(self.source, self.limit, self.key, f(self.begin))
    }
}

/// What makes an effect of an element.
pub trait MakesEffect<R: Env, T>: Send + 'static {
    /// What it makes one of.
    type Item: Value;
    /// What it makes.
    type Effect: IntoEffect<R>;

    /// The item that an effect is made of, or the failure that passes.
    ///
    /// # Errors
    ///
    /// The failure that the element is.
    fn item(element: T) -> Result<Self::Item, <Self::Effect as IntoEffect<R>>::Error>;

    /// Makes the effect.
    fn make(&mut self, item: Self::Item) -> Self::Effect;
}

impl<R, A, I, F> MakesEffect<R, A> for ForItems<F>
where
    R: Env,
    A: Value,
    I: IntoEffect<R>,
    F: FnMut(A) -> I + Value,
{
    type Item = A;
    type Effect = I;

    fn item(element: A) -> Result<A, I::Error> {
        Ok(element)
    }

    fn make(&mut self, item: A) -> I {
        (self.0)(item)
    }
}

impl<R, A, E, I, F> MakesEffect<R, Result<A, E>> for ForValues<F>
where
    R: Env,
    A: Value,
    E: Value,
    I: IntoEffect<R, Error = E>,
    F: FnMut(A) -> I + Value,
{
    type Item = A;
    type Effect = I;

    fn item(element: Result<A, E>) -> Result<A, E> {
        element
    }

    fn make(&mut self, item: A) -> I {
        (self.0)(item)
    }
}

/// What begins the effects of [`StreamE::retry_each`].
#[derive(Clone)]
pub struct RetryEach<W, C> {
    begin: W,
    schedule: C,
}

impl<R, T, W, I, Out, C> Begin<R, T> for RetryEach<W, Schedule<Out, C>>
where
    R: Env,
    W: MakesEffect<R, T, Effect = I>,
    I: IntoEffect<R, Program: Clone>,
    Out: Value,
    C: Recurrence<I::Error, Output = Out>,
{
    type Output = Result<I::Value, I::Error>;

    fn begin<'cx>(
        &mut self,
        element: T,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<
        Self::Output,
        impl Future<Output = Self::Output> + Send + use<'cx, R, T, W, I, Out, C>,
    > {
        let item = match W::item(element) {
            Ok(item) => item,
            Err(error) => return ControlFlow::Break(Err(error)),
        };
        let retried = self.make(item);
        ControlFlow::Continue(retried.into_program().run(cx))
    }
}

/// What begins the effects of [`StreamE::recover_with_item`].
#[derive(Clone)]
pub struct RecoverWithItem<W, F> {
    begin: W,
    f: F,
}

impl<R, T, W, I, J, F> Begin<R, T> for RecoverWithItem<W, F>
where
    R: Env,
    W: MakesEffect<R, T, Effect = I, Item: Clone>,
    I: IntoEffect<R>,
    J: IntoEffect<R, Error = I::Error, Value = I::Value>,
    F: FnOnce(W::Item, I::Error) -> J + Clone + Value,
{
    type Output = Result<I::Value, I::Error>;

    fn begin<'cx>(
        &mut self,
        element: T,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<
        Self::Output,
        impl Future<Output = Self::Output> + Send + use<'cx, R, T, W, I, J, F>,
    > {
        let item = match W::item(element) {
            Ok(item) => item,
            Err(error) => return ControlFlow::Break(Err(error)),
        };
        let f = self.f.clone();
        let made = self.begin.make(item.clone()).into_effect();
        let recovered = made.recover(move |error| f(item, error));
        ControlFlow::Continue(recovered.into_program().run(cx))
    }
}

impl<R, T, W, I, Out, C> MakesEffect<R, T> for RetryEach<W, Schedule<Out, C>>
where
    R: Env,
    W: MakesEffect<R, T, Effect = I>,
    I: IntoEffect<R, Program: Clone>,
    Out: Value,
    C: Recurrence<I::Error, Output = Out>,
{
    type Item = W::Item;
    type Effect = Effect<R, I::Error, I::Value, Retry<I::Program, Schedule<Out, C>>>;

    fn item(element: T) -> Result<W::Item, I::Error> {
        W::item(element)
    }

    fn make(&mut self, item: W::Item) -> Self::Effect {
        let effect = self.begin.make(item).into_effect();
        effect.retry(self.schedule.clone())
    }
}

/// What begins the effects of [`StreamE::errors_to_dead_letters`].
#[derive(Clone)]
pub struct DeadLetters<W, T, E> {
    begin: W,
    letters: Channel<DeadLetter<T, E>>,
}

impl<R, T, W, I> Begin<R, T> for DeadLetters<W, W::Item, I::Error>
where
    R: Env,
    W: MakesEffect<R, T, Effect = I, Item: Clone>,
    I: IntoEffect<R>,
{
    type Output = Option<Result<I::Value, I::Error>>;

    fn begin<'cx>(
        &mut self,
        element: T,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<Self::Output, impl Future<Output = Self::Output> + Send + use<'cx, R, T, W, I>>
    {
        let item = match W::item(element) {
            Ok(item) => item,
            Err(error) => return ControlFlow::Break(Some(Err(error))),
        };
        let made = self.begin.make(item.clone());
        let letters = self.letters.clone();
        ControlFlow::Continue(async move {
            let error = match cx.run(made).await {
                Ok(value) => return Some(Ok(value)),
                Err(error) => error,
            };
            match letters.send(DeadLetter { item, error }).await {
                Ok(()) => None,
                Err(SendError(DeadLetter { error, .. })) => Some(Err(error)),
            }
        })
    }
}

/// The source of [`StreamE::route_errors`].
pub type RouteErrors<S, E> = Choose<MapEffect<S, Routed<E>>, Present>;

/// What begins the sends of [`StreamE::route_errors`].
#[derive(Clone, Debug)]
pub struct Routed<E> {
    errors: Channel<E>,
}

impl<R: Env, A: Value, E: Value> Begin<R, Result<A, E>> for Routed<E> {
    type Output = Option<Result<A, E>>;

    fn begin<'cx>(
        &mut self,
        element: Result<A, E>,
        _cx: &'cx Cx<R>,
    ) -> ControlFlow<Self::Output, impl Future<Output = Self::Output> + Send + use<'cx, R, A, E>>
    {
        let error = match element {
            Ok(value) => return ControlFlow::Break(Some(Ok(value))),
            Err(error) => error,
        };
        let sent = self.errors.send(error);
        ControlFlow::Continue(async move {
            match sent.await {
                Ok(()) => None,
                Err(SendError(error)) => Some(Err(error)),
            }
        })
    }
}

opaque_debug!(RetryEach<W, C>, RecoverWithItem<W, F>, DeadLetters<W, T, E>);
