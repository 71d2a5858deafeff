//! One net for one future: its panic, what its end owes, and the defects of that, kept apart from all else on the fiber.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::Defect;
use crate::cleanup::{Mark, Settle};
use crate::defect::catch;
use crate::fiber::FiberState;

pin_project! {
    /// Awaits a future and drops it, turns its panic into a defect, waits for the finalizers that are owed, and gathers their
    /// defects.
    ///
    /// [`net`](crate::net::net) around [`settled`](crate::settled::settled) around [`caught`](crate::net::caught), as one
    /// type that costs next to nothing where a body neither waits nor owes anything: it is made for each item of a pipeline.
    pub(crate) struct Attempting<'cx, Fut: Future> {
        fiber: &'cx Arc<FiberState>,
        // What is seldom there.
        rest: Option<Box<Rest<'cx, Fut::Output>>>,
        #[pin]
        body: Option<Fut>,
    }
}

/// What there is of a future that owes something, or has a defect.
struct Rest<'cx, T> {
    fiber: &'cx Arc<FiberState>,
    defects: Vec<Defect>,
    owed: Option<Settle>,
    // How the body has ended, until what is owed is done.
    ended: Option<Result<T, Defect>>,
}

impl<T> Drop for Rest<'_, T> {
    fn drop(&mut self) {
        // Cut short, the future has no output to tell of them: the fiber does.
        for defect in self.defects.drain(..) {
            self.fiber.record_defect(defect);
        }
    }
}

/// Attempts a future.
#[inline]
pub(crate) fn attempting<Fut: Future>(fiber: &Arc<FiberState>, body: Fut) -> Attempting<'_, Fut> {
    Attempting {
        fiber,
        rest: None,
        body: Some(body),
    }
}

/// Attempts a future that was polled before, under no net: what is owed since that mark is its own, and so is each defect
/// that the fiber has.
pub(crate) fn attempting_since<Fut: Future>(
    fiber: &Arc<FiberState>,
    mark: Mark,
    body: Fut,
) -> Attempting<'_, Fut> {
    let mut attempting = attempting(fiber, body);
    if fiber.mark() != mark || fiber.has_defects() {
        let mut rest = rest(fiber);
        fiber.swap_defects(&mut rest.defects);
        if fiber.has_unclaimed() {
            rest.owed.insert(Settle::new(fiber)).claim(mark);
        }
        attempting.rest = Some(rest);
    }
    attempting
}

impl<Fut: Future> Future for Attempting<'_, Fut> {
    type Output = (Result<Fut::Output, Defect>, Vec<Defect>);

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let fiber = *this.fiber;
        if this.rest.is_none() && fiber.has_defects() {
            *this.rest = Some(rest(fiber));
        }
        // While the body is polled, its list takes the place of the fiber's.
        if let Some(rest) = this.rest {
            fiber.swap_defects(&mut rest.defects);
        }
        let before = fiber.mark();
        let mut output = None;
        let polled = catch(|| {
            if let Some(body) = this.body.as_mut().as_pin_mut()
                && let Poll::Ready(ready) = body.poll(task)
            {
                output = Some(ready);
                this.body.set(None);
            }
        });
        if polled.is_ok() && this.rest.is_none() && fiber.mark() == before && !fiber.has_defects() {
            return match output {
                Some(output) => Poll::Ready((Ok(output), Vec::new())),
                None => Poll::Pending,
            };
        }
        let of_its_drop = match &polled {
            Err(_) => catch(|| this.body.set(None)).err(),
            Ok(()) => None,
        };
        let rest = this.rest.get_or_insert_with(|| rest(fiber));
        rest.go_on(before, polled, output, of_its_drop, task)
    }
}

#[cold]
fn rest<T>(fiber: &Arc<FiberState>) -> Box<Rest<'_, T>> {
    Box::new(Rest {
        fiber,
        defects: Vec::new(),
        owed: None,
        ended: None,
    })
}

impl<T> Rest<'_, T> {
    /// Takes what a poll of the body has come to, and waits for what is owed.
    #[cold]
    fn go_on(
        &mut self,
        before: Mark,
        polled: Result<(), Defect>,
        output: Option<T>,
        of_its_drop: Option<Defect>,
        task: &mut Context<'_>,
    ) -> Poll<(Result<T, Defect>, Vec<Defect>)> {
        let fiber = self.fiber;
        match (polled, output) {
            (Ok(()), None) => {}
            (Ok(()), Some(output)) => self.ended = Some(Ok(output)),
            (Err(defect), None) => self.ended = Some(Err(defect)),
            // It was its drop that panicked.
            (Err(defect), Some(output)) => {
                self.ended = Some(Ok(output));
                fiber.record_defect(defect);
            }
        }
        if let Some(defect) = of_its_drop {
            fiber.record_defect(defect);
        }
        // Not if what is inside has taken it on itself.
        if fiber.mark() != before && fiber.has_unclaimed() {
            let owed = self.owed.get_or_insert_with(|| Settle::new(fiber));
            owed.claim(before);
        }
        let settled = match &mut self.owed {
            Some(owed) => Pin::new(owed).poll(task),
            None => Poll::Ready(()),
        };
        fiber.swap_defects(&mut self.defects);
        if settled.is_ready() {
            self.owed = None;
        }
        if self.ended.is_none() {
            // Whether what is owed is done does not matter yet.
            return Poll::Pending;
        }
        ready!(settled);
        let ended = self.ended.take().expect("it was there");
        Poll::Ready((ended, std::mem::take(&mut self.defects)))
    }
}
