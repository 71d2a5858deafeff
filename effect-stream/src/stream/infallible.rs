//! Operators that tell values from failures, for streams that have none.

use std::ops::ControlFlow;

use effect_core::{Never, Value};

use super::choose::{Choice, Choose, Chosen};

/// An operator of elements, between the border to them and back. `O` is the operator over [`Entered`].
pub type Infallible<O> = Choose<O, Left>;

/// A source of items as elements of which none fails.
pub type Entered<S> = Choose<S, Enter>;

pub(crate) const fn enter<S>(source: S) -> Entered<S> {
    Choose::new(source, Enter)
}

pub(crate) const fn leave<O>(operator: O) -> Infallible<O> {
    Choose::new(operator, Left)
}

/// Each item as a success.
#[derive(Clone, Debug)]
pub struct Enter;

impl<A: Value> Choice<A> for Enter {
    type Output = Result<A, Never>;

    #[inline]
    fn choose(&mut self, item: A) -> Chosen<Result<A, Never>> {
        ControlFlow::Continue(Some(Ok(item)))
    }
}

/// Each success as an item.
#[derive(Clone, Debug)]
pub struct Left;

impl<A: Value> Choice<Result<A, Never>> for Left {
    type Output = A;

    #[inline]
    fn choose(&mut self, element: Result<A, Never>) -> Chosen<A> {
        let Ok(item) = element;
        ControlFlow::Continue(Some(item))
    }
}
