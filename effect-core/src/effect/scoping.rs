//! Clean-up that always runs: finalizers, resources, scopes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::FutureExt;
use pin_project_lite::pin_project;

use crate::effect::creating::succeed;
use crate::fiber::FiberState;
use crate::mask::{self, Masked};
use crate::net::caught;
use crate::opaque_debug::opaque_debug;
use crate::program::{self, Outcome};
use crate::scope::Scope;
use crate::settled::settled;
use crate::{Cx, Effect, Env, IntoEffect, Never, Program, Value};

/// # Cleaning up
///
/// A finalizer runs exactly once, whatever ends the effect: success, failure, a panic, interruption, a lost
/// race, a time-out, a foreign `select!`, or a driver that is dropped. It is not interrupted, and cannot
/// fail: what may fail in it is recovered from or [`or_die`](Effect::or_die)s. A finalizer that panics does
/// not stop the next; its defect is in the fiber's [`Cause`](crate::Cause).
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs a finalizer after this effect, however it ends.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, the effect is dropped first; the finalizer runs next, and whoever interrupted waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{fail, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let failing = fail::<_, _, ()>("disk full")
    ///     .ensuring(sync(move || log.send("closed").unwrap()));
    /// assert_eq!(failing.await, Err("disk full"));
    /// assert_eq!(lines.recv(), Ok("closed"));
    /// # }
    /// ```
    #[doc(alias = "finally")]
    pub fn ensuring<I>(self, finalizer: I) -> Effect<R, E, A, Ensuring<P, I::Program>>
    where
        I: IntoEffect<R, Error = Never>,
    {
        let finalizer = finalizer.into_effect().program;
        Effect::of(Ensuring {
            program: self.program,
            finalizer,
        })
    }

    /// Runs a finalizer if this effect is interrupted, and only then.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, the effect is dropped first; the finalizer runs next, and whoever interrupted waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, succeed, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let waiting = never::<_, &str, u8>()
    ///     .on_interrupt(sync(move || log.send("interrupted").unwrap()));
    /// assert_eq!(waiting.race_first(succeed(1)).await, Ok(1));
    /// assert_eq!(lines.recv(), Ok("interrupted"));
    /// # }
    /// ```
    pub fn on_interrupt<I>(self, finalizer: I) -> Effect<R, E, A, OnInterrupt<P, I::Program>>
    where
        I: IntoEffect<R, Error = Never>,
    {
        let finalizer = finalizer.into_effect().program;
        Effect::of(OnInterrupt {
            program: self.program,
            finalizer,
        })
    }

    /// Opens a scope for the resources that this effect acquires, and closes it when the effect ends.
    ///
    /// The resources are released in the reverse order of their acquisition.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, succeed, sync, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let open = move |name: &'static str| {
    ///     let log = log.clone();
    ///     acquire_release(succeed::<_, Never, _>(name), move |name| {
    ///         sync(move || log.send(name).unwrap())
    ///     })
    /// };
    /// open("outer").zip(open("inner")).scoped().await.unwrap();
    /// drop(open);
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["inner", "outer"]);
    /// # }
    /// ```
    pub fn scoped(self) -> Effect<R, E, A, Scoped<P>> {
        Effect::of(Scoped {
            program: self.program,
        })
    }
}

/// Acquires a resource and promises its release to the current scope.
///
/// The acquisition is not interrupted, and the release is registered with it: there is no moment in which the
/// resource is there and its release is not promised. The scope is that of the nearest
/// [`scoped`](Effect::scoped), or the fiber's own. What cannot be cloned goes into an `Arc`.
///
/// # Errors
///
/// What the acquisition fails with; nothing is released then.
///
/// # Examples
///
/// ```
/// use effect_core::{acquire_release, succeed, sync, Never};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (log, lines) = std::sync::mpsc::channel();
/// let connection = acquire_release(succeed::<_, Never, _>("connection"), move |name| {
///     sync(move || log.send(format!("{name} released")).unwrap())
/// });
/// assert_eq!(connection.map(str::len).scoped().await, Ok(10));
/// assert_eq!(lines.recv().unwrap(), "connection released");
/// # }
/// ```
#[doc(alias = "bracket")]
pub fn acquire_release<R, A, I, J, F>(
    acquire: I,
    release: F,
) -> Effect<R, I::Error, A, AcquireRelease<I::Program, F>>
where
    R: Env,
    A: Value + Clone,
    I: IntoEffect<R, Value = A>,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(A) -> J + Value,
{
    Effect::new(AcquireRelease {
        acquire: acquire.into_effect().program,
        release,
    })
}

/// The program of [`Effect::ensuring`].
#[derive(Clone, Debug)]
pub struct Ensuring<P, Q> {
    program: P,
    finalizer: Q,
}

impl<R: Env, P: Program<R>, Q: Program<R, Error = Never>> Program<R> for Ensuring<P, Q> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let owing = Owing::new(cx, self.finalizer, When::Dropped);
        let body = self.program.run(cx);
        // The end takes the same road as a drop: the guard goes, and owes. So there is one to get right.
        settled(cx.fiber(), Guarded { body, owing })
    }
}

/// The program of [`Effect::on_interrupt`].
#[derive(Clone, Debug)]
pub struct OnInterrupt<P, Q> {
    program: P,
    finalizer: Q,
}

impl<R: Env, P: Program<R>, Q: Program<R, Error = Never>> Program<R> for OnInterrupt<P, Q> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let owing = Owing::new(cx, self.finalizer, When::Interrupted);
        let body = self.program.run(cx);
        Guarded { body, owing }
    }
}

pin_project! {
    /// A body, and what is owed when it is dropped. The body is dropped first.
    struct Guarded<'cx, R, Q, Fut>
    where
        R: Env,
        Q: Program<R>,
    {
        #[pin]
        body: Fut,
        owing: Owing<'cx, R, Q>,
    }
}

impl<R: Env, Q: Program<R>, Fut: Future> Future for Guarded<'_, R, Q, Fut> {
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let this = self.project();
        // A panic of the body leaves it so.
        this.owing.body = Body::Polled;
        let polled = this.body.poll(task);
        this.owing.body = if polled.is_ready() {
            Body::Ended
        } else {
            Body::Waiting
        };
        polled
    }
}

/// Which drops a finalizer is owed after.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Dropped,
    Interrupted,
}

/// Where a guarded body is.
#[derive(Clone, Copy, PartialEq)]
enum Body {
    NotStarted,
    /// Being polled, or it has panicked.
    Polled,
    Waiting,
    Ended,
}

/// A guard that owes a finalizer to its fiber once its body has started.
struct Owing<'cx, R: Env, Q: Program<R>> {
    cx: &'cx Cx<R>,
    finalizer: Option<Q>,
    when: When,
    body: Body,
}

impl<'cx, R: Env, Q: Program<R>> Owing<'cx, R, Q> {
    fn new(cx: &'cx Cx<R>, finalizer: Q, when: When) -> Self {
        Owing {
            cx,
            finalizer: Some(finalizer),
            when,
            body: Body::NotStarted,
        }
    }
}

impl<R: Env, Q: Program<R>> Drop for Owing<'_, R, Q> {
    fn drop(&mut self) {
        let Some(finalizer) = self.finalizer.take() else {
            return;
        };
        let owed = match self.when {
            // An effect that has not started owes nothing.
            When::Dropped => self.body != Body::NotStarted,
            When::Interrupted => self.body == Body::Waiting,
        };
        if !owed {
            return;
        }
        let cx = self.cx.clone();
        let work = async move {
            let _ = program::run(finalizer, &cx).await;
        };
        self.cx.fiber().owe(work.boxed());
    }
}

/// The program of [`Effect::scoped`].
#[derive(Clone, Debug)]
pub struct Scoped<P> {
    program: P,
}

impl<R: Env, P: Program<R>> Program<R> for Scoped<P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let fiber = cx.fiber();
        let scope = Arc::new(Scope::new());
        let body = async {
            // Dropped after all that is acquired in it.
            let _closing = Closing {
                fiber,
                scope: Arc::clone(&scope),
            };
            let inner = cx.with_scope(Arc::clone(&scope));
            self.program.run(&inner).await
        };
        settled(fiber, body).await
    }
}

/// Owes the closing of a scope to its fiber.
struct Closing<'cx> {
    fiber: &'cx Arc<FiberState>,
    scope: Arc<Scope>,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        // Closed at once if it is empty: an acquisition that still runs then releases what it has acquired.
        if self.scope.try_close() {
            return;
        }
        let (fiber, owed) = (Arc::clone(self.fiber), OwedScope(Arc::clone(&self.scope)));
        let work = async move {
            // Only now: an acquisition that this drop interrupted was owed first, and has ended by here.
            while let Some(finalizer) = owed.0.pop() {
                // Each has ended, with all that it owes, before the next begins.
                let ended = settled(&fiber, caught(&fiber, finalizer)).await;
                if let Err(defect) = ended {
                    fiber.record_defect(defect);
                }
            }
        };
        self.fiber.owe(work.boxed());
    }
}

/// A scope that is to be closed. If nobody can, it is emptied: its finalizers hold on to it.
struct OwedScope(Arc<Scope>);

impl Drop for OwedScope {
    fn drop(&mut self) {
        while let Some(lost) = self.0.pop() {
            drop(lost);
        }
    }
}

/// The program of [`acquire_release`].
#[derive(Clone)]
pub struct AcquireRelease<P, F> {
    acquire: P,
    release: F,
}

impl<R, P, J, F> Program<R> for AcquireRelease<P, F>
where
    R: Env,
    P: Program<R>,
    P::Value: Clone,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(P::Value) -> J + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let inner = mask::sealed(cx);
        let acquire = async move {
            let resource = program::run(self.acquire, &inner).await?;
            // Through an effect, so that the closure is called when the release is due, and may panic then.
            let release = succeed(resource.clone()).flat_map(self.release);
            inner.add_finalizer(release).await;
            Ok(resource)
        };
        Masked::plain(cx, acquire.boxed()).await
    }
}

opaque_debug!(AcquireRelease<P, F>);
