//! A time limit that is not reached.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use std::time::Duration;

use effect::IntoEffect;
use stillwater::effect::prelude::{Effect as _, from_async, with_timeout};

use super::{work, yielded};
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "timeout",
    about: "limits the time of one that yields once; an operation is one limit",
    timed: 50_000,
    counted: 5_000,
    targets: &[Target::TimesHand(1.2)],
    contenders: &[
        Contender {
            name: "hand",
            about: "tokio::time::timeout",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Effect::timeout",
            run: ours,
        },
        Contender {
            name: "stillwater",
            about: "with_timeout",
            run: stillwater,
        },
        Contender {
            name: "id_effect",
            about: "Effect::timeout, which forks",
            run: id_effect,
        },
    ],
};

const LIMIT: Duration = Duration::from_secs(10);

fn hand(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let limited = tokio::time::timeout(LIMIT, yielded(i)).await;
            sum = sum.wrapping_add(limited.expect("ten seconds are enough")?);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let limited = cx.run(yielded(i).into_effect().timeout(LIMIT)).await;
            sum = sum.wrapping_add(limited.expect("ten seconds are enough"));
        }
        Ok(sum)
    })
}

fn stillwater(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let limited = with_timeout(from_async(move |_: &()| yielded(i)), LIMIT);
            let limited = limited.run(&()).await;
            sum = sum.wrapping_add(limited.expect("ten seconds are enough"));
        }
        sum
    })
}

fn id_effect(n: u64) -> u64 {
    in_id_effect(async move |ctx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let job = id_effect::yield_fiber::<Failed, id_effect::HNil>().map(move |()| work(i));
            let limited = ctx.bind(job.timeout(LIMIT)).await?;
            sum = sum.wrapping_add(limited.expect("ten seconds are enough"));
        }
        Ok(sum)
    })
}
