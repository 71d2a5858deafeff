//! The report of a run in which nothing will ever happen again.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use effect_core::WaitsFor;

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
    fibers: Vec<Waiting>,
}

/// A fiber that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiting {
    /// Its number, and its name, if it has one.
    fiber: String,
    /// How many ancestors it has.
    depth: usize,
    waits_for: Option<WaitsFor>,
    since: Option<Duration>,
}

impl Deadlock {
    pub(super) fn of(shared: &Shared) -> Self {
        let mut fibers = Vec::new();
        let mut seen = BTreeSet::new();
        // Parents are older than their children, so whoever was not seen yet is nobody's child.
        for root in shared.family.alive() {
            // A stack of our own: fibers may nest deeper than this thread's.
            let mut pending = vec![(root, 0)];
            while let Some((fiber, depth)) = pending.pop() {
                if !seen.insert(fiber.id()) {
                    continue;
                }
                let waits = fiber.waits();
                fibers.push(Waiting {
                    fiber: fiber.to_string(),
                    depth,
                    waits_for: waits.and_then(|(waits_for, _)| waits_for),
                    since: waits.map(|(_, since)| since.duration_since(shared.begin)),
                });
                let children = fiber.children().into_iter().rev();
                pending.extend(children.map(|child| (child, depth + 1)));
            }
        }
        Deadlock {
            after: shared.clock.lock().since_beginning(),
            fibers,
        }
    }

    /// How much virtual time had passed.
    pub fn after(&self) -> Duration {
        self.after
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "deadlock after {:?}: no fiber can go on, and no timer is set",
            self.after
        )?;
        for waiting in &self.fibers {
            let indent = 2 * (waiting.depth + 1);
            write!(f, "\n{:indent$}{} waits for ", "", waiting.fiber)?;
            match &waiting.waits_for {
                Some(waits_for) => write!(f, "{waits_for}")?,
                None => f.write_str("something that does not say what it is")?,
            }
            if let Some(since) = waiting.since {
                write!(f, ", since {since:?}")?;
            }
        }
        Ok(())
    }
}
