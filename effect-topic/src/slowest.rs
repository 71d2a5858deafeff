//! How far the slowest group is in a partition, without asking all of them.

use std::collections::BTreeMap;

/// How many groups have committed a partition up to each offset.
#[derive(Debug, Default)]
pub(crate) struct Slowest {
    groups: BTreeMap<u64, usize>,
}

impl Slowest {
    /// A group has come, and is there.
    pub(crate) fn join(&mut self, committed: u64) {
        *self.groups.entry(committed).or_default() += 1;
    }

    /// A group that was there has left.
    pub(crate) fn leave(&mut self, committed: u64) {
        if let Some(groups) = self.groups.get_mut(&committed) {
            *groups -= 1;
            if *groups == 0 {
                self.groups.remove(&committed);
            }
        }
    }

    /// Up to where all groups have committed. `None` if there is no group.
    pub(crate) fn committed(&self) -> Option<u64> {
        self.groups.keys().next().copied()
    }
}
