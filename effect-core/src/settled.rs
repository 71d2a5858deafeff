//! Awaiting a future, dropping it, and waiting for what its drop owes.
//!
//! Polled by hand, as the futures in `poll.rs` are: each `async fn` around a future nests its type several levels
//! deeper, and chains of forty combinators are to compile without a raised recursion limit.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::cleanup::{Mark, Settle};
use crate::fiber::FiberState;

pin_project! {
    /// The future of [`settled`].
    pub(crate) struct Settled<'cx, Fut: Future> {
        fiber: &'cx Arc<FiberState>,
        // Taken at the first poll: what others owed before is theirs.
        since: Option<Mark>,
        #[pin]
        body: Option<Fut>,
        settling: Option<(Settle, Fut::Output)>,
    }
}

/// Awaits a future and drops it, then waits for the finalizers that its drop owes.
pub(crate) fn settled<Fut: Future>(fiber: &Arc<FiberState>, body: Fut) -> Settled<'_, Fut> {
    Settled {
        fiber,
        since: None,
        body: Some(body),
        settling: None,
    }
}

impl<Fut: Future> Future for Settled<'_, Fut> {
    type Output = Fut::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let mut this = self.project();
        if let Some(body) = this.body.as_mut().as_pin_mut() {
            let since = *this.since.get_or_insert_with(|| this.fiber.mark());
            let output = ready!(body.poll(task));
            this.body.set(None);
            if this.fiber.mark() == since {
                return Poll::Ready(output);
            }
            *this.settling = Some((Settle::new(this.fiber, since), output));
        }
        let (settle, _) = this.settling.as_mut().expect("polled after completion");
        ready!(Pin::new(settle).poll(task));
        let (_, output) = this.settling.take().expect("looked at above");
        Poll::Ready(output)
    }
}
