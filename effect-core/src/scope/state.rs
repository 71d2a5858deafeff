//! What a scope holds, and how far it is.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use super::closing;
use super::entries::{Entries, Key};
use super::finalizer::Finalizing;
use crate::fiber::FiberState;
use crate::joiners::{Joined, Joiners, WakerId};
use crate::stack::on_enough_stack;
use crate::{Cause, Exit, FiberId, Runtime, measure};

/// In which order a scope releases what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// One after the other, the newest first.
    Reverse,
    /// All at once.
    Parallel,
}

/// What a scope holds.
pub(crate) enum Entry {
    Finalizer(Pin<Box<dyn Finalizing + Send>>),
    /// A fiber that ends with the scope, at the latest.
    Fiber(Arc<FiberState>),
    /// A scope that closes with this one, at the latest.
    Scope(Arc<ScopeState>),
}

impl Entry {
    /// How many finalizers it is, for whoever counts. Those of others count themselves.
    fn finalizers(&self) -> isize {
        isize::from(matches!(self, Entry::Finalizer(_)))
    }
}

/// Where a scope, or a fiber, is registered. It does not keep that scope.
pub(crate) type Place = (Weak<ScopeState>, Key);

pub(crate) struct ScopeState {
    order: Order,
    inner: Mutex<Inner>,
}

struct Inner {
    phase: Phase,
    entries: Entries<Entry>,
    /// Of whoever has added the first finalizer or fiber: it closes a scope that is dropped.
    runtime: Option<Arc<dyn Runtime>>,
    /// The parent, if there is one.
    place: Option<Place>,
    /// How that ended which the scope is for, where it is known and its own fiber closes it.
    exit: Option<Box<Exit<(), ()>>>,
    /// Those who wait for it to be closed.
    waiting: Joiners,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Open,
    /// Takes more, which is released next.
    Closing(FiberId),
    Closed,
}

/// What to do with a scope that is to be closed.
pub(super) enum Begin {
    Close,
    /// Somebody else closes it.
    Wait,
    /// It is closed, or whoever asks is a part of its closing.
    Nothing,
}

impl ScopeState {
    pub(crate) fn new(order: Order) -> Arc<Self> {
        Arc::new(ScopeState::with(order, Phase::Open, Entries::new()))
    }

    pub(crate) fn closed(order: Order) -> Arc<Self> {
        Arc::new(ScopeState::with(order, Phase::Closed, Entries::new()))
    }

    fn with(order: Order, phase: Phase, entries: Entries<Entry>) -> Self {
        ScopeState {
            order,
            inner: Mutex::new(Inner {
                phase,
                entries,
                runtime: None,
                place: None,
                exit: None,
                waiting: Joiners::default(),
            }),
        }
    }

    pub(crate) fn order(&self) -> Order {
        self.order
    }

    pub(crate) fn len(&self) -> usize {
        self.inner.lock().entries.len()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.inner.lock().phase == Phase::Closed
    }

    /// Adds an entry; a closed scope hands it back.
    pub(crate) fn add(&self, entry: Entry, runtime: &Arc<dyn Runtime>) -> Result<Key, Entry> {
        let mut inner = self.inner.lock();
        if inner.phase == Phase::Closed {
            return Err(entry);
        }
        if inner.runtime.is_none() {
            inner.runtime = Some(Arc::clone(runtime));
        }
        measure::finalizers(entry.finalizers());
        Ok(inner.entries.push(entry))
    }

    /// Makes a scope that closes with this one, at the latest. One of a closed scope is closed.
    pub(crate) fn fork(self: &Arc<Self>, order: Order) -> Arc<Self> {
        let child = ScopeState::new(order);
        if !self.adopt(&child) {
            return ScopeState::closed(order);
        }
        child
    }

    /// Makes a scope that is in none a part of this one. False if this one is closed.
    pub(crate) fn adopt(self: &Arc<Self>, child: &Arc<Self>) -> bool {
        let runtime = child.inner.lock().runtime.clone();
        let mut inner = self.inner.lock();
        if inner.phase == Phase::Closed {
            return false;
        }
        if inner.runtime.is_none() {
            inner.runtime = runtime;
        }
        let key = inner.entries.push(Entry::Scope(Arc::clone(child)));
        drop(inner);
        child.inner.lock().place = Some((Arc::downgrade(self), key));
        true
    }

    /// Takes an entry out, if it is still there.
    pub(crate) fn remove(&self, key: Key) -> Option<Entry> {
        self.inner.lock().entries.remove(key)
    }

    /// The place of the entry in here that is a scope, or has it in it.
    pub(crate) fn place_of(self: &Arc<Self>, scope: &Arc<Self>) -> Option<Key> {
        let mut inside = Arc::clone(scope);
        loop {
            let (around, key) = inside.inner.lock().place.clone()?;
            let around = around.upgrade()?;
            if Arc::ptr_eq(&around, self) {
                return Some(key);
            }
            inside = around;
        }
    }

    /// How many of the fibers in here a fiber is a part of.
    pub(crate) fn fibers_around(&self, fiber: &Arc<FiberState>) -> usize {
        let inner = self.inner.lock();
        let around = |entry: &Entry| match entry {
            Entry::Fiber(member) => fiber.is_part_of(member.id()),
            Entry::Finalizer(_) | Entry::Scope(_) => false,
        };
        inner
            .entries
            .iter()
            .filter(|(_, entry)| around(entry))
            .count()
    }

    /// Takes all that is in here but for one entry, as a scope of its own.
    pub(crate) fn split(self: &Arc<Self>, but_for: Option<Key>) -> Arc<Self> {
        let (kept, entries, runtime) = {
            let mut inner = self.inner.lock();
            let kept = but_for.and_then(|key| inner.entries.remove(key));
            let entries = inner.entries.take_all();
            let kept = match kept {
                Some(Entry::Scope(scope)) => {
                    let key = inner.entries.push(Entry::Scope(Arc::clone(&scope)));
                    Some((scope, key))
                }
                _ => None,
            };
            (kept, entries, inner.runtime.clone())
        };
        if let Some((scope, key)) = kept {
            scope.inner.lock().place = Some((Arc::downgrade(self), key));
        }
        let group = ScopeState::new(self.order);
        let (mut fibers, mut scopes) = (Vec::new(), Vec::new());
        {
            let mut inner = group.inner.lock();
            inner.entries = entries;
            inner.runtime = runtime;
            for (key, entry) in inner.entries.iter() {
                match entry {
                    Entry::Finalizer(_) => {}
                    Entry::Fiber(fiber) => fibers.push((Arc::clone(fiber), key)),
                    Entry::Scope(scope) => scopes.push((Arc::clone(scope), key)),
                }
            }
        }
        for (fiber, key) in fibers {
            fiber.set_scope_place((Arc::downgrade(&group), key));
        }
        for (scope, key) in scopes {
            scope.inner.lock().place = Some((Arc::downgrade(&group), key));
        }
        group
    }

    /// Closes the scope if it has nothing to release. True if it is closed.
    pub(crate) fn try_close(&self) -> bool {
        let told = {
            let mut inner = self.inner.lock();
            match inner.phase {
                Phase::Open if inner.entries.is_empty() => inner.close(),
                phase => return phase == Phase::Closed,
            }
        };
        told.tell();
        true
    }

    /// Begins to close, if nobody has.
    pub(super) fn begin(&self, by: FiberId) -> Begin {
        let mut inner = self.inner.lock();
        match inner.phase {
            Phase::Open => {
                inner.phase = Phase::Closing(by);
                Begin::Close
            }
            // In one of its own finalizers, or in another branch of who closes it: nobody waits for oneself.
            Phase::Closing(already) if already == by => Begin::Nothing,
            Phase::Closing(_) => Begin::Wait,
            Phase::Closed => Begin::Nothing,
        }
    }

    /// Takes what is to be released next. When there is nothing left, a scope that is being closed is closed.
    pub(super) fn pop(&self) -> Option<Entry> {
        let told = {
            let mut inner = self.inner.lock();
            if let Some(entry) = inner.entries.pop() {
                measure::finalizers(-entry.finalizers());
                return Some(entry);
            }
            match inner.phase {
                Phase::Closing(_) => inner.close(),
                Phase::Open | Phase::Closed => return None,
            }
        };
        told.tell();
        None
    }

    /// Takes what is to be released next, if there is anything.
    pub(super) fn take(&self) -> Option<Entry> {
        let entry = self.inner.lock().entries.pop()?;
        measure::finalizers(-entry.finalizers());
        Some(entry)
    }

    /// Whether somebody closes it.
    pub(super) fn is_closing(&self) -> bool {
        matches!(self.inner.lock().phase, Phase::Closing(_))
    }

    /// Remembers how the fiber has ended whose own scope this is.
    pub(crate) fn set_exit(&self, exit: Exit<(), ()>) {
        self.inner.lock().exit = Some(Box::new(exit));
    }

    pub(super) fn exit(&self) -> Option<Exit<(), ()>> {
        self.inner.lock().exit.as_deref().cloned()
    }

    /// Closes the scope, and drops what it holds: nobody can release it. How many finalizers there were.
    pub(crate) fn abandon(&self) -> usize {
        let mut lost = 0;
        // Each drop may add to it.
        loop {
            let entry = self.take();
            match entry {
                None => break,
                Some(Entry::Finalizer(_)) => lost += 1,
                Some(Entry::Fiber(fiber)) => fiber.interrupt(None),
                Some(Entry::Scope(scope)) => lost += on_enough_stack(|| scope.abandon()),
            }
        }
        let told = self.inner.lock().close();
        told.tell();
        lost
    }
}

impl Inner {
    fn close(&mut self) -> Told {
        self.phase = Phase::Closed;
        self.runtime = None;
        Told {
            waiting: std::mem::take(&mut self.waiting),
            place: self.place.take(),
        }
    }
}

impl Joined for ScopeState {
    fn poll_ended(&self, joined: &mut Option<WakerId>, waker: &Waker) -> Poll<()> {
        let _replaced = {
            let mut inner = self.inner.lock();
            if inner.phase == Phase::Closed {
                return Poll::Ready(());
            }
            inner.waiting.join(joined, waker)
        };
        Poll::Pending
    }

    fn leave(&self, joined: WakerId) {
        let left = self.inner.lock().waiting.leave(joined);
        drop(left);
    }
}

/// Who is to be told that a scope is closed. Without its lock: a waker may run anything.
struct Told {
    waiting: Joiners,
    place: Option<Place>,
}

impl Told {
    fn tell(self) {
        self.waiting.wake();
        if let Some((parent, key)) = self.place
            && let Some(parent) = parent.upgrade()
        {
            drop(parent.remove(key));
        }
    }
}

impl Drop for ScopeState {
    /// A scope that nobody has closed, and nobody can close any more, is closed by the runtime.
    fn drop(&mut self) {
        let inner = self.inner.get_mut();
        if inner.entries.is_empty() {
            return;
        }
        let entries = inner.entries.take_all();
        let Some(runtime) = inner.runtime.take() else {
            // There are scopes in it, each of which may have others in it.
            on_enough_stack(|| drop(entries));
            return;
        };
        let rest = ScopeState::with(self.order, Phase::Open, entries);
        let interrupted = Exit::Failure(Cause::interrupt(None));
        closing::close_as_orphan(runtime, Arc::new(rest), interrupted);
    }
}
