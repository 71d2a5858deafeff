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

/// What `ours` may cost, in instructions where nothing else is said.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// So many times what `hand` costs.
    TimesHand(f64),
    /// So many times what another contender costs.
    Times(f64, &'static str),
    /// So many instructions an operation.
    Instructions(f64),
    /// In time, so many times what another contender takes.
    WallTimes(f64, &'static str),
    /// In time, so many times what the quickest of the others takes.
    WallOfBest(f64),
    /// Contenders are sizes: a size of n costs, in both measures, at most n times what `1` does.
    Linear,
    /// Contenders are sizes: none costs, in both measures, more than so many times what a smaller one does.
    Steady(f64),
}

impl Contender {
    /// Whether this is another way to do what ours does for its users: another library, say. A `loop` does less, and shows what is
    /// the least; `unordered` is ours with less to do; and there is more than one way to do it by hand.
    pub(crate) fn is_peer(&self) -> bool {
        self.is_rival() && !self.name.starts_with("hand")
    }

    /// Whether this is somebody else who does the whole job.
    pub(crate) fn is_rival(&self) -> bool {
        !matches!(self.name, "loop" | "unordered") && !self.name.starts_with("ours")
    }
}

impl Workload {
    /// The contender of this name.
    pub(crate) fn contender(&self, name: &str) -> Option<&Contender> {
        self.contenders
            .iter()
            .find(|contender| contender.name == name)
    }

    /// Whether there is a target for the time that it takes.
    pub(crate) fn is_of_time(&self) -> bool {
        self.targets.iter().any(|target| {
            matches!(
                target,
                Target::WallTimes(..) | Target::WallOfBest(_) | Target::Linear | Target::Steady(_)
            )
        })
    }
}
