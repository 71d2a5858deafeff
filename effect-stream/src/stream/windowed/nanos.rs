//! Times as nanoseconds since the Unix epoch, in which no sum or difference overflows.

use std::time::{Duration, SystemTime};

/// How long it is. The longest that there is has 95 bits.
pub(super) const fn length(duration: Duration) -> i128 {
    duration.as_nanos() as i128
}

/// When it is. Before the epoch, it is negative.
pub(super) fn nanos(time: SystemTime) -> i128 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => length(since),
        Err(before) => -length(before.duration()),
    }
}

/// The time that is so many nanoseconds after the epoch, or the nearest there is.
pub(super) fn time(nanos: i128) -> SystemTime {
    let distance = nanos.unsigned_abs();
    let step = |from: SystemTime, by: Duration| {
        if nanos < 0 {
            from.checked_sub(by)
        } else {
            from.checked_add(by)
        }
    };
    let exact = duration(distance).and_then(|distance| step(SystemTime::UNIX_EPOCH, distance));
    exact.unwrap_or_else(|| {
        // How far a `SystemTime` goes is the platform's secret: as far as steps go that halve.
        let steps = (0..u64::BITS)
            .rev()
            .map(|bit| Duration::from_secs(1 << bit));
        steps.fold(SystemTime::UNIX_EPOCH, |so_far, by| {
            step(so_far, by).unwrap_or(so_far)
        })
    })
}

/// A duration of so many nanoseconds, if there is one.
pub(super) fn duration(nanos: u128) -> Option<Duration> {
    const SECOND: u128 = 1_000_000_000;
    let secs = u64::try_from(nanos / SECOND).ok()?;
    Some(Duration::new(secs, (nanos % SECOND) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_time_can_be_is_the_nearest_that_can() {
        for far in [i128::MAX, i128::MIN + 1] {
            let end = time(far);
            assert_eq!(time(nanos(end)), end);
            let second = Duration::from_secs(1);
            let beyond = [end.checked_add(second), end.checked_sub(second)];
            assert!(beyond.contains(&None), "{end:?} is not the end of time");
        }
    }

    #[test]
    fn times_come_back_as_they_were() {
        for exact in [0, 1, -1, 1_500_000_000, -1_500_000_000] {
            assert_eq!(nanos(time(exact)), exact);
        }
    }
}
