//! Ten async steps, each on what the last one yielded, none of which has to wait.

use effect::succeed;
use futures::TryFutureExt;
use futures::future::ready;
use id_effect::HNil;
use stillwater::effect::prelude::{Effect as _, EffectExt, from_async, pure};

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "bind_async",
    about: "ten ready futures, bound one after the other; an operation is one chain of ten",
    timed: 100_000,
    counted: 10_000,
    targets: &[Target::TimesHand(1.3)],
    contenders: &[
        Contender {
            name: "hand",
            about: "ten awaits in an async fn",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "flat_map of an async fn, static",
            run: ours,
        },
        Contender {
            name: "futures",
            about: "and_then of TryFutureExt",
            run: futures,
        },
        Contender {
            name: "stillwater",
            about: "and_then of from_async, static",
            run: stillwater,
        },
        Contender {
            name: "id_effect",
            about: "flat_map of from_async",
            run: id_effect,
        },
    ],
};

async fn step(value: u64) -> Result<u64, Failed> {
    Ok(work(value))
}

fn hand(n: u64) -> u64 {
    async fn chain(value: u64) -> Result<u64, Failed> {
        let value = step(value).await?;
        let value = step(value).await?;
        let value = step(value).await?;
        let value = step(value).await?;
        let value = step(value).await?;
        let value = step(value).await?;
        let value = step(value).await?;
        let value = step(value).await?;
        let value = step(value).await?;
        step(value).await
    }
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            sum = sum.wrapping_add(chain(i).await?);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    in_effect(async move |cx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let chain = succeed(i)
                .flat_map(step)
                .flat_map(step)
                .flat_map(step)
                .flat_map(step)
                .flat_map(step)
                .flat_map(step)
                .flat_map(step)
                .flat_map(step)
                .flat_map(step)
                .flat_map(step);
            sum = sum.wrapping_add(cx.run(chain).await?);
        }
        Ok(sum)
    })
}

fn futures(n: u64) -> u64 {
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let chain = ready(Ok(i))
                .and_then(step)
                .and_then(step)
                .and_then(step)
                .and_then(step)
                .and_then(step)
                .and_then(step)
                .and_then(step)
                .and_then(step)
                .and_then(step)
                .and_then(step);
            sum = sum.wrapping_add(chain.await?);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn stillwater(n: u64) -> u64 {
    fn bound(
        value: u64,
    ) -> impl stillwater::effect::prelude::Effect<Output = u64, Error = Failed, Env = ()> {
        from_async(move |_: &()| step(value))
    }
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let chain = pure(i)
                .and_then(bound)
                .and_then(bound)
                .and_then(bound)
                .and_then(bound)
                .and_then(bound)
                .and_then(bound)
                .and_then(bound)
                .and_then(bound)
                .and_then(bound)
                .and_then(bound);
            sum = sum.wrapping_add(chain.run(&()).await?);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn id_effect(n: u64) -> u64 {
    fn bound(value: u64) -> id_effect::Effect<u64, Failed, HNil> {
        id_effect::from_async(move || step(value))
    }
    in_id_effect(async move |ctx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let chain = id_effect::succeed(i)
                .flat_map(bound)
                .flat_map(bound)
                .flat_map(bound)
                .flat_map(bound)
                .flat_map(bound)
                .flat_map(bound)
                .flat_map(bound)
                .flat_map(bound)
                .flat_map(bound)
                .flat_map(bound);
            sum = sum.wrapping_add(ctx.bind(chain).await?);
        }
        Ok(sum)
    })
}
