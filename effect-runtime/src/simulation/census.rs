//! The census: what of a run is still alive when it has ended.

use std::fmt;

/// What of a run is still alive when it has ended. There is to be nothing.
///
/// # Examples
///
/// ```
/// use effect_core::{succeed, Never};
/// use effect_runtime::simulation::{Case, Plan, Sim};
///
/// let replayed = Sim::new().replay(&Plan::of_seed(1), |trial| {
///     // Somebody keeps what should be gone.
///     std::mem::forget(trial.probe());
///     Case::new(succeed::<_, Never, _>(()))
/// });
/// assert_eq!(replayed.census.probes, 1);
/// assert_eq!(replayed.wrong.as_deref(), Some("left alive: 1 probe"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// Fibers, by number and name.
    pub fibers: Vec<String>,
    /// Tasks that have not ended.
    pub tasks: usize,
    /// Timers that nobody has dropped.
    pub timers: usize,
    /// What the program has counted: [`Trial::probe`](super::Trial::probe).
    pub probes: usize,
    /// Whatever else holds on to the run: a waker that was kept, or a fiber's state.
    pub references: usize,
}

impl Census {
    /// Whether nothing is left.
    pub fn is_clean(&self) -> bool {
        *self == Census::default()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.is_clean() {
            Ok(())
        } else {
            Err(format!("left alive: {self}"))
        }
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.tasks, "task"),
            (self.timers, "timer"),
            (self.probes, "probe"),
            (self.references, "reference"),
        ];
        if self.is_clean() {
            return f.write_str("nothing");
        }
        let fibers = self.fibers.iter().cloned();
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, what)| {
            let plural = if *count == 1 { "" } else { "s" };
            format!("{count} {what}{plural}")
        });
        f.write_str(&fibers.chain(counts).collect::<Vec<_>>().join(", "))
    }
}
