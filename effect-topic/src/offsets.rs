//! How far a partition is done, when its records are done in any order.

use std::collections::BTreeMap;

/// Which offsets of a partition are acknowledged, and so how far it may be committed: up to the first that is not.
///
/// Offsets are acknowledged in any order, once or more than once. What is committed is the *next* offset to read, and only ever
/// grows. What is held in memory is the gaps, not the offsets.
///
/// # Examples
///
/// ```
/// use effect_topic::Offsets;
///
/// // All up to 33 was committed before: 34 is next.
/// let mut offsets = Offsets::from(34);
/// for offset in [36, 40, 41, 34] {
///     offsets.ack(offset);
/// }
/// assert_eq!(offsets.committed(), 35);
/// offsets.ack(35);
/// // 37, 38 and 39 are a gap. What comes after it is known, and waits.
/// assert_eq!(offsets.committed(), 37);
/// assert!(offsets.is_acked(41));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offsets {
    committed: u64,
    /// What is acknowledged beyond a gap: ranges, by their beginnings, with their ends. No two of them touch.
    ahead: BTreeMap<u64, u64>,
}

impl Offsets {
    /// Begins where this offset is the next to read: all before it is done. It is 0 where nothing is committed yet.
    pub const fn from(next: u64) -> Self {
        Offsets {
            committed: next,
            ahead: BTreeMap::new(),
        }
    }

    /// Acknowledges an offset. True if it was not acknowledged before.
    ///
    /// # Panics
    ///
    /// If it is the last number there is, after which none is next.
    pub fn ack(&mut self, offset: u64) -> bool {
        if self.is_acked(offset) {
            return false;
        }
        let mut begin = offset;
        let mut end = offset.checked_add(1).expect("an offset has a next one");
        if let Some((&before, &its_end)) = self.ahead.range(..offset).next_back()
            && its_end == offset
        {
            begin = before;
        }
        if let Some(its_end) = self.ahead.remove(&end) {
            end = its_end;
        }
        if begin == self.committed {
            self.committed = end;
        } else {
            self.ahead.insert(begin, end);
        }
        true
    }

    /// The next offset to read after a restart: all before it is acknowledged, and it is not.
    pub const fn committed(&self) -> u64 {
        self.committed
    }

    /// Whether an offset is acknowledged.
    pub fn is_acked(&self, offset: u64) -> bool {
        if offset < self.committed {
            return true;
        }
        let before = self.ahead.range(..=offset).next_back();
        before.is_some_and(|(_, end)| offset < *end)
    }

    /// How many gaps there are: ranges of offsets that are not acknowledged, with acknowledged ones after them.
    pub fn gaps(&self) -> usize {
        self.ahead.len()
    }
}
