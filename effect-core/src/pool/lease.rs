//! A lease: a resource of a pool, for as long as somebody has it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::state::{Item, State};

/// A resource of a [`Pool`](crate::Pool), for as long as this exists. Dropped, it gives the resource back.
///
/// A pool that closes waits for it: keep none where the pool's own scope has to close first.
pub struct Lease<E, A> {
    state: Arc<State<E, A>>,
    // `None` once it is given back.
    item: Option<Item<A>>,
    valid: bool,
}

impl<E, A> Lease<E, A> {
    pub(super) fn new(state: &Arc<State<E, A>>, item: Item<A>) -> Self {
        Lease {
            state: Arc::clone(state),
            item: Some(item),
            valid: true,
        }
    }

    /// The resource, which is not given back.
    pub(super) fn into_item(mut self) -> Item<A> {
        self.item.take().expect("it is not given back")
    }

    /// Has the pool release the resource, and make another when it needs one: a connection that is broken, say.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{effect, sync, yield_now, Cx, Never, Pool, PoolSize};
    /// # use std::sync::atomic::{AtomicU64, Ordering};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// static MADE: AtomicU64 = AtomicU64::new(0);
    /// let program = effect(async |cx: Cx<()>| {
    ///     let connect = sync::<_, Never, _, _>(|| MADE.fetch_add(1, Ordering::Relaxed));
    ///     let pool = cx.run(Pool::make(PoolSize::of(1), connect)).await?;
    ///     let first = cx.run(pool.get()).await.expect("the pool is open");
    ///     first.invalidate();
    ///     let second = cx.run(pool.get()).await.expect("the pool is open");
    ///     Ok::<_, Never>(*second)
    /// });
    /// assert_eq!(program.scoped().await, Ok(1));
    /// # }
    /// ```
    pub fn invalidate(mut self) {
        self.valid = false;
    }
}

impl<E, A> Deref for Lease<E, A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.item.as_ref().expect("it is not given back").value
    }
}

impl<E, A> DerefMut for Lease<E, A> {
    fn deref_mut(&mut self) -> &mut A {
        &mut self.item.as_mut().expect("it is not given back").value
    }
}

impl<E, A> Drop for Lease<E, A> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            State::give_back(&self.state, item, self.valid);
        }
    }
}

impl<E, A: fmt::Debug> fmt::Debug for Lease<E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&**self).finish()
    }
}
