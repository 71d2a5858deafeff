//! Work that blocks its thread, on a thread that may block.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::channel::oneshot;
use futures::future::FutureExt;

use crate::defect::catch;
use crate::fiber::FiberState;
use crate::opaque_debug::opaque_debug;
use crate::{Cx, Defect, Effect, Env, Program, Runtime, Value, WaitsFor};

/// Creates an effect that calls a closure on a thread that may block, and has its result.
///
/// Interruption does not stop the closure: nobody waits for it any more, it runs to its end, and its result
/// is dropped. One that can be told to stop goes into [`blocking_cancelable`].
///
/// # Errors
///
/// What the closure returns.
///
/// # Panics
///
/// A panic of the closure is a defect of the effect. So is a runtime that shuts down before it has run.
///
/// # Examples
///
/// ```
/// # use effect_core::blocking;
/// # #[tokio::main]
/// # async fn main() {
/// let read = blocking(|| std::fs::read_to_string("/no/such/file"));
/// assert_eq!(read.await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
/// # }
/// ```
#[track_caller]
pub fn blocking<R, E, A, F>(f: F) -> Effect<R, E, A, Blocking<F>>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce() -> Result<A, E> + Value,
{
    Effect::new(Blocking {
        f,
        waits_for: WaitsFor::here("a blocking closure"),
    })
}

/// The program of [`blocking`].
#[derive(Clone)]
pub struct Blocking<F> {
    f: F,
    waits_for: WaitsFor,
}

impl<R, E, A, F> Program<R> for Blocking<F>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce() -> Result<A, E> + Value,
{
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let job = start(cx.runtime(), self.f);
        let ended = self.waits_for.told_by(job).await;
        result_of(ended, cx.fiber(), self.waits_for)
    }
}

/// Creates an effect that calls a closure on a thread that may block, and tells it by a flag when it is interrupted.
///
/// The closure asks [`is_cancelled`](Cancel::is_cancelled) every so often, and returns early.
///
/// # Errors
///
/// What the closure returns.
///
/// # Panics
///
/// A panic of the closure is a defect of the effect. So is a runtime that shuts down before it has run.
///
/// # Cancel safety
///
/// Interrupted, the effect sets the flag, and whoever interrupted waits until the closure has returned. A closure
/// that never looks is waited for to its end, or for ever: where that is not wanted, [`blocking`] is.
///
/// # Examples
///
/// ```
/// use effect_core::{blocking_cancelable, Cancel};
/// use std::time::Duration;
///
/// # #[tokio::main]
/// # async fn main() {
/// let counting = blocking_cancelable(|cancel: Cancel| {
///     let mut count = 0_u64;
///     while !cancel.is_cancelled() {
///         count += 1;
///     }
///     Err::<(), _>(count)
/// });
/// assert!(counting.timeout(Duration::from_millis(1)).await.is_err());
/// # }
/// ```
#[track_caller]
pub fn blocking_cancelable<R, E, A, F>(f: F) -> Effect<R, E, A, BlockingCancelable<F>>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce(Cancel) -> Result<A, E> + Value,
{
    Effect::new(BlockingCancelable {
        f,
        waits_for: WaitsFor::here("a blocking closure"),
    })
}

/// Tells the closure of [`blocking_cancelable`] that nobody wants its result any more.
///
/// # Examples
///
/// ```
/// # use effect_core::{blocking_cancelable, Cancel, Never};
/// # #[tokio::main]
/// # async fn main() {
/// let asked = blocking_cancelable(|cancel: Cancel| Ok::<_, Never>(cancel.is_cancelled()));
/// assert_eq!(asked.await, Ok(false));
/// # }
/// ```
#[derive(Clone)]
pub struct Cancel {
    /// Set once, by the drop of the effect. It orders no other memory.
    cancelled: Arc<AtomicBool>,
}

impl Cancel {
    /// Whether the effect was interrupted.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel")
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}

/// The program of [`blocking_cancelable`].
#[derive(Clone)]
pub struct BlockingCancelable<F> {
    f: F,
    waits_for: WaitsFor,
}

impl<R, E, A, F> Program<R> for BlockingCancelable<F>
where
    R: Env,
    E: Value,
    A: Value,
    F: FnOnce(Cancel) -> Result<A, E> + Value,
{
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let cancel = Cancel {
            cancelled: Arc::new(AtomicBool::new(false)),
        };
        let told = cancel.clone();
        let cancelling = Cancelling {
            fiber: cx.fiber(),
            job: Some(start(cx.runtime(), move || (self.f)(told))),
            cancel,
        };
        let ended = self.waits_for.told_by(cancelling).await;
        result_of(ended, cx.fiber(), self.waits_for)
    }
}

/// What comes of a job: how its closure ended, unless the runtime shut down before that ran.
type Job<E, A> = oneshot::Receiver<Result<Result<A, E>, Defect>>;

/// Starts a job. Nobody is left to hear of it when the effect was interrupted.
fn start<E: Value, A: Value>(
    runtime: &Arc<dyn Runtime>,
    f: impl FnOnce() -> Result<A, E> + Value,
) -> Job<E, A> {
    let (done, job) = oneshot::channel();
    runtime.spawn_blocking(Box::new(move || {
        let _ = done.send(catch(f));
    }));
    job
}

fn result_of<E, A>(
    ended: <Job<E, A> as Future>::Output,
    fiber: &FiberState,
    waited_for: WaitsFor,
) -> Result<A, E> {
    match ended {
        Ok(Ok(result)) => result.inspect_err(|_| fiber.raised_at(waited_for.place())),
        Ok(Err(defect)) => defect.raise(),
        Err(oneshot::Canceled) => {
            Defect::new("the runtime shut down before a blocking closure had run").raise()
        }
    }
}

/// A job that is cancelled, and then waited for, when this is dropped half-way.
struct Cancelling<'cx, E: Value, A: Value> {
    fiber: &'cx Arc<FiberState>,
    // `None` once it has ended.
    job: Option<Job<E, A>>,
    cancel: Cancel,
}

impl<E: Value, A: Value> Future for Cancelling<'_, E, A> {
    type Output = <Job<E, A> as Future>::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let job = self.job.as_mut().expect("polled after completion");
        let polled = job.poll_unpin(task);
        if polled.is_ready() {
            self.job = None;
        }
        polled
    }
}

impl<E: Value, A: Value> Drop for Cancelling<'_, E, A> {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.cancel.cancelled.store(true, Ordering::Relaxed);
            let ended = job.map(|ended| {
                if let Ok(Err(defect)) = ended {
                    defect.raise();
                }
            });
            self.fiber.owe(ended.boxed());
        }
    }
}

opaque_debug!(Blocking<F>, BlockingCancelable<F>);
