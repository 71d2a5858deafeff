//! Where an effect can be run from sync code: wherever the thread may block.

#![allow(
    clippy::disallowed_methods,
    reason = "it is plain tokio whose threads are asked here"
)]

use effect::RunError;
use effect::prelude::*;
use tokio::runtime::{Builder, Runtime};

fn answer() -> Result<Exit<Never, i32>, RunError> {
    run(succeed::<_, Never, _>(42))
}

#[track_caller]
fn check_runs(answer: Result<Exit<Never, i32>, RunError>) {
    assert_eq!(answer.unwrap(), Exit::Success(42));
}

#[track_caller]
fn check_refused(answer: Result<Exit<Never, i32>, RunError>) {
    assert!(matches!(answer, Err(RunError::InsideRuntime)), "{answer:?}");
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

#[test]
fn an_effect_runs_on_the_thread_of_a_blocking_effect() {
    let nested = blocking::<_, Never, _, _>(|| Ok(answer()));
    check_runs(run(nested).unwrap().into_result().unwrap());
}

#[test]
fn an_effect_runs_on_the_threads_on_which_tokio_lets_block() {
    let tokio = two_threads();
    let spawned = tokio.spawn_blocking(answer);
    check_runs(tokio.block_on(spawned).unwrap());
    let in_place = tokio.spawn(async { tokio::task::block_in_place(answer) });
    check_runs(tokio.block_on(in_place).unwrap());
    let _entered = tokio.enter();
    check_runs(answer());
}

#[test]
fn an_effect_is_refused_wherever_tokio_polls() {
    for tokio in [one_thread(), two_threads()] {
        check_refused(tokio.block_on(async { answer() }));
        let spawned = tokio.spawn(async { answer() });
        check_refused(tokio.block_on(spawned).unwrap());
        let local = tokio::task::LocalSet::new();
        check_refused(local.block_on(&tokio, async { answer() }));
    }
}

#[test]
fn an_effect_is_refused_in_the_body_of_another() {
    let body = effect(async |_: Cx<()>| Ok::<_, Never>(answer()));
    check_refused(run(body).unwrap().into_result().unwrap());
}

#[test]
fn a_refused_caller_goes_on_as_before() {
    let elsewhere = one_thread().block_on(async {
        check_refused(answer());
        check_refused(answer());
        tokio::task::spawn_blocking(answer).await.unwrap()
    });
    check_runs(elsewhere);
}
