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
    /// Begins a future for each item, or breaks with what needs none, and emits what they yield.
    pub(crate) struct InFlight<S: FuturesStream, F, Fut: Future, O: Outputs<Fut::Output>> {
        // Before the source: in this order they are dropped, and what that owes is done.
        running: Slots<Placed<Fut, O::Place>>,
        #[pin]
        source: Side<S, S::Item>,
        begin: F,
        limit: usize,
        outputs: O,
    }
}

/// What was yielded and not emitted, in the order in which it will be.
pub(crate) trait Outputs<T>: Default {
    /// Where an output belongs.
    type Place: Copy;

    /// Where that of the next future belongs.
    fn next_place(&self) -> Self::Place;

    /// Takes the output of the next future, or a note that it runs.
    fn begun(&mut self, output: Option<T>);

    /// Takes the output of a future that ran.
    fn ended(&mut self, place: Self::Place, output: T);

    /// The first, if that is there.
    fn next(&mut self) -> Option<T>;

    /// How many have begun and were not emitted, if so many run.
    fn in_flight(&self, running: usize) -> usize;
}

/// In the order of the items.
pub(crate) struct InOrder<T> {
    // `None` while it runs.
    outputs: VecDeque<Option<T>>,
    // The number of the first of those.
    first: usize,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        InOrder {
            outputs: VecDeque::new(),
            first: 0,
        }
    }
}

impl<T> Outputs<T> for InOrder<T> {
    type Place = usize;

    fn next_place(&self) -> usize {
        self.first.wrapping_add(self.outputs.len())
    }

    fn begun(&mut self, output: Option<T>) {
        self.outputs.push_back(output);
    }

    fn ended(&mut self, place: usize, output: T) {
        self.outputs[place.wrapping_sub(self.first)] = Some(output);
    }

    fn next(&mut self) -> Option<T> {
        let first = self.outputs.front_mut()?.take()?;
        self.outputs.pop_front();
        self.first = self.first.wrapping_add(1);
        Some(first)
    }

    fn in_flight(&self, _running: usize) -> usize {
        self.outputs.len()
    }
}

/// As they end.
pub(crate) struct AsTheyEnd<T> {
    outputs: VecDeque<T>,
}

impl<T> Default for AsTheyEnd<T> {
    fn default() -> Self {
        AsTheyEnd {
            outputs: VecDeque::new(),
        }
    }
}

impl<T> Outputs<T> for AsTheyEnd<T> {
    type Place = ();

    fn next_place(&self) {}

    fn begun(&mut self, output: Option<T>) {
        self.outputs.extend(output);
    }

    fn ended(&mut self, (): (), output: T) {
        self.outputs.push_back(output);
    }

    fn next(&mut self) -> Option<T> {
        self.outputs.pop_front()
    }

    fn in_flight(&self, running: usize) -> usize {
        running + self.outputs.len()
    }
}

pin_project! {
    struct Placed<Fut, P> {
        #[pin]
        future: Fut,
        place: P,
    }
}

fn poll_placed<Fut: Future, P: Copy>(
    placed: Pin<&mut Placed<Fut, P>>,
    task: &mut Context<'_>,
) -> Poll<(P, Fut::Output)> {
    let placed = placed.project();
    let output = ready!(placed.future.poll(task));
    Poll::Ready((*placed.place, output))
}

/// How many futures may begin in one poll, and how many of those that were woken are polled, before others have a turn.
const POLLED_PER_POLL: usize = 1024;

impl<S, F, Fut, O> InFlight<S, F, Fut, O>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
    O: Outputs<Fut::Output>,
{
    pub(crate) fn new(source: S, limit: usize, begin: F) -> Self {
        InFlight {
            running: Slots::new(),
            source: Side::new(source),
            begin,
            limit,
            outputs: O::default(),
        }
    }

    /// Polls those that were woken. Some may be left: whoever leaves word later is woken for those.
    fn go_on(self: Pin<&mut Self>) {
        let this = self.project();
        if this.running.is_empty() {
            return;
        }
        this.running.look();
        for _ in 0..POLLED_PER_POLL {
            let Some(slot) = this.running.next_woken() else {
                return;
            };
            if let Poll::Ready((place, output)) = this.running.poll(slot, poll_placed) {
                this.running.vacate(slot);
                this.outputs.ended(place, output);
            }
        }
    }

    /// Begins as many as there may be, before one is emitted: they go on while the consumer is busy with that. Ready with
    /// what comes of an item at once while nothing is in flight: nothing would go on meanwhile.
    fn begin(self: Pin<&mut Self>, task: &mut Context<'_>) -> ControlFlow<Poll<Fut::Output>> {
        let mut this = self.project();
        for _ in 0..POLLED_PER_POLL {
            if this.outputs.in_flight(this.running.len()) >= *this.limit {
                // Not asked for an item, it may have begun something all the same; its wakers are registered.
                let _ = this.source.poll_progress(task);
                return ControlFlow::Continue(());
            }
            let item = match this.source.as_mut().poll_item(task) {
                Poll::Ready(Some(item)) => item,
                Poll::Ready(None) => {
                    let _ = this.source.poll_progress(task);
                    return ControlFlow::Continue(());
                }
                Poll::Pending => return ControlFlow::Continue(()),
            };
            let output = match (this.begin)(item) {
                ControlFlow::Break(output) => Some(output),
                ControlFlow::Continue(future) => {
                    let place = this.outputs.next_place();
                    let slot = this.running.occupy(Placed { future, place });
                    match this.running.poll(slot, poll_placed) {
                        Poll::Ready((_, output)) => {
                            this.running.vacate(slot);
                            Some(output)
                        }
                        Poll::Pending => None,
                    }
                }
            };
            match output {
                Some(output) if this.outputs.in_flight(this.running.len()) == 0 => {
                    return ControlFlow::Break(Poll::Ready(output));
                }
                output => this.outputs.begun(output),
            }
        }
        task.waker().wake_by_ref();
        ControlFlow::Break(Poll::Pending)
    }
}

impl<S, F, Fut, O> FuturesStream for InFlight<S, F, Fut, O>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
    O: Outputs<Fut::Output>,
{
    type Item = Fut::Output;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        self.as_mut().go_on();
        if let ControlFlow::Break(polled) = self.as_mut().begin(task) {
            return polled.map(Some);
        }
        let this = self.project();
        if let Some(output) = this.outputs.next() {
            return Poll::Ready(Some(output));
        }
        if this.source.has_ended() && this.outputs.in_flight(this.running.len()) == 0 {
            return Poll::Ready(None);
        }
        if !this.running.is_empty() {
            this.running.leave_word(task);
        }
        Poll::Pending
    }
}

impl<S, F, Fut, O> Pull for InFlight<S, F, Fut, O>
where
    S: Pull,
    F: FnMut(S::Item) -> ControlFlow<Fut::Output, Fut>,
    Fut: Future,
    O: Outputs<Fut::Output>,
{
    fn poll_progress(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        self.as_mut().go_on();
        let this = self.project();
        let source = this.source.poll_progress(task);
        if this.running.is_empty() {
            return source;
        }
        this.running.leave_word(task);
        Poll::Pending
    }
}
