//! A fiber seen from outside, without its types.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{FiberId, FiberState};
use crate::dump::FiberDump;
use crate::runtime::{RootEntry, Roots};
use crate::{Dump, Report, WaitsFor};

/// A fiber seen from outside, without its types: to interrupt it, and to tell what still runs.
///
/// # Examples
///
/// ```
/// use effect_core::{never, Never, TokioRuntime};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let runtime = Arc::new(TokioRuntime::current());
/// let (fiber, exit) = never::<_, Never, ()>().start_on(runtime);
/// fiber.interrupt_fork();
/// assert!(exit.await.is_interrupt());
/// assert!(fiber.is_done());
/// # }
/// ```
#[derive(Clone)]
pub struct FiberRef {
    state: Arc<FiberState>,
}

impl FiberRef {
    pub(crate) fn new(state: &Arc<FiberState>) -> Self {
        FiberRef {
            state: Arc::clone(state),
        }
    }

    /// The identity of the fiber.
    pub fn id(&self) -> FiberId {
        self.state.id()
    }

    /// The name it was forked with.
    pub fn name(&self) -> Option<&str> {
        self.state.name().map(|name| &**name)
    }

    /// Asks the fiber to end, and does not wait for it, as [`Fiber::interrupt_fork`](crate::Fiber::interrupt_fork).
    pub fn interrupt_fork(&self) {
        self.state.interrupt(None);
    }

    /// Whether the fiber has ended, its finalizers and children included.
    pub fn is_done(&self) -> bool {
        self.state.is_done()
    }

    /// What its body waits for, and since when, as far as that is known: on a runtime with an
    /// [observer](crate::Runtime::observer), for futures that [tell](WaitsFor::note).
    pub fn waits(&self) -> Option<(Option<WaitsFor>, Instant)> {
        self.state.waits()
    }

    /// Its children that still run.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, never, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let child = cx.fork(effect(async |cx: Cx<()>| {
    ///         drop(cx.fork_named("listener", never::<_, Never, ()>()));
    ///         cx.run(never::<_, Never, ()>()).await
    ///     }));
    ///     effect_core::yield_now().await;
    ///     let names: Vec<_> = child.reference().children().iter().map(|child| child.name().map(str::to_owned)).collect();
    ///     Ok::<_, Never>(names)
    /// });
    /// assert_eq!(body.await, Ok(vec![Some("listener".to_owned())]));
    /// # }
    /// ```
    pub fn children(&self) -> Vec<FiberRef> {
        self.state.children().iter().map(FiberRef::new).collect()
    }

    /// Looks at the fiber and at those below it: see [`Dump`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, Exit, TokioRuntime};
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let runtime = Arc::new(TokioRuntime::current().observed());
    /// let (fiber, exit) = never::<_, &str, ()>().start_on(runtime);
    /// assert!(fiber.dump().to_string().contains(" has not run yet, for "));
    /// drop(exit);
    /// assert_eq!(fiber.dump().to_string(), "no fiber");
    /// # }
    /// ```
    pub fn dump(&self) -> Dump {
        Dump::of([self.clone()])
    }

    pub(crate) fn look(&self, depth: usize) -> FiberDump {
        self.state.look(depth)
    }

    /// Takes a place among the roots of its runtime, if it is one.
    pub(crate) fn enter_roots(&self, roots: &Arc<Roots>) {
        if self.state.is_root() {
            self.state.enter_root(RootEntry::new(roots, &self.state));
        }
    }

    /// What is to be said of a poll of it that took too long.
    pub(crate) fn slow_poll(
        &self,
        took: Duration,
        waited_for: Option<WaitsFor>,
        unreported: u64,
    ) -> Option<Report> {
        self.state.slow_poll(took, waited_for, unreported)
    }
}

impl fmt::Display for FiberRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id())?;
        if let Some(name) = self.name() {
            write!(f, " ({name})")?;
        }
        match self.state.owed() {
            0 => Ok(()),
            1 => f.write_str(", 1 finalizer pending"),
            owed => write!(f, ", {owed} finalizers pending"),
        }
    }
}

impl fmt::Debug for FiberRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FiberRef")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
