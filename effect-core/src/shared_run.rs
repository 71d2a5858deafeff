//! One run of a program for several fibers, which ends when the last of them has left.

use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::driver;
use crate::fiber::FiberState;
use crate::{Cause, Cx, Defect, Env, Exit, Program, Value, WaitsFor};

/// A run on a fiber that is nobody's child: it belongs to all who use it. It says one word to them, a `T`.
///
/// It is interrupted when the last of them leaves, and that one waits until it has ended, finalizers and children
/// included. So it does not outlive those that it is for, and none of them has to outlive another.
pub(crate) struct SharedRun<T> {
    state: Mutex<State>,
    /// Said before the state says that the run has ended. Apart from that, because a user's clone is made under the lock.
    word: Mutex<Option<T>>,
    changed: Notify,
}

struct State {
    /// Once it is zero, it stays so.
    users: usize,
    /// From its start to its end.
    fiber: Option<Arc<FiberState>>,
    ended: bool,
    /// What went wrong in the end, if nobody was left to be told of it.
    defects: Vec<Defect>,
}

impl<T: Value> SharedRun<T> {
    /// A run that is yet to be started, and its first user, who is to start it.
    pub(crate) fn new(user: &Arc<FiberState>) -> (Arc<Self>, User<T>) {
        let shared = Arc::new(SharedRun {
            state: Mutex::new(State {
                users: 1,
                fiber: None,
                ended: false,
                defects: Vec::new(),
            }),
            word: Mutex::new(None),
            changed: Notify::new(),
        });
        let user = User {
            shared: Arc::clone(&shared),
            fiber: Arc::clone(user),
        };
        (shared, user)
    }

    /// One more user; none if it has ended, or is about to.
    pub(crate) fn enter(self: &Arc<Self>, user: &Arc<FiberState>) -> Option<User<T>> {
        let mut state = self.state.lock();
        if state.users == 0 || state.ended {
            return None;
        }
        state.users += 1;
        Some(User {
            shared: Arc::clone(self),
            fiber: Arc::clone(user),
        })
    }

    /// Starts a program on a fiber with the environment and the locals of a context. What it says with its end counts if
    /// it has said nothing before.
    pub(crate) fn start<R, P, W>(
        self: Arc<Self>,
        cx: &Cx<R>,
        place: &'static Location<'static>,
        program: P,
        last_word: W,
    ) where
        R: Env,
        P: Program<R>,
        W: FnOnce(Exit<P::Error, P::Value>) -> T + Value,
    {
        let fiber: Arc<FiberState> = FiberState::apart(cx.runtime(), None, place, ());
        fiber.observe_begun();
        self.state.lock().fiber = Some(Arc::clone(&fiber));
        let running = driver::drive_root(program, cx.of_child(fiber));
        // Outside the block: a task that is dropped before its first poll has ended as well.
        let mut ending = Ending {
            shared: self,
            last_word: Some(last_word),
            exit: PhantomData,
        };
        cx.runtime().spawn(Box::pin(async move {
            let exit = running.await;
            ending.end(exit);
        }));
    }

    /// Says the word, to all who use the run and will use it.
    pub(crate) fn say(&self, word: T) {
        *self.word.lock() = Some(word);
        self.changed.notify_waiters();
    }

    /// Looks at what was said, if anything was.
    // With the lock held, because a word need not be shareable: `look` is one of ours, and clones a part of it.
    pub(crate) fn look<U>(&self, look: impl FnOnce(&T) -> U) -> Option<U> {
        self.word.lock().as_ref().map(look)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// Waits until nobody uses the run.
    pub(crate) async fn unused(&self, waits_for: WaitsFor) {
        let unused = || (self.state.lock().users == 0).then_some(());
        self.until(waits_for, unused).await;
    }

    /// Waits until the run has ended.
    pub(crate) async fn ended(&self, waits_for: WaitsFor) {
        let ended = || self.has_ended().then_some(());
        self.until(waits_for, ended).await;
    }

    async fn until<U>(&self, waits_for: WaitsFor, ready: impl Fn() -> Option<U>) -> U {
        loop {
            // Before the look: what changes between that and the wait is not missed.
            let changed = self.changed.notified();
            if let Some(ready) = ready() {
                return ready;
            }
            waits_for.told_by(changed).await;
        }
    }

    fn end(&self, last: T, defects: Vec<Defect>) {
        let unused = self.state.lock().users == 0;
        let _unheard = {
            let mut word = self.word.lock();
            match &*word {
                None => (word.replace(last), None),
                // Nobody will ask any more for what was said, and it may hold on to a lot.
                Some(_) if unused => (word.take(), Some(last)),
                Some(_) => (None, Some(last)),
            }
        };
        let _fiber = {
            let mut state = self.state.lock();
            state.ended = true;
            if state.users == 0 {
                state.defects = defects;
            }
            state.fiber.take()
        };
        self.changed.notify_waiters();
    }
}

/// Tells of the end of a shared run, also if its runtime is gone and has dropped its task.
struct Ending<T: Value, E, A, W: FnOnce(Exit<E, A>) -> T> {
    shared: Arc<SharedRun<T>>,
    last_word: Option<W>,
    exit: PhantomData<fn(E, A)>,
}

impl<T: Value, E, A, W: FnOnce(Exit<E, A>) -> T> Ending<T, E, A, W> {
    fn end(&mut self, exit: Exit<E, A>) {
        let Some(last_word) = self.last_word.take() else {
            return;
        };
        let cause = exit.cause();
        let defects = cause.map_or_else(Vec::new, |cause| cause.defects().cloned().collect());
        self.shared.end(last_word(exit), defects);
    }
}

impl<T: Value, E, A, W: FnOnce(Exit<E, A>) -> T> Drop for Ending<T, E, A, W> {
    fn drop(&mut self) {
        self.end(Exit::Failure(Cause::interrupt(None)));
    }
}

/// One who uses a shared run, until it is dropped.
///
/// The last one interrupts it, and owes the waiting for its end.
pub(crate) struct User<T: Value> {
    shared: Arc<SharedRun<T>>,
    // The user's own.
    fiber: Arc<FiberState>,
}

impl<T: Value> User<T> {
    /// Waits for the word, and looks at it.
    pub(crate) async fn hear<U>(&self, waits_for: WaitsFor, look: impl Fn(&T) -> U) -> U {
        let said = || self.shared.look(&look);
        self.shared.until(waits_for, said).await
    }
}

impl<T: Value> Drop for User<T> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.shared.state.lock();
            state.users -= 1;
            if state.users > 0 || state.ended {
                return;
            }
            state.fiber.clone()
        };
        // One that waits to be of no more use is told so, and any other is interrupted.
        self.shared.changed.notify_waiters();
        if let Some(left) = left {
            left.interrupt(Some(self.fiber.id()));
        }
        let (shared, fiber) = (Arc::clone(&self.shared), Arc::clone(&self.fiber));
        self.fiber.owe(Box::pin(async move {
            let waits_for = WaitsFor::here("the end of what it has shared");
            shared.ended(waits_for).await;
            let defects = std::mem::take(&mut shared.state.lock().defects);
            defects
                .into_iter()
                .for_each(|defect| fiber.record_defect(defect));
        }));
    }
}
