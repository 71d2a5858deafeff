//! A value whose changes one can wait for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;

use super::Ref;
use super::watched::{Watched, Watcher};
use crate::opaque_debug::opaque_debug;
use crate::{Never, WaitsFor};

/// A value that fibers share and change, and whose changes others wait for.
///
/// Who follows [`changes`](SubscriptionRef::changes) sees the value as it is, and then what it has become: of several
/// changes since it looked last, the newest. So nobody who is slow holds anybody up, and nobody misses the value that
/// stays. To set it to what it is already is no change. Where every single change matters, use a [`Hub`](super::Hub).
///
/// # Examples
///
/// ```
/// use effect_core::sync::SubscriptionRef;
/// use futures::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let price = SubscriptionRef::new(10);
/// let mut changes = price.changes();
/// assert_eq!(changes.next_change().await, Some(10));
/// price.set(11);
/// price.set(12);
/// drop(price);
/// assert_eq!(changes.collect::<Vec<_>>().await, [12]);
/// # }
/// ```
#[doc(alias = "Signal")]
#[doc(alias = "watch")]
pub struct SubscriptionRef<T> {
    handle: Arc<Handle<T>>,
}

/// What those share who may change the value. With the last of them, its changes end.
struct Handle<T> {
    watched: Arc<Watched<Current<T>>>,
    /// One change at a time. It guards no more than the turn: a closure of a user's runs under it.
    turn: Ref<()>,
}

struct Current<T> {
    // Shared, so that it is cloned when the lock is free.
    value: Arc<T>,
    /// How often it has changed.
    version: u64,
    /// Whether nobody is left who could change it.
    last: bool,
}

impl<T> SubscriptionRef<T> {
    /// Creates one with a value.
    pub fn new(value: T) -> Self {
        let current = Current {
            value: Arc::new(value),
            version: 0,
            last: false,
        };
        SubscriptionRef {
            handle: Arc::new(Handle {
                watched: Watched::new(current),
                turn: Ref::new(()),
            }),
        }
    }

    /// Follows the value: as it is now, and then each time that it has changed. It ends when nobody is left who could
    /// change it, after the last value.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::SubscriptionRef;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mode = SubscriptionRef::new("fast");
    /// let mut changes = mode.changes();
    /// assert_eq!(changes.next_change().await, Some("fast"));
    /// mode.set("safe");
    /// assert_eq!(changes.next_change().await, Some("safe"));
    /// # }
    /// ```
    #[track_caller]
    pub fn changes(&self) -> Changes<T> {
        let waits_for = WaitsFor::here("a change of a value");
        Changes {
            watcher: Watcher::new(&self.handle.watched, waits_for),
            seen: None,
        }
    }

    /// Waits until the value is as it is wanted, and has it. Values that did not stay may go unseen.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::SubscriptionRef;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let running = SubscriptionRef::new(3);
    /// let mut idle = running.wait_until(|running| *running == 0);
    /// assert!(futures::poll!(&mut idle).is_pending());
    /// running.set(0);
    /// assert_eq!(idle.await, Ok(0));
    /// # }
    /// ```
    #[track_caller]
    pub fn wait_until<F: FnMut(&T) -> bool>(&self, wanted: F) -> WaitUntil<T, F> {
        WaitUntil {
            changes: self.changes(),
            _open: self.clone(),
            wanted,
        }
    }
}

impl<T: Clone> SubscriptionRef<T> {
    /// A clone of the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::SubscriptionRef;
    ///
    /// assert_eq!(SubscriptionRef::new(1).get(), 1);
    /// ```
    pub fn get(&self) -> T {
        Arc::unwrap_or_clone(self.handle.latest())
    }
}

/// # Changing
impl<T: PartialEq> SubscriptionRef<T> {
    /// Sets the value. True if that has changed it.
    ///
    /// # Panics
    ///
    /// If it is called in a change of this same value.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::SubscriptionRef;
    ///
    /// let mode = SubscriptionRef::new("fast");
    /// assert!(mode.set("safe"));
    /// assert!(!mode.set("safe"));
    /// ```
    #[track_caller]
    pub fn set(&self, value: T) -> bool {
        self.handle.turn.modify(|()| {
            let before = self.handle.latest();
            self.handle.put(&before, value)
        })
    }

    /// Changes the value, and has what the closure returns.
    ///
    /// The closure changes a clone: others see it when it is done. If it panics, nothing has changed.
    ///
    /// # Panics
    ///
    /// If the closure does, or uses this same value.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::SubscriptionRef;
    ///
    /// let names = SubscriptionRef::new(vec!["a", "b"]);
    /// assert_eq!(names.modify(Vec::pop), Some("b"));
    /// assert_eq!(names.get(), ["a"]);
    /// ```
    #[track_caller]
    pub fn modify<B>(&self, change: impl FnOnce(&mut T) -> B) -> B
    where
        T: Clone,
    {
        self.handle.turn.modify(|()| {
            let before = self.handle.latest();
            let mut value = T::clone(&before);
            let output = change(&mut value);
            self.handle.put(&before, value);
            output
        })
    }

    /// Changes the value.
    ///
    /// # Panics
    ///
    /// As [`modify`](SubscriptionRef::modify).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::SubscriptionRef;
    ///
    /// let total = SubscriptionRef::new(40);
    /// total.update(|total| *total += 2);
    /// assert_eq!(total.get(), 42);
    /// ```
    #[track_caller]
    pub fn update(&self, change: impl FnOnce(&mut T))
    where
        T: Clone,
    {
        self.modify(change);
    }
}

impl<T> Handle<T> {
    fn latest(&self) -> Arc<T> {
        self.watched.look(|current| Arc::clone(&current.value))
    }
}

impl<T: PartialEq> Handle<T> {
    /// Puts a value in the place of the latest, in one's turn. True if it is another.
    fn put(&self, before: &Arc<T>, value: T) -> bool {
        if **before == value {
            return false;
        }
        let value = Arc::new(value);
        // What was there before goes when the lock is free.
        let _replaced = self.watched.change(|current| {
            current.version += 1;
            std::mem::replace(&mut current.value, value)
        });
        true
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        self.watched.change(|current| current.last = true);
    }
}

/// The changes of a value, as they are seen by one who follows it. A `futures::Stream` as well.
///
/// # Examples
///
/// ```
/// use effect_core::sync::SubscriptionRef;
/// use futures::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let last = SubscriptionRef::new(1).changes();
/// assert_eq!(last.collect::<Vec<_>>().await, [1]);
/// # }
/// ```
#[must_use = "nobody follows a value by this before it is polled"]
pub struct Changes<T> {
    watcher: Watcher<Current<T>>,
    /// The version that was seen last.
    seen: Option<u64>,
}

impl<T> Changes<T> {
    /// The next version that was not seen yet, when there is one; nothing when there will be none.
    fn poll_change(&mut self, task: &mut Context<'_>) -> Poll<Option<Arc<T>>> {
        let seen = &mut self.seen;
        self.watcher.poll(task, |current| {
            if *seen != Some(current.version) {
                *seen = Some(current.version);
                return Some(Some(Arc::clone(&current.value)));
            }
            current.last.then_some(None)
        })
    }
}

impl<T: Clone> Changes<T> {
    /// Waits for the next value. `None` when nobody is left who could change it.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it ends, nothing was seen, and no value is missed that stays.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::SubscriptionRef;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let price = SubscriptionRef::new(10);
    /// let mut changes = price.changes();
    /// drop(price);
    /// assert_eq!(changes.next_change().await, Some(10));
    /// assert_eq!(changes.next_change().await, None);
    /// # }
    /// ```
    pub fn next_change(&mut self) -> NextChange<'_, T> {
        NextChange { changes: self }
    }
}

impl<T: Clone> Stream for Changes<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T>> {
        let change = ready!(self.poll_change(task));
        Poll::Ready(change.map(Arc::unwrap_or_clone))
    }
}

/// The future of [`Changes::next_change`].
#[must_use = "futures do nothing unless they are polled"]
pub struct NextChange<'a, T> {
    changes: &'a mut Changes<T>,
}

impl<T: Clone> Future for NextChange<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut *self.changes).poll_next(task)
    }
}

impl<T> Drop for NextChange<'_, T> {
    fn drop(&mut self) {
        self.changes.watcher.forget();
    }
}

/// The future of [`SubscriptionRef::wait_until`].
#[must_use = "futures do nothing unless they are polled"]
pub struct WaitUntil<T, F> {
    changes: Changes<T>,
    /// So that it never ends without a value.
    _open: SubscriptionRef<T>,
    wanted: F,
}

// The closure is only ever used by reference.
impl<T, F> Unpin for WaitUntil<T, F> {}

impl<T: Clone, F: FnMut(&T) -> bool> Future for WaitUntil<T, F> {
    type Output = Result<T, Never>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let change = ready!(this.changes.poll_change(task));
            let value = change.expect("it is open as long as this waits");
            if (this.wanted)(&value) {
                return Poll::Ready(Ok(Arc::unwrap_or_clone(value)));
            }
        }
    }
}

impl<T> Clone for SubscriptionRef<T> {
    fn clone(&self) -> Self {
        SubscriptionRef {
            handle: Arc::clone(&self.handle),
        }
    }
}

impl<T> fmt::Debug for SubscriptionRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionRef").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for NextChange<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextChange").finish_non_exhaustive()
    }
}

opaque_debug!(Changes<T>, WaitUntil<T, F>);
