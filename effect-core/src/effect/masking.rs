//! Masking: what must not be interrupted, and the parts of it that may.

use std::future::Future;
use std::sync::Arc;

use futures::future::FutureExt;

use crate::mask::{Mask, Masked, excepted, masked};
use crate::opaque_debug::opaque_debug;
use crate::program::{self, Outcome};
use crate::{Cx, Effect, Env, IntoEffect, Program, Value};

/// # Masking interruption
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Lets this effect end, once it has started, before it is interrupted.
    ///
    /// Whoever interrupts it waits. Interrupted before it has started, it never starts. A fiber that is uninterruptible as a
    /// whole ends with its value or error, interrupted or not: it has never seen the interruption. A fiber that is forked in
    /// here can be interrupted as any other.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, succeed, Never};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let minute = sleep::<_, Never>(Duration::from_secs(60)).uninterruptible();
    /// let before = tokio::time::Instant::now();
    /// assert!(minute.timeout(Duration::from_secs(1)).await.is_err());
    /// assert_eq!(before.elapsed().as_secs(), 60);
    /// # }
    /// ```
    pub fn uninterruptible(self) -> Effect<R, E, A, Uninterruptible<P>> {
        Effect::of(Uninterruptible {
            program: self.program,
        })
    }
}

/// Creates an effect that is not interrupted, but for the parts that it gives to [`Restore`].
///
/// Such a part may be interrupted if the effect could be where the mask begins: a part of an inner mask cannot be
/// interrupted while the outer one holds. When it is, the rest of the effect does not run, but for its finalizers, which
/// run first; an [`exit`](Effect::exit) under the mask and around the part sees the interruption as a value, and goes on.
///
/// # Errors
///
/// What the effect fails with.
///
/// # Examples
///
/// Only the waiting can be interrupted, and what is interrupted is counted:
///
/// ```
/// use effect_core::{effect, sleep, uninterruptible_mask, Cx, Exit, Never};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let job = uninterruptible_mask(|restore| {
///     let waiting = restore.apply(sleep::<(), Never>(Duration::from_secs(60)));
///     waiting.exit().map(|exit| if exit.is_interrupt() { "cut short" } else { "done" })
/// });
/// let seen = effect(async |cx: Cx<()>| {
///     let fiber = cx.fork(job);
///     cx.sleep(Duration::from_secs(1)).await;
///     cx.run(fiber.interrupt()).await
/// });
/// assert_eq!(seen.await, Ok(Exit::Success("cut short")));
/// # }
/// ```
#[doc(alias = "uncancelable")]
pub fn uninterruptible_mask<R, I, F>(f: F) -> Effect<R, I::Error, I::Value, UninterruptibleMask<F>>
where
    R: Env,
    I: IntoEffect<R>,
    F: FnOnce(Restore) -> I + Value,
{
    Effect::new(UninterruptibleMask { f })
}

/// Excepts effects from the mask that it was given by: see [`uninterruptible_mask`].
///
/// Anywhere but right under that mask, in another fiber or under another mask inside of it, it changes nothing.
#[derive(Clone)]
pub struct Restore {
    mask: Arc<Mask>,
    /// What held where the mask began.
    outer: Option<Arc<Mask>>,
}

impl Restore {
    /// Lets an effect be interrupted as it could be where the mask begins.
    ///
    /// # Errors
    ///
    /// What the effect fails with.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, uninterruptible_mask};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let waiting = uninterruptible_mask(|restore| restore.apply(never::<_, &str, ()>()));
    /// assert!(waiting.timeout(Duration::from_secs(1)).await.is_err());
    /// # }
    /// ```
    pub fn apply<R, I>(&self, effect: I) -> Effect<R, I::Error, I::Value, Restored<I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        Effect::new(Restored {
            program: effect.into_effect().program,
            restore: self.clone(),
        })
    }
}

/// The program of [`Effect::uninterruptible`].
#[derive(Clone, Debug)]
pub struct Uninterruptible<P> {
    program: P,
}

impl<R: Env, P: Program<R>> Program<R> for Uninterruptible<P> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let (inner, mask) = masked(cx);
        let body = async move { program::run(self.program, &inner).await };
        Masked::new(cx, Some(mask), body.boxed())
    }

    fn is_masked(&self) -> bool {
        true
    }
}

/// The program of [`uninterruptible_mask`].
#[derive(Clone)]
pub struct UninterruptibleMask<F> {
    f: F,
}

impl<R, I, F> Program<R> for UninterruptibleMask<F>
where
    R: Env,
    I: IntoEffect<R>,
    F: FnOnce(Restore) -> I + Value,
{
    type Error = I::Error;
    type Value = I::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let (inner, mask) = masked(cx);
        let restore = Restore {
            mask: Arc::clone(&mask),
            outer: cx.mask().cloned(),
        };
        let body = async move {
            let program = (self.f)(restore).into_effect().program;
            program::run(program, &inner).await
        };
        Masked::new(cx, Some(mask), body.boxed())
    }

    fn is_masked(&self) -> bool {
        true
    }
}

/// The program of [`Restore::apply`].
#[derive(Clone)]
pub struct Restored<P> {
    program: P,
    restore: Restore,
}

impl<R: Env, P: Program<R>> Program<R> for Restored<P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let Restore { mask, outer } = self.restore;
        if !cx.mask().is_some_and(|here| Arc::ptr_eq(here, &mask)) {
            return program::run(self.program, cx).await;
        }
        let mut frame = cx.frame();
        frame.mask = outer;
        let inner = cx.with_frame(frame);
        excepted(cx.fiber(), &mask, program::run(self.program, &inner)).await
    }
}

impl std::fmt::Debug for Restore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Restore")
    }
}

opaque_debug!(UninterruptibleMask<F>, Restored<P>);
