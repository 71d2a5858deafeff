//! What the executor of a run shares with its tasks: the runtime that effects see.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Instant, SystemTime};

use effect_core::{Runtime, Timer};
use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use parking_lot::Mutex;

use super::clock::{Alarm, Clock};

/// The runtime of one run.
pub(super) struct Shared {
    /// Timers hold the run's clock.
    me: Weak<Shared>,
    pub(super) clock: Mutex<Clock>,
    pub(super) begin: Instant,
    wall_begin: SystemTime,
    pub(super) inbox: Mutex<Inbox>,
    /// Whoever polls the executor.
    pub(super) outside: AtomicWaker,
    random: Mutex<fastrand::Rng>,
    /// Whether chance decides who is next, or they take turns.
    pub(super) shuffles: bool,
}

/// What came since the executor looked last.
#[derive(Default)]
pub(super) struct Inbox {
    pub(super) spawned: Vec<BoxFuture<'static, ()>>,
    /// The tasks that were woken, by number, in order.
    pub(super) woken: Vec<usize>,
    /// Nothing is taken any more.
    pub(super) closed: bool,
}

impl Shared {
    #[allow(
        clippy::disallowed_methods,
        reason = "an instant can only be had from the system's clock; which one it is, nobody can tell"
    )]
    pub(super) fn new(seed: Option<u64>, wall_begin: SystemTime) -> Arc<Self> {
        let begin = Instant::now();
        Arc::new_cyclic(|me| Shared {
            me: Weak::clone(me),
            clock: Mutex::new(Clock::new(begin)),
            begin,
            wall_begin,
            inbox: Mutex::default(),
            outside: AtomicWaker::new(),
            random: Mutex::new(fastrand::Rng::with_seed(seed.unwrap_or(0))),
            shuffles: seed.is_some(),
        })
    }

    /// A number below a limit, by chance.
    pub(super) fn below(&self, limit: usize) -> usize {
        self.random.lock().usize(..limit)
    }
}

/// What effects see of the run. The executor holds the other end.
impl Runtime for Shared {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let refused = {
            let mut inbox = self.inbox.lock();
            if inbox.closed {
                Some(task)
            } else {
                inbox.spawned.push(task);
                None
            }
        };
        if refused.is_none() {
            self.outside.wake();
        }
    }

    fn now(&self) -> Instant {
        self.clock.lock().now
    }

    fn wall_now(&self) -> SystemTime {
        self.wall_begin + self.now().duration_since(self.begin)
    }

    fn sleep_until(&self, deadline: Instant) -> Timer {
        let me = self.me.upgrade().expect("whoever calls has a reference");
        Timer::new(Alarm::new(me, deadline))
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        // There is one thread, and it may block: nobody else would run meanwhile in any case.
        self.spawn(Box::pin(async move { job() }));
    }

    fn random(&self) -> u64 {
        self.random.lock().u64(..)
    }

    fn observes_waits(&self) -> bool {
        true
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualTime").finish_non_exhaustive()
    }
}
