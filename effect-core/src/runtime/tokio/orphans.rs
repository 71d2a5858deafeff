//! The orphans of each tokio runtime, counted, so that one can wait for them before it shuts that runtime down.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::poll_fn;
use std::sync::LazyLock;
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use tokio::runtime::Id;

/// The runtimes that have orphans. It is global because any number of handles stand for one tokio runtime, and a
/// fiber that plain tokio code starts there knows of no other. Nobody touches it unless there is an orphan.
static ORPHANS: LazyLock<Mutex<HashMap<Id, Orphans>>> = LazyLock::new(Mutex::default);

/// The orphans of one runtime, which has some, and who waits for their end.
#[derive(Default)]
struct Orphans {
    count: usize,
    waiting: Vec<Waker>,
}

/// An orphan that is counted for as long as this exists.
pub(super) struct Orphan {
    runtime: Id,
}

impl Orphan {
    pub(super) fn count(runtime: Id) -> Self {
        ORPHANS.lock().entry(runtime).or_default().count += 1;
        Orphan { runtime }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        let waiting = {
            let mut all = ORPHANS.lock();
            let Entry::Occupied(mut orphans) = all.entry(self.runtime) else {
                return;
            };
            orphans.get_mut().count -= 1;
            if orphans.get().count > 0 {
                return;
            }
            orphans.remove().waiting
        };
        // Without the lock: a waker may run anything.
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Waits until this runtime has no orphan.
pub(super) async fn wait(runtime: Id) {
    poll_fn(|task| match ORPHANS.lock().get_mut(&runtime) {
        None => Poll::Ready(()),
        Some(orphans) => {
            let waker = task.waker();
            if !orphans.waiting.iter().any(|other| other.will_wake(waker)) {
                orphans.waiting.push(waker.clone());
            }
            Poll::Pending
        }
    })
    .await;
}
