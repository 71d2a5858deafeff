//! What a stage does with one item.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use effect_core::fits::Same;
use effect_core::{Cx, Defect, Env, Value};

use super::report::Fault;
use super::telling;

pub(crate) mod call;
pub(crate) mod equipped;
pub(crate) mod retry;
pub(crate) mod timeout;
pub(crate) mod fallback;
pub(crate) mod guarding;
#[cfg(feature = "tower")]
pub(crate) mod service;

/// What a stage does with one item: a function, or a function with something around it, such as retries.
///
/// Each layer of a [`Stage`](crate::Stage) is a type that implements it, around another. One seldom implements it.
pub trait Work<R: Env, A: Value>: Send + Sync + 'static {
    /// What it fails with.
    type Error: Value;
    /// What it makes of an item.
    type Value: Value;

    /// Makes ready what the stage's workers need before there is an item. Nothing, unless overridden.
    fn prepare(
        &self,
        _worker: Worker<'_, R>,
        _workers: usize,
    ) -> impl Future<Output = Result<(), Box<Failure<Self::Error>>>> + Send {
        std::future::ready(Ok(()))
    }

    /// Works at an item. A panic in this call, in what it gives, and in a finalizer that its end owes, is the item's failure:
    /// the caller sees to that.
    fn work(
        &self,
        item: A,
        worker: Worker<'_, R>,
    ) -> impl Future<Output = Result<Self::Value, Box<Failure<Self::Error>>>> + Send;
}

/// Who works: the context of a runner, and its stage's numbers.
#[derive(Debug)]
pub struct Worker<'a, R> {
    pub(super) cx: &'a Cx<R>,
    /// The stage's name.
    pub(super) stage: &'a str,
    pub(super) retried: &'a AtomicU64,
}

impl<'a, R> Worker<'a, R> {
    /// The context in which effects of the stage run.
    pub fn cx(self) -> &'a Cx<R> {
        self.cx
    }

    pub(super) fn count_retry(self, attempt: u32, delay: Duration) {
        telling::item_retried(self.stage, attempt, delay);
        // Read by the runner that counts, and by nobody else.
        self.retried.fetch_add(1, Ordering::Relaxed);
    }
}

impl<R> Clone for Worker<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Worker<'_, R> {}

/// How an item has failed. In a box, because next to none does, and each result has room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure<E> {
    /// What went wrong.
    pub fault: Fault<E>,
    /// What went wrong after that, when the item's finalizers ran.
    pub then: Vec<Defect>,
    /// How often it was tried.
    pub attempts: u32,
}

impl<E> Failure<E> {
    /// A failure at the first attempt, with nothing after it.
    pub fn new(fault: Fault<E>) -> Box<Self> {
        Box::new(Failure {
            fault,
            then: Vec::new(),
            attempts: 1,
        })
    }

    /// A failure with the stage's own error.
    #[cold]
    pub(super) fn error(error: E) -> Box<Self> {
        Failure::new(Fault::Error(error))
    }

    /// What has come of work that ran under a net of its own.
    pub(super) fn of<A>(
        (ended, mut defects): (Result<Result<A, Box<Self>>, Defect>, Vec<Defect>),
    ) -> Result<A, Box<Self>> {
        let mut failure = match ended {
            Ok(Ok(value)) if defects.is_empty() => return Ok(value),
            Ok(Ok(_)) => Failure::new(Fault::Defect(defects.remove(0))),
            Ok(Err(failure)) => failure,
            Err(defect) => Failure::new(Fault::Defect(defect)),
        };
        failure.then.append(&mut defects);
        Err(failure)
    }
}

/// Works at an item under a net: for layers that go on after a failure, a panic of what is inside is one.
pub(super) async fn contained<R: Env, A: Value, W: Work<R, A>>(
    work: &W,
    item: A,
    worker: Worker<'_, R>,
) -> Result<W::Value, Box<Failure<W::Error>>> {
    // Under the net from the first call on: some work begins with it.
    let work = async move { work.work(item, worker).await };
    Failure::of(worker.cx.attempting(work).await)
}

/// A stage that fails with `Theirs` in a pipeline that fails with `Ours`: they are one type.
///
/// It holds by itself where they are, and lets the compiler say so where they are not: see [`effect_core::fits`].
///
/// # Examples
///
/// ```
/// use effect_stream::{stage, Channel, Pipeline, Stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let output = Channel::bounded(16);
/// let parse = |text: &'static str| async move { text.parse::<i32>().map_err(|why| why.to_string()) };
/// let positive = |n: i32| async move { if n > 0 { Ok(n) } else { Err(format!("{n} is not positive")) } };
/// let report = Pipeline::from_stream(Stream::from_iter(["1", "2"]))
///     .via(stage("parse", parse))
///     .via(stage("positive", positive))
///     .to_channel(output)
///     .run()
///     .await?;
/// assert_eq!(report.delivered, 2);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this stage fails with `{Theirs}`, but the pipeline fails with `{Ours}`",
    label = "fails with `{Theirs}`, not with `{Ours}`",
    note = "make them one type: `.map_error(..)` on the stage's effect, or on those of the stages before it"
)]
pub trait StageError<R: Env, A: Value, Ours, Theirs>: Work<R, A, Error = Ours> {}

#[diagnostic::do_not_recommend]
impl<R, A, Ours, Theirs, W> StageError<R, A, Ours, Theirs> for W
where
    R: Env,
    A: Value,
    W: Same<Ours, Theirs> + Work<R, A, Error = Ours>,
{
}
