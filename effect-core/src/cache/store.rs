//! What a cache keeps, and which lookups run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::lookup::Running;

pub(super) struct Store<K, E, A> {
    capacity: usize,
    inner: Mutex<Inner<K, E, A>>,
}

struct Inner<K, E, A> {
    by_key: BTreeMap<K, Entry<E, A>>,
    /// The keys that have a value, by when they were looked for last.
    recent: BTreeMap<u64, K>,
    uses: u64,
}

enum Entry<E, A> {
    Running(Arc<Running<E, A>>),
    Value {
        value: A,
        until: Option<Instant>,
        used: u64,
    },
}

/// What there is for a key.
pub(super) enum Found<E, A> {
    Value(A),
    Running(Arc<Running<E, A>>),
    /// A lookup that is to be begun now.
    Nothing(Arc<Running<E, A>>),
}

impl<K, E, A> Store<K, E, A> {
    pub(super) fn new(capacity: usize) -> Self {
        Store {
            capacity,
            inner: Mutex::new(Inner {
                by_key: BTreeMap::new(),
                recent: BTreeMap::new(),
                uses: 0,
            }),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.inner.lock().recent.len()
    }
}

// What is taken out of the store is dropped without its lock. Keys and values are cloned, and keys compared, with it.
impl<K: Clone + Ord, E, A: Clone> Store<K, E, A> {
    /// What there is for a key. One who waits is counted: who gets a lookup leaves it in the end.
    pub(super) fn find(&self, key: &K, now: Instant) -> Found<E, A> {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let stale = match inner.by_key.get_mut(key) {
            None => None,
            Some(Entry::Running(running)) => {
                running.enter();
                return Found::Running(Arc::clone(running));
            }
            Some(Entry::Value { until, .. }) if until.is_some_and(|until| until <= now) => {
                inner.remove(key)
            }
            Some(Entry::Value { value, used, .. }) => {
                let before = std::mem::replace(used, inner.uses);
                let key = inner.recent.remove(&before);
                inner
                    .recent
                    .insert(inner.uses, key.expect("it has a value"));
                inner.uses += 1;
                return Found::Value(value.clone());
            }
        };
        let running = Arc::new(Running::new());
        running.enter();
        inner
            .by_key
            .insert(key.clone(), Entry::Running(Arc::clone(&running)));
        drop(guard);
        drop(stale);
        Found::Nothing(running)
    }

    /// Keeps what a lookup has found, unless that is not the key's any more.
    pub(super) fn found(
        &self,
        key: &K,
        lookup: &Arc<Running<E, A>>,
        value: A,
        until: Option<Instant>,
    ) {
        let mut inner = self.inner.lock();
        if inner.runs(key, lookup) {
            let taken_out = inner.put(key.clone(), value, until, self.capacity);
            drop(inner);
            drop(taken_out);
        }
    }

    /// Forgets a lookup, unless it is not the key's any more.
    pub(super) fn forget(&self, key: &K, lookup: &Arc<Running<E, A>>) {
        let mut inner = self.inner.lock();
        let removed = inner.runs(key, lookup).then(|| inner.remove(key));
        drop(inner);
        drop(removed);
    }

    /// One who waits for a lookup leaves it. True for the last: the lookup is forgotten, and is to be interrupted.
    pub(super) fn leave(&self, key: &K, lookup: &Arc<Running<E, A>>) -> bool {
        let mut inner = self.inner.lock();
        if !lookup.leave() {
            return false;
        }
        let removed = inner.runs(key, lookup).then(|| inner.remove(key));
        drop(inner);
        drop(removed);
        true
    }

    pub(super) fn set(&self, key: K, value: A, until: Option<Instant>) {
        let mut inner = self.inner.lock();
        let taken_out = inner.put(key, value, until, self.capacity);
        drop(inner);
        drop(taken_out);
    }

    pub(super) fn remove(&self, key: &K) -> bool {
        let removed = self.inner.lock().remove(key);
        removed.is_some()
    }

    pub(super) fn clear(&self) {
        let _all = {
            let mut inner = self.inner.lock();
            (
                std::mem::take(&mut inner.by_key),
                std::mem::take(&mut inner.recent),
            )
        };
    }
}

impl<K: Clone + Ord, E, A> Inner<K, E, A> {
    fn runs(&self, key: &K, lookup: &Arc<Running<E, A>>) -> bool {
        matches!(self.by_key.get(key), Some(Entry::Running(running)) if Arc::ptr_eq(running, lookup))
    }

    /// Takes out what there is for a key.
    fn remove(&mut self, key: &K) -> Option<(Entry<E, A>, Option<K>)> {
        let entry = self.by_key.remove(key)?;
        let recent = match &entry {
            Entry::Running(_) => None,
            Entry::Value { used, .. } => self.recent.remove(used),
        };
        Some((entry, recent))
    }

    /// Puts a value in, and takes out what was there, and what there is no room for.
    fn put(
        &mut self,
        key: K,
        value: A,
        until: Option<Instant>,
        capacity: usize,
    ) -> [Option<(Entry<E, A>, Option<K>)>; 2] {
        let before = self.remove(&key);
        let least_recent = match self.recent.first_key_value() {
            Some((_, least)) if self.recent.len() >= capacity => Some(least.clone()),
            _ => None,
        };
        let evicted = least_recent.and_then(|key| self.remove(&key));
        let used = self.uses;
        self.uses += 1;
        self.recent.insert(used, key.clone());
        self.by_key.insert(key, Entry::Value { value, until, used });
        [before, evicted]
    }
}
