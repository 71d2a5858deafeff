//! The root fibers of each observed runtime, so that a dump can begin somewhere.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use slab::Slab;

use crate::Dump;
use crate::fiber::{FiberRef, FiberState};

/// All observed runtimes. It is global because whoever asks for a dump, a signal say, knows none of them.
static RUNTIMES: Mutex<Vec<Weak<Roots>>> = Mutex::new(Vec::new());

/// The root fibers of a runtime.
#[derive(Default)]
pub(crate) struct Roots {
    // Weak, because a fiber holds on to its runtime.
    fibers: Mutex<Slab<Weak<FiberState>>>,
}

impl Roots {
    pub(super) fn new() -> Arc<Self> {
        let roots = Arc::<Roots>::default();
        let mut runtimes = RUNTIMES.lock();
        runtimes.retain(|other| other.strong_count() > 0);
        runtimes.push(Arc::downgrade(&roots));
        drop(runtimes);
        roots
    }

    /// Those that are still there, oldest first.
    pub(super) fn alive(&self) -> Vec<FiberRef> {
        let fibers = self.fibers.lock();
        let alive = fibers.iter().filter_map(|(_, fiber)| fiber.upgrade());
        let mut alive: Vec<_> = alive.map(|fiber| FiberRef::new(&fiber)).collect();
        drop(fibers);
        alive.sort_by_key(FiberRef::id);
        alive
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alive = self.fibers.lock().len();
        f.debug_struct("Roots").field("alive", &alive).finish()
    }
}

/// The place of a root fiber among those of its runtime, until it is dropped.
pub(crate) struct RootEntry {
    roots: Arc<Roots>,
    key: usize,
}

impl RootEntry {
    pub(crate) fn new(roots: &Arc<Roots>, fiber: &Arc<FiberState>) -> Self {
        RootEntry {
            roots: Arc::clone(roots),
            key: roots.fibers.lock().insert(Arc::downgrade(fiber)),
        }
    }
}

impl Drop for RootEntry {
    fn drop(&mut self) {
        let _root = self.roots.fibers.lock().try_remove(self.key);
    }
}

/// Looks at all fibers of the process, as far as their runtimes are observed.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Never, TokioRuntime};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let program = effect(async |cx: Cx<()>| {
///     let child = cx.fork_named("child", effect_core::never::<_, Never, ()>());
///     effect_core::yield_now().await;
///     let shown = effect_core::dump().to_string();
///     drop(child);
///     Ok::<_, Never>(shown)
/// });
/// let runtime = Arc::new(TokioRuntime::current().observed());
/// let shown = program.run_on(runtime).await.value().cloned().unwrap();
/// assert!(shown.contains("(child) waits for nothing at all at "));
/// # }
/// ```
pub fn dump() -> Dump {
    let runtimes: Vec<_> = RUNTIMES.lock().iter().filter_map(Weak::upgrade).collect();
    // One after the other: a run of virtual time numbers its fibers as it likes.
    let dumps = runtimes.iter().map(|roots| Dump::of(roots.alive()));
    dumps.reduce(Dump::and).unwrap_or_else(|| Dump::of([]))
}
