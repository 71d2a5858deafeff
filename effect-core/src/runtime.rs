//! What an effect needs from whatever drives it, as one small trait.

use std::any::Any;
use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;

use crate::fiber::{FiberId, FiberRef};
use crate::{WaitsFor, spans};

mod observer;
mod observed;
mod timer;
mod tokio;

pub use self::observed::{Observed, dump};
pub(crate) use self::observed::{RootEntry, Roots};
pub use self::observer::Observer;
pub use self::timer::Timer;
pub use self::tokio::TokioRuntime;

/// What drives fibers: the only door through which this library reaches threads and clocks.
///
/// An implementation over tokio is [`TokioRuntime`]; another, in `effect-runtime`, has a clock of its own. Everything
/// that effects do goes through this trait, so a program runs unchanged under any implementation.
pub trait Runtime: Any + fmt::Debug + Send + Sync {
    /// Starts a task. It is dropped, unpolled, if the runtime has shut down.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// The tokio runtime that this is, which starts a task without a box around it.
    #[doc(hidden)]
    fn as_tokio(&self) -> Option<&TokioRuntime> {
        None
    }

    /// Starts an orphan: what is still owed by a fiber whose driver was dropped, its finalizers.
    ///
    /// Nobody waits for an orphan, so a runtime that can shut down should count them and wait for them first.
    /// This only [`spawn`](Runtime::spawn)s it, unless overridden.
    fn spawn_orphan(&self, orphan: BoxFuture<'static, ()>) {
        self.spawn(orphan);
    }

    /// Starts a fiber that is nobody's child: [`Cx::detach`](crate::Cx::detach).
    ///
    /// Nobody waits for it, so a runtime that can shut down should interrupt it first, and then wait for its finalizers.
    /// This only [`spawn`](Runtime::spawn)s it, unless overridden.
    fn spawn_detached(&self, fiber: FiberRef, task: BoxFuture<'static, ()>) {
        drop(fiber);
        self.spawn(task);
    }

    /// The current time, which never goes back.
    fn now(&self) -> Instant;

    /// The current time of day. The system's clock, unless overridden.
    fn wall_now(&self) -> SystemTime {
        system_time()
    }

    /// A random number. A thread's own generator, seeded by chance, unless overridden.
    fn random(&self) -> u64 {
        fastrand::u64(..)
    }

    /// How many of its tasks may run at the same time, to be asked by those who share work out. Two, unless overridden.
    fn parallelism(&self) -> usize {
        2
    }

    /// Who is told of each fiber of this runtime. That costs a little at each wait; nobody, unless overridden.
    fn observer(&self) -> Option<&dyn Observer> {
        None
    }

    /// Waits until the given time.
    fn sleep_until(&self, deadline: Instant) -> Timer;

    /// Runs a job on a thread that may block.
    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>);

    /// Tells somebody what would otherwise go unseen. [Prints](Report::print) it, unless overridden.
    ///
    /// It is called from drops, so it must not panic.
    fn report(&self, report: &Report) {
        report.print();
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this is where the disallowed method is wrapped"
)]
fn system_time() -> SystemTime {
    SystemTime::now()
}

/// What would otherwise go unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// A fiber failed, and the last handle to it was dropped before anybody asked how it ended.
    UnobservedFailure {
        /// The fiber that failed.
        fiber: FiberId,
        /// Its name, where it has one.
        name: Option<Arc<str>>,
        /// Why it failed, printed.
        cause: String,
    },
    /// An effect failed, and [`ignore_logged`](crate::Effect::ignore_logged) says why that does not matter.
    IgnoredFailure {
        /// The fiber it ran on.
        fiber: FiberId,
        /// Its name, where it has one.
        name: Option<Arc<str>>,
        /// Why it does not matter.
        why: &'static str,
        /// The failure, printed.
        error: String,
    },
    /// A fiber was dropped with its runtime, and finalizers could not run.
    LostFinalizers {
        /// The fiber that owed them.
        fiber: FiberId,
        /// How many there were.
        count: usize,
    },
    /// A finalizer takes longer than [it may](crate::Effect::with_finalizer_budget), and is waited for all the same.
    LateFinalizer {
        /// The fiber that runs it.
        fiber: FiberId,
        /// Where it was promised.
        place: &'static Location<'static>,
        /// How long it may take.
        budget: Duration,
    },
    /// A fiber held its thread for so long that others had to wait, on an [`Observed`] runtime.
    SlowPoll {
        /// The fiber that did.
        fiber: FiberId,
        /// Its name, where it has one.
        name: Option<Arc<str>>,
        /// Where it was forked, or run as a root, as far as that is known.
        place: Option<&'static Location<'static>>,
        /// How long it held the thread.
        took: Duration,
        /// What it had waited for before, if it had waited and that is known.
        waited_for: Option<WaitsFor>,
        /// What it waits for now, if it has not ended and that is known.
        waits_for: Option<WaitsFor>,
        /// How many others there were since the last report of this kind. One is made each second, at most.
        unreported: u64,
    },
}

impl Report {
    /// Gives the report to the tracing subscriber, as an event. Prints it to standard error, if there is none that wants
    /// it: it is never seen twice.
    pub fn print(&self) {
        if spans::report(self) {
            return;
        }
        // Not `eprintln!`, which panics when nobody reads standard error any more.
        let _ = writeln!(io::stderr(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::UnobservedFailure {
                fiber,
                name: Some(name),
                cause,
            } => {
                write!(f, "{fiber} ({name}) {cause}, and nobody observed it")
            }
            Report::UnobservedFailure {
                fiber,
                name: None,
                cause,
            } => {
                write!(f, "{fiber} {cause}, and nobody observed it")
            }
            Report::IgnoredFailure {
                fiber,
                name,
                why,
                error,
            } => {
                write!(f, "{fiber}")?;
                if let Some(name) = name {
                    write!(f, " ({name})")?;
                }
                write!(f, " ignored a failure, because {why}: {error}")
            }
            Report::LateFinalizer {
                fiber,
                place,
                budget,
            } => {
                let (file, line) = (place.file(), place.line());
                write!(
                    f,
                    "{fiber} waits for the finalizer of {file}:{line}, for more than {budget:?}"
                )
            }
            Report::LostFinalizers { fiber, count } => {
                let finalizers = if *count == 1 {
                    "finalizer"
                } else {
                    "finalizers"
                };
                write!(
                    f,
                    "{fiber} was dropped with its runtime: {count} {finalizers} did not run"
                )
            }
            Report::SlowPoll {
                fiber,
                name,
                place,
                took,
                waited_for,
                waits_for,
                unreported,
            } => {
                write!(f, "{fiber}")?;
                if let Some(name) = name {
                    write!(f, " ({name})")?;
                }
                if let Some(place) = place {
                    write!(f, ", begun at {}:{},", place.file(), place.line())?;
                }
                write!(f, " held its thread for {took:?}")?;
                if let Some(waited_for) = waited_for {
                    write!(f, " after it had waited for {waited_for}")?;
                }
                if let Some(waits_for) = waits_for {
                    write!(f, " until it waited for {waits_for}")?;
                }
                match unreported {
                    0 => Ok(()),
                    others => write!(f, "; {others} more like this since the last report"),
                }
            }
        }
    }
}
