//! How long items take, as a histogram: exact enough to compare stages, and cheap enough to be always on.

use std::fmt;
use std::time::Duration;

/// Steps in each doubling: a bucket is at most an eighth wider than its lower bound.
const STEPS: u32 = 8;
const STEP_BITS: u32 = STEPS.ilog2();

/// How long the items of a stage took, in buckets that are at most an eighth wide.
///
/// It counts, and keeps no single item; so it has a fixed size at most, whatever is recorded. The idea is that of
/// HdrHistogram, with fewer digits.
///
/// # Examples
///
/// ```
/// use effect_stream::Latency;
/// use std::time::Duration;
///
/// let mut latency = Latency::default();
/// latency.record(Duration::from_millis(1), 98);
/// latency.record(Duration::from_millis(80), 2);
/// assert_eq!(latency.count(), 100);
/// assert_eq!(latency.max(), Duration::from_millis(80));
/// // The upper bound of the bucket that the median is in.
/// assert!(latency.quantile(0.5) < Duration::from_micros(1_125));
/// assert!(latency.quantile(0.99) > Duration::from_millis(75));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Latency {
    /// Grown as far as there is something to count.
    buckets: Vec<u64>,
    count: u64,
    max: Duration,
}

impl Latency {
    /// Counts so many items that took so long each.
    pub fn record(&mut self, each: Duration, count: u32) {
        let bucket = bucket_of(each);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += u64::from(count);
        self.count += u64::from(count);
        self.max = self.max.max(each);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// What that share of all did not exceed, from 0.0 to 1.0: the upper bound of its bucket. Zero, if nothing was counted.
    ///
    /// # Panics
    ///
    /// If the share is less than 0 or more than 1.
    pub fn quantile(&self, share: f64) -> Duration {
        assert!((0.0..=1.0).contains(&share), "{share} is no share of all");
        let wanted = share * self.count as f64;
        let mut seen = 0_u64;
        let place = self.buckets.iter().position(|count| {
            seen += count;
            seen as f64 >= wanted && seen > 0
        });
        let bound = place.map_or(Duration::ZERO, |place| {
            Duration::from_nanos(least_of(place + 1))
        });
        bound.min(self.max)
    }

    /// What was counted since it was as another: each bucket's upper bound, and how many more are in it.
    #[cfg(feature = "metrics")]
    pub(super) fn since<'a>(
        &'a self,
        before: Option<&'a Latency>,
    ) -> impl Iterator<Item = (Duration, u64)> + 'a {
        let buckets = self.buckets.iter().enumerate();
        buckets.filter_map(move |(place, count)| {
            let known = before.and_then(|before| before.buckets.get(place));
            let more = count - known.copied().unwrap_or(0);
            (more > 0).then(|| (Duration::from_nanos(least_of(place + 1)), more))
        })
    }

    /// The buckets that have something in them: each bucket's upper bound, and how many are in it.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let bounds = (1..).map(|place| Duration::from_nanos(least_of(place)));
        let buckets = bounds.zip(self.buckets.iter().copied());
        buckets.filter(|(_, count)| *count > 0)
    }
}

/// The first few are exact; then each doubling has [`STEPS`].
fn bucket_of(each: Duration) -> usize {
    let nanos = u64::try_from(each.as_nanos()).unwrap_or(u64::MAX);
    if nanos < u64::from(STEPS) {
        return nanos as usize;
    }
    let doubling = nanos.ilog2() - STEP_BITS;
    let step = (nanos >> doubling) as usize;
    doubling as usize * STEPS as usize + step
}

/// The least that belongs to a bucket.
fn least_of(bucket: usize) -> u64 {
    let (bucket, steps) = (bucket as u64, u64::from(STEPS));
    if bucket < 2 * steps {
        return bucket;
    }
    let doubling = bucket / steps - 1;
    let step = steps + bucket % steps;
    step.checked_shl(doubling as u32).unwrap_or(u64::MAX)
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Latency({} items, half within {:?}, 99 % within {:?}, all within {:?})",
            self.count,
            self.quantile(0.5),
            self.quantile(0.99),
            self.max
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{bucket_of, least_of};
    use std::time::Duration;

    #[test]
    fn each_time_is_in_the_bucket_whose_bounds_it_is_between() {
        let times = (0..64).flat_map(|bits| {
            let power = 1_u64 << bits;
            [power.saturating_sub(1), power, power + power / 3]
        });
        for nanos in times {
            let bucket = bucket_of(Duration::from_nanos(nanos));
            assert!(least_of(bucket) <= nanos, "{nanos} in {bucket}");
            let next = least_of(bucket + 1);
            assert!(nanos < next || next == u64::MAX, "{nanos} in {bucket}");
        }
    }
}
