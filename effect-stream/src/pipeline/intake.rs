//! Where a stage's items wait: in its queue, in the queue of each key, or still in the pipeline's input.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
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

/// A queue from which items of one key begin one after the other, and those of different keys beside each other.
pub(super) struct ByKey<K, A, O> {
    key: KeyOf<A, K>,
    lanes: Mutex<Lanes<K, A, O>>,
}

/// The key of an item.
pub(super) type KeyOf<A, K> = Arc<dyn Fn(&A) -> K + Send + Sync>;

/// The key of an item, or the panic of the function that should have said so.
type Lane<K> = Result<K, Defect>;

struct Lanes<K, A, O> {
    /// Whose keys nobody has looked for yet.
    queue: Queue<(Lane<K>, Item<A, O>)>,
    /// Whose turn has come: their keys are busy with them.
    next: Queue<(Lane<K>, Item<A, O>)>,
    /// The keys that are busy, and who waits for them.
    busy: HashMap<K, Queue<Item<A, O>>>,
    board: Arc<Board>,
}

impl<K: Hash + Eq + Clone, A, O> ByKey<K, A, O> {
    pub(super) fn new(key: KeyOf<A, K>, board: &Arc<Board>) -> Self {
        let lanes = Lanes {
            queue: Queue::new(board),
            next: Queue::new(board),
            busy: HashMap::new(),
            board: Arc::clone(board),
        };
        ByKey {
            key,
            lanes: Mutex::new(lanes),
        }
    }
}

impl<K: Hash + Eq + Clone, A, O> Lanes<K, A, O> {
    /// Finds those whose keys are not busy, up to so many that may begin.
    fn sort(&mut self, most: usize) {
        while self.next.len() < most {
            let Some((lane, item)) = self.queue.pop_front() else {
                return;
            };
            if let Ok(key) = &lane {
                if let Some(waiting) = self.busy.get_mut(key) {
                    waiting.push_back(item);
                    continue;
                }
                self.busy.insert(key.clone(), Queue::new(&self.board));
            }
            self.next.push_back((lane, item));
        }
    }
}

impl<K, A, O> Intake<A, O> for ByKey<K, A, O>
where
    K: Hash + Eq + Clone + Send + 'static,
    A: Send,
    O: Send,
{
    type Tag = Lane<K>;

    const DIRECT: bool = false;

    fn tag(&self, value: &A) -> Lane<K> {
        Defect::catch(|| (self.key)(value))
    }

    fn fault(lane: &Lane<K>) -> Option<Defect> {
        lane.as_ref().err().cloned()
    }

    fn ready(&self) -> usize {
        let mut lanes = self.lanes.lock();
        lanes.sort(1);
        if lanes.next.is_empty() {
            0
        } else {
            lanes.next.len() + lanes.queue.len()
        }
    }

    fn take(&self, most: usize, hand: &mut Batch<Item<A, O>>, tags: &mut VecDeque<Lane<K>>) {
        let mut lanes = self.lanes.lock();
        lanes.sort(most);
        let count = lanes.next.len().min(most);
        for (lane, item) in lanes.next.drain(..count) {
            tags.push_back(lane);
            hand.push(item);
        }
    }

    fn give_back(&self, hand: &mut Batch<Item<A, O>>, tags: &mut VecDeque<Lane<K>>) {
        let mut lanes = self.lanes.lock();
        while let (Some(item), Some(lane)) = (hand.pop(), tags.pop_back()) {
            lanes.next.push_front((lane, item));
        }
    }

    fn put(&self, items: &mut Batch<Item<A, O>>, tags: &mut VecDeque<Lane<K>>) {
        let mut lanes = self.lanes.lock();
        lanes.queue.extend(tags.drain(..).zip(items.drain(..)));
    }

    fn ended(&self, lane: Lane<K>) {
        let Ok(key) = lane else { return };
        let mut lanes = self.lanes.lock();
        let waiting = lanes.busy.get_mut(&key);
        match waiting
            .expect("a key is busy while its item runs")
            .pop_front()
        {
            Some(item) => lanes.next.push_back((Ok(key), item)),
            None => {
                lanes.busy.remove(&key);
            }
        }
    }
}
