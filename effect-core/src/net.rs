//! A net: catches what goes wrong under it, and keeps that apart from what goes wrong elsewhere on the fiber.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::Defect;
use crate::defect::catch_poll;
use crate::driver::drop_body;
use crate::fiber::FiberState;

pin_project! {
    /// Gathers the defects of the finalizers that run while a body is polled, along with its output.
    ///
    /// A fiber has one list for them. While the body is polled, this list takes its place: so of two branches of a
    /// race that are both under a net, each has its own.
    pub(crate) struct Net<'cx, Fut> {
        fiber: &'cx FiberState,
        defects: Vec<Defect>,
        #[pin]
        body: Fut,
    }

    impl<Fut> PinnedDrop for Net<'_, Fut> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            // Cut short, it has no output to tell of them: the fiber does.
            this.defects.drain(..).for_each(|defect| this.fiber.record_defect(defect));
        }
    }
}

/// Gathers the defects of the finalizers that run while `body` is polled.
pub(crate) fn net<Fut: Future>(fiber: &FiberState, body: Fut) -> Net<'_, Fut> {
    Net {
        fiber,
        defects: Vec::new(),
        body,
    }
}

impl<Fut: Future> Future for Net<'_, Fut> {
    type Output = (Fut::Output, Vec<Defect>);

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.fiber.swap_defects(this.defects);
        let polled = this.body.poll(task);
        this.fiber.swap_defects(this.defects);
        polled.map(|output| (output, std::mem::take(this.defects)))
    }
}

pin_project! {
    /// Turns a panic of a body into a defect, and drops the body.
    pub(crate) struct Caught<'cx, Fut> {
        fiber: &'cx FiberState,
        #[pin]
        body: Option<Fut>,
    }
}

/// Turns a panic of a body into a defect, and drops the body.
pub(crate) fn caught<Fut: Future>(fiber: &FiberState, body: Fut) -> Caught<'_, Fut> {
    Caught {
        fiber,
        body: Some(body),
    }
}

impl<Fut: Future> Future for Caught<'_, Fut> {
    type Output = Result<Fut::Output, Defect>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let body = this.body.as_mut().as_pin_mut();
        let ended = ready!(catch_poll(body.expect("polled after completion"), task));
        drop_body(this.fiber, this.body);
        Poll::Ready(ended)
    }
}
