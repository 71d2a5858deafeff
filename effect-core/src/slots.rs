//! Many futures in one task, each in a slot that has a waker of its own.
//!
//! Sets of futures that allocate for each one cost more than small effects do. Here a slot is made for each that is there at
//! once, and whoever leaves hands it on. What is ready when it is first polled costs no more than that poll.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

/// Futures, streams, or whatever else is polled: many in one task, of which only those that were woken are polled again.
///
/// [`for_each_par`](crate::for_each_par) is made of it, and so are the parallel operators of streams. It polls nothing by
/// itself: how, and when to end, is said by whoever holds it.
///
/// # Examples
///
/// Two at a time, and whoever is ready first comes first:
///
/// ```
/// use effect_core::slots::Slots;
/// use std::future::{Future, poll_fn};
/// use std::task::Poll;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut slots = Slots::new();
/// for seconds in [2, 1] {
///     let slot = slots.occupy(async move {
///         tokio::time::sleep(Duration::from_secs(seconds)).await;
///         seconds
///     });
///     slots.again(slot);
/// }
/// let first = poll_fn(|task| {
///     slots.listen(task);
///     while let Some(slot) = slots.next_woken() {
///         if let Poll::Ready(seconds) = slots.poll(slot, Future::poll) {
///             slots.vacate(slot);
///             return Poll::Ready(seconds);
///         }
///     }
///     Poll::Pending
/// });
/// assert_eq!(first.await, 1);
/// # }
/// ```
pub struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
    /// Whose turn it is.
    woken: VecDeque<usize>,
    shared: Arc<Shared>,
}

/// Where one of them is at a time.
struct Slot<T> {
    value: Pin<Box<Option<T>>>,
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
    slots: VecDeque<usize>,
    parent: Option<Waker>,
}

/// Wakes one slot.
struct Alarm {
    slot: usize,
    /// Whether the slot is among those that were woken. Cleared before it is polled.
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
            woken.slots.push_back(self.slot);
            woken.parent.take()
        };
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

// What is in them is boxed, and nothing else is ever pinned.
impl<T> Unpin for Slots<T> {}

impl<T> Slots<T> {
    /// Creates none: a slot is made when it is needed.
    pub fn new() -> Self {
        Slots {
            slots: Vec::new(),
            free: Vec::new(),
            woken: VecDeque::new(),
            shared: Arc::default(),
        }
    }

    /// How many are occupied.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether none is occupied.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a value in a slot, and says in which. It is up to the caller to [`poll`](Slots::poll) it first.
    pub fn occupy(&mut self, value: T) -> usize {
        if let Some(slot) = self.free.pop() {
            self.slots[slot].value.set(Some(value));
            return slot;
        }
        let slot = self.slots.len();
        let alarm = Arc::new(Alarm {
            slot,
            ringing: AtomicBool::new(false),
            shared: Arc::clone(&self.shared),
        });
        self.slots.push(Slot {
            value: Box::pin(Some(value)),
            waker: Waker::from(Arc::clone(&alarm)),
            alarm,
        });
        slot
    }

    /// Polls what is in a slot, with the slot's waker. Pending if nothing is.
    #[inline]
    pub fn poll<Out>(
        &mut self,
        slot: usize,
        poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<Out>,
    ) -> Poll<Out> {
        let Slot { value, waker, .. } = &mut self.slots[slot];
        match value.as_mut().as_pin_mut() {
            Some(value) => poll(value, &mut Context::from_waker(waker)),
            // It was woken by somebody whom one that left has told.
            None => Poll::Pending,
        }
    }

    /// Drops what is in a slot. It is free for the next.
    ///
    /// # Panics
    ///
    /// If nothing is.
    pub fn vacate(&mut self, slot: usize) {
        let value = &mut self.slots[slot].value;
        assert!(value.is_some(), "the slot is free");
        value.set(None);
        self.free.push(slot);
    }

    /// Has a slot be among those that were [woken](Slots::next_woken), behind all others.
    pub fn again(&mut self, slot: usize) {
        self.woken.push_back(slot);
    }

    /// Has a task woken when one of the slots is; learns which were. To be called in each poll, before any slot is polled.
    ///
    /// A poll that may well end with something ready [looks](Slots::look) instead, and [leaves word](Slots::leave_word)
    /// only if it does not.
    pub fn listen(&mut self, task: &Context<'_>) {
        let _replaced = self.exchange(Some(task));
        self.forget_who_left();
    }

    /// Learns which slots were woken, and has nobody woken. Before a poll is pending, it is to [leave word](Slots::leave_word).
    pub fn look(&mut self) {
        let _none = self.exchange(None);
        self.forget_who_left();
    }

    /// Has a task woken when one of the slots is: at once, if one was already, and nobody has asked for it.
    pub fn leave_word(&mut self, task: &Context<'_>) {
        let _replaced = self.exchange(Some(task));
        if !self.woken.is_empty() {
            task.waker().wake_by_ref();
        }
    }

    /// Takes over who was woken, and puts a task down, if there is one. Has what that replaced: it is dropped without the lock.
    fn exchange(&mut self, task: Option<&Context<'_>>) -> Option<Waker> {
        let mut shared = self.shared.inner.lock();
        if self.woken.is_empty() {
            mem::swap(&mut self.woken, &mut shared.slots);
        } else {
            self.woken.append(&mut shared.slots);
        }
        match (task, &shared.parent) {
            (None, _) => None,
            (Some(task), Some(parent)) if parent.will_wake(task.waker()) => None,
            (Some(task), _) => shared.parent.replace(task.waker().clone()),
        }
    }

    /// Those that were woken by who has left: a bell that still seems to ring would be lost on whoever comes next.
    fn forget_who_left(&mut self) {
        if self.is_empty() {
            while self.next_woken().is_some() {}
        }
    }

    /// The next slot that was woken, in turn.
    ///
    /// Those that nobody has asked for yet when the poll ends stay for the next: their tasks are not woken again.
    pub fn next_woken(&mut self) -> Option<usize> {
        let slot = self.woken.pop_front()?;
        // Before the poll: what happens during it wakes the slot again. Exchanged, not just stored: a poll that looks
        // too early for what woke it would otherwise go with a bell that still seems to ring.
        self.slots[slot].alarm.ringing.swap(false, Ordering::AcqRel);
        Some(slot)
    }

    /// Calls a function with each value, pinned, such as one that lets it go on with what it has begun.
    pub fn for_each(&mut self, mut f: impl FnMut(usize, Pin<&mut T>, &mut Context<'_>)) {
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if let Some(value) = slot.value.as_mut().as_pin_mut() {
                f(at, value, &mut Context::from_waker(&slot.waker));
            }
        }
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots::new()
    }
}

impl<T> fmt::Debug for Slots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
