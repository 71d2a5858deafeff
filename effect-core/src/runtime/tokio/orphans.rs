//! The fibers of each tokio runtime that nobody waits for, orphans and detached ones, so that one can wait for them before
//! it shuts that runtime down.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::runtime::Id;

use crate::{FiberId, FiberRef};

/// The runtimes that have some. It is global because any number of handles stand for one tokio runtime, and a
/// fiber that plain tokio code starts there knows of no other. Nobody touches it unless there is one.
static ALONE: LazyLock<Mutex<HashMap<Id, Alone>>> = LazyLock::new(Mutex::default);

/// The fibers of one runtime that nobody waits for, of which there are some, and who waits for their end after all.
#[derive(Default)]
struct Alone {
    orphans: usize,
    detached: BTreeMap<FiberId, FiberRef>,
    waiting: Vec<Waker>,
}

impl Alone {
    fn wait(&mut self, task: &Context<'_>) {
        let waker = task.waker();
        if !self.waiting.iter().any(|other| other.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }
}

/// Changes what is known of a runtime's fibers, and wakes who waits for that. What is taken out is dropped afterwards.
fn change<T>(runtime: Id, change: impl FnOnce(&mut Alone) -> T) {
    let (waiting, _taken_out) = {
        let mut all = ALONE.lock();
        let mut alone = match all.entry(runtime) {
            Entry::Occupied(alone) => alone,
            Entry::Vacant(place) => place.insert_entry(Alone::default()),
        };
        let taken_out = change(alone.get_mut());
        let waiting = std::mem::take(&mut alone.get_mut().waiting);
        if alone.get().orphans == 0 && alone.get().detached.is_empty() {
            alone.remove();
        }
        (waiting, taken_out)
    };
    // Without the lock: a waker may run anything.
    waiting.into_iter().for_each(Waker::wake);
}

/// An orphan that is counted for as long as this exists.
pub(super) struct Orphan {
    runtime: Id,
}

impl Orphan {
    pub(super) fn count(runtime: Id) -> Self {
        change(runtime, |alone| alone.orphans += 1);
        Orphan { runtime }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        change(self.runtime, |alone| alone.orphans -= 1);
    }
}

/// A detached fiber that is known for as long as this exists.
pub(super) struct Detached {
    runtime: Id,
    fiber: FiberId,
}

impl Detached {
    pub(super) fn count(runtime: Id, fiber: FiberRef) -> Self {
        let id = fiber.id();
        change(runtime, |alone| alone.detached.insert(id, fiber));
        Detached { runtime, fiber: id }
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        change(self.runtime, |alone| alone.detached.remove(&self.fiber));
    }
}

/// Waits until this runtime has no orphan.
pub(super) async fn wait(runtime: Id) {
    poll_fn(|task| match ALONE.lock().get_mut(&runtime) {
        Some(alone) if alone.orphans > 0 => {
            alone.wait(task);
            Poll::Pending
        }
        _ => Poll::Ready(()),
    })
    .await;
}

/// Interrupts the detached fibers of this runtime, those too that come meanwhile, and waits until there is none.
pub(super) async fn end_detached(runtime: Id) {
    poll_fn(|task| {
        let detached: Vec<_> = match ALONE.lock().get_mut(&runtime) {
            Some(alone) if !alone.detached.is_empty() => {
                alone.wait(task);
                alone.detached.values().cloned().collect()
            }
            _ => return Poll::Ready(()),
        };
        detached.iter().for_each(FiberRef::interrupt_fork);
        Poll::Pending
    })
    .await;
}
