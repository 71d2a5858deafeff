//! A violation: what was wrong, and the smallest plan that was found to show it.

use std::fmt;

use super::plan::Plan;

/// How many of the last steps are printed.
const STEPS_SHOWN: usize = 30;

/// Something was wrong with a run: what, and the smallest plan that was found to show it.
///
/// Printed, it has the line that replays it, and what happened in the last steps.
///
/// # Examples
///
/// ```
/// use effect_core::{never, Never};
/// use effect_runtime::simulation::{Case, Sim};
///
/// let found = Sim::new().explore(|_| Case::new(never::<_, Never, ()>()));
/// let report = found.unwrap_err().to_string();
/// assert!(report.starts_with("violation after 1 runs: deadlock after 0ns"));
/// assert!(report.contains("SIM_PLAN='seed=0 order=turns'"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// What was wrong.
    pub what: String,
    /// Where the assertion is that has failed, if it is one.
    pub place: Option<String>,
    /// The smallest plan that was found to show something wrong.
    pub plan: Plan,
    /// The plan that has shown it first.
    pub first: Plan,
    /// How many runs there were before it was seen.
    pub runs: u64,
    /// What happened in each step.
    pub timeline: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "violation after {} runs: {}", self.runs, self.what)?;
        if let Some(place) = &self.place {
            writeln!(f, "at {place}")?;
        }
        writeln!(f, "replay it with SIM_PLAN='{}'", self.plan)?;
        let skipped = self.timeline.len().saturating_sub(STEPS_SHOWN);
        if skipped > 0 {
            writeln!(f, "  ({skipped} steps before)")?;
        }
        self.timeline[skipped..]
            .iter()
            .try_for_each(|step| writeln!(f, "  {step}"))
    }
}

impl std::error::Error for Violation {}
