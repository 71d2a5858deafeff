//! Observing: an effect in a span of its own.

use std::borrow::Cow;
use std::future::Future;

use crate::opaque_debug::opaque_debug;
use crate::program::{self, Outcome, Pace, Step};
use crate::{Cx, Effect, Env, Program, Value, spans};

/// # Observing
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs the effect in a tracing span of its own, at the level of information, with this name.
    ///
    /// What it logs is in that span, and so are the fibers that it forks: the span of each is a child of this one. The span
    /// is called `effect`, its target is `effect::named`, and the name is a field, because a span's own name is
    /// fixed where it is written: see [`traced`](Effect::traced) for spans of one's own.
    ///
    /// Without the feature `tracing`, it only runs the effect.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fetched = succeed::<_, Never, _>("page").named("fetch");
    /// assert_eq!(fetched.await, Ok("page"));
    /// # }
    /// ```
    #[doc(alias = "with_span")]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Effect<R, E, A, Named<P>> {
        Effect::of(Named {
            program: self.program,
            name: name.into(),
        })
    }

    /// Runs the effect in a tracing span: it is entered whenever the effect is polled, and left when that waits.
    ///
    /// The fibers that the effect forks are in the span as well. An effect that runs again, by
    /// [`retry`](Effect::retry) say, runs in the same span again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{succeed, Never};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let page = 7;
    /// let fetched = succeed::<_, Never, _>(page).traced(tracing::info_span!("fetch", page));
    /// assert_eq!(fetched.await, Ok(7));
    /// # }
    /// ```
    #[cfg(feature = "tracing")]
    #[doc(alias = "instrument")]
    pub fn traced(self, span: tracing::Span) -> Effect<R, E, A, Traced<P>> {
        Effect::of(Traced {
            program: self.program,
            span,
        })
    }
}

/// The program of [`Effect::named`].
#[derive(Clone)]
pub struct Named<P> {
    program: P,
    name: Cow<'static, str>,
}

impl<R: Env, P: Program<R>> Program<R> for Named<P> {
    type Error = P::Error;
    type Value = P::Value;

    const PACE: Pace = P::PACE.result();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let body = program::run(self.program, cx);
        #[cfg(feature = "tracing")]
        let body = spans::InSpan::new(spans::Scope::Named(self.name), body);
        body
    }

    fn run_now(self, cx: &Cx<R>) -> Step<R, Self::Error, Self::Value> {
        spans::in_named_span(&self.name, || self.program.run_now(cx))
    }

    fn is_masked(&self) -> bool {
        self.program.is_masked()
    }
}

/// The program of [`Effect::traced`].
#[cfg(feature = "tracing")]
#[derive(Clone)]
pub struct Traced<P> {
    program: P,
    span: tracing::Span,
}

#[cfg(feature = "tracing")]
impl<R: Env, P: Program<R>> Program<R> for Traced<P> {
    type Error = P::Error;
    type Value = P::Value;

    const PACE: Pace = P::PACE.result();

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let body = program::run(self.program, cx);
        spans::InSpan::new(spans::Scope::Span(self.span), body)
    }

    fn run_now(self, cx: &Cx<R>) -> Step<R, Self::Error, Self::Value> {
        self.span.in_scope(|| self.program.run_now(cx))
    }

    fn is_masked(&self) -> bool {
        self.program.is_masked()
    }
}

opaque_debug!(Named<P>);
#[cfg(feature = "tracing")]
opaque_debug!(Traced<P>);
