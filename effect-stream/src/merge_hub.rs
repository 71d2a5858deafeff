//! Many streams as one, of which none has to be known before.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use effect_core::{Cx, Effect, Env, Program, Queue, Value};
use parking_lot::Mutex;

use crate::opaque_debug::opaque_debug;
use crate::source::{Source, beside, next};
use crate::sources::FromQueue;
use crate::stream::Stream;

/// One stream of the items of many, which come and go while it runs: a fan-in that grows.
///
/// [`run`](MergeHub::run) has a stream take part, and [`stream`](MergeHub::stream) is what all of them emit. [`drain`](MergeHub::drain) ends
/// it in order: whoever takes part is emitted to its end, and nobody else comes. Clones are the same hub. The name is from Pekko.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Never};
/// use effect_stream::{MergeHub, MergeHubDrained, Stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let body = effect(async |cx: Cx<()>| {
///     let hub = MergeHub::new(8);
///     let all = cx.fork(hub.stream().run_collect());
///     cx.run(hub.run(Stream::range(0..2))).await.expect("it is open");
///     cx.run(hub.run(Stream::range(5..7))).await.expect("it is open");
///     hub.drain();
///     assert_eq!(cx.run(hub.run(Stream::once(9))).await, Err(MergeHubDrained));
///     cx.run(all.join()).await
/// });
/// assert_eq!(body.await, Ok::<_, Never>(vec![0, 1, 5, 6]));
/// # }
/// ```
pub struct MergeHub<A> {
    queue: Queue<A>,
    members: Arc<Mutex<Members>>,
}

/// The hub is drained: nobody comes any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the merge hub is drained")]
pub struct MergeHubDrained;

#[derive(Default)]
struct Members {
    now: usize,
    is_drained: bool,
}

impl<A: Value> MergeHub<A> {
    /// Creates a hub that holds up to `capacity` items which were not taken yet. Whoever has more waits.
    pub fn new(capacity: usize) -> Self {
        MergeHub {
            queue: Queue::bounded(capacity),
            members: Arc::default(),
        }
    }

    /// Has a stream take part, until it ends: all that it emits is emitted by [`stream`](MergeHub::stream).
    ///
    /// # Errors
    ///
    /// [`MergeHubDrained`], if the hub was drained before this began. Nothing is pulled then.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it takes part no more. An item that waits for room is dropped; those that had room are emitted.
    ///
    /// # Examples
    ///
    /// See [`MergeHub`].
    pub fn run<R: Env, S>(
        &self,
        stream: Stream<R, A, S>,
    ) -> Effect<R, MergeHubDrained, (), RunInHub<A, S>> {
        Effect::of(RunInHub {
            hub: self.clone(),
            source: stream.source,
        })
    }

    /// What all those who take part emit, each in its own order. Several who run it share the items.
    ///
    /// - **Pulls** from those who take part when they have an item and there is room for it, up to the capacity ahead.
    /// - **Completes** when the hub was drained, and all who took part have ended and are emitted.
    /// - **When interrupted**, lets the others wait: run again, it goes on where it was.
    ///
    /// # Examples
    ///
    /// See [`MergeHub`].
    pub fn stream<R: Env>(&self) -> Stream<R, A, FromQueue<A>> {
        Stream::from_queue(self.queue.clone())
    }

    /// Lets nobody else come. When all who take part have ended, the stream does.
    ///
    /// # Examples
    ///
    /// See [`MergeHub`].
    pub fn drain(&self) {
        self.change(|members| members.is_drained = true);
    }

    /// How many take part.
    pub fn len(&self) -> usize {
        self.members.lock().now
    }

    /// Whether nobody takes part.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes who takes part, and ends if nobody does or will.
    fn change(&self, change: impl FnOnce(&mut Members)) {
        let is_done = {
            let mut members = self.members.lock();
            change(&mut members);
            members.is_drained && members.now == 0
        };
        if is_done {
            self.queue.close();
        }
    }
}

impl<A> Clone for MergeHub<A> {
    fn clone(&self) -> Self {
        MergeHub {
            queue: self.queue.clone(),
            members: Arc::clone(&self.members),
        }
    }
}

/// The program of [`MergeHub::run`].
#[derive(Clone)]
pub struct RunInHub<A, S> {
    hub: MergeHub<A>,
    source: S,
}

impl<R: Env, S: Source<R>> Program<R> for RunInHub<S::Item, S> {
    type Error = MergeHubDrained;
    type Value = ();

    async fn run(self, cx: &Cx<R>) -> Result<(), MergeHubDrained> {
        let member = Member::join(self.hub)?;
        let running = async {
            let mut source = pin!(self.source.open(cx));
            while let Some(item) = next(source.as_mut()).await {
                // It is open while somebody takes part.
                let _ = beside(source.as_mut(), member.hub.queue.offer(item)).await;
            }
        };
        cx.settling(running).await;
        Ok(())
    }
}

/// One who takes part.
struct Member<A: Value> {
    hub: MergeHub<A>,
}

impl<A: Value> Member<A> {
    fn join(hub: MergeHub<A>) -> Result<Self, MergeHubDrained> {
        {
            let mut members = hub.members.lock();
            if members.is_drained {
                return Err(MergeHubDrained);
            }
            members.now += 1;
        }
        Ok(Member { hub })
    }
}

impl<A: Value> Drop for Member<A> {
    fn drop(&mut self) {
        self.hub.change(|members| members.now -= 1);
    }
}

impl<A> fmt::Debug for MergeHub<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.members.lock();
        f.debug_struct("MergeHub")
            .field("now", &members.now)
            .field("is_drained", &members.is_drained)
            .finish_non_exhaustive()
    }
}

opaque_debug!(RunInHub<A, S>);
