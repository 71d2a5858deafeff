//! Attempts that fail, and are made again at once.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use effect::{Schedule, succeed};
use stillwater::RetryPolicy;
use stillwater::effect::prelude::{Effect as _, from_async};

use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "retry",
    about: "retries that fail ten times at once and give up; an operation is one attempt",
    timed: 200_000,
    counted: 20_000,
    targets: &[Target::TimesHand(3.0)],
    contenders: &[
        Contender {
            name: "hand",
            about: "a loop that counts",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "retry with Schedule::recurs",
            run: ours,
        },
        Contender {
            name: "stillwater",
            about: "retry, with tokio's sleep of no time between attempts",
            run: stillwater,
        },
        Contender {
            name: "id_effect",
            about: "retry with Schedule::recurs",
            run: id_effect,
        },
    ],
};

/// How many attempts a retry makes in all.
const ATTEMPTS: u64 = 10;

/// How many attempts there have been. Contenders run one after the other.
static ATTEMPTED: AtomicU64 = AtomicU64::new(0);

/// Fails, which the compiler does not know.
async fn attempt() -> Result<u64, Failed> {
    ATTEMPTED.fetch_add(1, Ordering::Relaxed);
    black_box(Err(Failed))
}

/// How many attempts somebody makes.
fn attempts(made_by: impl FnOnce()) -> u64 {
    let before = ATTEMPTED.load(Ordering::Relaxed);
    made_by();
    ATTEMPTED.load(Ordering::Relaxed) - before
}

fn hand(n: u64) -> u64 {
    async fn retried() -> Result<u64, Failed> {
        for _ in 1..ATTEMPTS {
            let result = attempt().await;
            if result.is_ok() {
                return result;
            }
        }
        attempt().await
    }
    attempts(|| {
        in_tokio(async {
            for _ in 0..n / ATTEMPTS {
                retried().await.expect_err("every attempt fails");
            }
        });
    })
}

fn ours(n: u64) -> u64 {
    attempts(|| {
        in_effect(async move |cx| {
            for _ in 0..n / ATTEMPTS {
                let attempt = succeed(()).flat_map(|()| attempt());
                let retried = attempt.retry(Schedule::recurs(ATTEMPTS - 1));
                cx.run(retried).await.expect_err("every attempt fails");
            }
            Ok(0)
        });
    })
}

fn stillwater(n: u64) -> u64 {
    attempts(|| {
        in_tokio(async {
            for _ in 0..n / ATTEMPTS {
                let policy = RetryPolicy::constant(Duration::ZERO);
                let policy = policy.with_max_retries(ATTEMPTS as u32 - 1);
                let retried =
                    stillwater::effect::retry::retry(|| from_async(|_: &()| attempt()), policy);
                let exhausted = retried.run(&()).await;
                assert!(exhausted.is_err(), "every attempt fails");
            }
        });
    })
}

fn id_effect(n: u64) -> u64 {
    attempts(|| {
        in_id_effect(async move |ctx| {
            for _ in 0..n / ATTEMPTS {
                let retried = id_effect::Effect::<u64, Failed, id_effect::HNil>::retry(
                    || id_effect::from_async(attempt),
                    id_effect::Schedule::recurs(ATTEMPTS - 1),
                );
                let result: Result<u64, Failed> = ctx.bind(retried).await;
                result.expect_err("every attempt fails");
            }
            Ok(0)
        });
    })
}
