//! A loop by recursion: every turn is an effect behind one type.

use effect::{Effect, succeed};
use futures::FutureExt;
use futures::future::BoxFuture;
use id_effect::HNil;
use stillwater::effect::prelude::{BoxedEffect, Effect as _, EffectExt, pure};

use super::work;
use crate::drive::{Failed, in_effect, in_id_effect, in_tokio};
use crate::workload::{Contender, Target, Workload};

pub(crate) const WORKLOAD: Workload = Workload {
    name: "bind_erased",
    about: "a tail recursion through erased effects; an operation is one turn",
    timed: 200_000,
    counted: 20_000,
    targets: &[Target::TimesHand(1.3)],
    contenders: &[
        Contender {
            name: "hand",
            about: "a trampoline: a loop over boxed futures that each yield the next",
            run: hand,
        },
        Contender {
            name: "ours",
            about: "flat_map and erase",
            run: ours,
        },
        Contender {
            name: "futures",
            about: "boxed recursion, begun anew every 500 turns because it nests",
            run: futures,
        },
        Contender {
            name: "stillwater",
            about: "and_then and boxed, begun anew every 500 turns because it nests",
            run: stillwater,
        },
        Contender {
            name: "id_effect",
            about: "flat_map",
            run: id_effect,
        },
    ],
};

/// How many turns nest where turns nest.
const DEPTH: u64 = 500;

fn hand(n: u64) -> u64 {
    enum Turn {
        Done(u64),
        Next(BoxFuture<'static, Result<Turn, Failed>>),
    }
    fn down(left: u64, sum: u64) -> BoxFuture<'static, Result<Turn, Failed>> {
        async move {
            if left == 0 {
                Ok(Turn::Done(sum))
            } else {
                Ok(Turn::Next(down(left - 1, work(sum))))
            }
        }
        .boxed()
    }
    in_tokio(async {
        let mut next = down(n, 0);
        loop {
            match next.await? {
                Turn::Done(sum) => return Ok::<_, Failed>(sum),
                Turn::Next(turn) => next = turn,
            }
        }
    })
    .expect("no contender fails")
}

fn ours(n: u64) -> u64 {
    fn down(left: u64, sum: u64) -> Effect<(), Failed, u64> {
        if left == 0 {
            succeed(sum).erase()
        } else {
            succeed(sum)
                .flat_map(move |sum| down(left - 1, work(sum)))
                .erase()
        }
    }
    in_effect(async move |cx| cx.run(down(n, 0)).await)
}

fn futures(n: u64) -> u64 {
    fn down(left: u64, sum: u64) -> BoxFuture<'static, Result<u64, Failed>> {
        async move {
            if left == 0 {
                Ok(sum)
            } else {
                down(left - 1, work(sum)).await
            }
        }
        .boxed()
    }
    in_tokio(async {
        let mut sum = 0;
        for depth in pieces(n) {
            sum = down(depth, sum).await?;
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn stillwater(n: u64) -> u64 {
    fn down(left: u64, sum: u64) -> BoxedEffect<u64, Failed, ()> {
        if left == 0 {
            pure(sum).boxed()
        } else {
            pure(sum)
                .and_then(move |sum| down(left - 1, work(sum)))
                .boxed()
        }
    }
    in_tokio(async {
        let mut sum = 0;
        for depth in pieces(n) {
            sum = down(depth, sum).run(&()).await?;
        }
        Ok::<_, Failed>(sum)
    })
    .expect("no contender fails")
}

fn id_effect(n: u64) -> u64 {
    fn down(left: u64, sum: u64) -> id_effect::Effect<u64, Failed, HNil> {
        if left == 0 {
            id_effect::succeed(sum)
        } else {
            id_effect::succeed(sum).flat_map(move |sum| down(left - 1, work(sum)))
        }
    }
    in_id_effect(async move |ctx| ctx.bind(down(n, 0)).await)
}

/// The turns in pieces that the stack can bear.
fn pieces(n: u64) -> impl Iterator<Item = u64> {
    (0..n)
        .step_by(DEPTH as usize)
        .map(move |begun| DEPTH.min(n - begun))
}
