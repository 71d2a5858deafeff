//! What an item remembers of where it came from: nothing, or what entered the pipeline.

use std::ops::Deref;

use effect_core::Value;
use smallvec::SmallVec;

/// What an item remembers of where it came from: `()`, or what [entered the pipeline](Kept).
///
/// Nobody else implements it.
pub trait Origin: Clone + Value + private::Sealed {
    /// Takes on another's: both items have become one.
    #[doc(hidden)]
    fn join(&mut self, other: Self);
}

mod private {
    pub trait Sealed {}
}

impl private::Sealed for () {}

impl Origin for () {
    fn join(&mut self, (): ()) {}
}

/// What entered the pipeline and became an item: one, or several that a [`batch`](crate::Pipeline::batch) has joined.
///
/// [`Pipeline::keep_source`](crate::Pipeline::keep_source) asks for it. Derefs to a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<S> {
    sources: SmallVec<[S; 1]>,
}

impl<S> Kept<S> {
    /// Nothing: it could not be kept.
    pub(crate) fn lost() -> Self {
        Kept {
            sources: SmallVec::new(),
        }
    }

    pub(crate) fn of(source: S) -> Self {
        Kept {
            sources: smallvec::smallvec![source],
        }
    }
}

impl<S> Deref for Kept<S> {
    type Target = [S];

    fn deref(&self) -> &[S] {
        &self.sources
    }
}

impl<S> IntoIterator for Kept<S> {
    type Item = S;
    type IntoIter = smallvec::IntoIter<[S; 1]>;

    fn into_iter(self) -> Self::IntoIter {
        self.sources.into_iter()
    }
}

impl<S> private::Sealed for Kept<S> {}

impl<S: Clone + Value> Origin for Kept<S> {
    fn join(&mut self, other: Self) {
        self.sources.extend(other.sources);
    }
}
