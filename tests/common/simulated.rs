//! What the tests of the simulator share: a case made of a block, and what a plan shows wrong with it.

use std::future::Future;

use effect::prelude::*;
use effect::simulation::{Case, Plan, Sim, Trial};

/// What a run finds wrong by a plan.
pub fn wrong(plan: &Plan, program: impl Fn(&Trial) -> Case<Never, ()>) -> Option<String> {
    Sim::new().replay(plan, program).wrong
}

/// A case of an async block that cannot fail.
pub fn case<F, Fut>(body: F) -> Case<Never, ()>
where
    F: FnOnce(Cx<()>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Case::new(effect(async move |cx: Cx<()>| {
        body(cx).await;
        Ok(())
    }))
}
