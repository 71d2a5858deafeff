//! The executor: polls what was woken, one task after the other, and moves the clock when nobody is.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use effect_core::{Exit, FiberRef, Runtime};
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::Deadlock;
use super::shared::Shared;

/// How many polls it takes before it lets whatever is around it have a turn.
const POLLS_PER_TURN: usize = 1024;

/// A run: the future of its root fiber's exit.
pub(super) struct Executor<E, A> {
    shared: Arc<Shared>,
    root: FiberRef,
    exit: Arc<Mutex<Option<Exit<E, A>>>>,
    tasks: BTreeMap<usize, Task>,
    spawned: usize,
    /// The numbers of the tasks that can go on, in the order in which they were woken.
    ready: Vec<usize>,
}

struct Task {
    future: BoxFuture<'static, ()>,
    waker: Arc<TaskWaker>,
}

/// Wakes a task by its number, once until it is polled.
struct TaskWaker {
    number: usize,
    woken: AtomicBool,
    shared: Arc<Shared>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.shared.inbox.lock().woken.push(self.number);
            self.shared.outside.wake();
        }
    }
}

impl<E, A> Executor<E, A> {
    pub(super) fn new(
        shared: Arc<Shared>,
        root: FiberRef,
        run: impl Future<Output = Exit<E, A>> + Send + 'static,
    ) -> Self
    where
        E: Send + 'static,
        A: Send + 'static,
    {
        let exit = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&exit);
        shared.spawn(Box::pin(async move {
            let exit = run.await;
            *slot.lock() = Some(exit);
        }));
        Executor {
            shared,
            root,
            exit,
            tasks: BTreeMap::new(),
            spawned: 0,
            ready: Vec::new(),
        }
    }

    /// Takes in the tasks that are new, and those that were woken.
    fn look_into_inbox(&mut self) {
        let mut inbox = self.shared.inbox.lock();
        for future in inbox.spawned.drain(..) {
            let number = self.spawned;
            self.spawned += 1;
            let waker = Arc::new(TaskWaker {
                number,
                woken: AtomicBool::new(true),
                shared: Arc::clone(&self.shared),
            });
            self.tasks.insert(number, Task { future, waker });
            self.ready.push(number);
        }
        self.ready.append(&mut inbox.woken);
    }

    /// Takes the task that is next.
    fn next(&mut self) -> Option<usize> {
        match self.ready.len() {
            0 => None,
            ready if self.shared.shuffles => Some(self.ready.remove(self.shared.below(ready))),
            _ => Some(self.ready.remove(0)),
        }
    }

    fn poll_task(&mut self, number: usize) {
        // It may have ended after it was woken.
        let Some(task) = self.tasks.get_mut(&number) else {
            return;
        };
        // Before the poll: a wake-up in it is another one.
        task.waker.woken.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&task.waker));
        let polled = task.future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.tasks.remove(&number);
        }
    }
}

impl<E, A> Future for Executor<E, A> {
    type Output = Result<Exit<E, A>, Deadlock>;

    fn poll(mut self: Pin<&mut Self>, outside: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.shared.outside.register(outside.waker());
        for _ in 0..POLLS_PER_TURN {
            this.look_into_inbox();
            if let Some(number) = this.next() {
                this.poll_task(number);
                continue;
            }
            let due = this.shared.clock.lock().advance();
            if due.is_empty() {
                let exit = this.exit.lock().take();
                return Poll::Ready(exit.ok_or_else(|| Deadlock::of(&this.root, &this.shared)));
            }
            due.into_iter().for_each(Waker::wake);
        }
        outside.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<E, A> Drop for Executor<E, A> {
    fn drop(&mut self) {
        let spawned = {
            let mut inbox = self.shared.inbox.lock();
            inbox.closed = true;
            std::mem::take(&mut inbox.spawned)
        };
        drop(spawned);
        self.tasks.clear();
    }
}
