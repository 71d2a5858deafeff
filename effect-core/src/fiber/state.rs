//! What is known of a fiber, whatever its types: who it is, who its family is, whether it is interrupted.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use slab::Slab;
use smallvec::SmallVec;

use super::FiberId;
use super::watch::Watch;
use crate::cleanup::CleanupQueue;
use crate::joiners::{Joiners, WakerId};
use crate::measure::Ending;
use crate::scope::{self, Entry, Order, ScopeState};
use crate::trace::TracedFiber;
use crate::{Defect, Report, Runtime};

mod owing;
mod ending;

/// What is known of a fiber, whatever its types, and where it leaves its exit.
pub(crate) struct FiberState<S: ?Sized = dyn Leave> {
    id: FiberId,
    name: Option<Arc<str>>,
    /// Where it was forked, if it was.
    forked_at: Option<&'static Location<'static>>,
    runtime: Arc<dyn Runtime>,
    /// The fiber's own scope, once somebody has asked for it. Made under the lock, so that the end of the fiber is seen.
    scope: OnceLock<Arc<ScopeState>>,
    /// Set once, and never cleared. Pairs with the driver's load, which the waker orders.
    interrupted: AtomicBool,
    /// What somebody who watches it knows of it. Nobody watches most fibers.
    pub(super) watch: Option<Box<Watch>>,
    ending: Ending,
    /// How much was ever pushed onto the cleanup queue.
    pushed: AtomicU64,
    /// How much of it nobody has taken on yet. Written under the lock.
    unclaimed: AtomicU32,
    /// How much of it somebody has taken on, and has not ended yet.
    claimed: AtomicU32,
    /// How many defects of finalizers are recorded. Written under the lock, by this fiber's own task mostly.
    defects: AtomicUsize,
    inner: Mutex<Inner>,
    // In here, and not beside it, because an allocation is a good part of what a fiber costs.
    slot: S,
}

/// A place where a fiber leaves its exit, whatever its type.
pub(crate) trait Leave: Send + Sync + 'static {
    /// Drops an exit that nobody will look at any more, and reports a failure that nobody has seen.
    fn forget(&self, fiber: &FiberState);
}

/// The exit of a root fiber is its driver's output.
impl Leave for () {
    fn forget(&self, _fiber: &FiberState) {}
}

/// What many fibers do without, and need not make room for.
#[derive(Default)]
struct Rest {
    interrupters: Interrupters,
    children: Slab<Arc<FiberState>>,
    cleanup: CleanupQueue,
    defects: Vec<Defect>,
    /// Where it is registered that ends with a scope, at the latest.
    scope_place: Option<scope::Place>,
    /// Where the last failure was raised that nobody has recovered from.
    raised: Option<&'static Location<'static>>,
}

/// The fibers that have interrupted one, in the order in which they came; `None` is somebody outside of all fibers.
pub(crate) type Interrupters = SmallVec<[Option<FiberId>; 1]>;

#[derive(Default)]
struct Inner {
    /// The driver's waker, and whoever else waits for this fiber to end.
    waker: Option<Waker>,
    joiners: Joiners,
    /// The parent, and this fiber's place among its children, until this one ends: a handle that is kept
    /// must not keep all ancestors.
    parent: Option<Place>,
    /// What many fibers do without.
    rest: Option<Box<Rest>>,
    /// Whether the driver has interrupted the children, and waits for the last of them to end.
    awaits_children: bool,
    done: bool,
    /// Whether the handle is gone, and nobody will look at the exit.
    forgotten: bool,
    /// Whether somebody has looked at the exit, and left it there.
    exit_observed: bool,
    /// Whether an orphan works on what was owed after the end.
    late: bool,
}

/// A fiber's place among the children of its parent.
type Place = (Arc<FiberState>, usize);

impl FiberState {
    /// The place is where it is run, as far as that is known.
    pub(crate) fn root(
        runtime: Arc<dyn Runtime>,
        place: Option<&'static Location<'static>>,
    ) -> Arc<Self> {
        let known = Watch::begin(&*runtime, None, place);
        let root: Arc<FiberState> = Arc::new(FiberState::new(known, None, None, runtime, None, ()));
        root.observe_begun();
        root
    }

    pub(super) fn child<S: Leave>(
        parent: &Arc<FiberState>,
        name: Option<Arc<str>>,
        place: &'static Location<'static>,
        slot: S,
    ) -> Arc<FiberState<S>> {
        let known = Watch::begin(&*parent.runtime, name.as_deref(), Some(place));
        let mut siblings = parent.inner.lock();
        let entry = siblings.rest_mut().children.vacant_entry();
        let family = Some((Arc::clone(parent), entry.key()));
        let runtime = Arc::clone(&parent.runtime);
        let typed = Arc::new(FiberState::new(
            known,
            name,
            Some(place),
            runtime,
            family,
            slot,
        ));
        let child: Arc<FiberState> = Arc::<FiberState<S>>::clone(&typed);
        entry.insert(Arc::clone(&child));
        if siblings.awaits_children || siblings.done {
            // Its siblings have been interrupted, and nobody will come again to interrupt it as well.
            child.interrupted.store(true, Ordering::Release);
            child
                .inner
                .lock()
                .rest_mut()
                .interrupters
                .push(Some(parent.id));
        }
        drop(siblings);
        child.observe_begun();
        typed
    }
}

impl<S: Leave> FiberState<S> {
    /// A fiber that is nobody's child, and has not begun: nobody is told of it yet. To be called with no lock held.
    pub(crate) fn apart(
        runtime: &Arc<dyn Runtime>,
        name: Option<Arc<str>>,
        place: &'static Location<'static>,
        slot: S,
    ) -> Arc<FiberState<S>> {
        let known = Watch::begin(&**runtime, name.as_deref(), Some(place));
        let runtime = Arc::clone(runtime);
        Arc::new(FiberState::new(
            known,
            name,
            Some(place),
            runtime,
            None,
            slot,
        ))
    }
}

impl<S> FiberState<S> {
    fn new(
        (id, watch): (FiberId, Option<Box<Watch>>),
        name: Option<Arc<str>>,
        forked_at: Option<&'static Location<'static>>,
        runtime: Arc<dyn Runtime>,
        parent: Option<Place>,
        slot: S,
    ) -> Self {
        FiberState {
            id,
            name,
            forked_at,
            runtime,
            watch,
            ending: Ending::new(),
            scope: OnceLock::new(),
            interrupted: AtomicBool::new(false),
            pushed: AtomicU64::new(0),
            defects: AtomicUsize::new(0),
            unclaimed: AtomicU32::new(0),
            claimed: AtomicU32::new(0),
            inner: Mutex::new(Inner {
                parent,
                ..Inner::default()
            }),
            slot,
        }
    }

    pub(crate) fn slot(&self) -> &S {
        &self.slot
    }

    /// Ends with the handle. True if the exit is there by now, and to be forgotten; if not, the fiber will do it.
    pub(super) fn leave_handle(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.forgotten = true;
        inner.done
    }
}

impl FiberState {
    pub(crate) fn id(&self) -> FiberId {
        self.id
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    /// How its body has ended, for whoever counts.
    pub(super) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// Whether it is nobody's child, or was and has ended.
    pub(super) fn is_root(&self) -> bool {
        self.inner.lock().parent.is_none()
    }

    pub(crate) fn children(&self) -> SmallVec<[Arc<FiberState>; 4]> {
        let inner = self.inner.lock();
        let children = inner.rest.iter().flat_map(|rest| rest.children.iter());
        children.map(|(_, child)| Arc::clone(child)).collect()
    }

    pub(crate) fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.runtime
    }

    /// The fiber's own scope. That of a fiber which has ended is closed.
    pub(crate) fn scope(&self) -> &Arc<ScopeState> {
        if let Some(scope) = self.scope.get() {
            return scope;
        }
        let inner = self.inner.lock();
        self.scope.get_or_init(|| match inner.done {
            false => ScopeState::new(Order::Reverse),
            true => ScopeState::closed(Order::Reverse),
        })
    }

    /// The fiber's own scope, if anybody has asked for it.
    #[inline]
    pub(crate) fn own_scope(&self) -> Option<&Arc<ScopeState>> {
        self.scope.get()
    }

    /// Has it end with a scope, at the latest. To be called before it begins. False if the scope is closed.
    pub(crate) fn enter_scope(self: &Arc<Self>, scope: &Arc<ScopeState>) -> bool {
        match scope.add(Entry::Fiber(Arc::clone(self)), &self.runtime) {
            // It cannot have ended, because it has not begun.
            Ok(key) => self.set_scope_place((Arc::downgrade(scope), key)),
            Err(_) => return false,
        }
        true
    }

    /// Says where the fiber is registered that is in a scope.
    pub(crate) fn set_scope_place(&self, place: scope::Place) {
        let mut inner = self.inner.lock();
        if !inner.done {
            inner.rest_mut().scope_place = Some(place);
        }
    }

    /// Asks the fiber to end, and wakes it so that it sees that.
    pub(crate) fn interrupt(&self, by: Option<FiberId>) {
        let waker = {
            let mut inner = self.inner.lock();
            if inner.done {
                return;
            }
            let interrupters = &mut inner.rest_mut().interrupters;
            if !interrupters.contains(&by) {
                interrupters.push(by);
            }
            if self.interrupted.swap(true, Ordering::AcqRel) {
                return;
            }
            inner.waker.clone()
        };
        self.tell_interrupt(by);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// Who has interrupted it, or a part of it: where nobody asked, a race was lost, or a time limit met.
    pub(crate) fn interrupters(&self) -> Interrupters {
        let inner = self.inner.lock();
        let by = inner.rest.as_ref().map(|rest| rest.interrupters.clone());
        let by = by.filter(|by| !by.is_empty());
        by.unwrap_or_else(|| SmallVec::from_elem(None, 1))
    }

    /// Makes sure that whatever happens to the fiber wakes this task.
    pub(crate) fn listen(&self, task: &Context<'_>) -> WakerId {
        let waker = task.waker().clone();
        // Of the clone, which stays alive: an address means nothing of a waker that is gone. Where both mean the same
        // task, the table of the one that will be seen again: a clone may have another, with the same functions in it.
        let same = waker.data() == task.waker().data();
        let id = WakerId::of(if same { task.waker() } else { &waker });
        // The old one is dropped when the lock is free: a task may go with it, and that may drop anything.
        let _replaced = self.inner.lock().waker.replace(waker);
        id
    }

    /// Remembers where a failure was raised.
    pub(crate) fn raised_at(&self, place: &'static Location<'static>) {
        self.inner.lock().rest_mut().raised = Some(place);
    }

    /// Remembers where a failure was raised, if nobody has said so who is nearer to it.
    #[cold]
    pub(crate) fn raised_in(&self, place: &'static Location<'static>) {
        let mut inner = self.inner.lock();
        inner.rest_mut().raised.get_or_insert(place);
    }

    /// Where the last failure was raised; the next is another one.
    pub(crate) fn take_raised(&self) -> Option<&'static Location<'static>> {
        self.inner.lock().rest.as_mut()?.raised.take()
    }

    /// This fiber, its parent, and so on, up to so many.
    pub(crate) fn ancestry(self: &Arc<Self>, limit: usize) -> Vec<TracedFiber> {
        self.lineage()
            .map(|fiber| TracedFiber::new(fiber.id, fiber.name.clone(), fiber.forked_at))
            .take(limit)
            .collect()
    }

    /// This fiber, its parent, the parent of that, and so on.
    fn lineage(self: &Arc<Self>) -> impl Iterator<Item = Arc<Self>> {
        std::iter::successors(Some(Arc::clone(self)), |fiber| {
            let inner = fiber.inner.lock();
            inner.parent.as_ref().map(|(parent, _)| Arc::clone(parent))
        })
    }

    /// Whether this is the fiber with that identity, or a descendant of it, without which it does not end.
    pub(crate) fn is_part_of(self: &Arc<Self>, id: FiberId) -> bool {
        self.lineage().any(|fiber| fiber.id == id)
    }

    /// Whether a scope does not close before this fiber has ended.
    pub(crate) fn is_inside(self: &Arc<Self>, scope: &Arc<ScopeState>) -> bool {
        self.lineage().any(|fiber| {
            let inner = fiber.inner.lock();
            let place = inner
                .rest
                .as_ref()
                .and_then(|rest| rest.scope_place.clone());
            drop(inner);
            let around = place.and_then(|(around, _)| around.upgrade());
            around.is_some_and(|around| {
                Arc::ptr_eq(&around, scope) || scope.place_of(&around).is_some()
            })
        })
    }

    /// Tells of a cause that nobody else will hear of.
    pub(crate) fn report_unobserved(&self, cause: &dyn fmt::Display) {
        self.runtime.report(&Report::UnobservedFailure {
            fiber: self.id,
            name: self.name.clone(),
            cause: cause.to_string(),
        });
    }

    /// Tells of a failure that somebody has decided to go on after.
    pub(crate) fn report_ignored(&self, why: &'static str, error: &dyn fmt::Display) {
        self.runtime.report(&Report::IgnoredFailure {
            fiber: self.id,
            name: self.name.clone(),
            why,
            error: error.to_string(),
        });
    }

    pub(crate) fn has_children(&self) -> bool {
        self.inner.lock().has_children()
    }

    pub(crate) fn interrupt_children(&self) {
        self.inner.lock().awaits_children = true;
        for child in self.children() {
            child.interrupt(Some(self.id));
        }
    }

    /// Ready when no child is left.
    pub(crate) fn poll_childless(&self, task: &Context<'_>) -> Poll<()> {
        let waker = task.waker().clone();
        let _replaced = {
            let mut inner = self.inner.lock();
            if !inner.has_children() {
                inner.awaits_children = false;
                return Poll::Ready(());
            }
            inner.waker.replace(waker)
        };
        Poll::Pending
    }
}

impl Inner {
    #[inline]
    fn rest_mut(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    #[inline]
    fn owed(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.cleanup.len())
    }

    #[inline]
    fn has_children(&self) -> bool {
        let rest = self.rest.as_ref();
        rest.is_some_and(|rest| !rest.children.is_empty())
    }
}

impl<S: ?Sized> fmt::Debug for FiberState<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FiberState")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
