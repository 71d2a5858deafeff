//! What the executor of a run shares with its tasks: the runtime that effects see.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use effect_core::{FiberRef, Observer, Report, Runtime, Timer};
use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use parking_lot::Mutex;

use super::clock::{Alarm, Clock};
use super::detached::Detached;
use super::family::Family;
use super::outside::{Outside, moment_of};
use super::scheduler::{Order, Scheduler};

/// The runtime of one run.
pub(crate) struct Shared {
    /// Timers hold the run's clock.
    me: Weak<Shared>,
    pub(super) clock: Mutex<Clock>,
    pub(super) begin: Instant,
    wall_begin: SystemTime,
    /// How many timers there are, set or not.
    pub(super) alarms: AtomicUsize,
    pub(super) inbox: Mutex<Inbox>,
    pub(super) detached: Detached,
    /// Whoever polls the executor.
    pub(super) outside: AtomicWaker,
    random: Mutex<fastrand::Rng>,
    pub(crate) family: Arc<Family>,
    order: Order,
    reports: Reports,
}

/// Where reports go.
pub(crate) enum Reports {
    /// To standard error.
    Printed,
    /// Nowhere, until somebody takes them.
    Kept(Mutex<Vec<Report>>),
    /// To whatever the run is in.
    Outside(Arc<dyn Runtime>),
}

/// What came since the executor looked last.
#[derive(Default)]
pub(super) struct Inbox {
    pub(super) spawned: Vec<BoxFuture<'static, ()>>,
    /// The tasks that were woken, by number, in order.
    pub(super) woken: Vec<usize>,
    /// Those of them whom a slow wake-up has reached.
    pub(super) late: Vec<usize>,
    /// Nothing is taken any more.
    pub(super) closed: bool,
}

impl Shared {
    #[allow(
        clippy::disallowed_methods,
        reason = "an instant can only be had from the system's clock; which one it is, nobody can tell"
    )]
    pub(crate) fn new(
        seed: u64,
        wall_begin: SystemTime,
        order: Order,
        reports: Reports,
    ) -> Arc<Self> {
        let of_its_own = (Instant::now(), Arc::default());
        Shared::with(of_its_own, seed, wall_begin, order, reports)
    }

    /// A run inside of another runtime. If that is a run as well, its fibers are of that one's family; and if that one is
    /// simulated, chance decides here as it does there.
    pub(crate) fn inside_of(
        runtime: &Arc<dyn Runtime>,
        seed: u64,
        wall_begin: SystemTime,
    ) -> (Arc<Self>, Scheduler) {
        let reports = Reports::Outside(Arc::clone(runtime));
        let any: &dyn Any = &**runtime;
        let Some(around) = any.downcast_ref::<Shared>() else {
            let shared = Shared::new(seed, wall_begin, Order::Turns, reports);
            return (shared, Scheduler::new(Order::Turns, seed, false));
        };
        let of_both = (around.begin, Arc::clone(&around.family));
        let order = match (&around.reports, &around.order) {
            // What was chosen of the tasks there means nothing here.
            (Reports::Printed, _) | (_, Order::Turns | Order::Choices(_)) => Order::Turns,
            _ => Order::Random,
        };
        let seed = match &order {
            Order::Turns => seed,
            _ => around.random(),
        };
        let scheduler = Scheduler::new(order.clone(), seed, false);
        (
            Shared::with(of_both, seed, wall_begin, order, reports),
            scheduler,
        )
    }

    fn with(
        (begin, family): (Instant, Arc<Family>),
        seed: u64,
        wall_begin: SystemTime,
        order: Order,
        reports: Reports,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Shared {
            me: Weak::clone(me),
            clock: Mutex::default(),
            begin,
            wall_begin,
            alarms: AtomicUsize::new(0),
            inbox: Mutex::default(),
            detached: Detached::default(),
            outside: AtomicWaker::new(),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            family,
            order,
            reports,
        })
    }

    /// Has the run go live on another runtime, as soon as it has caught up with its time of day.
    pub(crate) fn follow(&self, runtime: Arc<dyn Runtime>) {
        let outside = Outside::new(runtime, self.wall_begin);
        self.clock.lock().follow(outside);
    }

    /// Ready when the run is live.
    pub(super) fn poll_live(&self, task: &Context<'_>) -> Poll<()> {
        self.clock.lock().poll_live(task)
    }

    /// The runtime outside, if the run is live.
    fn live_runtime(&self) -> Option<Arc<dyn Runtime>> {
        self.clock.lock().live_runtime()
    }

    /// A timer of the runtime outside, if there is one.
    pub(super) fn outside_timer(&self, until: Instant) -> Option<Timer> {
        self.clock.lock().outside_timer(until)
    }

    /// A timer for a time of day, which rings in turn with all others of this rank, also when it is past.
    pub(crate) fn in_turn(self: &Arc<Self>, at: SystemTime, rank: u32) -> Alarm {
        let at = moment_of(at, self.wall_begin);
        Alarm::ranked(Arc::clone(self), at, rank)
    }

    /// How many timers nobody has dropped.
    pub(crate) fn timers_left(&self) -> usize {
        self.alarms.load(Ordering::Relaxed)
    }

    /// Takes what was reported and kept.
    pub(crate) fn take_reports(&self) -> Vec<Report> {
        match &self.reports {
            Reports::Kept(reports) => std::mem::take(&mut *reports.lock()),
            Reports::Printed | Reports::Outside(_) => Vec::new(),
        }
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

    fn spawn_detached(&self, fiber: FiberRef, task: BoxFuture<'static, ()>) {
        let me = self.me.upgrade().expect("whoever calls has a reference");
        let known = self.detached.add(fiber, me);
        self.spawn(Box::pin(async move {
            task.await;
            drop(known);
        }));
    }

    fn now(&self) -> Instant {
        self.begin + self.clock.lock().since_beginning()
    }

    fn wall_now(&self) -> SystemTime {
        self.wall_begin + self.clock.lock().since_beginning()
    }

    fn sleep_until(&self, deadline: Instant) -> Timer {
        let me = self.me.upgrade().expect("whoever calls has a reference");
        Timer::new(Alarm::new(me, deadline))
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        match self.live_runtime() {
            Some(live) => live.spawn_blocking(job),
            // There is one thread, and it may block: no time passes meanwhile.
            None => self.spawn(Box::pin(async move { job() })),
        }
    }

    fn random(&self) -> u64 {
        self.random.lock().u64(..)
    }

    fn observer(&self) -> Option<&dyn Observer> {
        Some(&*self.family)
    }

    fn report(&self, report: &Report) {
        match &self.reports {
            Reports::Printed => report.print(),
            Reports::Kept(reports) => reports.lock().push(report.clone()),
            Reports::Outside(runtime) => runtime.report(report),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualTime").finish_non_exhaustive()
    }
}
