//! A copy of a fiber's life: its flag, its joiners, its children, and the driver that ends it; with bugs to plant.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use effect::{Runtime, WaitsFor};
use futures::future::{BoxFuture, FutureExt};
use parking_lot::Mutex;

mod program;

pub(super) use program::family;

/// What can be wrong with a fiber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// An interrupt sets the flag, and wakes nobody.
    InterruptDoesNotWake,
    /// Two interrupts are none.
    InterruptTogglesFlag,
    /// An interrupt that comes before the first poll is forgotten.
    EarlyInterruptForgotten,
    /// The driver listens with the waker of its first poll.
    DriverWakerKept,
    /// Whether the fiber has ended is looked at when a join is made, and not again before it waits.
    JoinLooksTooEarly,
    /// A join that is polled again keeps the waker of its first poll.
    JoinWakerKept,
    /// The end of a fiber wakes one of those who join it.
    OneJoinerWoken,
    /// A fiber ends before its children do.
    ChildrenNotAwaited,
    /// The children are awaited, and not interrupted.
    ChildrenNotInterrupted,
    /// A child that begins while its parent waits for the others is not interrupted.
    LateChildNotInterrupted,
    /// The last child that ends does not wake its parent.
    LastChildDoesNotTell,
    /// A driver that is dropped does not end its fiber.
    DropDoesNotEnd,
}

/// The copy of a fiber, and of its handle.
#[derive(Clone)]
pub(super) struct Fiber {
    state: Arc<State>,
}

struct State {
    bug: Option<Bug>,
    runtime: Arc<dyn Runtime>,
    parent: Option<Arc<State>>,
    interrupted: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    waker: Option<Waker>,
    joiners: Vec<Waker>,
    children: Vec<Arc<State>>,
    /// Whether the driver has interrupted the children, and waits for the last of them to end.
    awaits_children: bool,
    polled: bool,
    done: bool,
}

impl State {
    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn interrupt(&self) {
        let waker = {
            let inner = self.inner.lock();
            if inner.done || self.has(Bug::EarlyInterruptForgotten) && !inner.polled {
                return;
            }
            if self.has(Bug::InterruptTogglesFlag) {
                self.interrupted.fetch_xor(true, Ordering::AcqRel);
            } else if self.interrupted.swap(true, Ordering::AcqRel) {
                return;
            }
            inner.waker.clone()
        };
        if let Some(waker) = waker
            && !self.has(Bug::InterruptDoesNotWake)
        {
            waker.wake();
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// Makes sure that whatever happens to the fiber wakes this task.
    fn listen(&self, task: &Context<'_>) {
        let waker = task.waker().clone();
        let _replaced = {
            let mut inner = self.inner.lock();
            inner.polled = true;
            if inner.waker.is_some() && self.has(Bug::DriverWakerKept) {
                Some(waker)
            } else {
                inner.waker.replace(waker)
            }
        };
    }

    fn interrupt_children(&self) {
        let children = {
            let mut inner = self.inner.lock();
            inner.awaits_children = true;
            inner.children.clone()
        };
        if !self.has(Bug::ChildrenNotInterrupted) {
            children.iter().for_each(|child| child.interrupt());
        }
    }

    fn is_childless(&self) -> bool {
        self.inner.lock().children.is_empty() || self.has(Bug::ChildrenNotAwaited)
    }

    /// Ends the fiber, unless it has children by now. True if it has ended.
    fn try_end(self: &Arc<Self>) -> bool {
        let (joiners, _waker) = {
            let mut inner = self.inner.lock();
            if inner.done {
                return true;
            }
            if !inner.children.is_empty() && !self.has(Bug::ChildrenNotAwaited) {
                return false;
            }
            inner.done = true;
            (std::mem::take(&mut inner.joiners), inner.waker.take())
        };
        let woken = if self.has(Bug::OneJoinerWoken) {
            1
        } else {
            joiners.len()
        };
        joiners.into_iter().take(woken).for_each(Waker::wake);
        if let Some(parent) = &self.parent {
            parent.forget_child(self);
        }
        true
    }

    fn forget_child(&self, child: &Arc<State>) {
        let waker = {
            let mut inner = self.inner.lock();
            inner.children.retain(|other| !Arc::ptr_eq(other, child));
            let last = inner.awaits_children && inner.children.is_empty();
            inner.waker.clone().filter(|_| last)
        };
        if let Some(waker) = waker
            && !self.has(Bug::LastChildDoesNotTell)
        {
            waker.wake();
        }
    }
}

impl Fiber {
    /// Starts a fiber, with a body that is given the fiber itself.
    pub(super) fn spawn<F>(
        runtime: &Arc<dyn Runtime>,
        bug: Option<Bug>,
        body: impl FnOnce(Fiber) -> F,
    ) -> Fiber
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Fiber::begin(runtime, bug, None, body)
    }

    /// Starts a child.
    pub(super) fn fork<F>(&self, body: impl FnOnce(Fiber) -> F) -> Fiber
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let parent = Arc::clone(&self.state);
        Fiber::begin(&self.state.runtime, self.state.bug, Some(parent), body)
    }

    fn begin<F>(
        runtime: &Arc<dyn Runtime>,
        bug: Option<Bug>,
        parent: Option<Arc<State>>,
        body: impl FnOnce(Fiber) -> F,
    ) -> Fiber
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let state = Arc::new(State {
            bug,
            runtime: Arc::clone(runtime),
            parent,
            interrupted: AtomicBool::new(false),
            inner: Mutex::default(),
        });
        if let Some(parent) = &state.parent {
            let mut siblings = parent.inner.lock();
            siblings.children.push(Arc::clone(&state));
            let late = siblings.awaits_children || siblings.done;
            if late && !state.has(Bug::LateChildNotInterrupted) {
                // Its siblings have been interrupted, and nobody will come again to interrupt it as well.
                state.interrupted.store(true, Ordering::Release);
            }
        }
        let fiber = Fiber { state };
        let driver = Driver {
            state: Arc::clone(&fiber.state),
            body: Some(body(fiber.clone()).boxed()),
        };
        runtime.spawn(driver.drive().boxed());
        fiber
    }

    pub(super) fn interrupt(&self) {
        self.state.interrupt();
    }

    #[track_caller]
    pub(super) fn join(&self) -> Join {
        Join {
            state: Arc::clone(&self.state),
            done: self.is_done(),
            waker: None,
            waits_for: WaitsFor::here("the copy of a fiber to join"),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state.inner.lock().done
    }
}

/// Drives a fiber to its end. Dropped, it ends it as it is.
struct Driver {
    state: Arc<State>,
    body: Option<BoxFuture<'static, ()>>,
}

impl Driver {
    async fn drive(mut self) {
        poll_fn(|task| self.poll_body(task)).await;
        let state = &self.state;
        while !state.try_end() {
            state.interrupt_children();
            poll_fn(|task| {
                state.listen(task);
                if state.is_childless() {
                    state.inner.lock().awaits_children = false;
                    return Poll::Ready(());
                }
                Poll::Pending
            })
            .await;
        }
    }

    /// Polls the body until it returns or is interrupted, and drops it.
    fn poll_body(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.state.listen(task);
        let body = self.body.as_mut().expect("polled after completion");
        if !self.state.is_interrupted() {
            // A panic ends it as well.
            let poll = AssertUnwindSafe(|| body.poll_unpin(task));
            if let Ok(Poll::Pending) = catch_unwind(poll) {
                return Poll::Pending;
            }
        }
        self.body = None;
        Poll::Ready(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.body = None;
        if self.state.has(Bug::DropDoesNotEnd) {
            return;
        }
        // With its runtime: the children are dropped as well.
        self.state.inner.lock().children.clear();
        self.state.try_end();
    }
}

/// Waits for the end of a fiber.
pub(super) struct Join {
    state: Arc<State>,
    /// What [`Bug::JoinLooksTooEarly`] believes.
    done: bool,
    waker: Option<Waker>,
    waits_for: WaitsFor,
}

impl Future for Join {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut inner = this.state.inner.lock();
        let first = this.waker.is_none();
        let done = if first && this.state.has(Bug::JoinLooksTooEarly) {
            this.done
        } else {
            inner.done
        };
        if done {
            return Poll::Ready(());
        }
        let known = inner
            .joiners
            .iter()
            .any(|waker| waker.will_wake(task.waker()));
        if !known && (first || !this.state.has(Bug::JoinWakerKept)) {
            inner.joiners.push(task.waker().clone());
        }
        this.waker = Some(task.waker().clone());
        this.waits_for.note();
        Poll::Pending
    }
}
