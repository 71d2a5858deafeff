//! A tokio runtime of several threads whose clock stands still while anything can run, and then jumps.

#![allow(
    clippy::disallowed_methods,
    reason = "this is a runtime: it wraps the disallowed methods"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use effect::{Runtime, Timer};
use futures::future::BoxFuture;
use tokio::runtime::{Builder, Handle};

/// How many workers poll tasks, beside the thread of the test, which polls the root.
const WORKERS: usize = 2;

/// One in so many polls is put off, so that there are more orders than the machine would make by itself.
const PUT_OFF: u64 = 4;

/// A runtime of several threads, with a clock of its own.
///
/// Tokio cannot stop its clock where there are several threads, so this has one. It knows of each task, and each
/// blocking job, whether it is *active*: whether it was woken or is being polled. When none is, nobody can go on, and
/// the clock jumps to the next timer. If there is none, that is a deadlock.
///
/// A waker that belongs to no task of this runtime, such as that of another thread, is unknown to it.
#[derive(Clone)]
pub struct Threads {
    shared: Arc<Shared>,
    handle: Handle,
}

/// Nobody can go on, there is no timer, and the root has not ended.
#[derive(Debug)]
pub struct Deadlock {
    at: Duration,
    tasks: usize,
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Deadlock { at, tasks } = self;
        write!(
            f,
            "deadlock after {at:?}: nobody will wake any of the {tasks} tasks that are left, the root among them"
        )
    }
}

impl Threads {
    /// Runs a root on new threads to its end, and then those orphans that are left.
    ///
    /// The seed says which polls are put off; what the threads do besides is up to the machine.
    pub fn run<F, Fut>(seed: u64, root: F) -> Result<Fut::Output, Deadlock>
    where
        F: FnOnce(Arc<Threads>) -> Fut,
        Fut: Future<Output: Send> + Send + 'static,
    {
        let tokio = Builder::new_multi_thread()
            // Without its clock: who asks tokio for the time gets a panic, and not a test that really waits.
            .worker_threads(WORKERS)
            .build()
            .unwrap();
        let threads = Arc::new(Threads {
            shared: Arc::new(Shared::new(seed)),
            handle: tokio.handle().clone(),
        });
        let shared = Arc::clone(&threads.shared);
        // Until there is a root that can be told of a deadlock.
        let setting_up = Active::new(&shared);
        let body = root(threads);
        let orphans = Arc::clone(&shared);
        let root = Counted::new(&shared, async move {
            let output = body.await;
            poll_fn(|task| orphans.poll_without_orphans(task)).await;
            output
        });
        shared.lock().root = Some(Waker::from(Arc::clone(&root.waker)));
        drop(setting_up);
        let output = tokio.block_on(root);
        // Before tokio drops the tasks: time stands still from here on.
        let (root, deadlock) = shared.end();
        drop(root);
        output.ok_or_else(|| deadlock.expect("nothing else ends the root"))
    }
}

impl Runtime for Threads {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let task = Counted::new(&self.shared, task);
        self.handle.spawn(async move {
            task.await;
        });
    }

    fn spawn_orphan(&self, orphan: BoxFuture<'static, ()>) {
        let counted = Orphan::new(&self.shared);
        self.spawn(Box::pin(async move {
            orphan.await;
            drop(counted);
        }));
    }

    fn now(&self) -> Instant {
        self.shared.begin + self.shared.lock().now
    }

    fn sleep_until(&self, deadline: Instant) -> Timer {
        Timer::new(Alarm {
            at: deadline.saturating_duration_since(self.shared.begin),
            place: None,
            shared: Arc::clone(&self.shared),
        })
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        let active = Active::new(&self.shared);
        self.handle.spawn_blocking(move || {
            job();
            drop(active);
        });
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}

/// What the threads of a run share.
struct Shared {
    begin: Instant,
    state: Mutex<State>,
}

struct State {
    /// Since the beginning.
    now: Duration,
    /// Who waits for what time, in the order of those times and then in the order in which they asked.
    timers: BTreeMap<(Duration, u64), Waker>,
    timers_set: u64,
    /// How many are being polled, or have been woken and not been polled yet.
    active: usize,
    /// How many tasks there are, the root included.
    tasks: usize,
    orphans: usize,
    /// The root, if it waits for the orphans.
    without_orphans: Option<Waker>,
    root: Option<Waker>,
    ended: bool,
    deadlock: Option<Deadlock>,
    /// What says which polls are put off.
    chance: fastrand::Rng,
}

impl Shared {
    #[allow(
        clippy::disallowed_methods,
        reason = "a clock that is never looked at again begins somewhere"
    )]
    fn new(seed: u64) -> Self {
        Shared {
            begin: Instant::now(),
            state: Mutex::new(State {
                now: Duration::ZERO,
                timers: BTreeMap::new(),
                timers_set: 0,
                active: 0,
                tasks: 0,
                orphans: 0,
                without_orphans: None,
                root: None,
                ended: false,
                deadlock: None,
                chance: fastrand::Rng::with_seed(seed),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn activate(&self) {
        self.lock().active += 1;
    }

    /// One fewer is active. If that was the last one, the clock jumps.
    fn deactivate(&self) {
        loop {
            let mut state = self.lock();
            state.active -= 1;
            if state.active > 0 || state.ended {
                return;
            }
            let due = state.jump();
            // We are active ourselves until all of them are, or the first to wait again would move the clock.
            state.active += 1;
            drop(state);
            due.into_iter().for_each(Waker::wake);
        }
    }

    /// The clock does not go on. Has the waker of the root, which is not needed any more, and the deadlock if it was one.
    fn end(&self) -> (Option<Waker>, Option<Deadlock>) {
        let mut state = self.lock();
        state.ended = true;
        (state.root.take(), state.deadlock.take())
    }

    fn poll_without_orphans(&self, task: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.orphans == 0 {
            return Poll::Ready(());
        }
        let replaced = state.without_orphans.replace(task.waker().clone());
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl State {
    /// Goes to the time of the next timers and has those who wait for it; if there is none, the root, to tell it.
    fn jump(&mut self) -> Vec<Waker> {
        let Some(&(at, _)) = self.timers.keys().next() else {
            self.deadlock = Some(Deadlock {
                at: self.now,
                tasks: self.tasks,
            });
            self.ended = true;
            return self.root.take().into_iter().collect();
        };
        self.now = at;
        let later = self.timers.split_off(&(at, u64::MAX));
        std::mem::replace(&mut self.timers, later)
            .into_values()
            .collect()
    }
}

/// Somebody who is active for as long as this exists.
struct Active {
    shared: Arc<Shared>,
}

impl Active {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.activate();
        Active {
            shared: Arc::clone(shared),
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.shared.deactivate();
    }
}

/// An orphan that is counted for as long as this exists.
struct Orphan {
    shared: Arc<Shared>,
}

impl Orphan {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.lock().orphans += 1;
        Orphan {
            shared: Arc::clone(shared),
        }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.orphans -= 1;
        let waiting = if state.orphans == 0 {
            state.without_orphans.take()
        } else {
            None
        };
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// What a task does. It is active in all but the first and the last of these.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Woken,
    Polled,
    PolledAndWoken,
    Ended,
}

/// A task of a run. Yields nothing if the run is a deadlock.
struct Counted<Fut> {
    future: Option<Pin<Box<Fut>>>,
    waker: Arc<TaskWaker>,
}

/// Wakes a task by way of tokio, and says that it is active.
struct TaskWaker {
    shared: Arc<Shared>,
    inner: Mutex<TaskState>,
}

struct TaskState {
    phase: Phase,
    tokio: Option<Waker>,
}

impl<Fut: Future> Counted<Fut> {
    fn new(shared: &Arc<Shared>, future: Fut) -> Self {
        let mut state = shared.lock();
        state.active += 1;
        state.tasks += 1;
        drop(state);
        Counted {
            future: Some(Box::pin(future)),
            waker: Arc::new(TaskWaker {
                shared: Arc::clone(shared),
                inner: Mutex::new(TaskState {
                    // Tokio polls it once without being asked to.
                    phase: Phase::Woken,
                    tokio: None,
                }),
            }),
        }
    }
}

impl TaskWaker {
    fn lock(&self) -> MutexGuard<'_, TaskState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this poll takes place. The task is woken again if not.
    fn begin_poll(&self, waker: &Waker) -> bool {
        let mut task = self.lock();
        let replaced = match &task.tokio {
            Some(known) if known.will_wake(waker) => None,
            _ => task.tokio.replace(waker.clone()),
        };
        let mut state = self.shared.lock();
        let put_off = task.phase == Phase::Woken && state.chance.u64(..PUT_OFF) == 0;
        if task.phase == Phase::Waiting {
            state.active += 1;
        }
        task.phase = if put_off { Phase::Woken } else { Phase::Polled };
        drop(state);
        drop(task);
        drop(replaced);
        if put_off {
            waker.wake_by_ref();
        }
        !put_off
    }

    /// The task waits, unless it was woken meanwhile.
    fn end_poll(&self) {
        let mut task = self.lock();
        if task.phase == Phase::PolledAndWoken {
            task.phase = Phase::Woken;
            return;
        }
        task.phase = Phase::Waiting;
        // A waker may find it waiting before it is counted so: then it is counted twice for a moment.
        drop(task);
        self.shared.deactivate();
    }

    fn end(&self) {
        let mut task = self.lock();
        let phase = std::mem::replace(&mut task.phase, Phase::Ended);
        // The task holds us, so we must not hold it for ever.
        let tokio = task.tokio.take();
        drop(task);
        drop(tokio);
        if phase == Phase::Ended {
            return;
        }
        self.shared.lock().tasks -= 1;
        if phase != Phase::Waiting {
            self.shared.deactivate();
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut task = self.lock();
        task.phase = match task.phase {
            Phase::Waiting => {
                self.shared.activate();
                Phase::Woken
            }
            Phase::Polled => Phase::PolledAndWoken,
            Phase::Woken | Phase::PolledAndWoken | Phase::Ended => return,
        };
        let tokio = task.tokio.clone();
        drop(task);
        tokio.into_iter().for_each(Waker::wake);
    }
}

impl<Fut: Future> Future for Counted<Fut> {
    type Output = Option<Fut::Output>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.waker.begin_poll(task.waker()) {
            return Poll::Pending;
        }
        if this.waker.shared.lock().deadlock.is_some() {
            return Poll::Ready(None);
        }
        let waker = Waker::from(Arc::clone(&this.waker));
        let future = this.future.as_mut().expect("polled after completion");
        // Tokio would wake those late who have used up their budget, and they would seem to wait.
        let mut unconstrained = tokio::task::unconstrained(future);
        let polled = Pin::new(&mut unconstrained).poll(&mut Context::from_waker(&waker));
        match polled {
            Poll::Ready(output) => {
                this.future = None;
                this.waker.end();
                Poll::Ready(Some(output))
            }
            Poll::Pending => {
                this.waker.end_poll();
                Poll::Pending
            }
        }
    }
}

impl<Fut> Drop for Counted<Fut> {
    fn drop(&mut self) {
        if self.future.is_some() {
            // It is active while it is dropped, which may wake others.
            let _active = Active::new(&self.waker.shared);
            self.future = None;
        }
        self.waker.end();
    }
}

/// A timer of this clock.
struct Alarm {
    at: Duration,
    /// Its place among those of the same time, once it is set.
    place: Option<u64>,
    shared: Arc<Shared>,
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let waker = task.waker().clone();
        // What is replaced is dropped when the lock is free.
        let _replaced = {
            let mut state = this.shared.lock();
            match this.place {
                None if state.now >= this.at => return Poll::Ready(()),
                None => {
                    state.timers_set += 1;
                    let place = state.timers_set;
                    this.place = Some(place);
                    state.timers.insert((this.at, place), waker)
                }
                Some(place) => match state.timers.get_mut(&(this.at, place)) {
                    None => return Poll::Ready(()),
                    Some(set) => Some(std::mem::replace(set, waker)),
                },
            }
        };
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let removed = self.shared.lock().timers.remove(&(self.at, place));
            drop(removed);
        }
    }
}
