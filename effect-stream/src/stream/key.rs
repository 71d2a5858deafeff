//! By what items belong together.

use std::hash::Hash;

use effect_core::Value;

use crate::opaque_debug::opaque_debug;

/// What has the key of an item, if it has one.
pub trait KeyOf<T>: Send + 'static {
    /// The key.
    type Key: Value + Hash + Eq + Clone;

    /// Whose item it is. One of nobody passes.
    fn key(&mut self, item: &T) -> Option<Self::Key>;
}

/// A key for each item.
#[derive(Clone)]
pub struct KeyOfItem<F>(pub(crate) F);

impl<A, K, F> KeyOf<A> for KeyOfItem<F>
where
    K: Value + Hash + Eq + Clone,
    F: FnMut(&A) -> K + Value,
{
    type Key = K;

    fn key(&mut self, item: &A) -> Option<K> {
        Some((self.0)(item))
    }
}

/// A key for each value; failures pass.
#[derive(Clone)]
pub struct KeyOfValue<F>(pub(crate) F);

impl<A, E, K, F> KeyOf<Result<A, E>> for KeyOfValue<F>
where
    K: Value + Hash + Eq + Clone,
    F: FnMut(&A) -> K + Value,
{
    type Key = K;

    fn key(&mut self, element: &Result<A, E>) -> Option<K> {
        element.as_ref().ok().map(&mut self.0)
    }
}

opaque_debug!(KeyOfItem<F>, KeyOfValue<F>);
