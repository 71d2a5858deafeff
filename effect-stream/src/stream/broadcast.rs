//! One stream for several who each take all of it.

use std::array;

use effect_core::sync::Subscription;
use effect_core::{Cause, Cx, Effect, Env, Exit, Hub, Never, Program, Value};

use super::pump::{Pump, Pumped, pump};
use crate::source::Source;
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Sharing
impl<R: Env, A: Value + Clone + Sync, S> Stream<R, A, S> {
    /// Makes `N` streams that each emit every item of this one, which runs once, on a fiber of its own, in the current scope.
    ///
    /// They are to be run at the same time: one that waits for another to end waits for ever, if there are more than `lag` items.
    ///
    /// - **Pulls** items from when it is made, until the slowest of the streams has `lag` of them to take. One that is
    ///   dropped holds up nobody; when all are, this stream is interrupted.
    /// - **Fails** never; a defect of this stream is one of each of the others, after what came before it.
    /// - **Completes**: each of the streams does when it has emitted all.
    /// - **When interrupted**, that is when the scope closes, it interrupts the source, and the fibers that take from it.
    ///
    /// # Panics
    ///
    /// The effect does, if `lag` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use effect_stream::Stream;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let [all, some] = cx.run(Stream::range(0..100).broadcast(8)).await?;
    ///     let sum = all.run_fold(0, |sum, n| sum + n);
    ///     let first = some.take(3).run_collect();
    ///     cx.run(sum.zip_par(first)).await
    /// });
    /// assert_eq!(body.scoped().await, Ok::<_, Never>((4950, vec![0, 1, 2])));
    /// # }
    /// ```
    #[doc(alias = "tee")]
    #[doc(alias = "echo")]
    pub fn broadcast<const N: usize>(
        self,
        lag: usize,
    ) -> Effect<R, Never, [Stream<R, A, Broadcasted<A>>; N], Broadcast<S, N>> {
        Effect::of(Broadcast {
            source: self.source,
            lag,
        })
    }
}

/// # Sharing
impl<R: Env, E: Value + Clone + Sync, A: Value + Clone + Sync, S> StreamE<R, E, A, S> {
    /// Makes `N` streams that each emit every element of this one, failures too. See [`Stream::broadcast`].
    ///
    /// - **Pulls** elements from when it is made, until the slowest of the streams has `lag` of them to take.
    /// - **Completes**: each of the streams does when it has emitted all.
    /// - **When interrupted**, that is when the scope closes, it interrupts the source, and the fibers that take from it.
    ///
    /// # Panics
    ///
    /// The effect does, if `lag` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use effect_stream::StreamE;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let results = StreamE::from_results([Ok(1), Err("two")]);
    ///     let [left, right] = cx.run(results.broadcast(8)).await?;
    ///     cx.run(left.run_collect().zip_par(right.take(1).run_collect())).await
    /// });
    /// assert_eq!(body.scoped().await, Ok::<_, Never>((vec![Ok(1), Err("two")], vec![Ok(1)])));
    /// # }
    /// ```
    #[doc(alias = "tee")]
    pub fn broadcast<const N: usize>(
        self,
        lag: usize,
    ) -> Effect<R, Never, [StreamE<R, E, A, Broadcasted<Result<A, E>>>; N], BroadcastE<S, N>> {
        Effect::of(BroadcastE(Broadcast {
            source: self.source,
            lag,
        }))
    }
}

/// The source of what [`Stream::broadcast`] makes.
pub type Broadcasted<A> = Pumped<Subscription<A, Cause<Never>>>;

/// The program of [`Stream::broadcast`].
#[derive(Clone, Debug)]
pub struct Broadcast<S, const N: usize> {
    source: S,
    lag: usize,
}

impl<S, const N: usize> Broadcast<S, N> {
    fn start<R: Env>(self, cx: &Cx<R>) -> [Broadcasted<S::Item>; N]
    where
        S: Source<R, Item: Clone + Sync>,
    {
        let hub = Hub::bounded(self.lag).with_error();
        let taps: [_; N] = array::from_fn(|_| hub.subscribe());
        let out = hub.clone();
        let send = move |item| {
            let out = out.clone();
            async move {
                // It is open until the stream has ended.
                let _ = out.publish(item).await;
                out.subscribers() > 0
            }
        };
        let tell = move |exit| end_hub(&hub, exit);
        let fiber = pump(cx, &cx.scope(), self.source, send, tell);
        let pump = Pump::new(fiber);
        taps.map(|tap| Pumped::new(tap, &pump))
    }
}

impl<R, S, const N: usize> Program<R> for Broadcast<S, N>
where
    R: Env,
    S: Source<R, Item: Clone + Sync>,
{
    type Error = Never;
    type Value = [Stream<R, S::Item, Broadcasted<S::Item>>; N];

    async fn run(self, cx: &Cx<R>) -> Result<Self::Value, Never> {
        Ok(self.start(cx).map(Stream::of))
    }
}

/// The program of [`StreamE::broadcast`].
#[derive(Clone, Debug)]
pub struct BroadcastE<S, const N: usize>(Broadcast<S, N>);

impl<R, E, A, S, const N: usize> Program<R> for BroadcastE<S, N>
where
    R: Env,
    E: Value + Clone + Sync,
    A: Value + Clone + Sync,
    S: Source<R, Item = Result<A, E>>,
{
    type Error = Never;
    type Value = [StreamE<R, E, A, Broadcasted<Result<A, E>>>; N];

    async fn run(self, cx: &Cx<R>) -> Result<Self::Value, Never> {
        Ok(self.0.start(cx).map(StreamE::of))
    }
}

/// Ends a hub as what it was fed from has ended, and says whether anybody there was told.
pub(crate) fn end_hub<A: Value + Clone + Sync>(
    hub: &Hub<A, Cause<Never>>,
    exit: Exit<Never, ()>,
) -> bool {
    let was_heard = hub.subscribers() > 0;
    match exit {
        Exit::Success(()) => hub.close(),
        Exit::Failure(cause) => hub.close_with(cause),
    }
    was_heard
}
