//! What takes the registration of a callback back.

use std::future::Future;

use futures::future::FutureExt;

use crate::program;
use crate::{Cx, Effect, Env, Never, Program, Value};

/// What takes the registration of a [`callback`](crate::callback) back: an effect that cannot fail, `()` for nothing, or an `Option`
/// of either.
///
/// # Examples
///
/// ```
/// use effect_core::{callback, sync, Resume};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let (log, lines) = std::sync::mpsc::channel();
/// let listening = callback(move |resume: Resume<&str, ()>| {
///     let registration = resume;
///     sync(move || {
///         drop(registration);
///         log.send("no longer listening").unwrap();
///     })
/// });
/// assert!(listening.timeout(Duration::from_secs(1)).await.is_err());
/// assert_eq!(lines.recv(), Ok("no longer listening"));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take the registration of a callback back, in the environment `{R}`",
    label = "neither `()` nor an effect that cannot fail",
    note = "return `()` if nothing is to be taken back, or an `Effect` whose error is `Never`"
)]
pub trait Canceler<R: Env>: Value {
    /// Takes the registration back, and has nothing to fail with.
    fn cancel(self, cx: &Cx<R>) -> impl Future<Output = ()> + Send;

    /// Whether there is nothing to do.
    fn is_nothing(&self) -> bool {
        false
    }
}

impl<R: Env> Canceler<R> for () {
    async fn cancel(self, _cx: &Cx<R>) {}

    fn is_nothing(&self) -> bool {
        true
    }
}

impl<R: Env, A: Value, P: Program<R, Error = Never, Value = A>> Canceler<R>
    for Effect<R, Never, A, P>
{
    fn cancel(self, cx: &Cx<R>) -> impl Future<Output = ()> + Send {
        program::run(self.program, cx).map(drop)
    }
}

impl<R: Env, C: Canceler<R>> Canceler<R> for Option<C> {
    async fn cancel(self, cx: &Cx<R>) {
        if let Some(canceler) = self {
            canceler.cancel(cx).await;
        }
    }

    fn is_nothing(&self) -> bool {
        self.as_ref().is_none_or(C::is_nothing)
    }
}
