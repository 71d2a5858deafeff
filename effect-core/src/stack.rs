//! Enough stack for what is nested as deep as anybody likes: it grows on demand, with the feature `stacker`.

#[cfg(feature = "stacker")]
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What is left of the stack when more is added, and how much is added. A static chain between two borders that ask for
/// enough must fit into the first.
#[cfg(feature = "stacker")]
const RED_ZONE_BYTES: usize = 128 * 1024;
#[cfg(feature = "stacker")]
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;

/// Calls a function on a stack that has room enough for a chain of combinators, if not for many: the border that a recursion
/// needs, once a level, to go as deep as memory does. Without the feature `stacker`, it only calls it.
///
/// # Examples
///
/// ```
/// use effect_core::on_enough_stack;
///
/// fn depth(left: u64) -> u64 {
///     on_enough_stack(|| if left == 0 { 0 } else { depth(left - 1) + 1 })
/// }
/// # #[cfg(feature = "stacker")]
/// assert_eq!(depth(1_000_000), 1_000_000);
/// ```
#[inline]
pub fn on_enough_stack<T>(f: impl FnOnce() -> T) -> T {
    #[cfg(feature = "stacker")]
    if !has_room() {
        return grow(f);
    }
    f()
}

/// A part of a stack that was measured, and has room for a chain below each of its addresses. To ask the operating system's
/// limits at every border would cost more than most items of an erased stream do.
#[cfg(feature = "stacker")]
#[derive(Clone, Copy)]
struct Measured {
    lowest: usize,
    bytes: usize,
}

#[cfg(feature = "stacker")]
impl Measured {
    /// Nothing is in here.
    const NOTHING: Self = Measured {
        lowest: usize::MAX,
        bytes: 0,
    };

    #[inline]
    const fn has(self, address: usize) -> bool {
        address.wrapping_sub(self.lowest) <= self.bytes
    }
}

#[cfg(feature = "stacker")]
thread_local! {
    /// Of the stack that this thread is on. A stack that was switched to has none of its addresses in here, so it is measured.
    static MEASURED: Cell<Measured> = const { Cell::new(Measured::NOTHING) };
}

#[cfg(feature = "stacker")]
#[inline]
fn has_room() -> bool {
    let marker = 0_u8;
    let here = std::ptr::from_ref(&marker).addr();
    MEASURED.get().has(here) || measure(here)
}

#[cfg(feature = "stacker")]
#[inline(never)]
fn measure(here: usize) -> bool {
    let left = stacker::remaining_stack();
    let Some(bytes) = left.and_then(|left| left.checked_sub(RED_ZONE_BYTES)) else {
        return false;
    };
    let lowest = here - bytes;
    MEASURED.set(Measured { lowest, bytes });
    true
}

#[cfg(feature = "stacker")]
#[inline(never)]
fn grow<T>(f: impl FnOnce() -> T) -> T {
    /// What was measured of a stack that is gone is forgotten: its addresses may be another's next.
    struct Back(Measured);
    impl Drop for Back {
        fn drop(&mut self) {
            MEASURED.set(self.0);
        }
    }
    let _back = Back(MEASURED.get());
    stacker::grow(SEGMENT_BYTES, f)
}

/// A box, or what else may have its like in it a million times, each in the next: dropped [on enough stack](on_enough_stack).
/// If it is a future, it is polled there as well.
///
/// # Examples
///
/// ```
/// use effect_core::Nested;
///
/// #[derive(Default)]
/// struct List(Option<Nested<Box<List>>>);
///
/// let long = (0..1_000_000).fold(List::default(), |rest, _| List(Some(Nested::new(Box::new(rest)))));
/// # #[cfg(feature = "stacker")]
/// drop(long);
/// # #[cfg(not(feature = "stacker"))]
/// # std::mem::forget(long);
/// ```
pub struct Nested<T> {
    // `None` only in `drop` and `into_inner`.
    inner: Option<T>,
}

const TAKEN_ONCE: &str = "it is taken when it is dropped, or once before";

impl<T> Nested<T> {
    /// Wraps a value.
    #[inline]
    pub const fn new(inner: T) -> Self {
        Nested { inner: Some(inner) }
    }

    /// Takes the value out.
    #[inline]
    #[allow(clippy::missing_panics_doc, reason = "nobody takes it before")]
    pub fn into_inner(mut self) -> T {
        self.inner.take().expect(TAKEN_ONCE)
    }
}

impl<T> Deref for Nested<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.inner.as_ref().expect(TAKEN_ONCE)
    }
}

impl<T> DerefMut for Nested<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect(TAKEN_ONCE)
    }
}

impl<F: Future + ?Sized> Future for Nested<Pin<Box<F>>> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.as_mut();
        on_enough_stack(|| future.get_mut().as_mut().poll(task))
    }
}

impl<T> Drop for Nested<T> {
    // Inlined where a loop drops the shell of what it has taken out; the rest is a call.
    #[inline]
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            drop_deep(inner);
        }
    }
}

#[inline(never)]
fn drop_deep<T>(inner: T) {
    on_enough_stack(|| drop(inner));
}

impl<T> fmt::Debug for Nested<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nested")
    }
}

#[cfg(all(test, feature = "stacker"))]
mod tests {
    use std::hint::black_box;
    use std::panic::catch_unwind;

    use super::*;

    fn depth(left: u64, bottom: fn()) -> u64 {
        on_enough_stack(|| {
            if left == 0 {
                bottom();
                return 0;
            }
            black_box(depth(left - 1, bottom)) + 1
        })
    }

    #[test]
    fn a_stack_that_somebody_else_has_switched_to_is_measured() {
        assert_eq!(depth(10, || {}), 10);
        let there = stacker::grow(2 * RED_ZONE_BYTES, || depth(100_000, || {}));
        assert_eq!(there, 100_000);
        assert_eq!(depth(100_000, || {}), 100_000);
    }

    #[test]
    fn a_stack_that_a_panic_has_left_is_forgotten() {
        let fallen = catch_unwind(|| depth(100_000, || panic!("at the bottom")));
        assert!(fallen.is_err());
        assert_eq!(depth(100_000, || {}), 100_000);
    }
}
