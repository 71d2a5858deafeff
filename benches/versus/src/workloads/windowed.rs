//! Items in minutes of the time that they tell, nearly in order.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use effect::{Stream, Windows};
use id_effect::HNil;

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "windowed",
    about: "a range in windows of a minute, out of order by up to 160 ms, and a sum for each; an operation is one item",
    timed: 1_000_000,
    counted: 100_000,
    targets: &[Target::TimesHand(1.2)],
    contenders: &[
        Contender {
            name: "hand",
            about: "a loop, and an ordered map of the sums",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Stream::range, windowed_fold, run_fold",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "from_iterable, tumbling_by_time, run_fold: of groups, for it has no fold",
            run: id_effect,
        },
    ],
};

pub(crate) const BY_KEY: Workload = Workload {
    name: "windowed_by_100_keys",
    about: "the same with a window for each minute and key",
    timed: 1_000_000,
    counted: 100_000,
    targets: &[Target::TimesHand(1.5)],
    contenders: &[
        Contender {
            name: "hand",
            about: "a loop, and an ordered map of maps of the sums",
            run: hand_by_key,
        },
        Contender {
            name: "ours",
            about: "Stream::range, windowed_fold, run_fold",
            run: ours_by_key,
        },
    ],
};

const SIZE: Duration = Duration::from_secs(60);

/// How much older than the latest an item may be.
const LATENESS: Duration = Duration::from_millis(200);

const KEYS: u64 = 100;

/// How long after the beginning an item was made. There are a hundred a second.
const fn since(item: u64) -> Duration {
    let nearly = item.wrapping_mul(7) % 16;
    Duration::from_millis((item + nearly) * 10)
}

fn at(item: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + since(item)
}

/// In which minute a time is.
fn minute(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.expect("it is after the epoch").as_secs() / SIZE.as_secs()
}

fn add(sum: u64, item: u64) -> u64 {
    sum.wrapping_add(work(item))
}

fn hand(n: u64) -> u64 {
    async fn sum(n: u64) -> u64 {
        let mut latest = SystemTime::UNIX_EPOCH;
        let mut open = BTreeMap::<_, u64>::new();
        let mut total = 0_u64;
        for i in 0..n {
            let time = at(i);
            latest = latest.max(time);
            let window = open.entry(minute(time)).or_default();
            *window = add(*window, i);
            if let Some(until) = latest.checked_sub(LATENESS)
                && until > SystemTime::UNIX_EPOCH
            {
                while let Some(first) = open.first_entry()
                    && *first.key() < minute(until)
                {
                    total = total.wrapping_add(first.remove());
                }
            }
        }
        open.into_values().fold(total, u64::wrapping_add)
    }
    in_tokio(sum(n))
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let windows = Stream::range(0..n).windowed_fold(
            Windows::tumbling(SIZE).lateness(LATENESS),
            |i| at(*i),
            0,
            |sum, i| add(sum, *i),
            u64::wrapping_add,
        );
        let sum = windows.run_fold(Some(0_u64), |sum, window| {
            Some(sum?.wrapping_add(window.ok()?.value))
        });
        let Ok(sum) = cx.run(sum).await;
        Ok(sum.expect("none is late"))
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        // It goes by a clock that nobody can set.
        let begin = tokio::time::Instant::now().into_std();
        let windows = id_effect::Stream::<u64, Failed, HNil>::from_iterable(0..n)
            .tumbling_by_time(SIZE, move |i| begin + since(*i));
        let sum = windows.run_fold(0, |sum, window: Vec<u64>| window.into_iter().fold(sum, add));
        ctx.bind(sum).await
    })
}

fn hand_by_key(n: u64) -> u64 {
    async fn sum(n: u64) -> u64 {
        let mut latest = SystemTime::UNIX_EPOCH;
        let mut open = BTreeMap::<_, HashMap<u64, u64>>::new();
        let mut total = 0_u64;
        for i in 0..n {
            let time = at(i);
            latest = latest.max(time);
            let windows = open.entry(minute(time)).or_default();
            let window = windows.entry(i % KEYS).or_default();
            *window = add(*window, i);
            if let Some(until) = latest.checked_sub(LATENESS)
                && until > SystemTime::UNIX_EPOCH
            {
                while let Some(first) = open.first_entry()
                    && *first.key() < minute(until)
                {
                    total = first.remove().into_values().fold(total, u64::wrapping_add);
                }
            }
        }
        let left = open.into_values().flat_map(HashMap::into_values);
        left.fold(total, u64::wrapping_add)
    }
    in_tokio(sum(n))
}

fn ours_by_key(n: u64) -> u64 {
    in_effect(async move |cx| {
        let windows = Stream::range(0..n).windowed_fold(
            Windows::tumbling(SIZE).lateness(LATENESS),
            |i| (at(*i), i % KEYS),
            0,
            |sum, i| add(sum, *i),
            u64::wrapping_add,
        );
        let sum = windows.run_fold(Some(0_u64), |sum, window| {
            Some(sum?.wrapping_add(window.ok()?.value))
        });
        let Ok(sum) = cx.run(sum).await;
        Ok(sum.expect("none is late"))
    })
}
