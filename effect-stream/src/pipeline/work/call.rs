//! The plainest work: a function of the item.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use effect_core::{Env, IntoEffect, Value};
use pin_project_lite::pin_project;

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
    F: Fn(A) -> I + Send + Sync + 'static,
    I: IntoEffect<R>,
{
    type Error = I::Error;
    type Value = I::Value;

    // Not an `async fn`: that would keep the item and the worker beside what is made of them.
    fn work(
        &self,
        item: A,
        worker: Worker<'_, R>,
    ) -> impl Future<Output = Result<I::Value, Box<Failure<I::Error>>>> + Send {
        Called {
            running: worker.cx.run((self.f)(item)),
        }
    }
}

pin_project! {
    /// What was called, whose error is an item's failure. `map_err` of futures would keep a note of whether it has ended, for
    /// each item.
    struct Called<Fut> {
        #[pin]
        running: Fut,
    }
}

impl<Fut: Future<Output = Result<B, E>>, B, E> Future for Called<Fut> {
    type Output = Result<B, Box<Failure<E>>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let running = self.project().running.poll(task);
        running.map(|result| result.map_err(Failure::error))
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
    F: Fn(A) -> Result<B, E> + Send + Sync + 'static,
{
    type Error = E;
    type Value = B;

    fn work(
        &self,
        item: A,
        _worker: Worker<'_, R>,
    ) -> impl Future<Output = Result<B, Box<Failure<E>>>> + Send {
        ready((self.f)(item).map_err(Failure::error))
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
