//! Tokens: what somebody holds to cancel what others run.

use std::fmt;
use std::future::Future;
use std::iter;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::sync::{Deferred, WaitDeferred};
use crate::{Never, StopReason, WaitsFor};

/// What somebody holds to cancel what others run: cancelled once, from any thread, and for good.
///
/// It says nothing by itself to those who run: [`Stop::token`](crate::Stop::token) bounds an effect or a stream by it, and
/// any code may ask [`is_cancelled`](CancelToken::is_cancelled). Its [children](CancelToken::child) are cancelled with it,
/// for the same reason.
///
/// # Examples
///
/// ```
/// use effect_core::CancelToken;
///
/// let token = CancelToken::new();
/// assert!(token.cancel("enough"));
/// assert!(!token.cancel("too late: the first counts"));
/// assert_eq!(token.reason(), Some("enough".into()));
/// ```
#[doc(alias = "CancellationToken")]
#[derive(Clone)]
pub struct CancelToken {
    node: Arc<Node>,
}

/// A token, and the one that it is a child of.
struct Node {
    reason: Deferred<Never, StopReason>,
    parent: Option<Arc<Node>>,
}

impl Node {
    fn reason(&self) -> Option<StopReason> {
        self.reason.poll().map(|Ok(reason)| reason)
    }

    /// This node and those above it, the nearest first.
    fn path(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Node>> {
        iter::successors(Some(self), |node| node.parent.as_ref())
    }
}

// One by one: nested drops of many generations would overflow the stack.
impl Drop for Node {
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(mut node) = parent.and_then(Arc::into_inner) {
            parent = node.parent.take();
        }
    }
}

impl CancelToken {
    /// Creates a token that is not cancelled.
    pub fn new() -> Self {
        CancelToken::below(None)
    }

    fn below(parent: Option<Arc<Node>>) -> Self {
        CancelToken {
            node: Arc::new(Node {
                reason: Deferred::new(),
                parent,
            }),
        }
    }

    /// Creates a token that is cancelled with this one, for the same reason, and can be cancelled alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::CancelToken;
    ///
    /// let server = CancelToken::new();
    /// let [first, second] = [server.child(), server.child()];
    /// first.cancel("hung up");
    /// assert!(!server.is_cancelled() && !second.is_cancelled());
    ///
    /// server.cancel("shutting down");
    /// assert_eq!(first.reason(), Some("hung up".into()));
    /// assert_eq!(second.reason(), Some("shutting down".into()));
    /// ```
    #[must_use = "it cancels nothing by being there"]
    pub fn child(&self) -> CancelToken {
        CancelToken::below(Some(Arc::clone(&self.node)))
    }

    /// Cancels the token, and what is bounded by it or by its children. True if it was not cancelled before.
    ///
    /// # Examples
    ///
    /// See [`CancelToken`].
    pub fn cancel(&self, reason: impl Into<StopReason>) -> bool {
        self.reason().is_none() && self.node.reason.succeed(reason.into()).is_ok()
    }

    /// Whether it is cancelled: true as soon as somebody has done it, for everybody.
    ///
    /// # Examples
    ///
    /// See [`CancelToken`].
    pub fn is_cancelled(&self) -> bool {
        self.node.path().any(|node| node.reason.is_done())
    }

    /// Why it is cancelled, if it is.
    ///
    /// # Examples
    ///
    /// See [`CancelToken`].
    pub fn reason(&self) -> Option<StopReason> {
        // One that was cancelled itself, and whose parent was after that, has a reason of its own.
        let mut below = Vec::new();
        let mut reason = self.node.path().find_map(|node| {
            let reason = node.reason();
            if reason.is_none() {
                below.push(node);
            }
            reason
        })?;
        // Each on the way keeps it. One that was cancelled meanwhile has told those below it already.
        while let Some(node) = below.pop() {
            let _ = node.reason.succeed(reason.clone());
            reason = node.reason().unwrap_or(reason);
        }
        Some(reason)
    }

    /// Waits until it is cancelled, and has the reason.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::CancelToken;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let token = CancelToken::new();
    /// let waiting = token.child().cancelled();
    /// token.cancel("enough");
    /// assert_eq!(waiting.await, Ok("enough".into()));
    /// # }
    /// ```
    #[track_caller]
    pub fn cancelled(&self) -> AwaitCancelled {
        AwaitCancelled {
            token: self.clone(),
            waits: None,
            waits_for: WaitsFor::here("a token to be cancelled"),
        }
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        CancelToken::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("reason", &self.reason())
            .finish_non_exhaustive()
    }
}

/// The future of [`CancelToken::cancelled`].
#[must_use = "futures do nothing unless they are polled"]
pub struct AwaitCancelled {
    token: CancelToken,
    // One for it and one for each above it, since it was polled.
    waits: Option<Vec<WaitDeferred<Never, StopReason>>>,
    waits_for: WaitsFor,
}

impl Future for AwaitCancelled {
    type Output = Result<StopReason, Never>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let token = &this.token;
        // Also where the turn is used up, when the others below would not look: what is cancelled does not run on.
        let mut is_cancelled = token.is_cancelled();
        if !is_cancelled {
            let waits = this.waits.get_or_insert_with(|| {
                let path = token.node.path();
                path.map(|node| node.reason.wait()).collect()
            });
            // Each leaves its waker.
            for wait in waits {
                is_cancelled |= Pin::new(wait).poll(task).is_ready();
            }
        }
        if is_cancelled && let Some(reason) = token.reason() {
            return Poll::Ready(Ok(reason));
        }
        this.waits_for.note();
        Poll::Pending
    }
}

impl Clone for AwaitCancelled {
    /// Another one who waits.
    fn clone(&self) -> Self {
        AwaitCancelled {
            token: self.token.clone(),
            waits: None,
            waits_for: self.waits_for,
        }
    }
}

impl fmt::Debug for AwaitCancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitCancelled").finish_non_exhaustive()
    }
}
