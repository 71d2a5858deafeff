//! An observer: whom a runtime tells of the life of its fibers.

use std::time::Duration;

use crate::{FiberId, FiberRef, WaitsFor};

/// Whom a runtime tells of the life of its fibers: a simulator, which counts, names and interrupts them.
///
/// Its methods are called on the fiber's own thread with no lock of ours held, but for `next_id`; they must not panic.
///
/// # Examples
///
/// ```
/// use effect_core::{FiberId, FiberRef, Observer};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// /// Counts fibers: how many there were, and how many there are.
/// #[derive(Default)]
/// struct Count {
///     begun: AtomicU64,
///     alive: AtomicU64,
/// }
///
/// impl Observer for Count {
///     fn next_id(&self) -> FiberId {
///         FiberId::new(self.begun.fetch_add(1, Ordering::Relaxed))
///     }
///     fn begun(&self, _: &FiberRef) {
///         self.alive.fetch_add(1, Ordering::Relaxed);
///     }
///     fn suspended(&self, _: &FiberRef) {}
///     fn ended(&self, _: FiberId) {
///         self.alive.fetch_sub(1, Ordering::Relaxed);
///     }
/// }
/// assert_eq!(Count::default().next_id().number(), 0);
/// ```
pub trait Observer {
    /// Gives a new fiber its identity, which is to be unique among the fibers of the runtime.
    fn next_id(&self) -> FiberId;

    /// A fiber has come into being. It has not been polled yet.
    fn begun(&self, fiber: &FiberRef);

    /// The body of a fiber waits. An interruption asked for in here takes effect at this very place.
    fn suspended(&self, fiber: &FiberRef);

    /// A fiber has ended, its finalizers and children included.
    fn ended(&self, fiber: FiberId);

    /// Whether it wants to be [told](Observer::polled) of each poll. A fiber asks when it begins. No, unless overridden: it takes two looks at
    /// the clock.
    fn times_polls(&self) -> bool {
        false
    }

    /// A fiber has held its thread for so long, without the fibers that were polled inside of it. `waited_for` is what it
    /// had waited for before, as far as that is known; what it waits for now, it [tells](FiberRef::waits) itself.
    fn polled(&self, fiber: &FiberRef, took: Duration, waited_for: Option<WaitsFor>) {
        let _ = (fiber, took, waited_for);
    }
}
