//! What a pool has, lends and waits for.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::channel::oneshot;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::making::Maker;
use super::{Lease, PoolSize, PoolStats};
use crate::cx::deadline;
use crate::fiber::FiberState;
use crate::scope::close;
use crate::{Cause, Exit, Scope, WaitsFor};

/// A resource, and the scope that it was acquired in.
pub(super) struct Item<A> {
    pub(super) value: A,
    pub(super) scope: Scope,
}

/// What somebody who waits gets.
type Served<E, A> = Result<Lease<E, A>, Cause<E>>;

pub(super) struct State<E, A> {
    size: PoolSize,
    maker: Box<dyn Maker<E, A>>,
    inner: Mutex<Inner<E, A>>,
    /// Told when nothing is live in a closed pool.
    emptied: Notify,
    /// Told when there are more idle ones than there need be.
    surplus: Notify,
}

struct Inner<E, A> {
    /// The one that was needed last is at the end, and is lent next: so those that nobody needs are found.
    idle: VecDeque<(Instant, Item<A>)>,
    /// By the order in which they came.
    waiting: BTreeMap<u64, oneshot::Sender<Served<E, A>>>,
    asked: u64,
    live: usize,
    making: usize,
    /// How many are being released.
    releasing: usize,
    closed: bool,
}

/// What comes of asking for a resource.
pub(super) enum Asked<E, A> {
    Here(Lease<E, A>),
    Wait(Waiting<E, A>),
    Closed,
}

impl<E, A> State<E, A> {
    pub(super) fn new(size: PoolSize, maker: Box<dyn Maker<E, A>>) -> Arc<Self> {
        Arc::new(State {
            size,
            maker,
            inner: Mutex::new(Inner {
                idle: VecDeque::new(),
                waiting: BTreeMap::new(),
                asked: 0,
                live: 0,
                making: 0,
                releasing: 0,
                closed: false,
            }),
            emptied: Notify::new(),
            surplus: Notify::new(),
        })
    }

    pub(super) fn stats(&self) -> PoolStats {
        let inner = self.inner.lock();
        PoolStats {
            live: inner.live,
            idle: inner.idle.len(),
            making: inner.making,
            waiting: inner.waiting.len(),
        }
    }

    /// Makes the least number, and watches for those that nobody needs.
    pub(super) fn begin(self: &Arc<Self>) {
        if self.size.idle.is_some() && self.size.min < self.size.max {
            self.maker.watch(self);
        }
        self.make_those_missing();
    }

    /// Makes what is missing: one for each who waits, and the least number.
    fn make_those_missing(self: &Arc<Self>) {
        self.make_up_to(self.size.min);
    }

    /// Makes one for each who waits. The least number is not made up for: what has failed is tried again when it is needed.
    fn make_for_those_who_wait(self: &Arc<Self>) {
        self.make_up_to(0);
    }

    fn make_up_to(self: &Arc<Self>, least: usize) {
        let missing = {
            let mut inner = self.inner.lock();
            if inner.closed {
                return;
            }
            let waited_for = inner.waiting.len().saturating_sub(inner.making);
            let missing = waited_for.max(least.saturating_sub(inner.live));
            let missing = missing.min(self.size.max - inner.live);
            inner.live += missing;
            inner.making += missing;
            missing
        };
        for _ in 0..missing {
            self.maker.make(self);
        }
    }

    /// An acquisition was given up.
    pub(super) fn never_made(&self) {
        self.uncount(|_| ());
    }

    /// One acquisition less, in one step with what `then` does.
    fn uncount<T>(&self, then: impl FnOnce(&mut Inner<E, A>) -> T) -> T {
        let (done, empty) = {
            let mut inner = self.inner.lock();
            inner.making -= 1;
            inner.live -= 1;
            (then(&mut inner), inner.is_empty())
        };
        if empty {
            self.emptied.notify_waiters();
        }
        done
    }

    pub(super) fn ask(self: &Arc<Self>) -> Asked<E, A> {
        let waiting = {
            let mut inner = self.inner.lock();
            if inner.closed {
                return Asked::Closed;
            }
            // Nobody waits while one is idle.
            if let Some((_, item)) = inner.idle.pop_back() {
                return Asked::Here(Lease::new(self, item));
            }
            let (sender, receiver) = oneshot::channel();
            let number = inner.asked;
            inner.asked += 1;
            inner.waiting.insert(number, sender);
            Waiting {
                state: Arc::clone(self),
                number,
                receiver,
            }
        };
        self.make_for_those_who_wait();
        Asked::Wait(waiting)
    }

    /// A resource has been made.
    pub(super) fn made(self: &Arc<Self>, item: Item<A>) {
        self.lend(item, true, 1);
    }

    /// A resource could not be made. Whoever waits longest is told why, if anything is known; if nobody is, that comes back.
    pub(super) fn not_made(self: &Arc<Self>, cause: Option<Cause<E>>) -> Option<Cause<E>> {
        let untold = match cause {
            None => {
                self.never_made();
                None
            }
            Some(cause) => self.tell(cause),
        };
        self.make_for_those_who_wait();
        untold
    }

    /// Tells whoever waits longest. It no longer finds live what it is told of.
    fn tell(&self, cause: Cause<E>) -> Option<Cause<E>> {
        let mut untold = cause;
        let mut first = self.uncount(|inner| inner.waiting.pop_first());
        while let Some((_, waiting)) = first {
            match waiting.send(Err(untold)) {
                // It has gone away meanwhile: the next, then.
                Err(Err(cause)) => untold = cause,
                _ => return None,
            }
            first = self.inner.lock().waiting.pop_first();
        }
        Some(untold)
    }

    /// A resource has been released.
    pub(super) fn released(self: &Arc<Self>) {
        let empty = {
            let mut inner = self.inner.lock();
            inner.live -= 1;
            inner.releasing -= 1;
            inner.is_empty()
        };
        if empty {
            self.emptied.notify_waiters();
        }
        self.make_those_missing();
    }

    /// A resource is there for the next: whoever waits longest, or nobody yet.
    pub(super) fn give_back(self: &Arc<Self>, item: Item<A>, valid: bool) {
        self.lend(item, valid, 0);
    }

    /// Lends what is there, in one step with counting it as made.
    fn lend(self: &Arc<Self>, mut item: Item<A>, valid: bool, mut made: usize) {
        // For those that may be kept too long.
        let now = self.maker.now();
        loop {
            let first = {
                let mut inner = self.inner.lock();
                inner.making -= std::mem::take(&mut made);
                if !valid || inner.closed {
                    inner.releasing += 1;
                    None
                } else if let Some((_, first)) = inner.waiting.pop_first() {
                    Some(first)
                } else {
                    inner.idle.push_back((now, item));
                    let surplus = inner.live > self.size.min;
                    drop(inner);
                    if surplus {
                        self.surplus.notify_one();
                    }
                    return;
                }
            };
            let Some(first) = first else {
                self.maker.release(self, item);
                return;
            };
            match first.send(Ok(Lease::new(self, item))) {
                Ok(()) => return,
                // It has gone away meanwhile: the next, then.
                Err(Ok(lease)) => item = lease.into_item(),
                Err(Err(_)) => return,
            }
        }
    }

    /// Releases those that nobody has needed for too long. When to look again, if there is any such to come.
    pub(super) fn expire(self: &Arc<Self>, now: Instant) -> Option<Instant> {
        loop {
            let item = {
                let mut inner = self.inner.lock();
                let kept = self.size.idle?;
                if inner.live - inner.releasing <= self.size.min {
                    return None;
                }
                let (since, _) = inner.idle.front()?;
                let due = deadline(*since, kept);
                if due > now {
                    return Some(due);
                }
                inner.releasing += 1;
                inner.idle.pop_front()?.1
            };
            self.maker.release(self, item);
        }
    }

    /// Waits until there may be more idle ones than there need be.
    pub(super) async fn surplus(&self) {
        let waits_for = WaitsFor::here("a resource that nobody needs");
        waits_for.told_by(self.surplus.notified()).await;
    }

    /// Closes the pool.
    pub(super) async fn close(self: &Arc<Self>, fiber: &Arc<FiberState>) {
        let (idle, waiting) = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            inner.releasing += inner.idle.len();
            (
                std::mem::take(&mut inner.idle),
                std::mem::take(&mut inner.waiting),
            )
        };
        drop(waiting);
        for (_, item) in idle {
            self.maker.release(self, item);
        }
        close(fiber, self.maker.makers(), Exit::Success(())).await;
        loop {
            // Registered before the look, so that no end comes between.
            let mut emptied = std::pin::pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.inner.lock().live == 0 {
                break;
            }
            let waits_for = WaitsFor::here("what a pool that closes has lent");
            waits_for.told_by(emptied).await;
        }
        close(fiber, self.maker.releasers(), Exit::Success(())).await;
    }
}

impl<E, A> Inner<E, A> {
    fn is_empty(&self) -> bool {
        self.closed && self.live == 0
    }
}

/// A place among those who wait for a resource. Dropped, it leaves no trace.
pub(super) struct Waiting<E, A> {
    state: Arc<State<E, A>>,
    number: u64,
    receiver: oneshot::Receiver<Served<E, A>>,
}

impl<E, A> Future for Waiting<E, A> {
    type Output = Option<Served<E, A>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(task).map(Result::ok)
    }
}

impl<E, A> Drop for Waiting<E, A> {
    fn drop(&mut self) {
        let place = self.state.inner.lock().waiting.remove(&self.number);
        drop(place);
        // What was sent already comes back when the receiver is dropped: a lease gives itself back.
    }
}
