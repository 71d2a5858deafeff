//! A trial: one run of a program under a plan, as the program sees it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use parking_lot::Mutex;
use pin_project_lite::pin_project;

use super::finalizers::Finalizers;
use super::plan::{Fault, Plan, Shape};
use super::tickets::Tickets;

/// One run of a program under a plan, as the program sees it: where faults can strike, and what is checked at the end.
///
/// Cloning it is cheap, and gives another handle to the same trial.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Never};
/// use effect_runtime::simulation::{Case, Sim, Trial};
///
/// /// Holds something while it waits, and lets go of it even if it is interrupted, or panics.
/// fn program(trial: &Trial) -> Case<Never, ()> {
///     let (trial, probe) = (trial.clone(), trial.probe());
///     Case::new(effect(async move |_: Cx<()>| {
///         effect_core::yield_now().await;
///         trial.fault_point();
///         drop(probe);
///         Ok(())
///     }))
/// }
///
/// Sim::new().test(program);
/// ```
#[derive(Clone)]
pub struct Trial {
    inner: Arc<Inner>,
}

struct Inner {
    panics: Vec<u32>,
    calls: AtomicU32,
    small: Vec<u32>,
    capacities: AtomicU32,
    handles: Mutex<Vec<Arc<Handle>>>,
    probes: AtomicUsize,
    audits: Mutex<Vec<Audit>>,
    wrong: Mutex<Option<String>>,
    idle: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

/// What a panic says that a plan has caused.
const PLANNED: &str = "a panic that was planned";

/// Whether something tells of such a panic.
pub(super) fn is_planned(message: &str) -> bool {
    message.contains(PLANNED)
}

/// What is checked when the run has ended. It is told whether finalizers were lost, with the run.
type Audit = Box<dyn Fn(bool) -> Result<(), String> + Send>;

impl Trial {
    pub(super) fn new(plan: &Plan) -> Self {
        let faults = plan.faults.iter();
        let panics = faults.clone().filter_map(|fault| match fault {
            Fault::Panic { call } => Some(*call),
            _ => None,
        });
        let small = faults.filter_map(|fault| match fault {
            Fault::SmallCapacity { place } => Some(*place),
            _ => None,
        });
        Trial {
            inner: Arc::new(Inner {
                panics: panics.collect(),
                calls: AtomicU32::new(0),
                small: small.collect(),
                capacities: AtomicU32::new(0),
                handles: Mutex::default(),
                probes: AtomicUsize::new(0),
                audits: Mutex::default(),
                wrong: Mutex::default(),
                idle: Mutex::default(),
            }),
        }
    }

    /// A place where a plan may have the program panic: to be called in closures that a user would write.
    ///
    /// # Panics
    ///
    /// If the plan says so.
    pub fn fault_point(&self) {
        let call = self.inner.calls.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(!self.inner.panics.contains(&call), "{PLANNED}");
    }

    /// A capacity, which a plan may make as small as 1.
    pub fn capacity(&self, usual: usize) -> usize {
        let place = self.inner.capacities.fetch_add(1, Ordering::Relaxed) + 1;
        if self.inner.small.contains(&place) {
            1
        } else {
            usual
        }
    }

    /// A future that a plan may have dropped half-way, as a `select!` or a caller who has gone drops it. It ends with
    /// `None` then.
    ///
    /// # Cancel safety
    ///
    /// As that of the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, Never};
    /// use effect_runtime::simulation::{Case, Plan, Sim};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let plan: Plan = "drop=1@1".parse()?;
    /// let replayed = Sim::new().replay(&plan, |trial| {
    ///     let trial = trial.clone();
    ///     Case::new(effect(async move |cx: Cx<()>| {
    ///         let ended = trial.droppable(cx.run(never::<_, Never, ()>())).await;
    ///         trial.expect(ended.is_none(), "it never ends by itself");
    ///         Ok::<_, Never>(())
    ///     }))
    /// });
    /// assert_eq!(replayed.wrong, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn droppable<F: Future>(&self, future: F) -> Droppable<F> {
        let handle = Arc::new(Handle::default());
        self.inner.handles.lock().push(Arc::clone(&handle));
        Droppable {
            handle,
            future: Some(future),
        }
    }

    /// Something to be found if it is still alive after the run: to be put into items, finalizers and tasks.
    pub fn probe(&self) -> Probe {
        self.inner.probes.fetch_add(1, Ordering::Relaxed);
        Probe {
            trial: self.clone(),
        }
    }

    /// Books in which each item has one fate. That none has two is checked when the run has ended.
    pub fn tickets(&self) -> Tickets {
        let tickets = Tickets::default();
        let audited = tickets.clone();
        self.audit(move |_| audited.audit());
        tickets
    }

    /// Books on what is acquired and released, for one scope. That everything is released once, and in reverse order, is
    /// checked; so is that nothing is left when the run has ended, unless the plan has dropped it.
    pub fn finalizers(&self) -> Finalizers {
        let finalizers = Finalizers::default();
        let audited = finalizers.clone();
        self.audit(move |lost| audited.audit(lost));
        finalizers
    }

    /// Has something looked at each time that nobody can go on, before time passes: what does not hold then, nobody will
    /// mend. So a wake-up is found to be lost even if a later one makes up for it.
    ///
    /// At the end of the run as well. Runs with [slow](Fault::Slow) tasks are left out, where a wake-up may be on its way.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never};
    /// use effect_runtime::simulation::{Case, Plan, Sim};
    /// use std::time::Duration;
    ///
    /// let replayed = Sim::new().replay(&Plan::of_seed(1), |trial| {
    ///     let expects = trial.clone();
    ///     trial.when_idle(move || expects.expect(false, "somebody waits for a time"));
    ///     Case::new(sleep::<_, Never>(Duration::from_secs(1)))
    /// });
    /// assert_eq!(replayed.wrong.as_deref(), Some("somebody waits for a time"));
    /// ```
    pub fn when_idle(&self, check: impl Fn() + Send + 'static) {
        self.inner.idle.lock().push(Box::new(check));
    }

    /// Has all looked at that is to be when nobody can go on.
    pub(super) fn look_when_idle(&self) {
        // Away meanwhile: one that looks may add another.
        let checks = std::mem::take(&mut *self.inner.idle.lock());
        checks.iter().for_each(|check| check());
        self.inner.idle.lock().splice(..0, checks);
    }

    /// Forgets what is to be looked at, which may hold on to anything.
    pub(super) fn end_looks(&self) {
        let over = std::mem::take(&mut *self.inner.idle.lock());
        drop(over);
    }

    /// Says that something is wrong with the run if it is not so, from inside of the program: a panic would be a defect
    /// there, as any other.
    pub fn expect(&self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.inner.wrong.lock().get_or_insert_with(|| what.into());
        }
    }

    fn audit(&self, audit: impl Fn(bool) -> Result<(), String> + Send + 'static) {
        self.inner.audits.lock().push(Box::new(audit));
    }

    /// Checks all books, and whether the program has found something wrong.
    pub(super) fn run_audits(&self, lost: bool) -> Result<(), String> {
        if let Some(wrong) = self.inner.wrong.lock().take() {
            return Err(wrong);
        }
        let audits = std::mem::take(&mut *self.inner.audits.lock());
        audits.iter().try_for_each(|audit| audit(lost))
    }

    /// Has a future dropped, if there is one of this number by now.
    pub(super) fn drop_handle(&self, number: u32) {
        let handle = {
            let handles = self.inner.handles.lock();
            let place = usize::try_from(number).unwrap_or(0);
            place
                .checked_sub(1)
                .and_then(|place| handles.get(place).cloned())
        };
        if let Some(handle) = handle {
            handle.dropped.store(true, Ordering::Release);
            handle.owner.wake();
        }
    }

    pub(super) fn probes(&self) -> usize {
        self.inner.probes.load(Ordering::Relaxed)
    }

    /// Puts down what of the program faults could strike.
    pub(super) fn describe(&self, shape: &mut Shape) {
        shape.calls = self.inner.calls.load(Ordering::Relaxed);
        shape.capacities = self.inner.capacities.load(Ordering::Relaxed);
        shape.handles = u32::try_from(self.inner.handles.lock().len()).unwrap_or(u32::MAX);
    }
}

/// What a plan can drop.
#[derive(Default)]
struct Handle {
    dropped: AtomicBool,
    owner: AtomicWaker,
}

pin_project! {
    /// The future of [`Trial::droppable`].
    #[must_use = "futures do nothing unless they are polled"]
    pub struct Droppable<F> {
        handle: Arc<Handle>,
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Future for Droppable<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let mut this = self.project();
        this.handle.owner.register(task.waker());
        if this.handle.dropped.load(Ordering::Acquire) {
            this.future.set(None);
        }
        match this.future.as_pin_mut() {
            Some(future) => future.poll(task).map(Some),
            None => Poll::Ready(None),
        }
    }
}

/// Something that is counted as long as it is alive. See [`Trial::probe`].
#[derive(Debug)]
pub struct Probe {
    trial: Trial,
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        self.trial.probe()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.trial.inner.probes.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Droppable<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Droppable").finish_non_exhaustive()
    }
}
