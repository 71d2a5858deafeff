//! A hundred thousand scopes, each a part of the one before, on a small stack: closed, cut short, dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::small_stack::on_small_stack;
use crate::common::{Log, in_turns, on_threads, secs, timed};
use effect::prelude::*;

const DEPTH: u64 = 100_000;

/// The outermost scope of a deep chain, and the innermost.
fn chain() -> (Scope, Scope) {
    let outermost = Scope::new();
    let innermost = (0..DEPTH).fold(outermost.fork(), |scope, _| scope.fork());
    (outermost, innermost)
}

#[track_caller]
fn once_each<F, Fut>(body: F)
where
    F: FnOnce(Cx<()>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    on_small_stack(move || {
        in_turns(body.clone());
        on_threads(1, body);
    });
}

#[test]
fn a_deep_chain_of_scopes_that_nobody_used_can_be_dropped() {
    on_small_stack(|| drop(chain()));
    on_small_stack(|| {
        let (outermost, innermost) = chain();
        drop(innermost);
        drop(outermost);
    });
}

#[test]
fn with_the_outermost_scope_the_innermost_of_a_deep_chain_closes() {
    once_each(async |cx: Cx<()>| {
        let log = Log::new();
        let (outermost, innermost) = chain();
        let slow = log.note_after(secs(1), "innermost");
        cx.run(innermost.add_finalizer(slow)).await.unwrap();
        cx.run(outermost.add_finalizer(log.note("outermost")))
            .await
            .unwrap();
        let (took, closed) = timed(&cx, cx.run(outermost.close())).await;
        assert_eq!((took, closed), (1, Ok(())));
        // The newest first: the chain is older than the finalizer.
        assert_eq!(log.lines(), ["outermost", "innermost"]);
        assert!(innermost.is_closed());
    });
}

#[test]
fn a_finalizer_in_each_scope_of_a_deep_chain_runs() {
    once_each(async |cx: Cx<()>| {
        let left = Arc::new(AtomicU64::new(DEPTH));
        let outermost = Scope::new();
        let mut scope = outermost.clone();
        for n in (0..DEPTH).rev() {
            scope = scope.fork();
            let left = Arc::clone(&left);
            // The innermost first.
            let count = sync(move || assert_eq!(left.fetch_sub(1, Ordering::Relaxed), DEPTH - n));
            cx.run(scope.add_finalizer(count)).await.unwrap();
        }
        drop(scope);
        cx.run(outermost.close()).await.unwrap();
        assert_eq!(left.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_deep_chain_of_scopes_that_is_dropped_unclosed_is_closed_by_the_runtime() {
    once_each(async |cx: Cx<()>| {
        let log = Log::new();
        for with_a_finalizer_outside in [false, true] {
            let (outermost, innermost) = chain();
            cx.run(innermost.add_finalizer(log.note("closed")))
                .await
                .unwrap();
            if with_a_finalizer_outside {
                cx.run(outermost.add_finalizer(succeed(()))).await.unwrap();
            }
            drop(innermost);
            drop(outermost);
            cx.sleep(secs(1)).await;
        }
        assert_eq!(log.count(), 2);
    });
}

#[test]
fn the_closing_of_a_deep_chain_of_scopes_can_be_lost_with_its_runtime() {
    on_small_stack(|| {
        let tokio = crate::common::virtual_runtime();
        let (outermost, innermost) = chain();
        let body = effect(async move |cx: Cx<()>| {
            let endless = never::<_, Never, ()>();
            cx.run(innermost.add_finalizer(endless)).await?;
            cx.run(outermost.close()).await
        });
        tokio.block_on(async {
            let Ok(fiber) = body.detach::<Never>().await;
            drop(fiber);
            tokio::task::yield_now().await;
        });
        drop(tokio);
    });
}
