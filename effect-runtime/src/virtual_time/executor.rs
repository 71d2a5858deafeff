//! The executor: polls what was woken, one task after the other, and moves the clock when nobody is.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};

use effect_core::{Exit, Runtime};
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::Deadlock;
use super::clock::Idle;
use super::disturbance::{Disturbance, Stop};
use super::nesting::Nesting;
use super::outside::OutsideAlarm;
use super::scheduler::Scheduler;
use super::shared::Shared;

/// How many polls a live run takes before it looks at the clock, which does not wait for it.
const POLLS_PER_LOOK: usize = 16;

/// A run: the future of how it ends.
pub(crate) struct Executor<E, A> {
    shared: Arc<Shared>,
    exit: Arc<Mutex<Option<Exit<E, A>>>>,
    tasks: BTreeMap<usize, Task>,
    spawned: usize,
    scheduler: Scheduler,
    steps: u32,
    /// What is done to the run on purpose. Boxed, because most runs are left alone.
    disturbance: Option<Box<Disturbance>>,
    alarm: OutsideAlarm,
}

/// How a run ends.
pub(crate) enum End<E, A> {
    /// Nothing is left to do.
    Exit(Exit<E, A>),
    Deadlock(Deadlock),
    /// As was asked for.
    Dropped,
    /// It took so many steps that it will never end.
    TooLong,
}

struct Task {
    future: BoxFuture<'static, ()>,
    waker: Arc<TaskWaker>,
}

/// Wakes a task by its number, once until it is polled.
struct TaskWaker {
    number: usize,
    woken: AtomicBool,
    /// Another has taken its place: only the waker of the latest poll has to wake anybody.
    stale: AtomicBool,
    shared: Arc<Shared>,
}

impl TaskWaker {
    fn new(number: usize, woken: bool, shared: &Arc<Shared>) -> Arc<Self> {
        Arc::new(TaskWaker {
            number,
            woken: AtomicBool::new(woken),
            stale: AtomicBool::new(false),
            shared: Arc::clone(shared),
        })
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.stale.load(Ordering::Relaxed) && !self.woken.swap(true, Ordering::AcqRel) {
            self.shared.inbox.lock().woken.push(self.number);
            self.shared.outside.wake();
        }
    }
}

/// A wake-up on its slow way to a task.
struct LateWaker {
    number: usize,
    shared: Arc<Shared>,
}

impl Wake for LateWaker {
    fn wake(self: Arc<Self>) {
        self.shared.inbox.lock().late.push(self.number);
        self.shared.outside.wake();
    }
}

impl<E, A> Executor<E, A> {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        run: impl Future<Output = Exit<E, A>> + Send + 'static,
        scheduler: Scheduler,
        disturbance: Option<Box<Disturbance>>,
    ) -> Self
    where
        E: Send + 'static,
        A: Send + 'static,
    {
        let exit = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&exit);
        let run_of = Arc::downgrade(shared);
        shared.spawn(Box::pin(async move {
            let exit = run.await;
            *slot.lock() = Some(exit);
            if let Some(run) = run_of.upgrade() {
                run.detached.end();
            }
        }));
        Executor {
            shared: Arc::clone(shared),
            exit,
            tasks: BTreeMap::new(),
            spawned: 0,
            scheduler,
            steps: 0,
            disturbance,
            alarm: OutsideAlarm::default(),
        }
    }

    /// How many tasks have not ended.
    pub(crate) fn tasks_left(&self) -> usize {
        self.tasks.len()
    }

    /// How many tasks there were in all.
    pub(crate) fn tasks_spawned(&self) -> u32 {
        u32::try_from(self.spawned).unwrap_or(u32::MAX)
    }

    /// How many polls it has made.
    pub(crate) fn steps(&self) -> u32 {
        self.steps
    }

    /// What was picked, if that is remembered, and what was done on purpose.
    pub(crate) fn take_records(&mut self) -> (Vec<u16>, Option<Box<Disturbance>>) {
        (self.scheduler.take_choices(), self.disturbance.take())
    }

    /// Takes in the tasks that are new, and those that were woken.
    fn look_into_inbox(&mut self) {
        let mut inbox = self.shared.inbox.lock();
        for future in inbox.spawned.drain(..) {
            let number = self.spawned;
            self.spawned += 1;
            let waker = TaskWaker::new(number, true, &self.shared);
            self.tasks.insert(number, Task { future, waker });
            self.scheduler.push(number);
        }
        for number in inbox.woken.drain(..) {
            let delay = self.disturbance.as_ref().and_then(|d| d.delay(number));
            match delay {
                None => self.scheduler.push(number),
                Some(delay) => {
                    let shared = Arc::clone(&self.shared);
                    let late = Waker::from(Arc::new(LateWaker { number, shared }));
                    self.shared.clock.lock().wake_after(delay, late);
                }
            }
        }
        for number in inbox.late.drain(..) {
            self.scheduler.push(number);
        }
    }

    /// Polls a task, which is a step.
    fn step(&mut self, number: usize, woken: bool) {
        // It may have ended after it was woken.
        let Some(task) = self.tasks.get_mut(&number) else {
            return;
        };
        self.steps = self.steps.saturating_add(1);
        if let Some(disturbance) = &mut self.disturbance
            && disturbance.swapped.strikes()
        {
            task.waker.stale.store(true, Ordering::Relaxed);
            task.waker = TaskWaker::new(number, woken, &self.shared);
        }
        if woken {
            // Before the poll: a wake-up in it is another one. Acquires what the wakers have released that found it set.
            task.waker.woken.swap(false, Ordering::AcqRel);
        }
        let waker = Waker::from(Arc::clone(&task.waker));
        let polled = task.future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.tasks.remove(&number);
        }
        if self.disturbance.is_some() {
            self.write_down(number);
        }
    }

    /// Writes down a poll, which may have taken its time.
    fn write_down(&mut self, number: usize) {
        let Some(disturbance) = &mut self.disturbance else {
            return;
        };
        let fiber = self.shared.family.take_latest();
        let now = self.shared.clock.lock().now();
        for struck in self.shared.family.take_struck() {
            disturbance.tell(|| struck);
        }
        disturbance.polled(now, number, fiber.as_ref());
        if let Some(cost) = disturbance.cost() {
            let due = self.shared.clock.lock().pass(cost);
            due.into_iter().for_each(Waker::wake);
        }
    }

    /// Has happen what is to happen before the next step. That may be the end.
    fn disturb(&mut self) -> Option<End<E, A>> {
        let disturbance = self.disturbance.as_mut()?;
        let stop = disturbance.before(self.steps, &self.shared.family)?;
        Some(match stop {
            Stop::Dropped => End::Dropped,
            Stop::TooLong => End::TooLong,
        })
    }

    /// Somebody whom nobody has woken, now and then.
    fn pick_unwoken(&mut self) -> Option<usize> {
        let disturbance = self.disturbance.as_mut()?;
        if !disturbance.spurious.strikes() {
            return None;
        }
        let any = disturbance.spurious.one_of(self.tasks.len());
        let (number, task) = self.tasks.iter().nth(any)?;
        let woken = task.waker.woken.load(Ordering::Relaxed);
        (!woken).then_some(*number)
    }
}

impl<E, A> Executor<E, A> {
    /// How the run has ended, now that nothing will happen any more.
    fn end(&self) -> End<E, A> {
        match self.exit.lock().take() {
            Some(exit) => End::Exit(exit),
            None => End::Deadlock(Deadlock::of(&self.shared)),
        }
    }
}

impl<E, A> Future for Executor<E, A> {
    type Output = End<E, A>;

    fn poll(mut self: Pin<&mut Self>, outside: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.shared.outside.register(outside.waker());
        let nested = Nesting::enter();
        for poll in 0..nested.polls() {
            if poll % POLLS_PER_LOOK == 0 {
                let overdue = this.shared.clock.lock().overdue();
                overdue.into_iter().for_each(Waker::wake);
            }
            if this.disturbance.is_some() {
                if let Some(end) = this.disturb() {
                    return Poll::Ready(end);
                }
                if let Some(number) = this.pick_unwoken() {
                    this.step(number, false);
                }
            }
            this.look_into_inbox();
            if let Some(number) = this.scheduler.next() {
                this.step(number, true);
                continue;
            }
            if let Some(disturbance) = &this.disturbance {
                disturbance.idle();
            }
            let idle = this.shared.clock.lock().idle();
            match idle {
                Idle::Wake(due) => due.into_iter().for_each(Waker::wake),
                Idle::Nothing => return Poll::Ready(this.end()),
                Idle::Wait(_) if this.tasks.is_empty() => return Poll::Ready(this.end()),
                Idle::Wait(until) => {
                    this.alarm.set(until, &this.shared);
                    ready!(this.alarm.poll(outside));
                }
            }
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
        // Wake-ups that are on their way hold on to the run.
        let on_their_way = self.shared.clock.lock().take_all();
        drop(on_their_way);
    }
}
