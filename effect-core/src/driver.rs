//! The driver: polls a fiber's body to its end, and ends the fiber only when nothing is owed.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::budget::Turn;
use crate::cleanup::{Mark, Settle};
use crate::defect::{self, catch, catch_poll};
use crate::fiber::{FiberState, TypedState, watched, watched_task};
use crate::joiners::WakerId;
use crate::mask::Mask;
use crate::net::net;
use crate::program::{self, Outcome};
use crate::runtime::Report;
use crate::scope;
use crate::{Cause, Cx, Env, Exit, Never, Program, Value};

/// Drives a forked fiber and leaves its exit for the handle.
pub(crate) fn drive_child<R, E, A, P>(
    program: P,
    cx: Cx<R>,
    state: Arc<TypedState<E, A>>,
) -> impl Future<Output = ()> + Send
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    // Outside the block: a task that is dropped before its first poll leaves its parent as well.
    let mut driven = Driven::new(cx);
    async move {
        let exit = body(program, &mut driven.cx).await;
        tell_scope(driven.cx.fiber(), &exit);
        state.slot().put(exit);
        driven.end().await;
    }
}

/// Drives a root fiber, in place, to its exit.
pub(crate) fn drive_root<R, E, A, P>(
    program: P,
    cx: Cx<R>,
) -> impl Future<Output = Exit<E, A>> + Send
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    let mut driven = Driven::new(cx);
    watched(&Arc::clone(driven.cx.fiber()), async move {
        defect::watch_panics();
        let exit = body(program, &mut driven.cx).await;
        tell_scope(driven.cx.fiber(), &exit);
        driven.end().await;
        exit.with_defects(driven.cx.fiber().take_defects())
    })
}

pin_project! {
    /// Polls a body until it returns, panics or is interrupted, and drops it.
    struct Body<'cx, Fut> {
        fiber: &'cx Arc<FiberState>,
        listening: Option<WakerId>,
        // What is owed by drops that nobody in the body waits for. Boxed, because it is seldom there.
        background: Option<Box<Settle>>,
        // Of a program that interruption waits for.
        mask: Option<Arc<Mask>>,
        #[pin]
        body: Option<Fut>,
    }
}

fn body<'cx, R, P>(
    program: P,
    cx: &'cx mut Cx<R>,
) -> Body<'cx, impl Future<Output = Outcome<R, P>> + Send + use<'cx, R, P>>
where
    R: Env,
    P: Program<R>,
{
    let mask = program.is_masked().then(|| cx.expect_mask());
    Body {
        fiber: cx.fiber(),
        listening: None,
        background: None,
        mask,
        body: Some(program::run(program, cx)),
    }
}

impl<E, A, Fut: Future<Output = Result<A, E>>> Future for Body<'_, Fut> {
    type Output = Exit<E, A>;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Exit<E, A>> {
        let mut this = self.project();
        let fiber = *this.fiber;
        let begun = this.listening.is_some();
        let interrupted = || Exit::Failure(Cause::interrupts(fiber.interrupters()));
        let mask = this.mask.as_deref();
        let exit = if fiber.is_interrupted() && !holds(mask.filter(|_| begun)) {
            interrupted()
        } else {
            let body = this.body.as_mut().as_pin_mut();
            fiber.begin_poll();
            let turn = Turn::begin();
            let polled = catch_poll(body.expect("polled after completion"), task);
            drop(turn);
            match polled {
                Poll::Ready(Ok(result)) => Exit::from(result).traced(fiber),
                Poll::Ready(Err(defect)) => Exit::Failure(Cause::die(defect)).traced(fiber),
                Poll::Pending => {
                    // Only now: most fibers that never wait need not be woken. What happened before is seen below.
                    if *this.listening != Some(WakerId::of(task.waker())) {
                        *this.listening = Some(fiber.listen(task));
                    }
                    fiber.observe_wait();
                    if fiber.has_unclaimed() || this.background.is_some() {
                        let background = this
                            .background
                            .get_or_insert_with(|| Box::new(Settle::new(fiber)));
                        background.claim(Mark::START);
                        if Pin::new(background).poll(task).is_ready() {
                            *this.background = None;
                        }
                    }
                    // The body may have interrupted itself, after which no waker will tell.
                    if !fiber.is_interrupted() || holds(mask) {
                        return Poll::Pending;
                    }
                    interrupted()
                }
            }
        };
        // What was owed before goes back first: the finalizers of what is around it come later.
        *this.background = None;
        fiber.observe_end(&exit);
        drop_body(fiber, this.body);
        Poll::Ready(exit)
    }
}

/// Whether the mask of a body that has begun holds back an interruption. The parts that it excepts learn of it.
fn holds(mask: Option<&Mask>) -> bool {
    mask.is_some_and(|mask| {
        mask.cut();
        !mask.has_ended()
    })
}

/// Drops a body that has ended, and records the defect of a drop that panics.
pub(crate) fn drop_body<Fut>(fiber: &FiberState, mut body: Pin<&mut Option<Fut>>) {
    if let Err(defect) = catch(|| body.set(None)) {
        fiber.record_defect(defect);
    }
}

/// Leaves the exit of a fiber for the finalizers of its own scope, if it has one.
fn tell_scope<E, A>(fiber: &FiberState, exit: &Exit<E, A>) {
    if let Some(scope) = fiber.own_scope() {
        scope.set_exit(exit.as_unit());
    }
}

/// Ends a fiber whose body is gone, once nothing is owed.
async fn end(fiber: &Arc<FiberState>) {
    while !fiber.try_end() {
        finish(fiber).await;
    }
}

/// Runs all that a fiber owes: the finalizers of what was dropped, then its children's end, then the
/// finalizers of its scope, which the children may have used.
async fn finish(fiber: &Arc<FiberState>) {
    loop {
        settle_all(fiber).await;
        if fiber.has_children() {
            fiber.interrupt_children();
            poll_fn(|task| fiber.poll_childless(task)).await;
        } else if let Some(finalizer) = scope::next_of_own(fiber) {
            // By way of the queue, so that it is not lost if we are dropped while it runs.
            fiber.owe(finalizer);
        } else {
            return;
        }
    }
}

/// Runs what was owed by drops.
fn settle_all(fiber: &Arc<FiberState>) -> Settle {
    let mut owed = Settle::new(fiber);
    owed.claim(Mark::START);
    owed
}

/// Has an orphan run what was owed by drops after the fiber has ended: somebody had kept its context.
pub(crate) fn finish_late(fiber: &Arc<FiberState>) {
    let orphan = Orphan {
        fiber: Some(Arc::clone(fiber)),
    };
    let task = watched_task(fiber, Box::pin(orphan.finish_late()));
    fiber.runtime().spawn_orphan(task);
}

/// Has an orphan finish a fiber that has no driver: what it owes is done, and then it ends.
pub(crate) fn leave(fiber: &Arc<FiberState>) {
    drop(Driven::new(Cx::new(Arc::new(()), Arc::clone(fiber))));
}

/// Sees to it that a driver which is itself dropped leaves nothing behind: a web framework drops its handler,
/// a runtime shuts down.
struct Driven<R> {
    cx: Cx<R>,
    ended: bool,
}

impl<R> Driven<R> {
    fn new(cx: Cx<R>) -> Self {
        Driven { cx, ended: false }
    }

    /// Ends the fiber, whose body is gone.
    async fn end(&mut self) {
        if !self.cx.fiber().try_end() {
            // Boxed, because a fiber that owes nothing need not make room for it.
            Box::pin(end(self.cx.fiber())).await;
        }
        self.ended = true;
    }
}

impl<R> Drop for Driven<R> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let fiber = Arc::clone(self.cx.fiber());
        fiber.interrupt(None);
        if fiber.owed() == 0 && fiber.try_end() {
            return;
        }
        let orphan = Orphan {
            fiber: Some(Arc::clone(&fiber)),
        };
        let task = watched_task(&fiber, Box::pin(orphan.finish()));
        fiber.runtime().spawn_orphan(task);
    }
}

/// A fiber without a driver: the runtime finishes it, or it is counted as lost.
struct Orphan {
    fiber: Option<Arc<FiberState>>,
}

impl Orphan {
    async fn finish(mut self) {
        if let Some(fiber) = &self.fiber {
            end(fiber).await;
        }
        self.fiber = None;
    }

    async fn finish_late(mut self) {
        if let Some(fiber) = &self.fiber {
            loop {
                // The fiber's exit may have been looked at: nobody else hears of these.
                let ((), defects) = net(fiber, settle_all(fiber)).await;
                for defect in defects {
                    fiber.report_unobserved(&Cause::<Never>::die(defect));
                }
                if fiber.try_end_late() {
                    break;
                }
            }
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
