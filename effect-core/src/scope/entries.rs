//! Entries: what a scope holds, in the order in which it came, and each to be taken out by its key.

use slab::Slab;

/// A list that hands out its newest item first, and any other by its key; both take the same time however long it is.
pub(super) struct Entries<T> {
    slots: Slab<Linked<T>>,
    newest: Option<usize>,
    next_number: u64,
}

struct Linked<T> {
    item: T,
    number: u64,
    older: Option<usize>,
    newer: Option<usize>,
}

/// The place of an item in a list. Places are used again: the number tells whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    slot: usize,
    number: u64,
}

impl<T> Entries<T> {
    pub(super) const fn new() -> Self {
        Entries {
            slots: Slab::new(),
            newest: None,
            next_number: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn push(&mut self, item: T) -> Key {
        let number = self.next_number;
        self.next_number += 1;
        let slot = self.slots.insert(Linked {
            item,
            number,
            older: self.newest,
            newer: None,
        });
        if let Some(older) = self.newest.replace(slot) {
            self.slots[older].newer = Some(slot);
        }
        Key { slot, number }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.newest.map(|slot| self.take(slot))
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let is_there = self
            .slots
            .get(key.slot)
            .is_some_and(|linked| linked.number == key.number);
        is_there.then(|| self.take(key.slot))
    }

    fn take(&mut self, slot: usize) -> T {
        let Linked {
            item, older, newer, ..
        } = self.slots.remove(slot);
        match newer {
            Some(newer) => self.slots[newer].older = older,
            None => self.newest = older,
        }
        if let Some(older) = older {
            self.slots[older].newer = newer;
        }
        item
    }

    /// Takes all items, in a list where they have the keys that they had here. No key is used twice.
    pub(super) fn take_all(&mut self) -> Self {
        let next_number = self.next_number;
        let emptied = Entries {
            next_number,
            ..Entries::new()
        };
        std::mem::replace(self, emptied)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().map(|(slot, linked)| {
            let number = linked.number;
            (Key { slot, number }, &linked.item)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Entries;

    #[test]
    fn the_newest_comes_first_whatever_was_taken_out() {
        let mut entries = Entries::new();
        let keys: Vec<_> = (0..6).map(|n| entries.push(n)).collect();
        assert_eq!(entries.remove(keys[0]), Some(0));
        assert_eq!(entries.remove(keys[3]), Some(3));
        assert_eq!(entries.remove(keys[5]), Some(5));
        assert_eq!(entries.remove(keys[5]), None);
        let reused = entries.push(6);
        assert_eq!(entries.remove(keys[5]), None, "the place is another's");
        assert_eq!(entries.len(), 4);
        let mut moved = entries.take_all();
        assert!(entries.is_empty());
        assert_eq!(moved.iter().count(), 4);
        assert_eq!(moved.remove(reused), Some(6));
        let rest: Vec<_> = std::iter::from_fn(|| moved.pop()).collect();
        assert_eq!(rest, [4, 2, 1]);
    }
}
