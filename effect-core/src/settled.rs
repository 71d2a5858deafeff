//! Awaiting a future, dropping it, and waiting for what its drop owes.
//!
//! Polled by hand, as the futures in `poll.rs` are: each `async fn` around a future nests its type several levels
//! deeper, and chains of forty combinators are to compile without a raised recursion limit.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::cleanup::Settle;
use crate::fiber::FiberState;

pin_project! {
    /// The future of [`settled`].
    pub(crate) struct Settled<'cx, Fut: Future> {
        fiber: &'cx Arc<FiberState>,
        // Dropped half-way, what was owed before goes back before what the body owes.
        // Boxed, because it is seldom there.
        owed: Option<Box<Settle>>,
        #[pin]
        body: Option<Fut>,
        output: Option<Fut::Output>,
    }
}

/// Awaits a future and drops it, then waits for the finalizers that are owed because of it.
///
/// Those are what its drop owes, and what anybody's drop in one of its polls has owed: a `select!` in it. The latter
/// run beside it.
pub(crate) fn settled<Fut: Future>(fiber: &Arc<FiberState>, body: Fut) -> Settled<'_, Fut> {
    Settled {
        fiber,
        owed: None,
        body: Some(body),
        output: None,
    }
}

impl<Fut: Future> Future for Settled<'_, Fut> {
    type Output = Fut::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fut::Output> {
        let mut this = self.project();
        if let Some(body) = this.body.as_mut().as_pin_mut() {
            let before = this.fiber.mark();
            let polled = body.poll(task);
            if polled.is_ready() {
                this.body.set(None);
            }
            // Not if what is inside has taken it on itself.
            let later = this.fiber.mark() != before && this.fiber.has_unclaimed();
            if !later && this.owed.is_none() {
                return polled;
            }
            let owed = this
                .owed
                .get_or_insert_with(|| Box::new(Settle::new(this.fiber)));
            if later {
                owed.claim(before);
            }
            match polled {
                Poll::Ready(output) => *this.output = Some(output),
                Poll::Pending => {
                    // Whether it is done does not matter yet.
                    let _ = Pin::new(owed).poll(task);
                    return Poll::Pending;
                }
            }
        }
        let owed = this.owed.as_mut().expect("polled after completion");
        ready!(Pin::new(owed).poll(task));
        *this.owed = None;
        Poll::Ready(this.output.take().expect("the body has ended"))
    }
}
