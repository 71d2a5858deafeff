//! Where a stage's items wait: in its queue, in the [queue of each key](super::by_key), or still in the pipeline's input.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use effect_core::Defect;
use parking_lot::Mutex;

use super::board::Board;
use super::item::{Batch, Item, Queue};
use crate::Channel;

/// Where a stage's items wait.
pub(super) trait Intake<A, O>: Send + Sync {
    /// What has to be known of an item while it runs.
    type Tag: Send;

    /// What stands for all of them, where nothing has to be known: then none is kept.
    const UNTAGGED: Option<Self::Tag> = None;

    /// Whether items may go to a worker without having waited here.
    const DIRECT: bool;

    /// What is to be known of an item. It calls the user's function.
    fn tag(&self, value: &A) -> Self::Tag;

    /// Why an item cannot begin: that function has panicked.
    fn fault(_tag: &Self::Tag) -> Option<Defect> {
        None
    }

    /// How many may begin, as far as the intake knows.
    fn ready(&self) -> usize;

    /// Moves at most so many into a hand.
    fn take(&self, most: usize, hand: &mut Batch<Item<A, O>>, tags: &mut VecDeque<Self::Tag>);

    /// Puts what has not begun ahead of all others.
    fn give_back(&self, hand: &mut Batch<Item<A, O>>, tags: &mut VecDeque<Self::Tag>);

    /// Puts items behind all others. `tags` are theirs.
    fn put(&self, items: &mut Batch<Item<A, O>>, tags: &mut VecDeque<Self::Tag>);

    /// An item of this tag has ended.
    fn ended(&self, tag: Self::Tag);

    /// The input that this is, where it is one.
    fn input(&self) -> Option<&Input<A, O>> {
        None
    }
}

/// The queue of a stage: first in, first out.
pub(super) struct Plain<A, O> {
    queue: Mutex<Queue<Item<A, O>>>,
}

impl<A, O> Plain<A, O> {
    pub(super) fn new(board: &Arc<Board>) -> Self {
        Plain {
            queue: Mutex::new(Queue::new(board)),
        }
    }
}

impl<A: Send, O: Send> Intake<A, O> for Plain<A, O> {
    type Tag = ();

    const UNTAGGED: Option<()> = Some(());
    const DIRECT: bool = true;

    fn tag(&self, _value: &A) {}

    fn ready(&self) -> usize {
        self.queue.lock().len()
    }

    fn take(&self, most: usize, hand: &mut Batch<Item<A, O>>, _tags: &mut VecDeque<()>) {
        let mut queue = self.queue.lock();
        if queue.len() > most {
            hand.extend(queue.drain(..most));
        } else {
            // Whole, it changes places with what was in hand, which is empty.
            let hand_before = VecDeque::from(std::mem::take(&mut **hand));
            **hand = Vec::from(std::mem::replace(&mut **queue, hand_before));
        }
    }

    fn give_back(&self, hand: &mut Batch<Item<A, O>>, _tags: &mut VecDeque<()>) {
        let mut queue = self.queue.lock();
        while let Some(item) = hand.pop() {
            queue.push_front(item);
        }
    }

    fn put(&self, items: &mut Batch<Item<A, O>>, _tags: &mut VecDeque<()>) {
        let mut queue = self.queue.lock();
        if queue.is_empty() {
            let items_there = VecDeque::from(std::mem::take(&mut **items));
            **items = Vec::from(std::mem::replace(&mut **queue, items_there));
        } else {
            queue.extend(items.drain(..));
        }
    }

    fn ended(&self, (): ()) {}
}

/// The pipeline's input, which is where the first stage takes its items from. It has no queue of its own: what it has not
/// begun goes back.
pub(super) struct Input<A, O> {
    pub(super) channel: Channel<A>,
    pub(super) origin: fn(&A) -> O,
    /// Whether the board knows that nothing will come any more.
    pub(super) has_ended: AtomicBool,
}

impl<A, O> Input<A, O> {
    pub(super) fn new(channel: Channel<A>, origin: fn(&A) -> O) -> Self {
        Input {
            channel,
            origin,
            has_ended: AtomicBool::new(false),
        }
    }
}

impl<A: Send, O: Send> Intake<A, O> for Input<A, O> {
    type Tag = ();

    const UNTAGGED: Option<()> = Some(());
    const DIRECT: bool = false;

    fn tag(&self, _value: &A) {}

    fn ready(&self) -> usize {
        self.channel.len()
    }

    fn take(&self, _most: usize, _hand: &mut Batch<Item<A, O>>, _tags: &mut VecDeque<()>) {
        unreachable!("the input is claimed from")
    }

    fn give_back(&self, _hand: &mut Batch<Item<A, O>>, _tags: &mut VecDeque<()>) {
        unreachable!("a claim on the input is released")
    }

    fn put(&self, _items: &mut Batch<Item<A, O>>, _tags: &mut VecDeque<()>) {
        unreachable!("nothing is before the input")
    }

    fn ended(&self, (): ()) {}

    fn input(&self) -> Option<&Input<A, O>> {
        Some(self)
    }
}
