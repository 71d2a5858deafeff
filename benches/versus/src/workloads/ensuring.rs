//! A finalizer that is async, and runs however the body ends.

#![allow(
    clippy::disallowed_methods,
    reason = "hand-written tokio is what this is measured against"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use effect::{IntoEffect, Never};

use super::{work, yielded};
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "ensuring",
    about: "one that yields once, and its async finalizer; an operation is both",
    timed: 50_000,
    counted: 5_000,
    targets: &[],
    contenders: &[
        Contender {
            name: "hand",
            about: "an await of each, and a guard that spawns the finalizer if it is dropped before",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "Effect::ensuring",
            run: ours,
        },
        Contender {
            name: "id_effect",
            about: "ensuring",
            run: id_effect,
        },
    ],
};

/// How many finalizers have run. Contenders run one after the other.
static FINALIZED: AtomicU64 = AtomicU64::new(0);

async fn finalize() {
    FINALIZED.fetch_add(1, Ordering::Relaxed);
}

/// The sum of what was yielded, and a million for each finalizer.
fn checked(run: impl FnOnce() -> u64) -> u64 {
    let before = FINALIZED.load(Ordering::Relaxed);
    let sum = run();
    let finalized = FINALIZED.load(Ordering::Relaxed) - before;
    sum.wrapping_add(finalized.wrapping_mul(1_000_000))
}

/// Spawns the finalizer if it is dropped while it is armed.
struct Guard {
    armed: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.armed {
            tokio::spawn(finalize());
        }
    }
}

fn hand(n: u64) -> u64 {
    async fn ensured(value: u64) -> Result<u64, Failed> {
        let mut guard = Guard { armed: true };
        let result = yielded(value).await;
        guard.armed = false;
        finalize().await;
        result
    }
    checked(|| {
        in_tokio(async {
            let mut sum = 0_u64;
            for i in 0..n {
                sum = sum.wrapping_add(ensured(i).await?);
            }
            Ok::<_, Failed>(sum)
        })
        .expect("no contender fails")
    })
}

fn ours(n: u64) -> u64 {
    async fn finalizer() -> Result<(), Never> {
        finalize().await;
        Ok(())
    }
    checked(|| {
        in_effect(async move |cx| {
            let mut sum = 0_u64;
            for i in 0..n {
                let ensured = yielded(i).into_effect().ensuring(finalizer());
                sum = sum.wrapping_add(cx.run(ensured).await?);
            }
            Ok(sum)
        })
    })
}

fn id_effect(n: u64) -> u64 {
    checked(|| {
        in_id_effect(async move |ctx| {
            let mut sum = 0_u64;
            for i in 0..n {
                let body = id_effect::yield_fiber::<Failed, id_effect::HNil>();
                let finalizer = id_effect::from_async(async || {
                    finalize().await;
                    Ok(())
                });
                let ensured = body.map(move |()| work(i)).ensuring(finalizer);
                sum = sum.wrapping_add(ctx.bind(ensured).await?);
            }
            Ok(sum)
        })
    })
}
