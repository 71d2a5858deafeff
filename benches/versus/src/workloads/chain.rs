//! Twenty steps, each on what the last one yielded, none of which waits.

use effect::programs::FromResult;
use effect::{Effect, succeed};
use futures::TryFutureExt;
use futures::future::ready;
use id_effect::HNil;
use stillwater::effect::prelude::{Effect as _, EffectExt, pure};

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "chain",
    about: "ten maps and ten flat_maps; an operation is one chain",
    timed: 100_000,
    counted: 10_000,
    targets: &[Target::TimesHand(1.3)],
    contenders: &[
        Contender {
            name: "hand",
            about: "ten calls and ten awaits in an async fn",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "map and flat_map, static",
            run: ours,
        },
        Contender {
            name: "futures",
            about: "map_ok and and_then of TryFutureExt",
            run: futures,
        },
        Contender {
            name: "stillwater",
            about: "map and and_then, static",
            run: stillwater,
        },
        Contender {
            name: "id_effect",
            about: "map and flat_map",
            run: id_effect,
        },
    ],
};

async fn step(value: u64) -> Result<u64, Failed> {
    Ok(work(value))
}

fn hand(n: u64) -> u64 {
    async fn chain(value: u64) -> Result<u64, Failed> {
        let value = step(work(value)).await?;
        let value = step(work(value)).await?;
        let value = step(work(value)).await?;
        let value = step(work(value)).await?;
        let value = step(work(value)).await?;
        let value = step(work(value)).await?;
        let value = step(work(value)).await?;
        let value = step(work(value)).await?;
        let value = step(work(value)).await?;
        let value = step(work(value)).await?;
        Ok(value)
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
    fn step(value: u64) -> Effect<(), Failed, u64, FromResult<Failed, u64>> {
        succeed(work(value))
    }
    in_effect(async move |cx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let chain = succeed(i)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step);
            sum = sum.wrapping_add(cx.run(chain).await?);
        }
        Ok(sum)
    })
}

fn futures(n: u64) -> u64 {
    fn step(value: u64) -> futures::future::Ready<Result<u64, Failed>> {
        ready(Ok(work(value)))
    }
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let chain = ready(Ok(i))
                .map_ok(work)
                .and_then(step)
                .map_ok(work)
                .and_then(step)
                .map_ok(work)
                .and_then(step)
                .map_ok(work)
                .and_then(step)
                .map_ok(work)
                .and_then(step)
                .map_ok(work)
                .and_then(step)
                .map_ok(work)
                .and_then(step)
                .map_ok(work)
                .and_then(step)
                .map_ok(work)
                .and_then(step)
                .map_ok(work)
                .and_then(step);
            sum = sum.wrapping_add(chain.await?);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn stillwater(n: u64) -> u64 {
    fn step(value: u64) -> stillwater::effect::prelude::Pure<u64, Failed, ()> {
        pure(work(value))
    }
    in_tokio(async {
        let mut sum = 0_u64;
        for i in 0..n {
            let chain = pure(i)
                .map(work)
                .and_then(step)
                .map(work)
                .and_then(step)
                .map(work)
                .and_then(step)
                .map(work)
                .and_then(step)
                .map(work)
                .and_then(step)
                .map(work)
                .and_then(step)
                .map(work)
                .and_then(step)
                .map(work)
                .and_then(step)
                .map(work)
                .and_then(step)
                .map(work)
                .and_then(step);
            sum = sum.wrapping_add(chain.run(&()).await?);
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn id_effect(n: u64) -> u64 {
    fn step(value: u64) -> id_effect::Effect<u64, Failed, HNil> {
        id_effect::succeed(work(value))
    }
    in_id_effect(async move |ctx| {
        let mut sum = 0_u64;
        for i in 0..n {
            let chain = id_effect::succeed(i)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step)
                .map(work)
                .flat_map(step);
            sum = sum.wrapping_add(ctx.bind(chain).await?);
        }
        Ok(sum)
    })
}
