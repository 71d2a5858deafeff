//! Stages that are services of `tower`.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use crate::common::pipelines::{assert_adds_up, drain};
use crate::common::{everywhere, millis};
use effect::prelude::*;
use effect::stage_service;
use tower::Service;
use tower::limit::ConcurrencyLimit;
use tower::service_fn;

#[test]
fn a_service_is_called_when_it_is_ready() {
    everywhere(async |cx: Cx<()>| {
        let output = Channel::bounded(16);
        let (running, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (counts, highest) = (Arc::clone(&running), Arc::clone(&most));
        let clock = cx.clone();
        let call = service_fn(move |n: u32| {
            let (counts, highest, clock) =
                (Arc::clone(&counts), Arc::clone(&highest), clock.clone());
            async move {
                highest.fetch_max(
                    counts.fetch_add(1, Ordering::Relaxed) + 1,
                    Ordering::Relaxed,
                );
                clock.sleep(millis(10)).await;
                counts.fetch_sub(1, Ordering::Relaxed);
                Ok::<_, String>(n)
            }
        });
        // Its clones share two permits, and more workers wait for those.
        let run = Pipeline::from_stream(Stream::from_iter(0..10))
            .via(stage_service("call", ConcurrencyLimit::new(call, 2)).workers(4))
            .to_channel(output.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await.len(), 10);
        assert_eq!(most.load(Ordering::Relaxed), 2);
        assert_adds_up(&report);
    });
}

/// A service that is never ready after so many calls.
#[derive(Clone)]
struct Brittle {
    calls: u32,
    worn_out: Arc<AtomicU32>,
}

impl Service<u32> for Brittle {
    type Response = u32;
    type Error = String;
    type Future = Ready<Result<u32, String>>;

    fn poll_ready(&mut self, _task: &mut Context<'_>) -> Poll<Result<(), String>> {
        if self.calls < 2 {
            return Poll::Ready(Ok(()));
        }
        self.worn_out.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Err("worn out".to_owned()))
    }

    fn call(&mut self, n: u32) -> Self::Future {
        self.calls += 1;
        ready(Ok(n))
    }
}

#[test]
fn a_service_that_fails_to_be_ready_fails_that_item_and_is_replaced() {
    everywhere(async |cx: Cx<()>| {
        let (output, errors) = (Channel::bounded(16), Channel::bounded(16));
        let worn_out = Arc::new(AtomicU32::new(0));
        let service = Brittle {
            calls: 0,
            worn_out: Arc::clone(&worn_out),
        };
        let run = Pipeline::from_stream(Stream::from_iter(0..9))
            .via(stage_service("call", service))
            .to_channel(output.clone())
            .with_error_channel(errors.clone())
            .run();
        let report = cx.run(run).await.unwrap();
        assert_eq!(drain(&output).await, [0, 1, 3, 4, 6, 7]);
        assert_eq!(drain(&errors).await.len(), 3);
        assert_eq!(worn_out.load(Ordering::Relaxed), 3);
        assert_adds_up(&report);
    });
}
