//! Streams of what somebody else's code hands in, from any thread.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use effect_core::{Cx, Env, OfferError, Queue, Value};

use super::generate::Generating;
use crate::opaque_debug::opaque_debug;
use crate::source::{Pull, Source};
use crate::stream::Stream;

/// # Creating
impl<R: Env, A: Value> Stream<R, A> {
    /// Emits what code that takes callbacks hands in by an [`Inlet`], from any thread. Up to `capacity` items wait there to be wanted.
    ///
    /// The closure registers the inlet, and returns what keeps the registration, or `()`. That is dropped when the stream is over, which is
    /// to take the registration back. Where that takes an effect, [`StreamE::scoped`](crate::StreamE::scoped) and a
    /// [`Queue`] do the same.
    ///
    /// - **Pulls** by registering, when the first item is wanted, and then an item from the inlet for each.
    /// - **Fails** never; a panic of the closure is a defect of the run.
    /// - **Completes** when the inlet and all of its clones are dropped, and what was handed in is emitted.
    /// - **When interrupted**, drops what the closure returned, and then the items that wait. The inlet is closed.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_stream::{Inlet, Stream};
    ///
    /// /// Somebody else's code: it calls back three times, and lets go of the callback.
    /// fn watch(on_change: impl Fn(u32) + Send + 'static) -> std::thread::JoinHandle<()> {
    ///     std::thread::spawn(move || (1..=3).for_each(on_change))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let changes = Stream::callback(16, |inlet: Inlet<u32>| {
    ///     watch(move |n| {
    ///         // What there is no room for is handed back: here it is dropped.
    ///         let _ = inlet.try_offer(n);
    ///     })
    /// });
    /// let Ok(all) = changes.run_collect().await;
    /// assert_eq!(all, [1, 2, 3]);
    /// # }
    /// ```
    #[doc(alias = "async")]
    #[doc(alias = "register")]
    #[track_caller]
    pub fn callback<F, G>(capacity: usize, register: F) -> Stream<R, A, Callback<A, F>>
    where
        F: FnOnce(Inlet<A>) -> G + Value,
        G: Value,
    {
        assert!(capacity > 0, "a callback has room for at least one item");
        Stream::of(Callback {
            capacity,
            register,
            item: PhantomData,
        })
    }
}

/// With what items are handed in to the stream of a [callback](Stream::callback), from any thread and without waiting.
///
/// The stream ends when it is dropped, with all of its clones.
pub struct Inlet<A> {
    end: Arc<End<A>>,
}

/// Closes a queue when it is dropped.
struct End<A> {
    queue: Queue<A>,
}

impl<A> Drop for End<A> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl<A> Inlet<A> {
    /// Hands an item in.
    ///
    /// # Errors
    ///
    /// [`OfferError::Full`] with the item, if as many wait already as there is room for; [`OfferError::Closed`] if the stream
    /// is over.
    ///
    /// # Examples
    ///
    /// See [`Stream::callback`].
    pub fn try_offer(&self, item: A) -> Result<(), OfferError<A>> {
        self.end.queue.try_offer(item)
    }

    /// Whether the stream is over, and nothing more is of use.
    pub fn is_closed(&self) -> bool {
        self.end.queue.is_closed()
    }
}

impl<A> Clone for Inlet<A> {
    fn clone(&self) -> Self {
        Inlet {
            end: Arc::clone(&self.end),
        }
    }
}

impl<A> fmt::Debug for Inlet<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inlet").finish_non_exhaustive()
    }
}

/// The source of [`Stream::callback`].
pub struct Callback<A, F> {
    capacity: usize,
    register: F,
    item: PhantomData<fn() -> A>,
}

impl<A, F: Clone> Clone for Callback<A, F> {
    fn clone(&self) -> Self {
        Callback {
            register: self.register.clone(),
            ..*self
        }
    }
}

impl<R, A, F, G> Source<R> for Callback<A, F>
where
    R: Env,
    A: Value,
    F: FnOnce(Inlet<A>) -> G + Value,
    G: Value,
{
    type Item = A;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = A> + Send {
        Generating::new(async move |mut out| {
            let queue = Queue::bounded(self.capacity);
            let end = Arc::new(End {
                queue: queue.clone(),
            });
            // Dropped last: who is told that the stream is over is registered no more.
            let _over = Over(queue.clone());
            let _registered = (self.register)(Inlet { end });
            while let Ok(item) = queue.take().await {
                out.emit(item).await;
            }
        })
    }
}

/// Drops what waits in a queue, and lets nothing in, when it is dropped.
struct Over<A>(Queue<A>);

impl<A> Drop for Over<A> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

opaque_debug!(Callback<A, F>);
