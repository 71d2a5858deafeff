//! A crew: what a set of fibers, a map of them and a dispatcher have in common, their scope and how many there may be.

use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use futures::future::FutureExt;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::unconstrained;

use super::dispatcher::Turns;
use super::{FiberSetClosed, OnClose};
use crate::fiber::FiberState;
use crate::mask::Masked;
use crate::scope::{Order, ScopeState, close};
use crate::{Cx, Effect, Env, Exit, FiberId, Never, Program, Value, WaitsFor, poll_turn};

/// The fibers of a set: never more than there are permits.
pub(super) struct Crew {
    permits: Arc<Semaphore>,
    on_close: OnClose,
    /// Interrupts all fibers at once: one may wait for another to end.
    scope: Arc<ScopeState>,
    /// How many tasks of fibers there are. It is the last to know that one has ended.
    size: AtomicUsize,
    /// Which of them wait themselves until the others have ended: they close it, or a part of them does.
    closers: Mutex<BTreeSet<FiberId>>,
    /// Whose turn it is, where only one is at a time.
    turns: Option<Turns>,
    /// Told when there may be few enough for those who wait.
    emptied: Notify,
}

impl Crew {
    fn new(capacity: usize, on_close: OnClose, turns: Option<Turns>) -> Arc<Self> {
        Arc::new(Crew {
            permits: Arc::new(Semaphore::new(capacity)),
            on_close,
            scope: ScopeState::new(Order::Parallel),
            size: AtomicUsize::new(0),
            closers: Mutex::new(BTreeSet::new()),
            turns,
            emptied: Notify::new(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.size.load(Ordering::Acquire)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    pub(super) fn scope(&self) -> &Arc<ScopeState> {
        &self.scope
    }

    pub(super) fn turns(&self) -> Option<&Turns> {
        self.turns.as_ref()
    }

    /// Waits for room.
    pub(super) async fn room(
        self: &Arc<Self>,
        waits_for: WaitsFor,
    ) -> Result<OwnedSemaphorePermit, FiberSetClosed> {
        poll_fn(poll_turn).await;
        // Of tokio's budget, which nobody renews in virtual time.
        let permit = unconstrained(Arc::clone(&self.permits).acquire_owned());
        waits_for.told_by(permit).await.map_err(|_| FiberSetClosed)
    }

    /// Counts a fiber for as long as this exists, before that enters the scope. One that is counted is waited for by whoever
    /// closes an awaiting crew: who finds the crew closed is too late.
    pub(super) fn join(self: &Arc<Self>) -> Result<Member, FiberSetClosed> {
        self.size.fetch_add(1, Ordering::AcqRel);
        let member = Member {
            crew: Arc::clone(self),
        };
        // Pairs with the fence in `end`: either this sees that the crew is closed, or that sees who is counted.
        fence(Ordering::SeqCst);
        match self.is_closed() {
            true => Err(FiberSetClosed),
            false => Ok(member),
        }
    }

    /// Waits until nobody is there, or for one who is itself inside: nobody but those who close it.
    async fn empty(&self, waits_for: WaitsFor, is_inside: bool) {
        loop {
            // Registered before the look, so that no end comes between.
            let mut emptied = std::pin::pin!(self.emptied.notified());
            emptied.as_mut().enable();
            let closers = match is_inside {
                true => self.closers.lock().len(),
                false => 0,
            };
            if self.len() <= closers {
                return;
            }
            waits_for.told_by(emptied).await;
        }
    }

    async fn end<R: Env>(&self, cx: &Cx<R>, exit: Exit<(), ()>, waits_for: WaitsFor) {
        self.permits.close();
        // Pairs with the fence in `join`.
        fence(Ordering::SeqCst);
        let is_inside = cx.fiber().is_inside(&self.scope);
        if self.on_close == OnClose::Await {
            self.close_from(cx.fiber());
            self.empty(waits_for, is_inside).await;
        }
        close(cx.fiber(), &self.scope, exit).await;
        if !is_inside {
            // The scope may have been closed from inside, by one that goes on.
            self.empty(waits_for, false).await;
        }
    }

    /// Waits no more for whom this fiber is a part of, which waits for the others from now on.
    fn close_from(&self, fiber: &Arc<FiberState>) {
        let around = self.scope.fibers_around(fiber);
        let new = {
            let mut closers = self.closers.lock();
            // One may close it twice, in two of its branches.
            around.iter().filter(|id| closers.insert(**id)).count()
        };
        if let Some(turns) = &self.turns {
            // The next ones have their turns meanwhile.
            turns.add(new);
        }
        self.emptied.notify_waiters();
    }

    pub(super) fn await_empty<R: Env>(
        crew: &Arc<Crew>,
        waits_for: WaitsFor,
    ) -> Effect<R, Never, (), AwaitEmpty> {
        Effect::new(AwaitEmpty {
            crew: Arc::clone(crew),
            waits_for,
        })
    }

    pub(super) fn close<R: Env>(
        crew: &Arc<Crew>,
        waits_for: WaitsFor,
    ) -> Effect<R, Never, (), Close> {
        Effect::new(Close {
            crew: Arc::clone(crew),
            waits_for,
        })
    }
}

/// One of a crew.
pub(super) struct Member {
    crew: Arc<Crew>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.crew.size.fetch_sub(1, Ordering::AcqRel);
        self.crew.emptied.notify_waiters();
    }
}

/// The program that makes a [`FiberSet`](crate::FiberSet) or a [`FiberMap`](crate::FiberMap), and part of the one that makes a
/// [`Dispatcher`](crate::Dispatcher).
pub struct Make<T> {
    capacity: usize,
    on_close: OnClose,
    one_by_one: bool,
    make: fn(Arc<Crew>) -> T,
    /// Of whoever closes the scope that it is made in.
    waits_for: WaitsFor,
}

impl<T> Make<T> {
    #[track_caller]
    pub(super) fn new(capacity: usize, on_close: OnClose, make: fn(Arc<Crew>) -> T) -> Self {
        assert!(capacity > 0, "a set of fibers has room for at least one");
        Make {
            capacity,
            on_close,
            one_by_one: false,
            make,
            waits_for: WaitsFor::here("a set of fibers that closes"),
        }
    }
}

impl Make<Arc<Crew>> {
    /// Makes a crew that nobody waits for room in.
    #[track_caller]
    pub(super) fn unbounded(on_close: OnClose, one_by_one: bool) -> Self {
        Make {
            one_by_one,
            waits_for: WaitsFor::here("a dispatcher that closes"),
            ..Make::new(Semaphore::MAX_PERMITS, on_close, |crew| crew)
        }
    }
}

impl<T> Clone for Make<T> {
    fn clone(&self) -> Self {
        Make { ..*self }
    }
}

impl<R: Env, T: Value> Program<R> for Make<T> {
    type Error = Never;
    type Value = T;

    async fn run(self, cx: &Cx<R>) -> Result<T, Never> {
        let turns = self.one_by_one.then(Turns::new);
        let crew = Crew::new(self.capacity, self.on_close, turns);
        let (promised, inner) = (Promised(Arc::clone(&crew)), cx.clone());
        let scope = Arc::clone(cx.scope_state());
        let (place, waits_for) = (self.waits_for.place(), self.waits_for);
        let promise = async move {
            let finalizer = crate::scope::finalizer(&inner, place, move |exit| {
                Effect::<R, Never, (), _>::new(CloseWith {
                    promised,
                    exit,
                    waits_for,
                })
            });
            crate::scope::add(&inner, &scope, finalizer).await;
        };
        Masked::plain(cx, promise.boxed()).await;
        Ok((self.make)(crew))
    }
}

/// The program that waits for a set or map of fibers, or a dispatcher, to be empty.
#[derive(Clone)]
pub struct AwaitEmpty {
    crew: Arc<Crew>,
    waits_for: WaitsFor,
}

impl<R: Env> Program<R> for AwaitEmpty {
    type Error = Never;
    type Value = ();

    async fn run(self, _cx: &Cx<R>) -> Result<(), Never> {
        self.crew.empty(self.waits_for, false).await;
        Ok(())
    }
}

/// The program that closes a set or map of fibers, or a dispatcher.
#[derive(Clone)]
pub struct Close {
    crew: Arc<Crew>,
    waits_for: WaitsFor,
}

impl<R: Env> Program<R> for Close {
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        let inner = cx.clone();
        let closing = async move {
            let exit = Exit::Success(());
            self.crew.end(&inner, exit, self.waits_for).await;
        };
        Masked::plain(cx, closing.boxed()).await;
        Ok(())
    }
}

/// A crew that its scope has promised to close. If that is lost, nobody is taken in any more.
struct Promised(Arc<Crew>);

impl Drop for Promised {
    fn drop(&mut self) {
        self.0.permits.close();
    }
}

/// Closes a crew in a finalizer, which nobody interrupts.
struct CloseWith {
    promised: Promised,
    exit: Exit<(), ()>,
    waits_for: WaitsFor,
}

impl<R: Env> Program<R> for CloseWith {
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        let crew = &self.promised.0;
        crew.end(cx, self.exit, self.waits_for).await;
        Ok(())
    }
}

impl<T> fmt::Debug for Make<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Make")
            .field("capacity", &self.capacity)
            .field("on_close", &self.on_close)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AwaitEmpty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwaitEmpty")
    }
}

impl fmt::Debug for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Close")
    }
}
