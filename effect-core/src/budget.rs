//! Cooperation by count: a loop that never waits yields every so often, under any executor.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::WaitsFor;

/// How many steps a loop may take before it lets others run.
const STEPS_PER_TURN: u32 = 1024;

/// Counts the steps of a loop and yields when a turn is used up.
#[derive(Debug)]
pub struct Budget {
    full: u32,
    left: u32,
}

impl Budget {
    /// Creates a full budget, for steps that take some nanoseconds each.
    pub const fn new() -> Self {
        Budget::of(STEPS_PER_TURN)
    }

    /// Creates a full budget of so many steps, for those that may take longer.
    ///
    /// # Panics
    ///
    /// If `steps` is 0.
    pub const fn of(steps: u32) -> Self {
        assert!(steps > 0, "a turn has at least one step");
        Budget {
            full: steps,
            left: steps,
        }
    }

    /// Takes one step from the budget; yields to other fibers, and to interruption, when none is left.
    #[inline]
    pub async fn spend(&mut self) {
        if self.is_spent() {
            yield_now().await;
        }
    }

    /// Takes one step from the budget, for loops that yield by themselves. True when a turn is used up:
    /// the budget is full again, and the caller is to await [`yield_now`].
    #[inline]
    pub fn is_spent(&mut self) -> bool {
        self.left -= 1;
        let spent = self.left == 0;
        if spent {
            self.left = self.full;
        }
        spent
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget::new()
    }
}

/// How often a fiber finds ready what it waits for before it lets others run. As tokio has it.
const READY_PER_TURN: u32 = 128;

thread_local! {
    /// How often the fiber that is polled on this thread may still find something ready. Without limit, outside of
    /// fibers: nobody would begin another turn there.
    static READY_LEFT: Cell<u32> = const { Cell::new(u32::MAX) };
}

/// A turn of a fiber: one poll of its body. The turn around it, if there is one, goes on when it is dropped.
pub(crate) struct Turn {
    outer: u32,
}

impl Turn {
    #[inline]
    pub(crate) fn begin() -> Self {
        Turn {
            outer: READY_LEFT.replace(READY_PER_TURN),
        }
    }
}

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        READY_LEFT.set(self.outer);
    }
}

/// To be called at the beginning of its poll by a future of one's own that others make ready, such as one that
/// receives: so a fiber that finds the next one ready each time lets others run now and then, and can be interrupted.
/// Pending when the turn is used up; the task is woken then.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, poll_turn, Cx, Never};
/// use std::future::poll_fn;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let greedy = effect(async |_: Cx<()>| {
///     for _ in 0..u64::MAX {
///         poll_fn(poll_turn).await;
///     }
///     Ok::<_, Never>(())
/// });
/// let limited = greedy.timeout(std::time::Duration::from_millis(1));
/// assert!(limited.await.is_err());
/// # }
/// ```
#[inline]
pub fn poll_turn(task: &mut Context<'_>) -> Poll<()> {
    match READY_LEFT.get() {
        0 => {
            task.waker().wake_by_ref();
            Poll::Pending
        }
        u32::MAX => Poll::Ready(()),
        left => {
            READY_LEFT.set(left - 1);
            Poll::Ready(())
        }
    }
}

/// Gives every other ready fiber a turn before it returns.
///
/// # Examples
///
/// ```
/// # use effect_core::{effect, yield_now, Never};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let effect = effect(async |_cx| {
///     yield_now().await;
///     Ok::<_, Never>(1)
/// });
/// assert_eq!(effect.await, Ok(1));
/// # }
/// ```
#[track_caller]
pub fn yield_now() -> impl Future<Output = ()> + Send {
    WaitsFor::here("its next turn").told_by(YieldNow { yielded: false })
}

struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        task.waker().wake_by_ref();
        Poll::Pending
    }
}
