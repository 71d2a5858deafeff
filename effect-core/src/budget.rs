//! Cooperation by count: a loop that never waits yields every so often, under any executor.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

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
pub fn yield_now() -> impl Future<Output = ()> + Send {
    YieldNow { yielded: false }
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
