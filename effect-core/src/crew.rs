//! Many effects at once, a bounded number at a time, and their outputs in the order in which they began.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::budget::Budget;
use crate::slots::Slots;

/// Runs futures as an iterator gives them, so many at a time, until all have ended or one has failed.
pub(crate) struct Crew<I: Iterator, A> {
    futures: I,
    limit: usize,
    /// Each with its place among all futures.
    running: Slots<Numbered<I::Item>>,
    // One for each that has begun; `None` while it runs.
    outputs: Vec<Option<A>>,
    exhausted: bool,
}

/// For how many outputs there is room from the beginning, at most.
const MOST_RESERVED: usize = 1024;

pin_project! {
    struct Numbered<Fut> {
        #[pin]
        future: Fut,
        number: usize,
    }
}

// Only what is in its slots is ever pinned.
impl<I: Iterator, A> Unpin for Crew<I, A> {}

impl<I, A, E> Crew<I, A>
where
    I: Iterator<Item: Future<Output = Result<A, E>>>,
{
    pub(crate) fn new(futures: I, limit: usize) -> Self {
        Crew {
            // Some iterators say that they never end.
            outputs: Vec::with_capacity(futures.size_hint().0.min(MOST_RESERVED)),
            futures,
            limit,
            running: Slots::new(),
            exhausted: false,
        }
    }

    /// Puts the next future in a slot, if there is one and room for it, and says in which.
    fn begin(&mut self) -> Option<usize> {
        if self.exhausted || self.running.len() == self.limit {
            return None;
        }
        let Some(future) = self.futures.next() else {
            self.exhausted = true;
            return None;
        };
        let number = self.outputs.len();
        self.outputs.push(None);
        Some(self.running.occupy(Numbered { future, number }))
    }

    /// Polls what is in a slot. True if that has ended.
    fn poll_slot(&mut self, slot: usize) -> Result<bool, E> {
        let polled = self.running.poll(slot, |numbered, task| {
            let numbered = numbered.project();
            let number = *numbered.number;
            numbered.future.poll(task).map(|ended| (number, ended))
        });
        let Poll::Ready((number, ended)) = polled else {
            return Ok(false);
        };
        self.running.vacate(slot);
        self.outputs[number] = Some(ended?);
        Ok(true)
    }

    /// Polls what is in a slot, and then whatever follows it there without waiting, as long as the turn lasts.
    fn run_slot(&mut self, slot: usize, turn: &mut Turn) -> Result<(), E> {
        let mut next = Some(slot);
        while let Some(slot) = next {
            if !self.poll_slot(slot)? || turn.is_over() {
                return Ok(());
            }
            next = self.begin();
        }
        Ok(())
    }

    fn run_turn(&mut self, task: &Context<'_>, turn: &mut Turn) -> Result<(), E> {
        self.running.listen(task);
        while let Some(slot) = self.running.next_woken() {
            self.run_slot(slot, turn)?;
        }
        while !turn.over
            && let Some(slot) = self.begin()
        {
            self.run_slot(slot, turn)?;
        }
        Ok(())
    }
}

/// One poll of the crew: after so many futures have ended in it, others are let run.
struct Turn {
    budget: Budget,
    over: bool,
}

impl Turn {
    fn is_over(&mut self) -> bool {
        self.over |= self.budget.is_spent();
        self.over
    }
}

impl<I, A, E> Future for Crew<I, A>
where
    I: Iterator<Item: Future<Output = Result<A, E>>>,
{
    type Output = Result<Vec<A>, E>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut turn = Turn {
            budget: Budget::new(),
            over: false,
        };
        if let Err(error) = this.run_turn(task, &mut turn) {
            return Poll::Ready(Err(error));
        }
        if turn.over && !this.exhausted {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !this.running.is_empty() {
            return Poll::Pending;
        }
        let outputs = std::mem::take(&mut this.outputs).into_iter();
        let outputs = outputs.map(|output| output.expect("every future has ended"));
        Poll::Ready(Ok(outputs.collect()))
    }
}
