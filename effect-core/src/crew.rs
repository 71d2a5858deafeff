//! Many futures in one task, a bounded number at a time, and their outputs in the order in which they began.
//!
//! Sets of futures that allocate for each one cost more than small effects do. Here a place is made for each that runs at once,
//! with a waker of its own, and whoever has ended leaves both to the next. A future that is ready at once costs no more
//! than the poll.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

use crate::budget::Budget;

/// Runs futures as an iterator gives them, so many at a time, until all have ended or one has failed.
pub(crate) struct Crew<I: Iterator, A> {
    futures: I,
    limit: usize,
    places: Vec<Place<I::Item>>,
    /// Places whose future has ended.
    free: Vec<usize>,
    // One for each that has begun; `None` while it runs.
    outputs: Vec<Option<A>>,
    shared: Arc<Shared>,
    /// Room for those that were woken, while they are polled.
    woken: Vec<usize>,
    exhausted: bool,
}

/// For how many outputs there is room from the beginning, at most.
const MOST_RESERVED: usize = 1024;

/// Where one future is at a time.
struct Place<Fut> {
    future: Pin<Box<Option<Fut>>>,
    /// Which of all futures this is.
    number: usize,
    alarm: Arc<Alarm>,
    waker: Waker,
}

/// Who was woken, and whom to tell.
#[derive(Default)]
struct Shared {
    inner: Mutex<Woken>,
}

#[derive(Default)]
struct Woken {
    places: Vec<usize>,
    parent: Option<Waker>,
}

/// Wakes one place.
struct Alarm {
    place: usize,
    /// Whether the place is among those that were woken. Cleared by the crew before it polls.
    ringing: AtomicBool,
    shared: Arc<Shared>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.ringing.swap(true, Ordering::AcqRel) {
            return;
        }
        let parent = {
            let mut woken = self.shared.inner.lock();
            woken.places.push(self.place);
            woken.parent.take()
        };
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

// Its places are boxed, and nothing else in it is ever pinned.
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
            places: Vec::new(),
            free: Vec::new(),
            shared: Arc::default(),
            woken: Vec::new(),
            exhausted: false,
        }
    }

    /// Begins the next future, if there is one and a place for it, and says where.
    fn begin(&mut self) -> Option<usize> {
        if self.exhausted || (self.free.is_empty() && self.places.len() == self.limit) {
            return None;
        }
        let Some(future) = self.futures.next() else {
            self.exhausted = true;
            return None;
        };
        let number = self.outputs.len();
        self.outputs.push(None);
        let Some(place) = self.free.pop() else {
            let place = self.places.len();
            let alarm = Arc::new(Alarm {
                place,
                ringing: AtomicBool::new(false),
                shared: Arc::clone(&self.shared),
            });
            self.places.push(Place {
                future: Box::pin(Some(future)),
                number,
                waker: Waker::from(Arc::clone(&alarm)),
                alarm,
            });
            return Some(place);
        };
        self.places[place].future.set(Some(future));
        self.places[place].number = number;
        Some(place)
    }

    /// Polls one place. True if it is free now.
    fn poll_place(&mut self, place: usize) -> Result<bool, E> {
        let at = &mut self.places[place];
        let Some(future) = at.future.as_mut().as_pin_mut() else {
            // It was woken by somebody whom an earlier future has told.
            return Ok(false);
        };
        let Poll::Ready(ended) = future.poll(&mut Context::from_waker(&at.waker)) else {
            return Ok(false);
        };
        at.future.set(None);
        self.outputs[at.number] = Some(ended?);
        self.free.push(place);
        Ok(true)
    }

    /// Polls one place, and then whatever follows it there without waiting, as long as the turn lasts.
    fn run_place(&mut self, place: usize, turn: &mut Turn) -> Result<(), E> {
        let mut next = Some(place);
        while let Some(place) = next {
            if !self.poll_place(place)? || turn.is_over() {
                return Ok(());
            }
            next = self.begin();
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
        let mut woken = std::mem::take(&mut this.woken);
        let _replaced = {
            let mut shared = this.shared.inner.lock();
            std::mem::swap(&mut shared.places, &mut woken);
            match &shared.parent {
                Some(parent) if parent.will_wake(task.waker()) => None,
                _ => shared.parent.replace(task.waker().clone()),
            }
        };
        for place in woken.drain(..) {
            // Before the poll: what happens during it wakes the place again. Exchanged, not just stored: a poll that looks
            // too early for what woke it would otherwise go with a bell that still seems to ring.
            this.places[place]
                .alarm
                .ringing
                .swap(false, Ordering::AcqRel);
            if let Err(error) = this.run_place(place, &mut turn) {
                return Poll::Ready(Err(error));
            }
        }
        this.woken = woken;
        while !turn.over
            && let Some(place) = this.begin()
        {
            if let Err(error) = this.run_place(place, &mut turn) {
                return Poll::Ready(Err(error));
            }
        }
        if turn.over && !this.exhausted {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.free.len() < this.places.len() {
            return Poll::Pending;
        }
        let outputs = std::mem::take(&mut this.outputs).into_iter();
        let outputs = outputs.map(|output| output.expect("every future has ended"));
        Poll::Ready(Ok(outputs.collect()))
    }
}
