//! Providing: an environment for an effect that needs one.

use std::sync::Arc;

use crate::opaque_debug::opaque_debug;
use crate::program::Outcome;
use crate::{Cx, Effect, Env, Program, Value};

/// # Providing
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Gives the effect its environment. What is left needs none, and runs in any.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    ///
    /// struct App { greeting: &'static str }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let greet = effect(async |cx: Cx<App>| Ok::<_, Never>(format!("{}, you", cx.env().greeting)));
    /// assert_eq!(greet.provide(App { greeting: "hello" }).await, Ok("hello, you".to_owned()));
    /// # }
    /// ```
    pub fn provide<R2: Env>(self, env: R) -> Effect<R2, E, A, Provide<R, P>> {
        self.provide_shared(Arc::new(env))
    }

    /// Gives the effect an environment that others have as well: see [`Cx::share_env`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let port = Arc::new(8080_u16);
    /// let next = effect(async |cx: Cx<u16>| Ok::<_, Never>(cx.env() + 1));
    /// assert_eq!(next.provide_shared(port).await, Ok(8081));
    /// # }
    /// ```
    pub fn provide_shared<R2: Env>(self, env: Arc<R>) -> Effect<R2, E, A, Provide<R, P>> {
        Effect::of(Provide {
            program: self.program,
            env,
        })
    }
}

/// The program of [`Effect::provide`].
pub struct Provide<R, P> {
    program: P,
    env: Arc<R>,
}

impl<R, P: Clone> Clone for Provide<R, P> {
    fn clone(&self) -> Self {
        Provide {
            program: self.program.clone(),
            env: Arc::clone(&self.env),
        }
    }
}

impl<R: Env, R2: Env, P: Program<R>> Program<R2> for Provide<R, P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R2>) -> Outcome<R2, Self> {
        let cx = cx.with_env(self.env);
        self.program.run(&cx).await
    }
}

opaque_debug!(Provide<R, P>);
