//! What becomes of a stage's value: an item, none, or several.

use std::iter;

use effect_core::Defect;

/// What becomes of a stage's value.
pub(super) trait Emit<V>: Send + Sync + 'static {
    type Item: Send + 'static;
    type Items: Iterator<Item = Self::Item> + Send + 'static;

    /// How many places to put aside for what an item becomes beyond the first.
    const SPARE: usize = 0;

    fn emit(value: V) -> Emission<Self::Item, Self::Items>;
}

pub(super) enum Emission<B, I> {
    One(B),
    None,
    Several(I),
    /// The user's code that would say so has panicked.
    Died(Defect),
}

/// The value is an item.
pub(super) struct One;

impl<V: Send + 'static> Emit<V> for One {
    type Item = V;
    type Items = iter::Empty<V>;

    #[inline]
    fn emit(value: V) -> Emission<V, iter::Empty<V>> {
        Emission::One(value)
    }
}

/// The value is an item, or none.
pub(super) struct Maybe;

impl<V: Send + 'static> Emit<Option<V>> for Maybe {
    type Item = V;
    type Items = iter::Empty<V>;

    #[inline]
    fn emit(value: Option<V>) -> Emission<V, iter::Empty<V>> {
        value.map_or(Emission::None, Emission::One)
    }
}

/// The value has items inside.
pub(super) struct Each;

impl<V> Emit<V> for Each
where
    V: IntoIterator<Item: Send + 'static, IntoIter: Send + 'static> + Send + 'static,
{
    type Item = V::Item;
    type Items = V::IntoIter;

    const SPARE: usize = 64;

    fn emit(value: V) -> Emission<V::Item, V::IntoIter> {
        match Defect::catch(|| value.into_iter()) {
            Ok(items) => Emission::Several(items),
            Err(defect) => Emission::Died(defect),
        }
    }
}
