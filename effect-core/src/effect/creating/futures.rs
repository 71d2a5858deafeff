//! Effects from futures: one that is dropped when it is interrupted, and one that runs to its end in any case.

use std::future::Future;
use std::panic::Location;

use futures::channel::oneshot;
use futures::future::FutureExt;

use crate::defect::catch_future;
use crate::into_effect::FromFuture;
use crate::opaque_debug::opaque_debug;
use crate::poll::then;
use crate::program::Outcome;
use crate::{Cause, Cx, Defect, Effect, Env, Never, Program, Value, WaitsFor};

/// Creates an effect from a future of a result.
///
/// Whatever takes a continuation takes the plain future as well; this is for where a chain begins with one. A future
/// runs once, so the effect can be run again only if the future can be cloned:
/// [`effect`](fn@crate::effect), which takes a closure, makes one that can be retried. The other way round, an effect is
/// awaited where futures are.
///
/// # Errors
///
/// What the future fails with.
///
/// # Cancel safety
///
/// Interrupted, the effect drops the future. One that loses something then goes into [`shielded`].
///
/// # Examples
///
/// ```
/// # use effect_core::from_future;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let parsed = from_future(async { "12".parse::<u8>() }).map(|n| n + 1);
/// assert_eq!(parsed.await, Ok(13));
/// # }
/// ```
#[track_caller]
pub fn from_future<R, E, A, F>(future: F) -> Effect<R, E, A, Placed<FromFuture<F>>>
where
    R: Env,
    E: Value,
    A: Value,
    F: Future<Output = Result<A, E>> + Send + 'static,
{
    Effect::new(Placed {
        program: FromFuture::new(future),
        place: Location::caller(),
    })
}

/// A program that says where it was made when it fails.
#[derive(Clone, Debug)]
pub struct Placed<P> {
    program: P,
    place: &'static Location<'static>,
}

impl<R: Env, P: Program<R>> Program<R> for Placed<P> {
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        then(self.program.run(cx), move |result: Result<_, _>| {
            result.inspect_err(|_| cx.fiber().raised_in(self.place))
        })
    }
}

/// Creates an effect from a future that must not be dropped half-way: it runs to its end in a task of its own.
///
/// It is for a driver that loses its place in a protocol when it is cancelled, say. Unlike
/// [`uninterruptible`](Effect::uninterruptible), which makes whoever interrupts wait, this lets the future go on
/// behind everybody's back, and nobody sees its result.
///
/// # Errors
///
/// What the future fails with.
///
/// # Panics
///
/// A panic of the future is a defect of the effect; after an interruption, it is
/// [reported](crate::Runtime::report). A runtime that shuts down meanwhile is a defect as well.
///
/// # Cancel safety
///
/// Interrupted, the effect ends at once, and the future goes on. Interrupted before it has begun, it never begins.
///
/// # Examples
///
/// ```
/// use effect_core::{shielded, Never};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let (log, lines) = std::sync::mpsc::channel();
/// let exchange = shielded(async move {
///     tokio::time::sleep(Duration::from_secs(5)).await;
///     log.send("acknowledged").unwrap();
///     Ok::<_, Never>(())
/// });
/// assert!(exchange.timeout(Duration::from_secs(1)).await.is_err());
/// tokio::time::sleep(Duration::from_secs(5)).await;
/// assert_eq!(lines.recv(), Ok("acknowledged"));
/// # }
/// ```
#[track_caller]
pub fn shielded<R, E, A, F>(future: F) -> Effect<R, E, A, Shielded<F>>
where
    R: Env,
    E: Value,
    A: Value,
    F: Future<Output = Result<A, E>> + Send + 'static,
{
    Effect::new(Shielded {
        future,
        waits_for: WaitsFor::here("a shielded future"),
    })
}

/// The program of [`shielded`].
#[derive(Clone)]
pub struct Shielded<F> {
    future: F,
    waits_for: WaitsFor,
}

impl<R, E, A, F> Program<R> for Shielded<F>
where
    R: Env,
    E: Value,
    A: Value,
    F: Future<Output = Result<A, E>> + Send + 'static,
{
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let (done, result) = oneshot::channel();
        let fiber = cx.fiber().clone();
        let task = catch_future(self.future).map(move |ended| {
            if let Err(Err(defect)) = done.send(ended) {
                fiber.report_unobserved(&Cause::<Never>::die(defect));
            }
        });
        cx.runtime().spawn(task.boxed());
        match self.waits_for.told_by(result).await {
            Ok(Ok(result)) => result.inspect_err(|_| cx.fiber().raised_at(self.waits_for.place())),
            Ok(Err(defect)) => defect.raise(),
            Err(oneshot::Canceled) => {
                Defect::new("the runtime shut down before a shielded future had ended").raise()
            }
        }
    }
}

opaque_debug!(Shielded<F>);
