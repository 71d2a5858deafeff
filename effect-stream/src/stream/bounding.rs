//! Streams that are bounded: they end by themselves, or are stopped and say why.

use effect_core::{Effect, Env, IntoEffect, Never, Stop, StopReason, Value, fail};

use super::stopping::{StopWhen, Succeeding};
use super::transforming::MapError;
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Bounding
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits items until it is to stop, and then [says why](StopError::Stopped).
    ///
    /// The stop begins when the first item is wanted, and has the first word: an item that is ready at the very moment at
    /// which the time is up is not emitted. It is looked at before each item, so a source that never waits is stopped as
    /// any other is. To have a result of what was emitted until then, run it by [`run_bounded`](Stream::run_bounded).
    ///
    /// - **Pulls** an item for each that is wanted, and none once it is to stop.
    /// - **Fails** never: why it was stopped is the last element.
    /// - **Completes** when the source does, or when it is to stop: then the source was interrupted, and its finalizers
    ///   have run.
    /// - **When interrupted**, interrupts the source and the stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Never, Stop, StopReason};
    /// use effect_stream::{StopError, Stream};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let limit = Duration::from_secs(5);
    /// let slow = Stream::from_iter(0..).tap(|_| sleep::<_, Never>(Duration::from_secs(2))).into_values();
    /// let Ok(all) = slow.bounded(Stop::after(limit)).run_collect().await;
    /// assert_eq!(all, [Ok(0), Ok(1), Err(StopError::Stopped(StopReason::Timeout(limit)))]);
    /// # }
    /// ```
    pub fn bounded(self, stop: Stop<R>) -> StreamE<R, StopError<Never>, A, BoundedItems<R, A, S>> {
        self.interrupt_when(failing(stop))
    }
}

/// # Bounding
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits elements until it is to stop, and then [says why](StopError::Stopped).
    ///
    /// The stop begins when the first element is wanted, and has the first word: an element that is ready at the very
    /// moment at which the time is up is not emitted. It is looked at before each element, so a source that never waits is
    /// stopped as any other is. To have a result of what was emitted until then, run it by
    /// [`run_bounded`](StreamE::run_bounded).
    ///
    /// - **Pulls** an element for each that is wanted, and none once it is to stop.
    /// - **Fails** never: why it was stopped is the last element.
    /// - **Completes** when the source does, or when it is to stop: then the source was interrupted, and its finalizers
    ///   have run.
    /// - **When interrupted**, interrupts the source and the stop.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{CancelToken, Stop};
    /// use effect_stream::{StopError, StreamE};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let token = CancelToken::new();
    /// let at_two = token.clone();
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]).inspect_error(move |_| {
    ///     at_two.cancel("enough");
    /// });
    /// let Ok(all) = results.bounded(Stop::token(&token)).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err(StopError::Failed("two")), Err(StopError::Stopped("enough".into()))]);
    /// # }
    /// ```
    pub fn bounded(self, stop: Stop<R>) -> StreamE<R, StopError<E>, A, BoundedElements<R, E, S>> {
        self.map_error(StopError::Failed as fn(E) -> StopError<E>)
            .interrupt_when(failing(stop))
    }
}

/// The source of [`Stream::bounded`].
pub type BoundedItems<R, A, S> =
    StopWhen<Succeeding<S, A, StopError<Never>>, Effect<R, StopError<Never>, ()>>;

/// The source of [`StreamE::bounded`].
pub type BoundedElements<R, E, S> =
    StopWhen<MapError<S, fn(E) -> StopError<E>>, Effect<R, StopError<E>, ()>>;

/// Waits for a stop, and fails with its reason.
fn failing<R: Env, E: Value>(stop: Stop<R>) -> Effect<R, StopError<E>, ()> {
    let reason = stop.into_effect().widen_error();
    reason
        .flat_map(|reason| fail(StopError::Stopped(reason)))
        .erase()
}

/// Why a [bounded](Stream::bounded) stream did not go on, or an element of it failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopError<E> {
    /// It was stopped for this reason: the last element.
    #[error(transparent)]
    Stopped(StopReason),
    /// It was not stopped: an element failed.
    #[error(transparent)]
    Failed(E),
}
