//! A resource that is acquired, used, and released in an async way however the use ends.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use effect::Never;
use stillwater::effect::prelude::{Effect as _, from_async};

use super::{work, yielded};
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "acquire_release",
    about: "acquires, uses by yielding once, and releases; an operation is one resource",
    timed: 50_000,
    counted: 5_000,
    targets: &[],
    contenders: &[
        Contender {
            name: "hand",
            about: "three awaits, and a guard that spawns the release if it is dropped before",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "acquire_release, flat_map, scoped",
            run: ours,
        },
        Contender {
            name: "stillwater",
            about: "bracket, which releases nothing when it is dropped",
            run: stillwater,
        },
        Contender {
            name: "id_effect",
            about: "acquire_use_release",
            run: id_effect,
        },
    ],
};

/// What was released, summed up. Contenders run one after the other.
static RELEASED: AtomicU64 = AtomicU64::new(0);

async fn acquire(value: u64) -> Result<u64, Failed> {
    Ok(work(value))
}

async fn release(resource: u64) {
    RELEASED.fetch_add(resource, Ordering::Relaxed);
}

/// The sum of what was yielded and of what was released.
fn checked(run: impl FnOnce() -> u64) -> u64 {
    let before = RELEASED.load(Ordering::Relaxed);
    let sum = run();
    sum.wrapping_add(RELEASED.load(Ordering::Relaxed) - before)
}

/// Spawns the release if it is dropped while it has a resource.
struct Guard {
    resource: Option<u64>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(resource) = self.resource.take() {
            tokio::spawn(release(resource));
        }
    }
}

fn hand(n: u64) -> u64 {
    async fn bracket(value: u64) -> Result<u64, Failed> {
        let resource = acquire(value).await?;
        let mut guard = Guard {
            resource: Some(resource),
        };
        let result = yielded(resource).await;
        guard.resource = None;
        release(resource).await;
        result
    }
    checked(|| {
        in_tokio(async {
            let mut sum = 0_u64;
            for i in 0..n {
                sum = sum.wrapping_add(bracket(i).await?);
            }
            Ok::<_, Failed>(sum)
        })
        .expect("no contender fails")
    })
}

fn ours(n: u64) -> u64 {
    async fn released(resource: u64) -> Result<(), Never> {
        release(resource).await;
        Ok(())
    }
    checked(|| {
        in_effect(async move |cx| {
            let mut sum = 0_u64;
            for i in 0..n {
                let resource = effect::acquire_release(acquire(i), released);
                let used = resource.flat_map(yielded).scoped();
                sum = sum.wrapping_add(cx.run(used).await?);
            }
            Ok(sum)
        })
    })
}

fn stillwater(n: u64) -> u64 {
    checked(|| {
        in_tokio(async {
            let mut sum = 0_u64;
            for i in 0..n {
                let bracket = stillwater::effect::bracket::bracket(
                    from_async(move |_: &()| acquire(i)),
                    async |resource| {
                        release(resource).await;
                        Ok(())
                    },
                    |resource: &u64| {
                        let resource = *resource;
                        from_async(move |_: &()| yielded(resource))
                    },
                );
                sum = sum.wrapping_add(bracket.run(&()).await?);
            }
            Ok::<_, Failed>(sum)
        })
        .expect("no contender fails")
    })
}

fn id_effect(n: u64) -> u64 {
    checked(|| {
        in_id_effect(async move |ctx| {
            let mut sum = 0_u64;
            for i in 0..n {
                let used = id_effect::acquire_use_release(
                    id_effect::from_async::<_, Failed, id_effect::HNil, _, _>(move || acquire(i)),
                    |resource| id_effect::yield_fiber().map(move |()| work(resource)),
                    |resource, _| {
                        id_effect::from_async(move || async move {
                            release(resource).await;
                            Ok(())
                        })
                    },
                );
                sum = sum.wrapping_add(ctx.bind(used).await?);
            }
            Ok(sum)
        })
    })
}
