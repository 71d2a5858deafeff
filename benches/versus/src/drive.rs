//! Where contenders run: every one in a tokio runtime of the same kind.

use std::future::Future;
use std::sync::Arc;

use effect::{Cx, Value, effect};
use tokio::runtime::Builder;

/// The error that no contender meets, and every one has to pass along.
#[derive(Clone, Debug)]
pub(crate) struct Failed;

/// Runs a future on a runtime of one thread.
pub(crate) fn in_tokio<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O can be built")
        .block_on(future)
}

/// Runs a future on a runtime of two threads.
#[allow(
    clippy::disallowed_methods,
    reason = "every contender starts as a task of plain tokio"
)]
pub(crate) fn in_two_threads<F>(future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime without I/O can be built");
    runtime
        .block_on(runtime.spawn(future))
        .expect("no contender panics")
}

/// Runs an effect body of this library.
pub(crate) fn in_effect<F, Fut>(body: F) -> u64
where
    F: FnOnce(Cx<()>) -> Fut + Value,
    Fut: Future<Output = Result<u64, Failed>> + Send + 'static,
{
    in_tokio(async { effect(body).await }).expect("no contender fails")
}

/// Runs an effect body of `id_effect`.
pub(crate) fn in_id_effect<F, Fut>(body: F) -> u64
where
    F: FnOnce(id_effect::Ctx<id_effect::HNil>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<u64, Failed>> + Send + 'static,
{
    in_tokio(on_id_effect(body))
}

/// Runs an effect body of `id_effect` on the runtime that is there.
pub(crate) async fn on_id_effect<F, Fut>(body: F) -> u64
where
    F: FnOnce(id_effect::Ctx<id_effect::HNil>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<u64, Failed>> + Send + 'static,
{
    let tokio = id_effect::TokioExecutor::current().expect("a runtime is running");
    let runtime = id_effect::Runtime::from_executor(Arc::new(tokio));
    let exit = runtime.run(id_effect::Effect::from_ctx(body)).await;
    exit.into_result().expect("no contender fails")
}
