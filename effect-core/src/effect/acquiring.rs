//! Acquiring: what is acquired, and the promise that it is released.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use futures::future::FutureExt;

use super::masking::{Restore, uninterruptible_mask};
use super::scoping::Closing;
use crate::mask::{self, Masked};
use crate::net::caught;
use crate::opaque_debug::opaque_debug;
use crate::program::{self, Outcome};
use crate::scope::{self, Order};
use crate::settled::settled;
use crate::{Cx, Effect, Env, Exit, IntoEffect, Never, Program, Value};

/// Acquires a resource and promises its release to the current scope.
///
/// The acquisition is not interrupted, and the release is registered with it: there is no moment in which the
/// resource is there and its release is not promised. The scope is that of the nearest
/// [`scoped`](Effect::scoped), or the fiber's own. What cannot be cloned goes into an `Arc`: `acquire.map(Arc::new)`.
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
#[track_caller]
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
        place: Location::caller(),
    })
}

/// Acquires a resource and promises its release to the current scope, which tells the release how it was closed.
///
/// The rest is as with [`acquire_release`]. The exit is that of the [`scoped`](Effect::scoped) effect, or of the fiber.
///
/// # Errors
///
/// What the acquisition fails with; nothing is released then.
///
/// # Examples
///
/// ```
/// use effect_core::{acquire_release_exit, fail, succeed, sync};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (log, lines) = std::sync::mpsc::channel();
/// let transaction = acquire_release_exit(succeed("transfer"), move |name, exit| {
///     let how = if exit.is_success() { "committed" } else { "rolled back" };
///     sync(move || log.send(format!("{name} {how}")).unwrap())
/// });
/// let work = transaction.flat_map(|_| fail::<_, _, ()>("no funds"));
/// assert_eq!(work.scoped().await, Err("no funds"));
/// assert_eq!(lines.recv().unwrap(), "transfer rolled back");
/// # }
/// ```
#[track_caller]
pub fn acquire_release_exit<R, A, I, J, F>(
    acquire: I,
    release: F,
) -> Effect<R, I::Error, A, AcquireReleaseExit<I::Program, F>>
where
    R: Env,
    A: Value + Clone,
    I: IntoEffect<R, Value = A>,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(A, Exit<(), ()>) -> J + Value,
{
    Effect::new(AcquireReleaseExit {
        acquire: acquire.into_effect().program,
        release,
        place: Location::caller(),
    })
}

/// Acquires a resource in a way that can be interrupted, and promises its release to the current scope.
///
/// For an acquisition that may wait for long, and that acquires nothing if it is dropped on the way: a place in a queue, a
/// connection that is made of futures. Once it has its value, the release is promised in the same step.
///
/// # Errors
///
/// What the acquisition fails with; nothing is released then.
///
/// # Examples
///
/// ```
/// use effect_core::{acquire_release_interruptible, never, succeed};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let queueing = acquire_release_interruptible(never::<_, &str, ()>(), |()| succeed(()));
/// assert!(queueing.scoped().timeout(Duration::from_secs(1)).await.is_err());
/// # }
/// ```
#[track_caller]
pub fn acquire_release_interruptible<R, A, I, J, F>(
    acquire: I,
    release: F,
) -> Effect<R, I::Error, A, AcquireReleaseInterruptible<I::Program, F>>
where
    R: Env,
    A: Value + Clone,
    I: IntoEffect<R, Value = A>,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(A) -> J + Value,
{
    Effect::new(AcquireReleaseInterruptible {
        acquire: acquire.into_effect().program,
        release,
        place: Location::caller(),
    })
}

/// Acquires a resource, of which parts of the acquisition can be interrupted, and promises its release to the current scope.
///
/// The function gets a [`Restore`], and lets be interrupted what it gives to that: see [`uninterruptible_mask`].
///
/// # Errors
///
/// What the acquisition fails with; nothing is released then.
///
/// # Examples
///
/// ```
/// use effect_core::{acquire_release_mask, sleep, succeed, Never};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// // Who waits for the permit can be interrupted; who has it opens the file.
/// let file = acquire_release_mask(
///     |restore| {
///         let permit = restore.apply(sleep::<_, Never>(Duration::from_secs(60)));
///         permit.flat_map(|()| succeed("file"))
///     },
///     |_| succeed(()),
/// );
/// let begun = tokio::time::Instant::now();
/// assert!(file.scoped().timeout(Duration::from_secs(1)).await.is_err());
/// assert_eq!(begun.elapsed().as_secs(), 1);
/// # }
/// ```
#[track_caller]
pub fn acquire_release_mask<R, A, I, J, F, G>(
    acquire: F,
    release: G,
) -> Effect<R, I::Error, A, AcquireReleaseMask<F, G>>
where
    R: Env,
    A: Value + Clone,
    I: IntoEffect<R, Value = A>,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(Restore) -> I + Value,
    G: FnOnce(A) -> J + Value,
{
    Effect::new(AcquireReleaseMask {
        acquire,
        release,
        place: Location::caller(),
    })
}

/// Acquires a resource, uses it, and releases it, however the use ends.
///
/// The acquisition is not interrupted; the use can be. What the use itself acquires is of the scope around all of this. What
/// cannot be cloned goes into an `Arc`: `acquire.map(Arc::new)`.
///
/// # Errors
///
/// What the acquisition fails with, in which case nothing is used or released, or what the use fails with.
///
/// # Cancel safety
///
/// Interrupted, the use is dropped first; the release runs next, and whoever interrupted waits.
///
/// # Examples
///
/// ```
/// use effect_core::{acquire_use_release, fail, succeed, sync};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (log, lines) = std::sync::mpsc::channel();
/// let work = acquire_use_release(
///     succeed("file"),
///     |name| fail::<_, _, ()>(format!("{name} is empty")),
///     move |name| sync(move || log.send(name).unwrap()),
/// );
/// assert_eq!(work.await, Err("file is empty".to_owned()));
/// assert_eq!(lines.recv(), Ok("file"));
/// # }
/// ```
#[doc(alias = "bracket")]
#[track_caller]
pub fn acquire_use_release<R, A, B, I, U, J, F, G>(
    acquire: I,
    use_it: F,
    release: G,
) -> Effect<R, I::Error, B, AcquireUseRelease<I::Program, F, G>>
where
    R: Env,
    A: Value + Clone,
    B: Value,
    I: IntoEffect<R, Value = A>,
    U: IntoEffect<R, Error = I::Error, Value = B>,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(A) -> U + Value,
    G: FnOnce(A) -> J + Value,
{
    Effect::new(AcquireUseRelease {
        acquire: acquire_release(acquire, release).program,
        use_it,
    })
}

/// Runs an acquisition to its end, and promises the release before anybody can be told of it.
fn acquired<'cx, R, P, J, F>(
    cx: &'cx Cx<R>,
    acquire: P,
    place: &'static Location<'static>,
    release: F,
) -> impl Future<Output = Outcome<R, P>> + Send + use<'cx, R, P, J, F>
where
    R: Env,
    P: Program<R>,
    P::Value: Clone,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(P::Value, Exit<(), ()>) -> J + Value,
{
    let inner = mask::sealed(cx);
    let acquire = async move {
        let resource = program::run(acquire, &inner).await?;
        promise(&inner, resource.clone(), place, release).await;
        Ok(resource)
    };
    Masked::plain(cx, acquire.boxed())
}

/// Promises the release of a resource to the current scope. It waits only if that is closed.
async fn promise<R, A, J, F>(cx: &Cx<R>, resource: A, place: &'static Location<'static>, release: F)
where
    R: Env,
    A: Value,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(A, Exit<(), ()>) -> J + Value,
{
    let release = scope::finalizer(cx, place, move |exit| release(resource, exit));
    scope::add(cx, cx.scope_state(), release).await;
}

/// The program of [`acquire_release`].
#[derive(Clone)]
pub struct AcquireRelease<P, F> {
    acquire: P,
    release: F,
    place: &'static Location<'static>,
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

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let release = self.release;
        let release = move |resource, _: Exit<(), ()>| release(resource);
        acquired(cx, self.acquire, self.place, release)
    }
}

/// The program of [`acquire_release_exit`].
#[derive(Clone)]
pub struct AcquireReleaseExit<P, F> {
    acquire: P,
    release: F,
    place: &'static Location<'static>,
}

impl<R, P, J, F> Program<R> for AcquireReleaseExit<P, F>
where
    R: Env,
    P: Program<R>,
    P::Value: Clone,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(P::Value, Exit<(), ()>) -> J + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        acquired(cx, self.acquire, self.place, self.release)
    }
}

/// The program of [`acquire_release_interruptible`].
#[derive(Clone)]
pub struct AcquireReleaseInterruptible<P, F> {
    acquire: P,
    release: F,
    place: &'static Location<'static>,
}

impl<R, P, J, F> Program<R> for AcquireReleaseInterruptible<P, F>
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
        let resource = program::run(self.acquire, cx).await?;
        let (inner, owned, release) = (cx.clone(), resource.clone(), self.release);
        // In the same step, unless the scope is closed: then the release runs at once, and to its end.
        let promise = async move {
            let release = move |resource, _: Exit<(), ()>| release(resource);
            promise(&inner, owned, self.place, release).await;
        };
        Masked::plain(cx, promise.boxed()).await;
        Ok(resource)
    }
}

/// The program of [`acquire_release_mask`].
#[derive(Clone)]
pub struct AcquireReleaseMask<F, G> {
    acquire: F,
    release: G,
    place: &'static Location<'static>,
}

impl<R, I, J, F, G> Program<R> for AcquireReleaseMask<F, G>
where
    R: Env,
    I: IntoEffect<R>,
    I::Value: Clone,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(Restore) -> I + Value,
    G: FnOnce(I::Value) -> J + Value,
{
    type Error = I::Error;
    type Value = I::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let AcquireReleaseMask {
            acquire,
            release,
            place,
        } = self;
        let masked = uninterruptible_mask(move |restore| {
            let acquire = acquire(restore).into_effect().program;
            Effect::<R, I::Error, I::Value, _>::new(AcquireHere {
                acquire,
                release,
                place,
            })
        });
        masked.program.run(cx)
    }
}

/// Acquires and promises under a mask that somebody else has made.
struct AcquireHere<P, F> {
    acquire: P,
    release: F,
    place: &'static Location<'static>,
}

impl<R, P, J, F> Program<R> for AcquireHere<P, F>
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
        let resource = program::run(self.acquire, cx).await?;
        let (owned, release) = (resource.clone(), self.release);
        let release = move |resource, _: Exit<(), ()>| release(resource);
        promise(cx, owned, self.place, release).await;
        Ok(resource)
    }
}

/// The program of [`acquire_use_release`].
#[derive(Clone)]
pub struct AcquireUseRelease<P, F, G> {
    acquire: AcquireRelease<P, G>,
    use_it: F,
}

impl<R, P, U, J, F, G> Program<R> for AcquireUseRelease<P, F, G>
where
    R: Env,
    P: Program<R>,
    P::Value: Clone,
    U: IntoEffect<R, Error = P::Error>,
    J: IntoEffect<R, Error = Never>,
    F: FnOnce(P::Value) -> U + Value,
    G: FnOnce(P::Value) -> J + Value,
{
    type Error = P::Error;
    type Value = U::Value;

    async fn run(self, cx: &Cx<R>) -> Result<U::Value, P::Error> {
        let fiber = cx.fiber();
        let body = async {
            // Dropped after the use.
            let closing = Closing::new(fiber, Order::Reverse);
            let inner = cx.with_scope(Arc::clone(&closing.scope));
            let body = async {
                let resource = self.acquire.run(&inner).await?;
                let used = (self.use_it)(resource).into_effect().program;
                program::run(used, cx).await
            };
            let ended = caught(fiber, body).await;
            closing.end(ended)
        };
        settled(fiber, body).await
    }
}

opaque_debug!(
    AcquireRelease<P, F>,
    AcquireReleaseExit<P, F>,
    AcquireReleaseInterruptible<P, F>,
    AcquireReleaseMask<F, G>,
    AcquireUseRelease<P, F, G>
);
