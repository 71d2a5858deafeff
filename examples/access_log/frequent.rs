//! The most frequent texts of a stream, in bounded memory.

use std::cmp::Reverse;
use std::collections::HashMap;

/// Counts texts by the algorithm of J. Misra and D. Gries, "Finding Repeated Elements", Science of Computer
/// Programming 2 (1982).
///
/// While the texts fit, at most `TEXTS` of them and `BYTES` long together, all counts are exact. One that does
/// not fit is cancelled against one of each that is counted: all counts fall by one, and those at zero make
/// room. No count is ever too high, none is too low by more than [`missed`](Frequent::missed), and a text that
/// came more often than that is there.
#[derive(Debug, Default)]
pub(crate) struct Frequent<const TEXTS: usize, const BYTES: usize> {
    counts: HashMap<String, u64>,
    bytes: usize,
    missed: u64,
}

impl<const TEXTS: usize, const BYTES: usize> Frequent<TEXTS, BYTES> {
    pub(crate) fn add(&mut self, text: String) {
        if let Some(count) = self.counts.get_mut(&text) {
            *count += 1;
        } else if self.counts.len() < TEXTS && self.bytes + text.len() <= BYTES {
            self.bytes += text.len();
            self.counts.insert(text, 1);
        } else {
            self.missed += 1;
            // This takes as many steps as additions are taken back by it, so on average an addition takes two.
            self.counts.retain(|text, count| {
                *count -= 1;
                self.bytes -= if *count == 0 { text.len() } else { 0 };
                *count > 0
            });
        }
    }

    /// The texts that came most often; of equals, the first in the alphabet.
    pub(crate) fn top(&self, n: usize) -> Vec<(&str, u64)> {
        let counts = self.counts.iter();
        let mut top: Vec<_> = counts
            .map(|(text, count)| (text.as_str(), *count))
            .collect();
        top.sort_unstable_by_key(|(text, count)| (Reverse(*count), *text));
        top.truncate(n);
        top
    }

    /// By how much a count may be too low: 0 as long as all texts fit.
    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }
}
