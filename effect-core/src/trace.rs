//! Where an effect failed: the place of the step, and the fibers above it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::FiberId;
use crate::fiber::FiberState;
use crate::{Exit, Reason};

/// How many fibers a trace names: enough to find one's way, however deep the family is.
const FIBERS: usize = 16;

/// Where an effect failed: the place of the step that did, and the fibers above it.
///
/// An effect that succeeds pays nothing for it: each effect knows where it was made, and says so when it fails. The
/// place is that of the last failure on the fiber that no combinator has recovered from. An async body that handles
/// a failure by itself, and then fails with an error of its own, is shown at the place of the former.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, fail, Cx, Exit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let parent = effect(async |cx: Cx<()>| {
///     let child = cx.fork_named("child", fail::<_, _, ()>("no route"));
///     Ok::<_, ()>(cx.run(child.exit()).await.unwrap())
/// });
/// let exit = parent.await.unwrap();
/// let trace = exit.cause().unwrap().trace().unwrap();
/// assert_eq!(trace.place().unwrap().file(), file!());
/// assert_eq!(trace.fibers()[0].name(), Some("child"));
/// assert_eq!(trace.fibers().len(), 2);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Trace {
    place: Option<&'static Location<'static>>,
    fibers: Vec<TracedFiber>,
}

impl Trace {
    fn new(place: Option<&'static Location<'static>>, fiber: &Arc<FiberState>) -> Self {
        let fibers = fiber.ancestry(FIBERS);
        Trace { place, fibers }
    }

    /// Where the failure was raised, where that is known. A defect has its own
    /// [place](crate::Defect::location).
    pub fn place(&self) -> Option<&'static Location<'static>> {
        self.place
    }

    /// The fiber that failed, its parent, and so on.
    pub fn fibers(&self) -> &[TracedFiber] {
        &self.fibers
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "\n  at {}:{}", place.file(), place.line())?;
        }
        for (i, fiber) in self.fibers.iter().enumerate() {
            let above = if i == 0 { "in" } else { "under" };
            write!(f, "\n  {above} {fiber}")?;
        }
        Ok(())
    }
}

/// A fiber in a [`Trace`].
///
/// # Examples
///
/// ```
/// use effect_core::{die, Exit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let exit: Exit<(), ()> = die("a bug").run_exit().await;
/// let root = &exit.cause().unwrap().trace().unwrap().fibers()[0];
/// assert_eq!(root.name(), None);
/// assert_eq!(root.forked_at(), None);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TracedFiber {
    id: FiberId,
    name: Option<Arc<str>>,
    forked_at: Option<&'static Location<'static>>,
}

impl TracedFiber {
    pub(crate) fn new(
        id: FiberId,
        name: Option<Arc<str>>,
        forked_at: Option<&'static Location<'static>>,
    ) -> Self {
        TracedFiber {
            id,
            name,
            forked_at,
        }
    }

    /// The identity of the fiber.
    pub fn id(&self) -> FiberId {
        self.id
    }

    /// The name it was forked with.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was forked. A root fiber was not.
    pub fn forked_at(&self) -> Option<&'static Location<'static>> {
        self.forked_at
    }
}

impl fmt::Display for TracedFiber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        match self.forked_at {
            Some(place) => write!(f, ", forked at {}:{}", place.file(), place.line()),
            None => Ok(()),
        }
    }
}

/// An error, and where it was raised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raised<E> {
    error: E,
    place: &'static Location<'static>,
}

impl<E> Raised<E> {
    #[track_caller]
    pub(crate) fn here(error: E) -> Self {
        Raised {
            error,
            place: Location::caller(),
        }
    }

    /// The error, of which the fiber now knows the place.
    #[cold]
    pub(crate) fn raise(self, fiber: &FiberState) -> E {
        fiber.raised_at(self.place);
        self.error
    }
}

impl<E, A> Exit<E, A> {
    /// Says where on a fiber this comes from, if it is a failure and not yet known.
    #[inline]
    pub(crate) fn traced(self, fiber: &Arc<FiberState>) -> Self {
        match self {
            Exit::Failure(cause) if cause.trace().is_none() => {
                let place = match cause.primary() {
                    Reason::Fail(_) => fiber.take_raised(),
                    Reason::Die(_) => None,
                    // It says by itself who has done it, and is too common to pay for more.
                    Reason::Interrupt(_) => return Exit::Failure(cause),
                };
                Exit::Failure(cause.traced(Trace::new(place, fiber)))
            }
            exit => exit,
        }
    }
}
