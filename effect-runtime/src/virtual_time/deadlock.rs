//! The report of a run in which nothing will ever happen again.

use std::fmt;
use std::time::Duration;

use effect_core::Dump;

use super::shared::Shared;

/// A run in which no fiber could go on, and no timer was set: nothing would ever have happened again.
///
/// It names every fiber that was left, what it waited for, and since when.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, never, Cx, Never};
/// use effect_runtime::VirtualTime;
///
/// let program = effect(async |cx: Cx<()>| {
///     let worker = cx.fork_named("worker", never::<_, Never, ()>());
///     cx.run(worker.join()).await
/// });
/// let deadlock = VirtualTime::new().run(program).unwrap_err();
/// let report = deadlock.to_string();
/// assert!(report.contains("waits for a fiber to join at "));
/// assert!(report.contains("(worker) waits for nothing at all at "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Deadlock {
    after: Duration,
    dump: Dump,
}

impl Deadlock {
    pub(super) fn of(shared: &Shared) -> Self {
        // By itself: the dump looks at the clock as well.
        let after = shared.clock.lock().since_beginning();
        Deadlock {
            after,
            // Parents are older than their children, so whoever was not seen yet is nobody's child.
            dump: Dump::of(shared.family.alive()).after(shared.begin),
        }
    }

    /// How much virtual time had passed.
    pub fn after(&self) -> Duration {
        self.after
    }

    /// What each fiber that was left waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{never, FiberStatus, Never};
    /// use effect_runtime::VirtualTime;
    ///
    /// let deadlock = VirtualTime::new().run(never::<_, Never, ()>()).unwrap_err();
    /// let status = deadlock.dump().fibers()[0].status();
    /// assert!(matches!(status, FiberStatus::Waits(Some(_))));
    /// ```
    pub fn dump(&self) -> &Dump {
        &self.dump
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "deadlock after {:?}: no fiber can go on, and no timer is set",
            self.after
        )?;
        let dump = self.dump.to_string();
        dump.lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
