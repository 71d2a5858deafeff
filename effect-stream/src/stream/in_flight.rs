//! Many effects at once, in the task that pulls: in the order of their items, or as they end.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use effect_core::slots::Slots;
use futures::Stream as FuturesStream;
use pin_project_lite::pin_project;

use super::side::Side;
use crate::source::Pull;

pin_project! {
    /// Begins a future for each item, or breaks with what needs none, and emits what they yield in the order of the items.
    pub(crate) struct InOrder<S: FuturesStream, F, Fut: Future> {
        // Before the source: in this order they are dropped, and what that owes is done.
        running: Slots<Numbered<Fut>>,
        #[pin]
        source: Side<S, S::Item>,
        ended: bool,
        begin: F,
        limit: usize,
        // What was begun and not emitted, in order. `None` while it runs.
        outputs: VecDeque<Option<Fut::Output>>,
        // The number of the first of those.
        first: usize,
    }
}

pin_project! {
    struct Numbered<Fut> {
        #[pin]
        future: Fut,
        number: usize,
    }
}

impl<S, F, Fut> InOrder<S, F, Fut>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    pub(crate) fn new(source: S, limit: usize, begin: F) -> Self {
        InOrder {
            running: Slots::new(),
            source: Side::new(source),
            ended: false,
            begin,
            limit,
            outputs: VecDeque::new(),
            first: 0,
        }
    }

    /// Polls those that were woken.
    fn go_on(self: Pin<&mut Self>, task: &Context<'_>) {
        let this = self.project();
        if this.running.is_empty() {
            return;
        }
        this.running.listen(task);
        while let Some(slot) = this.running.next_woken() {
            if let Poll::Ready((number, output)) = this.running.poll(slot, poll_numbered) {
                this.running.vacate(slot);
                this.outputs[number.wrapping_sub(*this.first)] = Some(output);
            }
        }
    }
}

fn poll_numbered<Fut: Future>(
    numbered: Pin<&mut Numbered<Fut>>,
    task: &mut Context<'_>,
) -> Poll<(usize, Fut::Output)> {
    let numbered = numbered.project();
    let output = ready!(numbered.future.poll(task));
    Poll::Ready((*numbered.number, output))
}

impl<S, F, Fut> FuturesStream for InOrder<S, F, Fut>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    type Item = Fut::Output;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        self.as_mut().go_on(task);
        let mut this = self.project();
        // As many as there may be, before one is emitted: they go on while the consumer is busy with that.
        while !*this.ended && this.outputs.len() < *this.limit {
            let item = match this.source.as_mut().poll_item(task) {
                Poll::Ready(Some(item)) => item,
                Poll::Ready(None) => {
                    *this.ended = true;
                    break;
                }
                Poll::Pending => break,
            };
            let output = match (this.begin)(item) {
                ControlFlow::Break(output) => Some(output),
                ControlFlow::Continue(future) => {
                    if this.running.is_empty() {
                        this.running.listen(task);
                    }
                    let number = this.first.wrapping_add(this.outputs.len());
                    let slot = this.running.occupy(Numbered { future, number });
                    match this.running.poll(slot, poll_numbered) {
                        Poll::Ready((_, output)) => {
                            this.running.vacate(slot);
                            Some(output)
                        }
                        Poll::Pending => None,
                    }
                }
            };
            if this.outputs.is_empty() && output.is_some() {
                // Nothing runs, so nothing would go on meanwhile: what is ready at once is not collected first.
                *this.first = this.first.wrapping_add(1);
                return Poll::Ready(output);
            }
            this.outputs.push_back(output);
        }
        if *this.ended || this.outputs.len() == *this.limit {
            // Not asked for an item, it may have begun something all the same; its wakers are registered.
            let _ = this.source.poll_progress(task);
        }
        match this.outputs.front_mut() {
            Some(first) => {
                let Some(output) = first.take() else {
                    return Poll::Pending;
                };
                this.outputs.pop_front();
                *this.first = this.first.wrapping_add(1);
                Poll::Ready(Some(output))
            }
            None if *this.ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl<S, F, Fut> Pull for InOrder<S, F, Fut>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.as_mut().go_on(task);
        let this = self.project();
        let source = this.source.poll_progress(task);
        if source.is_ready() && this.running.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

pin_project! {
    /// Begins a future for each item, or breaks with what needs none, and emits what they yield as they end.
    pub(crate) struct AsTheyEnd<S: FuturesStream, F, Fut: Future> {
        // Before the source: in this order they are dropped, and what that owes is done.
        running: Slots<Fut>,
        #[pin]
        source: Side<S, S::Item>,
        ended: bool,
        begin: F,
        limit: usize,
        outputs: VecDeque<Fut::Output>,
    }
}

impl<S, F, Fut> AsTheyEnd<S, F, Fut>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    pub(crate) fn new(source: S, limit: usize, begin: F) -> Self {
        AsTheyEnd {
            running: Slots::new(),
            source: Side::new(source),
            ended: false,
            begin,
            limit,
            outputs: VecDeque::new(),
        }
    }

    /// Polls those that were woken.
    fn go_on(self: Pin<&mut Self>, task: &Context<'_>) {
        let this = self.project();
        if this.running.is_empty() {
            return;
        }
        this.running.listen(task);
        while let Some(slot) = this.running.next_woken() {
            if let Poll::Ready(output) = this.running.poll(slot, Fut::poll) {
                this.running.vacate(slot);
                this.outputs.push_back(output);
            }
        }
    }
}

impl<S, F, Fut> FuturesStream for AsTheyEnd<S, F, Fut>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    type Item = Fut::Output;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        self.as_mut().go_on(task);
        let mut this = self.project();
        while !*this.ended && this.running.len() + this.outputs.len() < *this.limit {
            let item = match this.source.as_mut().poll_item(task) {
                Poll::Ready(Some(item)) => item,
                Poll::Ready(None) => {
                    *this.ended = true;
                    break;
                }
                Poll::Pending => break,
            };
            let output = match (this.begin)(item) {
                ControlFlow::Break(output) => output,
                ControlFlow::Continue(future) => {
                    if this.running.is_empty() {
                        this.running.listen(task);
                    }
                    let slot = this.running.occupy(future);
                    let Poll::Ready(output) = this.running.poll(slot, Fut::poll) else {
                        continue;
                    };
                    this.running.vacate(slot);
                    output
                }
            };
            if this.running.is_empty() && this.outputs.is_empty() {
                // Nothing runs, so nothing would go on meanwhile: what is ready at once is not collected first.
                return Poll::Ready(Some(output));
            }
            this.outputs.push_back(output);
        }
        if *this.ended || this.running.len() + this.outputs.len() == *this.limit {
            // Not asked for an item, it may have begun something all the same; its wakers are registered.
            let _ = this.source.poll_progress(task);
        }
        match this.outputs.pop_front() {
            Some(output) => Poll::Ready(Some(output)),
            None if *this.ended && this.running.is_empty() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl<S, F, Fut> Pull for AsTheyEnd<S, F, Fut>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
{
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.as_mut().go_on(task);
        let this = self.project();
        let source = this.source.poll_progress(task);
        if source.is_ready() && this.running.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
