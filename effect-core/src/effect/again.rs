//! Running again: the loop that retries and repeats are, polled by hand.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::budget::Budget;
use crate::cx::deadline;
use crate::program::{Outcome, Pace};
use crate::{Cx, Env, Program, Runtime, Timer, WaitsFor};

pin_project! {
    /// The future of [`again`].
    // Never `Unpin`: where a chain is compiled, the proof whether it is would go through all that is in it, and 40 steps are
    // too deep for that.
    #[project(!Unpin)]
    pub(crate) struct Again<'cx, Begin, Run, Decide> {
        runtime: &'cx Arc<dyn Runtime>,
        waits_for: WaitsFor,
        begin: Begin,
        decide: Decide,
        budget: Budget,
        // At most one of the two is there: a run, or the delay before the next.
        #[pin]
        run: Option<Run>,
        #[pin]
        timer: Option<Timer>,
    }
}

/// A run, begun.
pub(crate) enum Begun<Run: Future> {
    /// It has ended.
    Ended(Run::Output),
    /// It is to be polled.
    Running(Run),
}

/// Begins a run of a program.
#[inline]
pub(crate) fn begin<R: Env, P: Program<R>>(
    program: P,
    cx: &Cx<R>,
) -> Begun<impl Future<Output = Outcome<R, P>> + Send> {
    if let Pace::Now = P::PACE {
        Begun::Ended(program.run_now(cx).into_result())
    } else {
        Begun::Running(program.run(cx))
    }
}

/// Begins a run, and asks what its output leads to: a result, or another run, after a delay.
///
/// A run has been dropped before anybody is asked. Where nothing waits, others have their turn now and then.
pub(crate) fn again<R: Env, T, Begin, Run, Decide>(
    cx: &Cx<R>,
    waits_for: WaitsFor,
    begin: Begin,
    decide: Decide,
) -> Again<'_, Begin, Run, Decide>
where
    Begin: FnMut() -> Begun<Run>,
    Run: Future,
    Decide: FnMut(Run::Output) -> ControlFlow<T, Duration>,
{
    Again {
        runtime: cx.runtime(),
        waits_for,
        begin,
        decide,
        budget: Budget::new(),
        run: None,
        timer: None,
    }
}

impl<T, Begin, Run, Decide> Future for Again<'_, Begin, Run, Decide>
where
    Begin: FnMut() -> Begun<Run>,
    Run: Future,
    Decide: FnMut(Run::Output) -> ControlFlow<T, Duration>,
{
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<T> {
        let mut this = self.project();
        // Known here: runs without delays between them do not look for one each time.
        let mut delayed = this.timer.is_some();
        loop {
            if delayed && let Some(timer) = this.timer.as_mut().as_pin_mut() {
                if timer.poll(task).is_pending() {
                    this.waits_for.note();
                    return Poll::Pending;
                }
                this.timer.set(None);
                delayed = false;
            }
            let output = 'run: {
                if this.run.is_none() {
                    match (this.begin)() {
                        Begun::Ended(output) => break 'run output,
                        Begun::Running(run) => this.run.set(Some(run)),
                    }
                }
                let run = this.run.as_mut().as_pin_mut().expect("it has begun");
                let output = ready!(run.poll(task));
                this.run.set(None);
                output
            };
            let delay = match (this.decide)(output) {
                ControlFlow::Continue(delay) => delay,
                ControlFlow::Break(result) => return Poll::Ready(result),
            };
            if !delay.is_zero() {
                let due = deadline(this.runtime.now(), delay);
                this.timer.set(Some(this.runtime.sleep_until(due)));
                delayed = true;
            } else if this.budget.is_spent() {
                this.waits_for.note();
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}
