//! A dump: what each fiber of a tree does, at one moment, for people to read.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{FiberId, FiberRef, WaitsFor};

/// What fibers do at one moment: each with its children below it, and what it waits for, where, and since when.
///
/// [`dump`](crate::dump()) takes one of the whole process, [`Observed::dump`](crate::Observed::dump) of a runtime, and
/// [`FiberRef::dump`] of a fiber. What a fiber waits for is known on runtimes with an
/// [observer](crate::Runtime::observer): where `Main` runs an effect, on [`Observed`](crate::Observed) runtimes, and in
/// virtual time.
///
/// The fibers go on while they are looked at, one after the other: on several threads, a dump is not of one instant.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, never, Cx, FiberStatus, Never, Observed, TokioRuntime};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let runtime = Arc::new(Observed::new(Arc::new(TokioRuntime::current())));
/// let looks_at_its_child = effect(async |cx: Cx<()>| {
///     let child = cx.fork_named("stuck", never::<_, Never, ()>());
///     cx.sleep(Duration::from_secs(5)).await;
///     Ok::<_, Never>(child.dump())
/// });
/// let dump = looks_at_its_child.run_on(runtime).await.value().cloned().unwrap();
/// assert!(dump.to_string().contains("(stuck) waits for nothing at all at "));
/// assert!(matches!(dump.fibers()[0].status(), FiberStatus::Waits(Some(_))));
/// assert_eq!(dump.fibers()[0].lasts(), Some(Duration::from_secs(5)));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    fibers: Vec<FiberDump>,
    /// Where the times are told as times after this one.
    beginning: Option<Instant>,
}

impl Dump {
    /// Looks at these fibers and those below them, each once. Those that have ended are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(effect_core::Dump::of([]).fibers().is_empty());
    /// ```
    pub fn of(fibers: impl IntoIterator<Item = FiberRef>) -> Self {
        let mut seen = BTreeSet::new();
        let mut dumped = Vec::new();
        for root in fibers {
            // A stack of our own: fibers may nest deeper than this thread's.
            let mut pending = vec![(root, 0)];
            while let Some((fiber, depth)) = pending.pop() {
                if !seen.insert(fiber.id()) {
                    continue;
                }
                let children = fiber.children().into_iter().rev();
                pending.extend(children.map(|child| (child, depth + 1)));
                let look = fiber.look(depth);
                if look.status != FiberStatus::Done {
                    dumped.push(look);
                }
            }
        }
        Dump {
            fibers: dumped,
            beginning: None,
        }
    }

    /// Tells times as how long after `beginning` they were, and not as how long ago.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never, Observed, TokioRuntime};
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let runtime = Arc::new(Observed::new(Arc::new(TokioRuntime::current())));
    /// let told = effect(async |cx: Cx<()>| {
    ///     let beginning = cx.now();
    ///     cx.sleep(Duration::from_secs(1)).await;
    ///     let waits = cx.fork(async { Ok::<(), Never>(std::future::pending().await) });
    ///     cx.sleep(Duration::from_secs(2)).await;
    ///     Ok::<_, Never>(waits.dump().after(beginning).to_string())
    /// });
    /// let told = told.run_on(runtime).await.value().cloned().unwrap();
    /// assert!(told.contains(", since 1s"));
    /// # }
    /// ```
    #[must_use]
    pub fn after(mut self, beginning: Instant) -> Self {
        self.beginning = Some(beginning);
        self
    }

    /// These fibers, and then those of another dump.
    pub(crate) fn and(mut self, other: Dump) -> Self {
        self.fibers.extend(other.fibers);
        self
    }

    /// The fibers, each followed by those below it.
    pub fn fibers(&self) -> &[FiberDump] {
        &self.fibers
    }
}

impl fmt::Display for Dump {
    /// A line for each fiber, indented by how deep it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fibers.is_empty() {
            return f.write_str("no fiber");
        }
        for (number, fiber) in self.fibers.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{:indent$}", "", indent = 2 * fiber.depth)?;
            fiber.write(f, self.beginning)?;
        }
        Ok(())
    }
}

/// What one fiber does, at the moment of a [`Dump`].
///
/// # Examples
///
/// ```
/// use effect_core::{never, FiberStatus, Observed, TokioRuntime};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let runtime = Observed::new(Arc::new(TokioRuntime::current()));
/// let (fiber, _exit) = never::<_, &str, ()>().start_on(Arc::new(runtime));
/// let dump = fiber.dump();
/// let [look] = dump.fibers() else { panic!("it has no children") };
/// assert_eq!((look.id(), look.depth(), look.finalizers()), (fiber.id(), 0, 0));
/// assert_eq!(look.status(), FiberStatus::Begins);
/// assert!(!look.is_interrupted());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiberDump {
    pub(crate) id: FiberId,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) depth: usize,
    pub(crate) status: FiberStatus,
    pub(crate) interrupted: bool,
    pub(crate) masks: usize,
    pub(crate) finalizers: usize,
    pub(crate) place: Option<&'static Location<'static>>,
    pub(crate) begun: Option<Instant>,
    pub(crate) since: Option<Instant>,
    /// By the clock of its runtime.
    pub(crate) taken: Option<Instant>,
}

/// Where a fiber stands.
///
/// # Examples
///
/// ```
/// use effect_core::{FiberStatus, WaitsFor};
///
/// let status = FiberStatus::Waits(Some(WaitsFor::here("a lock")));
/// assert!(status.to_string().starts_with("waits for a lock at "));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FiberStatus {
    /// Nobody has polled it yet.
    Begins,
    /// It is polled, on some thread.
    Runs,
    /// Its body waits, for something that may say what it is.
    Waits(Option<WaitsFor>),
    /// Its body has ended. It waits for its children, or for its finalizers, which may say what they wait for.
    Finalizes(Option<WaitsFor>),
    /// It has ended, its finalizers and children included.
    Done,
    /// Its runtime has no observer, so nobody knows.
    Unobserved,
}

impl FiberDump {
    /// The identity of the fiber.
    pub fn id(&self) -> FiberId {
        self.id
    }

    /// The name it was forked with.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How many fibers are above it in the dump.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Where it stood.
    pub fn status(&self) -> FiberStatus {
        self.status
    }

    /// How long that had lasted, where it is known.
    pub fn lasts(&self) -> Option<Duration> {
        Some(self.taken?.saturating_duration_since(self.since?))
    }

    /// How long ago it had begun, where that is known.
    pub fn age(&self) -> Option<Duration> {
        Some(self.taken?.saturating_duration_since(self.begun?))
    }

    /// The place in the source that has forked it, or run it as a root, where that is known.
    pub fn place(&self) -> Option<&'static Location<'static>> {
        self.place
    }

    /// Whether somebody had interrupted it.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// How many masks it was under: interruption waits for them to end. Branches that run side by side are counted
    /// together.
    pub fn masks(&self) -> usize {
        self.masks
    }

    /// How many finalizers it had yet to run.
    pub fn finalizers(&self) -> usize {
        self.finalizers
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, beginning: Option<Instant>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        let mut facts = 0;
        let mut fact = |f: &mut fmt::Formatter<'_>, count: usize, what: &str, plural: &str| {
            facts += usize::from(count > 0);
            match count {
                0 => Ok(()),
                1 => write!(f, ", 1 {what}"),
                _ => write!(f, ", {count} {plural}"),
            }
        };
        fact(
            f,
            self.finalizers,
            "finalizer pending",
            "finalizers pending",
        )?;
        fact(f, self.masks, "mask", "masks")?;
        if self.interrupted {
            facts += 1;
            f.write_str(", interrupted")?;
        }
        if self.status == FiberStatus::Unobserved {
            return Ok(());
        }
        f.write_str(if facts > 0 { ", " } else { " " })?;
        write!(f, "{}", self.status)?;
        let time = |since: Option<Instant>| Some((self.taken?, since?));
        match (time(self.since), beginning) {
            (None, _) => {}
            (Some((_, since)), Some(beginning)) => {
                write!(
                    f,
                    ", since {:?}",
                    since.saturating_duration_since(beginning)
                )?;
            }
            (Some((taken, since)), None) => {
                write!(
                    f,
                    ", for {:?}",
                    rounded(taken.saturating_duration_since(since))
                )?;
            }
        }
        match (time(self.begun), beginning) {
            (None, _) => return Ok(()),
            (Some((_, begun)), Some(beginning)) => {
                write!(
                    f,
                    "; begun after {:?}",
                    begun.saturating_duration_since(beginning)
                )?;
            }
            (Some((taken, begun)), None) => {
                write!(
                    f,
                    "; begun {:?} ago",
                    rounded(taken.saturating_duration_since(begun))
                )?;
            }
        }
        self.place.map_or(Ok(()), |place| {
            write!(f, " at {}:{}", place.file(), place.line())
        })
    }
}

impl fmt::Display for FiberDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}

impl fmt::Display for FiberStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FiberStatus::Begins => f.write_str("has not run yet"),
            FiberStatus::Runs => f.write_str("runs"),
            FiberStatus::Waits(Some(what)) => write!(f, "waits for {what}"),
            FiberStatus::Waits(None) => {
                f.write_str("waits for something that does not say what it is")
            }
            FiberStatus::Finalizes(what) => {
                f.write_str("waits for its finalizers and its children")?;
                what.map_or(Ok(()), |what| write!(f, ", now for {what}"))
            }
            FiberStatus::Done => f.write_str("has ended"),
            FiberStatus::Unobserved => f.write_str("is not observed"),
        }
    }
}

/// Without the digits that nobody reads.
fn rounded(duration: Duration) -> Duration {
    const MILLISECOND: Duration = Duration::from_millis(1);
    if duration < MILLISECOND {
        return duration;
    }
    duration - Duration::from_nanos(u64::from(duration.subsec_nanos() % 1_000_000))
}
