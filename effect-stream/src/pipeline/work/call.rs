//! The plainest work: a function of the item.

use std::fmt;

use effect_core::{Env, IntoEffect, Value};

use super::{Failure, Work, Worker};

/// Calls a function that gives an effect, or any future of a `Result`.
#[derive(Clone)]
pub struct Call<F> {
    pub(crate) f: F,
}

impl<R, A, F, I> Work<R, A> for Call<F>
where
    R: Env,
    A: Value,
    F: Fn(A) -> I + Send + Sync + 'static, // It takes what the stage before it gives.
    I: IntoEffect<R>,
{
    type Error = I::Error;
    type Value = I::Value;

    async fn work(
        &self,
        item: A,
        worker: Worker<'_, R>,
    ) -> Result<I::Value, Box<Failure<I::Error>>> {
        let result = worker.cx.run((self.f)(item)).await;
        result.map_err(Failure::error)
    }
}

/// Calls a function that gives a `Result` at once.
#[derive(Clone)]
pub struct CallSync<F> {
    pub(crate) f: F,
}

impl<R, A, B, E, F> Work<R, A> for CallSync<F>
where
    R: Env,
    A: Value,
    B: Value,
    E: Value,
    F: Fn(A) -> Result<B, E> + Send + Sync + 'static, // It takes what the stage before it gives.
{
    type Error = E;
    type Value = B;

    async fn work(&self, item: A, _worker: Worker<'_, R>) -> Result<B, Box<Failure<E>>> {
        (self.f)(item).map_err(Failure::error)
    }
}

impl<F> fmt::Debug for Call<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

impl<F> fmt::Debug for CallSync<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallSync")
    }
}
