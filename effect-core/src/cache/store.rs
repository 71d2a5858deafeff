//! What a cache keeps, and which lookups run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::shared_run::{SharedRun, User};
use crate::{Cx, Exit, Value};

/// A lookup that runs. It says with its end what it has found.
pub(super) type Lookup<E, A> = Arc<SharedRun<Exit<E, A>>>;

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
    Running(Lookup<E, A>),
    Value {
        value: A,
        until: Option<Instant>,
        used: u64,
    },
}

/// What there is for a key, for one who waits if need be.
pub(super) enum Found<E: Value, A: Value> {
    Value(A),
    Running(User<Exit<E, A>>),
    /// A lookup that is to be begun now.
    Nothing(Lookup<E, A>, User<Exit<E, A>>),
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
impl<K: Clone + Ord, E: Value, A: Value + Clone> Store<K, E, A> {
    /// What there is for a key.
    pub(super) fn find<R>(&self, key: &K, cx: &Cx<R>) -> Found<E, A> {
        let now = cx.now();
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        match inner.by_key.get_mut(key) {
            Some(Entry::Running(lookup)) => {
                // Whoever comes while it is given up begins another one.
                if let Some(waiter) = lookup.enter(cx.fiber()) {
                    return Found::Running(waiter);
                }
            }
            Some(Entry::Value { value, until, used }) if until.is_none_or(|until| now < until) => {
                let before = std::mem::replace(used, inner.uses);
                let key = inner.recent.remove(&before);
                inner
                    .recent
                    .insert(inner.uses, key.expect("it has a value"));
                inner.uses += 1;
                return Found::Value(value.clone());
            }
            _ => {}
        }
        let stale = inner.remove(key);
        let (lookup, waiter) = SharedRun::new(cx.fiber());
        inner
            .by_key
            .insert(key.clone(), Entry::Running(Arc::clone(&lookup)));
        drop(guard);
        drop(stale);
        Found::Nothing(lookup, waiter)
    }

    /// Forgets a lookup that ends, and keeps what it has found, unless it is not the key's any more.
    pub(super) fn end(
        &self,
        key: &K,
        lookup: &Lookup<E, A>,
        found: Option<A>,
        until: Option<Instant>,
    ) {
        let mut inner = self.inner.lock();
        if !inner.runs(key, lookup) {
            return;
        }
        let taken_out = match found {
            Some(value) => inner.put(key.clone(), value, until, self.capacity),
            None => [inner.remove(key), None],
        };
        drop(inner);
        drop(taken_out);
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
    fn runs(&self, key: &K, lookup: &Lookup<E, A>) -> bool {
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
