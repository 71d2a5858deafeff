//! Effects that look at an item.

use std::future::Future;
use std::ops::ControlFlow;

use effect_core::fits::SameError;
use effect_core::{Cx, Env, IntoEffect, Never, Program, Value};

use super::begin::Begin;
use super::map_effect::MapEffect;
use crate::opaque_debug::opaque_debug;
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Running effects
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Runs an effect that looks at each item, and then emits that.
    ///
    /// - **Pulls** the next item once the current effect has ended; never ahead.
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
    /// let seen = Stream::range(1..4).tap(|n| {
    ///     let even = n % 2 == 0;
    ///     async move { if even { Err("even") } else { Ok(()) } }
    /// });
    /// let Ok(all) = seen.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("even"), Ok(3)]);
    /// # }
    /// ```
    pub fn tap<I, F>(self, f: F) -> StreamE<R, I::Error, A, Tap<S, F>>
    where
        I: IntoEffect<R>,
        F: FnMut(&A) -> I + Value,
    {
        StreamE::of(MapEffect::new(self.source, Tapped(f)))
    }
}

/// # Running effects
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Runs an effect that looks at each value, and then emits that. Touches successes only: failures flow on.
    ///
    /// - **Pulls** the next element once the current effect has ended; never ahead.
    /// - **Fails** never: a value whose effect fails is a failed element in its stead, and the next element follows.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
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
    /// let seen = results.tap(|n| {
    ///     let n = *n;
    ///     sync(move || println!("{n}"))
    /// });
    /// let Ok(all) = seen.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn tap<I, F>(self, f: F) -> StreamE<R, E, A, TapOk<S, F>>
    where
        I: IntoEffect<R> + SameError<E, I::Error>,
        F: FnMut(&A) -> I + Value,
    {
        StreamE::of(MapEffect::new(self.source, TappedValues(f)))
    }

    /// Runs an effect that looks at each error, and then emits that. Touches failures only.
    ///
    /// - **Pulls** the next element once the current effect has ended; never ahead.
    /// - **Fails** never; the effect cannot fail.
    /// - **Completes** when the source does and the last effect has ended.
    /// - **When interrupted**, interrupts the running effect and waits for its finalizers, then the source's.
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
    /// let seen = results.tap_error(|error| {
    ///     let error = *error;
    ///     sync(move || eprintln!("{error}"))
    /// });
    /// let Ok(all) = seen.run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    pub fn tap_error<I, F>(self, f: F) -> StreamE<R, E, A, TapError<S, F>>
    where
        I: IntoEffect<R, Error = Never>,
        F: FnMut(&E) -> I + Value,
    {
        StreamE::of(MapEffect::new(self.source, TappedErrors(f)))
    }
}

/// The source of [`Stream::tap`].
pub type Tap<S, F> = MapEffect<S, Tapped<F>>;
/// The source of [`StreamE::tap`].
pub type TapOk<S, F> = MapEffect<S, TappedValues<F>>;
/// The source of [`StreamE::tap_error`].
pub type TapError<S, F> = MapEffect<S, TappedErrors<F>>;

/// An effect that looks at each item.
#[derive(Clone)]
pub struct Tapped<F>(F);

impl<R, A, I, F> Begin<R, A> for Tapped<F>
where
    R: Env,
    A: Value,
    I: IntoEffect<R>,
    F: FnMut(&A) -> I + Value,
{
    type Output = Result<A, I::Error>;

    fn begin<'cx>(
        &mut self,
        item: A,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<Self::Output, impl Future<Output = Self::Output> + Send + use<'cx, R, A, I, F>>
    {
        let program = (self.0)(&item).into_effect().into_program();
        ControlFlow::Continue(async move {
            program.run(cx).await?;
            Ok(item)
        })
    }
}

/// An effect that looks at each value; failures pass.
#[derive(Clone)]
pub struct TappedValues<F>(F);

impl<R, A, E, I, F> Begin<R, Result<A, E>> for TappedValues<F>
where
    R: Env,
    A: Value,
    E: Value,
    I: IntoEffect<R, Error = E>,
    F: FnMut(&A) -> I + Value,
{
    type Output = Result<A, E>;

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
            program.run(cx).await?;
            Ok(value)
        })
    }
}

/// An effect that looks at each failure; values pass.
#[derive(Clone)]
pub struct TappedErrors<F>(F);

impl<R, A, E, I, F> Begin<R, Result<A, E>> for TappedErrors<F>
where
    R: Env,
    A: Value,
    E: Value,
    I: IntoEffect<R, Error = Never>,
    F: FnMut(&E) -> I + Value,
{
    type Output = Result<A, E>;

    fn begin<'cx>(
        &mut self,
        element: Result<A, E>,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<
        Self::Output,
        impl Future<Output = Self::Output> + Send + use<'cx, R, A, E, I, F>,
    > {
        let error = match element {
            Ok(value) => return ControlFlow::Break(Ok(value)),
            Err(error) => error,
        };
        let program = (self.0)(&error).into_effect().into_program();
        ControlFlow::Continue(async move {
            let Ok(_) = program.run(cx).await;
            Err(error)
        })
    }
}

opaque_debug!(Tapped<F>, TappedValues<F>, TappedErrors<F>);
