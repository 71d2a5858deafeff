//! An observer: whom a runtime tells of the life of its fibers.

use crate::{FiberId, FiberRef};

/// Whom a runtime tells of the life of its fibers: a simulator, which counts, names and interrupts them.
///
/// Its methods are called on the fiber's own thread with no lock held, and must not panic.
pub trait Observer {
    /// Gives a new fiber its identity, which is to be unique among the fibers of the runtime.
    fn next_id(&self) -> FiberId;

    /// A fiber has come into being. It has not been polled yet.
    fn begun(&self, fiber: &FiberRef);

    /// The body of a fiber waits. An interruption asked for in here takes effect at this very place.
    fn suspended(&self, fiber: &FiberRef);

    /// A fiber has ended, its finalizers and children included.
    fn ended(&self, fiber: FiberId);
}
