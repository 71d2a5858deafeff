//! A job, and those who compete at it.

/// A job that several libraries do, each in its own words.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// What is done, and what one operation of it is.
    pub(crate) about: &'static str,
    /// How many operations make a round that is timed.
    pub(crate) timed: u64,
    /// How many operations are counted.
    pub(crate) counted: u64,
    /// What `ours` may cost.
    pub(crate) targets: &'static [Target],
    pub(crate) contenders: &'static [Contender],
}

/// One way to do the job.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Does the given number of operations, and returns a checksum that all contenders share.
    pub(crate) run: fn(u64) -> u64,
}

/// What `ours` may cost, in instructions.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// So many times what `hand` costs.
    TimesHand(f64),
    /// So many times what another contender costs.
    Times(f64, &'static str),
    /// So many instructions an operation.
    Instructions(f64),
}

impl Contender {
    /// Whether this is another way to do what ours does for its users: another library, say. A `loop` does less, and shows what is
    /// the least.
    pub(crate) fn is_peer(&self) -> bool {
        !matches!(self.name, "hand" | "loop" | "ours")
    }
}

impl Workload {
    /// The contender of this name.
    pub(crate) fn contender(&self, name: &str) -> Option<&Contender> {
        self.contenders
            .iter()
            .find(|contender| contender.name == name)
    }
}
