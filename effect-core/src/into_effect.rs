//! What a continuation may return: an effect, or any future of a result.

use std::fmt;
use std::future::Future;

use crate::program::Outcome;
use crate::{Cx, Effect, Env, Program, Value};

/// Whatever can be taken for an effect: an effect, or any future of a `Result`.
///
/// This is what lets a continuation be either: `.flat_map(|user| async move { save(user).await })` and
/// `.flat_map(|user| save(user).retry(policy))`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no effect in the environment `{R}`",
    label = "neither an effect that needs `{R}`, nor a `Send` future of a `Result`",
    note = "a plain value is for `map`, a plain `Result` becomes an effect by `from_result(..)`, and an `async move` block's value is a `Result`: `Ok(value)`",
    note = "an effect that needs another environment is given that by `.provide(..)`",
    note = "what fails with another error than what it is joined to is given that by `.map_error(..)`"
)]
pub trait IntoEffect<R: Env>: Value {
    /// What the effect fails with.
    type Error: Value;
    /// What the effect succeeds with.
    type Value: Value;
    /// The program of the effect.
    type Program: Program<R, Error = Self::Error, Value = Self::Value>;

    /// Takes this for an effect.
    fn into_effect(self) -> Effect<R, Self::Error, Self::Value, Self::Program>;
}

// The types are the program's, not `E` and `A`, which are the same: rustc 1.95 loses that equality of types with
// a lifetime in them, such as `&'static str`, inside an async body, and crashes.
impl<R: Env, E: Value, A: Value, P: Program<R>> IntoEffect<R> for Effect<R, E, A, P> {
    type Error = P::Error;
    type Value = P::Value;
    type Program = P;

    fn into_effect(self) -> Effect<R, P::Error, P::Value, P> {
        Effect::new(self.program)
    }
}

#[diagnostic::do_not_recommend]
impl<R, E, A, F> IntoEffect<R> for F
where
    R: Env,
    E: Value,
    A: Value,
    F: Future<Output = Result<A, E>> + Send + 'static,
{
    type Error = E;
    type Value = A;
    type Program = FromFuture<F>;

    fn into_effect(self) -> Effect<R, E, A, FromFuture<F>> {
        Effect::new(FromFuture::new(self))
    }
}

/// A program that is a plain future.
#[derive(Clone)]
pub struct FromFuture<F> {
    future: F,
}

impl<F> FromFuture<F> {
    pub(crate) fn new(future: F) -> Self {
        FromFuture { future }
    }
}

impl<F> fmt::Debug for FromFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFuture")
    }
}

impl<R, E, A, F> Program<R> for FromFuture<F>
where
    R: Env,
    E: Value,
    A: Value,
    F: Future<Output = Result<A, E>> + Send + 'static,
{
    type Error = E;
    type Value = A;

    fn run(self, _cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        self.future
    }
}
