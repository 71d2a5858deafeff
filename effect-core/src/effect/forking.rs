//! Forking: an effect on a fiber of its own.

use std::fmt;
use std::marker::PhantomData;

use crate::program::Outcome;
use crate::{Cx, Effect, Env, Fiber, Program, Value};

/// # Forking
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Starts the effect on a fiber of its own, supervised by the current one, and has its handle.
    ///
    /// The child runs at once and beside its parent. When the parent ends, whatever the reason, a child that
    /// still runs is interrupted, and the parent waits for it. Inside an [`effect`](crate::effect) body,
    /// [`Cx::fork`] does the same.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let there_and_back = succeed::<_, Never, _>(42).fork().flat_map(|fiber| fiber.join());
    /// assert_eq!(there_and_back.await, Ok(42));
    /// # }
    /// ```
    #[doc(alias = "spawn")]
    pub fn fork<E2: Value>(self) -> Effect<R, E2, Fiber<E, A>, Fork<P, E2>>
    where
        E: fmt::Debug,
    {
        Effect::of(Fork {
            program: self.program,
            error: PhantomData,
        })
    }
}

/// The program of [`Effect::fork`].
#[derive(Debug)]
pub struct Fork<P, E2> {
    program: P,
    error: PhantomData<fn() -> E2>,
}

impl<P: Clone, E2> Clone for Fork<P, E2> {
    fn clone(&self) -> Self {
        Fork {
            program: self.program.clone(),
            error: PhantomData,
        }
    }
}

impl<R, P, E2> Program<R> for Fork<P, E2>
where
    R: Env,
    P: Program<R>,
    P::Error: fmt::Debug,
    E2: Value,
{
    type Error = E2;
    type Value = Fiber<P::Error, P::Value>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        Ok(cx.fork(Effect::new(self.program)))
    }
}
