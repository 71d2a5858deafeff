//! What holds for a whole run of a stream: its finalizers, and its environment.

use std::pin::pin;

use effect_core::fits::CannotFail;
use effect_core::{Cx, Effect, Env, Exit, IntoEffect, Never, Program, Value};

use super::generate::{Emitter, Generating};
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source, beside, next};
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Finalizing
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Runs a finalizer when the stream has ended, or is interrupted, or is not pulled any further. Not if its first item was never wanted.
    ///
    /// - **Pulls** an item for each that is wanted.
    /// - **Completes** when the source does, and the finalizer has run.
    /// - **When interrupted**, interrupts the source, then runs the finalizer.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync;
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let counted = Stream::range(0..9).ensuring(sync(|| println!("closed")));
    /// let Ok(all) = counted.take(2).run_collect().await;
    /// assert_eq!(all, [0, 1]);
    /// # }
    /// ```
    pub fn ensuring<I>(self, finalizer: I) -> Stream<R, A, Ensuring<S, I>>
    where
        I: IntoEffect<R> + CannotFail<I::Error>,
    {
        Stream::of(Ensuring {
            source: self.source,
            finalizer,
        })
    }

    /// Runs a finalizer as [`ensuring`](Stream::ensuring) does, made by a function that is told how the run has ended: a stream whose consumer has stopped was interrupted.
    ///
    /// - **Pulls** an item for each that is wanted.
    /// - **Completes** when the source does, and the finalizer has run.
    /// - **When interrupted**, interrupts the source, then runs the finalizer.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync;
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let told = Stream::range(0..9).on_exit(|exit| {
    ///     let in_full = exit.is_success();
    ///     sync(move || assert!(!in_full))
    /// });
    /// let Ok(all) = told.take(2).run_collect().await;
    /// assert_eq!(all, [0, 1]);
    /// # }
    /// ```
    pub fn on_exit<I, F>(self, f: F) -> Stream<R, A, OnExit<S, F>>
    where
        I: IntoEffect<R> + CannotFail<I::Error>,
        F: FnOnce(&Exit<Never, ()>) -> I + Value,
    {
        Stream::of(OnExit {
            source: self.source,
            f,
        })
    }
}

/// # Finalizing
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Runs a finalizer when the stream has ended, or is interrupted, or is not pulled any further. Not if its first element was never wanted.
    ///
    /// - **Pulls** an element for each that is wanted.
    /// - **Completes** when the source does, and the finalizer has run.
    /// - **When interrupted**, interrupts the source, then runs the finalizer.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync;
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let results = StreamE::from_results([Ok(1), Err("two")]);
    /// let closed = results.ensuring(sync(|| println!("closed")));
    /// assert_eq!(closed.collect_results().await, Err("two"));
    /// # }
    /// ```
    pub fn ensuring<I>(self, finalizer: I) -> StreamE<R, E, A, Ensuring<S, I>>
    where
        I: IntoEffect<R> + CannotFail<I::Error>,
    {
        StreamE::of(Ensuring {
            source: self.source,
            finalizer,
        })
    }
}

/// # The environment
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Gives the stream its environment: what comes of it needs none.
    ///
    /// - **Pulls** as the source does.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cx;
    /// use effect_stream::{Emitter, Stream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let limit = Stream::generate(async |cx: Cx<u8>, mut out: Emitter<u8>| out.emit(*cx.env()).await);
    /// let Ok(all) = limit.provide(7).run_collect().await;
    /// assert_eq!(all, [7]);
    /// # }
    /// ```
    pub fn provide(self, env: R) -> Stream<(), A, Provide<S, R>>
    where
        R: Clone,
    {
        Stream::of(Provide {
            source: self.source,
            env,
        })
    }
}

/// # The environment
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Gives the stream its environment: what comes of it needs none.
    ///
    /// - **Pulls** as the source does.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Cx;
    /// use effect_stream::{Emitter, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let checked = StreamE::generate(async |cx: Cx<u8>, _: Emitter<Result<(), u8>>| Err(*cx.env()));
    /// let Ok(all) = checked.provide(7).run_collect().await;
    /// assert_eq!(all, [Err(7)]);
    /// # }
    /// ```
    pub fn provide(self, env: R) -> StreamE<(), E, A, Provide<S, R>>
    where
        R: Clone,
    {
        StreamE::of(Provide {
            source: self.source,
            env,
        })
    }
}

/// The effect of a whole run: it emits whatever its source does.
struct Pass<S, A> {
    source: S,
    out: Emitter<A>,
}

impl<R: Env, S: Source<R>> Program<R> for Pass<S, S::Item> {
    type Error = Never;
    type Value = ();

    async fn run(mut self, cx: &Cx<R>) -> Result<(), Never> {
        let mut source = pin!(self.source.open(cx));
        while let Some(item) = next(source.as_mut()).await {
            beside(source.as_mut(), self.out.emit(item)).await;
        }
        Ok(())
    }
}

fn pass<R: Env, S: Source<R>>(
    source: S,
    out: Emitter<S::Item>,
) -> Effect<R, Never, (), Pass<S, S::Item>> {
    Effect::new(Pass { source, out })
}

/// The source of [`Stream::ensuring`].
#[derive(Clone)]
pub struct Ensuring<S, I> {
    source: S,
    finalizer: I,
}

impl<R, S, I> Source<R> for Ensuring<S, I>
where
    R: Env,
    S: Source<R>,
    I: IntoEffect<R, Error = Never>,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        Generating::new(async move |out| {
            let Ok(()) = cx
                .run(pass(self.source, out).ensuring(self.finalizer))
                .await;
        })
    }
}

/// The source of [`Stream::on_exit`].
#[derive(Clone)]
pub struct OnExit<S, F> {
    source: S,
    f: F,
}

impl<R, S, I, F> Source<R> for OnExit<S, F>
where
    R: Env,
    S: Source<R>,
    I: IntoEffect<R, Error = Never>,
    F: FnOnce(&Exit<Never, ()>) -> I + Value,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<R>) -> impl Pull<Item = S::Item> + Send {
        Generating::new(async move |out| {
            let Ok(()) = cx.run(pass(self.source, out).on_exit(self.f)).await;
        })
    }
}

/// The source of [`Stream::provide`].
#[derive(Clone)]
pub struct Provide<S, R> {
    source: S,
    env: R,
}

impl<R, S> Source<()> for Provide<S, R>
where
    R: Env + Clone,
    S: Source<R>,
{
    type Item = S::Item;

    fn open(self, cx: &Cx<()>) -> impl Pull<Item = S::Item> + Send {
        Generating::new(async move |out| {
            let Ok(()) = cx.run(pass(self.source, out).provide(self.env)).await;
        })
    }
}

opaque_debug!(Ensuring<S, I>, OnExit<S, F>, Provide<S, R>);
