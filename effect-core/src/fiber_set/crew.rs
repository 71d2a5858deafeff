//! A crew: what a set of fibers and a map of them have in common, their scope and how many there may be.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use futures::future::FutureExt;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::unconstrained;

use super::{FiberSetClosed, OnClose};
use crate::mask::Masked;
use crate::scope::{Order, ScopeState, close};
use crate::{Cx, Effect, Env, Exit, Never, Program, Value, WaitsFor, poll_turn};

/// The fibers of a set: never more than there are permits.
pub(super) struct Crew {
    permits: Arc<Semaphore>,
    on_close: OnClose,
    /// Interrupts all fibers at once: one may wait for another to end.
    scope: Arc<ScopeState>,
    /// How many tasks of fibers there are. It is the last to know that one has ended.
    size: AtomicUsize,
    /// How many of them wait themselves until the others have ended: they close it.
    closers: AtomicUsize,
    /// Told when there may be few enough for those who wait.
    emptied: Notify,
}

impl Crew {
    fn new(capacity: usize, on_close: OnClose) -> Arc<Self> {
        Arc::new(Crew {
            permits: Arc::new(Semaphore::new(capacity)),
            on_close,
            scope: ScopeState::new(Order::Parallel),
            size: AtomicUsize::new(0),
            closers: AtomicUsize::new(0),
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
                true => self.closers.load(Ordering::Acquire),
                false => 0,
            };
            if self.len() <= closers {
                return;
            }
            waits_for.told_by(emptied).await;
        }
    }

    async fn end<R: Env>(&self, cx: &Cx<R>, exit: Exit<(), ()>) {
        self.permits.close();
        // Pairs with the fence in `join`.
        fence(Ordering::SeqCst);
        if self.on_close == OnClose::Await {
            let around = self.scope.fibers_around(cx.fiber());
            self.closers.fetch_add(around, Ordering::AcqRel);
            self.emptied.notify_waiters();
            let waits_for = WaitsFor::here("a set of fibers that closes");
            self.empty(waits_for, around > 0).await;
        }
        close(cx.fiber(), &self.scope, exit).await;
    }

    #[track_caller]
    pub(super) fn await_empty<R: Env>(crew: &Arc<Crew>) -> Effect<R, Never, (), AwaitEmpty> {
        Effect::new(AwaitEmpty {
            crew: Arc::clone(crew),
            waits_for: WaitsFor::here("a set of fibers to be empty"),
        })
    }

    pub(super) fn close<R: Env>(crew: &Arc<Crew>) -> Effect<R, Never, (), Close> {
        Effect::new(Close {
            crew: Arc::clone(crew),
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

/// The program that makes a [`FiberSet`](crate::FiberSet) or a [`FiberMap`](crate::FiberMap).
pub struct Make<T> {
    capacity: usize,
    on_close: OnClose,
    make: fn(Arc<Crew>) -> T,
    place: &'static std::panic::Location<'static>,
}

impl<T> Make<T> {
    #[track_caller]
    pub(super) fn new(capacity: usize, on_close: OnClose, make: fn(Arc<Crew>) -> T) -> Self {
        assert!(capacity > 0, "a set of fibers has room for at least one");
        Make::with(capacity, on_close, make)
    }

    /// Makes a crew that nobody waits for room in.
    #[track_caller]
    pub(super) fn unbounded(on_close: OnClose, make: fn(Arc<Crew>) -> T) -> Self {
        Make::with(Semaphore::MAX_PERMITS, on_close, make)
    }

    #[track_caller]
    fn with(capacity: usize, on_close: OnClose, make: fn(Arc<Crew>) -> T) -> Self {
        Make {
            capacity,
            on_close,
            make,
            place: std::panic::Location::caller(),
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
        let crew = Crew::new(self.capacity, self.on_close);
        let (promised, inner) = (Promised(Arc::clone(&crew)), cx.clone());
        let scope = Arc::clone(cx.scope_state());
        let promise = async move {
            let finalizer = crate::scope::finalizer(&inner, self.place, move |exit| {
                Effect::<R, Never, (), _>::new(CloseWith { promised, exit })
            });
            crate::scope::add(&inner, &scope, finalizer).await;
        };
        Masked::plain(cx, promise.boxed()).await;
        Ok((self.make)(crew))
    }
}

/// The program that waits for a set or map of fibers to be empty.
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

/// The program that closes a set or map of fibers.
#[derive(Clone)]
pub struct Close {
    crew: Arc<Crew>,
}

impl<R: Env> Program<R> for Close {
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        let inner = cx.clone();
        let closing = async move { self.crew.end(&inner, Exit::Success(())).await };
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
}

impl<R: Env> Program<R> for CloseWith {
    type Error = Never;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), Never> {
        self.promised.0.end(cx, self.exit).await;
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
