//! A mutex around effects: one at a time, and inside of itself at no cost.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::permits::{Permit, Permits};
use super::section::{Hold, Section, section};
use crate::program::{self, Outcome};
use crate::{Cx, Effect, Env, IntoEffect, Program, WaitsFor};

/// Lets one effect run at a time, of all that are run [with](Mutex::with) it.
///
/// It is *reentrant*: inside of an effect that holds it, `with` runs at once. Inside is what the holder's own future
/// polls, the finalizers that it owes included; so of two branches of a `zip_par` that both take it, the second waits. A
/// forked fiber is not inside: it waits like everybody else, and whoever joins it while holding the mutex waits for ever.
///
/// Those who wait are served in turn. Who is interrupted lets go after the finalizers that are owed then.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Mutex;
/// use effect_core::{Cx, Never, effect, succeed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mutex = Mutex::new();
/// let again = mutex.clone();
/// let twice = mutex.with(effect(async move |cx: Cx<()>| {
///     cx.run(again.with(succeed::<_, Never, _>("in"))).await
/// }));
/// assert_eq!(twice.await, Ok("in"));
/// # }
/// ```
#[derive(Clone)]
pub struct Mutex {
    permit: Arc<Permits>,
}

impl Mutex {
    /// Creates a mutex that nobody holds.
    pub fn new() -> Self {
        Mutex {
            permit: Permits::new(1),
        }
    }

    /// Runs an effect while it holds the mutex.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it waits, it has no effect. Interrupted while the effect runs, it lets go after the finalizers
    /// that the effect owes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Mutex;
    /// use effect_core::{Never, sleep};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let mutex = Mutex::new();
    /// let second = || mutex.with(sleep::<_, Never>(Duration::from_secs(1)));
    /// let before = tokio::time::Instant::now();
    /// second().zip_par(second()).await.unwrap();
    /// assert_eq!(before.elapsed().as_secs(), 2);
    /// # }
    /// ```
    #[track_caller]
    pub fn with<R, I>(&self, effect: I) -> Effect<R, I::Error, I::Value, WithMutex<I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        Effect::of(WithMutex {
            permit: Arc::clone(&self.permit),
            waits_for: WaitsFor::here("a mutex"),
            program: effect.into_effect().program,
        })
    }

    /// Whether somebody holds it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Mutex;
    ///
    /// assert!(!Mutex::new().is_held());
    /// ```
    pub fn is_held(&self) -> bool {
        self.permit.free() == 0
    }
}

impl Default for Mutex {
    fn default() -> Self {
        Mutex::new()
    }
}

impl fmt::Debug for Mutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex")
            .field("held", &self.is_held())
            .finish_non_exhaustive()
    }
}

thread_local! {
    /// The mutexes inside of which the future is that is polled on this thread. Neither the fiber nor the context would
    /// do: branches of one fiber are not inside of each other, and a body may run effects by a context from outside.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Which mutex that is, as long as it is alive.
fn identity(permit: &Arc<Permits>) -> usize {
    Arc::as_ptr(permit).addr()
}

/// A mutex that is held.
struct Held {
    permit: Permit,
}

impl Hold for Held {
    fn inside<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Leaves also when the work panics.
        struct Leave;

        impl Drop for Leave {
            fn drop(&mut self) {
                INSIDE.with_borrow_mut(Vec::pop);
            }
        }

        let mine = identity(self.permit.permits());
        INSIDE.with_borrow_mut(|inside| inside.push(mine));
        let _leave = Leave;
        work()
    }
}

/// The program of [`Mutex::with`].
#[derive(Clone)]
pub struct WithMutex<P> {
    permit: Arc<Permits>,
    waits_for: WaitsFor,
    program: P,
}

impl<R: Env, P: Program<R>> Program<R> for WithMutex<P> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let acquire = Arc::clone(&self.permit).acquire(1);
        let held = async move {
            Held {
                permit: acquire.await,
            }
        };
        let body = program::run(self.program, cx);
        Entering {
            permit: self.permit,
            nested: None,
            section: section(cx.fiber(), self.waits_for, held, body),
        }
    }
}

pin_project! {
    /// Looks at its first poll whether it is inside already, and has nothing to acquire then.
    struct Entering<'cx, Acquire, Fut: Future> {
        permit: Arc<Permits>,
        nested: Option<bool>,
        #[pin]
        section: Section<'cx, Acquire, Held, Fut>,
    }
}

impl<Acquire, Fut> Future for Entering<'_, Acquire, Fut>
where
    Acquire: Future<Output = Held>,
    Fut: Future,
{
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let this = self.project();
        let nested = *this.nested.get_or_insert_with(|| {
            let mine = identity(this.permit);
            INSIDE.with_borrow(|inside| inside.contains(&mine))
        });
        if nested {
            this.section.poll_body(task)
        } else {
            this.section.poll(task)
        }
    }
}

crate::opaque_debug::opaque_debug!(WithMutex<P>);
