//! A queue for each key: items of one key begin one after the other.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use effect_core::Defect;
use parking_lot::Mutex;

use super::board::Board;
use super::intake::Intake;
use super::item::{Batch, Item, Queue};

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
