//! Which effect is run for an item: the part that `map_effect`, its parallel twins, `tap` and `recover` share.

use std::future::Future;
use std::ops::ControlFlow;

use effect_core::{Cx, Env, IntoEffect, Program, Value};

use crate::opaque_debug::opaque_debug;

/// What is run for an item, or what comes of one that needs nothing run.
pub trait Begin<R: Env, T>: Send + 'static {
    /// What comes of an item.
    type Output: Value;

    /// Begins what is run for an item, or breaks with what comes of one that needs nothing run.
    fn begin<'cx>(
        &mut self,
        item: T,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<Self::Output, impl Future<Output = Self::Output> + Send + use<'cx, Self, R, T>>;
}

/// An effect for each item.
#[derive(Clone)]
pub struct ForItems<F>(pub(crate) F);

impl<R, T, I, F> Begin<R, T> for ForItems<F>
where
    R: Env,
    I: IntoEffect<R>,
    F: FnMut(T) -> I + Value,
{
    type Output = Result<I::Value, I::Error>;

    #[inline]
    fn begin<'cx>(
        &mut self,
        item: T,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<Self::Output, impl Future<Output = Self::Output> + Send + use<'cx, R, T, I, F>>
    {
        ControlFlow::Continue((self.0)(item).into_effect().into_program().run(cx))
    }
}

/// An effect for each value; failures pass.
#[derive(Clone)]
pub struct ForValues<F>(pub(crate) F);

impl<R, A, E, I, F> Begin<R, Result<A, E>> for ForValues<F>
where
    R: Env,
    E: Value,
    I: IntoEffect<R, Error = E>,
    F: FnMut(A) -> I + Value,
{
    type Output = Result<I::Value, E>;

    #[inline]
    fn begin<'cx>(
        &mut self,
        element: Result<A, E>,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<
        Self::Output,
        impl Future<Output = Self::Output> + Send + use<'cx, R, A, E, I, F>,
    > {
        match element {
            Ok(value) => {
                ControlFlow::Continue((self.0)(value).into_effect().into_program().run(cx))
            }
            Err(error) => ControlFlow::Break(Err(error)),
        }
    }
}

/// An effect for each failure; values pass.
#[derive(Clone)]
pub struct ForErrors<F>(pub(crate) F);

impl<R, A, E, I, F> Begin<R, Result<A, E>> for ForErrors<F>
where
    R: Env,
    A: Value,
    I: IntoEffect<R, Value = A>,
    F: FnMut(E) -> I + Value,
{
    type Output = Result<A, I::Error>;

    #[inline]
    fn begin<'cx>(
        &mut self,
        element: Result<A, E>,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<
        Self::Output,
        impl Future<Output = Self::Output> + Send + use<'cx, R, A, E, I, F>,
    > {
        match element {
            Ok(value) => ControlFlow::Break(Ok(value)),
            Err(error) => {
                ControlFlow::Continue((self.0)(error).into_effect().into_program().run(cx))
            }
        }
    }
}

opaque_debug!(ForItems<F>, ForValues<F>, ForErrors<F>);
