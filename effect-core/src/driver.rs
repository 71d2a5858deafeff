//! The driver: polls a fiber's body to its end, and ends the fiber only when nothing is owed.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::cleanup::{CleanupQueue, Mark, Settle};
use crate::defect::{self, catch, catch_poll};
use crate::fiber::{ExitSlot, FiberState};
use crate::program;
use crate::runtime::Report;
use crate::{Cause, Cx, Defect, Env, Exit, FiberId, Program, Value};

/// How a body ended.
enum Ended<E, A> {
    Returned(Result<A, E>),
    Panicked(Defect),
    Interrupted,
}

/// Drives a forked fiber and leaves its exit for the handle.
pub(crate) fn drive_child<R, E, A, P>(
    program: P,
    cx: Cx<R>,
    slot: Arc<ExitSlot<E, A>>,
) -> impl Future<Output = ()> + Send
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    // Outside the block: a task that is dropped before its first poll leaves its parent as well.
    let mut guard = DropGuard::new(cx.fiber());
    async move {
        let ended = run_body(program, &cx).await;
        let by = cx.fiber().interrupted_by();
        end(cx.fiber(), |defects| slot.put(exit_of(ended, by, defects))).await;
        guard.disarm();
    }
}

/// Drives a root fiber, in place, to its exit.
pub(crate) async fn drive_root<R, E, A, P>(program: P, cx: Cx<R>) -> Exit<E, A>
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    defect::watch_panics();
    let mut guard = DropGuard::new(cx.fiber());
    let ended = run_body(program, &cx).await;
    let mut found = Vec::new();
    end(cx.fiber(), |defects| found = defects).await;
    guard.disarm();
    exit_of(ended, cx.fiber().interrupted_by(), found)
}

fn exit_of<E, A>(ended: Ended<E, A>, by: Option<FiberId>, defects: Vec<Defect>) -> Exit<E, A> {
    match ended {
        Ended::Returned(result) => Exit::from_result(result, defects),
        Ended::Panicked(defect) => Exit::from_cause(Cause::die(defect), defects),
        Ended::Interrupted => Exit::from_cause(Cause::interrupt(by), defects),
    }
}

/// Polls the body until it returns, panics or is interrupted, and drops it.
async fn run_body<R, E, A, P>(program: P, cx: &Cx<R>) -> Ended<E, A>
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    let fiber = cx.fiber();
    let mut body = pin!(Some(program::run(program, cx)));
    let ended = poll_fn(|task| {
        fiber.listen(task);
        if fiber.is_interrupted() {
            return Poll::Ready(Ended::Interrupted);
        }
        let future = body
            .as_mut()
            .as_pin_mut()
            .expect("the body is dropped after its end");
        match catch_poll(future, task) {
            Poll::Ready(Ok(result)) => Poll::Ready(Ended::Returned(result)),
            Poll::Ready(Err(defect)) => Poll::Ready(Ended::Panicked(defect)),
            Poll::Pending => {
                poll_background(fiber, task);
                // The body may have interrupted itself, after which no waker will tell.
                if fiber.is_interrupted() {
                    Poll::Ready(Ended::Interrupted)
                } else {
                    Poll::Pending
                }
            }
        }
    })
    .await;
    fiber.set_unwinding(matches!(ended, Ended::Panicked(_)));
    let dropped = catch(|| body.set(None));
    fiber.set_unwinding(false);
    if let Err(defect) = dropped {
        fiber.record_defect(defect);
    }
    ended
}

/// Runs what a foreign drop pushed while the body goes on. What has begun stays in the queue: the finalizers
/// of what is around that drop wait for it.
fn poll_background(fiber: &FiberState, task: &mut Context<'_>) {
    if fiber.mark() == Mark::START {
        return;
    }
    while let Some((at, mut work)) = fiber.with_cleanup(CleanupQueue::pop) {
        match catch_poll(work.as_mut(), task) {
            Poll::Pending => {
                fiber.with_cleanup(|queue| queue.put_back(at, work));
                return;
            }
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(defect)) => fiber.record_defect(defect),
        }
    }
}

/// Ends a fiber whose body is gone, once nothing is owed. `last` is called with the defects of its
/// finalizers, right before anybody can see that it has ended.
async fn end(fiber: &Arc<FiberState>, last: impl FnOnce(Vec<Defect>)) {
    let mut last = Some(last);
    loop {
        let ended = fiber.try_end(|defects| {
            if let Some(last) = last.take() {
                last(defects);
            }
        });
        if ended {
            return;
        }
        finish(fiber).await;
    }
}

/// Runs all that a fiber owes: the finalizers of what was dropped, then its children's end, then the
/// finalizers of its scope, which the children may have used.
async fn finish(fiber: &Arc<FiberState>) {
    loop {
        Settle::new(fiber, Mark::START).await;
        if fiber.has_children() {
            fiber.interrupt_children();
            poll_fn(|task| fiber.poll_childless(task)).await;
        } else if let Some(finalizer) = fiber.scope().pop() {
            // By way of the queue, so that it is not lost if we are dropped while it runs.
            fiber.owe(finalizer);
        } else {
            return;
        }
    }
}

/// Sees to it that a driver which is itself dropped leaves nothing behind: a web framework drops its handler,
/// a runtime shuts down.
struct DropGuard {
    fiber: Option<Arc<FiberState>>,
}

impl DropGuard {
    fn new(fiber: &Arc<FiberState>) -> Self {
        DropGuard {
            fiber: Some(Arc::clone(fiber)),
        }
    }

    fn disarm(&mut self) {
        self.fiber = None;
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        let Some(fiber) = self.fiber.take() else {
            return;
        };
        fiber.interrupt(None);
        if fiber.owed() == 0 && fiber.try_end(drop) {
            return;
        }
        let runtime = Arc::clone(fiber.runtime());
        let orphan = Orphan { fiber: Some(fiber) };
        runtime.spawn(Box::pin(orphan.finish()));
    }
}

/// A fiber without a driver: the runtime finishes it, or it is counted as lost.
struct Orphan {
    fiber: Option<Arc<FiberState>>,
}

impl Orphan {
    async fn finish(mut self) {
        if let Some(fiber) = &self.fiber {
            end(fiber, drop).await;
        }
        self.fiber = None;
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        let Some(fiber) = self.fiber.take() else {
            return;
        };
        let lost = fiber.abandon();
        if lost > 0 {
            fiber.runtime().report(&Report::LostFinalizers {
                fiber: fiber.id(),
                count: lost,
            });
        }
    }
}
