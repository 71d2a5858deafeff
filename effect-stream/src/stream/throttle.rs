//! Streams that are held to a rate: slowed down, or thinned out.

use std::future::Future;
use std::ops::ControlFlow;

use effect_core::{Cx, Env, RateLimiter, Value};

use super::begin::Begin;
use super::choose::{Choose, Present};
use super::map_effect::MapEffect;
use crate::opaque_debug::opaque_debug;
use crate::stream::Stream;
use crate::stream_e::StreamE;

/// # Timing
impl<R: Env, A: Value, S> Stream<R, A, S> {
    /// Emits items no faster than a rate allows: each waits for a permit. The first one does not wait, and the rate is exact.
    ///
    /// Streams, and effects, that have clones of one limiter share its rate.
    ///
    /// - **Pulls** an item, and holds it while it waits.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source; the item that waits is dropped, and takes no permit.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::RateLimiter;
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begin = tokio::time::Instant::now();
    /// let five_a_second = RateLimiter::new(5, Duration::from_secs(1));
    /// let Ok(()) = Stream::range(0..10).throttle(five_a_second).run_drain().await;
    /// assert_eq!(begin.elapsed(), Duration::from_millis(1_800));
    /// # }
    /// ```
    #[doc(alias = "rate_limit")]
    #[doc(alias = "metered")]
    pub fn throttle(self, limiter: RateLimiter) -> Stream<R, A, Throttle<S>> {
        Stream::of(MapEffect::new(self.source, Throttled { limiter }))
    }

    /// Emits items no faster than a rate allows: each waits for as many permits as a closure says it costs. What costs none does not wait.
    ///
    /// - **Pulls** an item, and holds it while it waits.
    /// - **Fails** never; a panic of the closure is a defect of the run, and so is a cost of more permits than a burst of
    ///   the limiter has.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source; the item that waits is dropped, and takes no permits.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::RateLimiter;
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begin = tokio::time::Instant::now();
    /// let bytes = RateLimiter::new(10, Duration::from_secs(1)).burst(10);
    /// let words = Stream::from_iter(["earth", "", "water", "earth"]);
    /// let Ok(()) = words.throttle_by(bytes, |word| word.len() as u32).run_drain().await;
    /// assert_eq!(begin.elapsed(), Duration::from_millis(500));
    /// # }
    /// ```
    pub fn throttle_by<F>(self, limiter: RateLimiter, cost: F) -> Stream<R, A, ThrottleBy<S, F>>
    where
        F: FnMut(&A) -> u32 + Value,
    {
        let throttled = ThrottledBy { limiter, cost };
        Stream::of(MapEffect::new(self.source, throttled))
    }

    /// Emits the items that a rate has a permit for when they come, and drops the others. No item waits.
    ///
    /// Where others wait for the same limiter, they come first.
    ///
    /// - **Pulls** until there is a permit for an item.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::RateLimiter;
    /// use effect_stream::Stream;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let ticks = Stream::ticks(Duration::from_millis(400)).enumerate().map(|(n, ())| n);
    /// let one_a_second = RateLimiter::new(1, Duration::from_secs(1));
    /// let Ok(all) = ticks.throttle_enforce(one_a_second).take(4).run_collect().await;
    /// assert_eq!(all, [0, 3, 6, 9]);
    /// # }
    /// ```
    #[doc(alias = "sample")]
    #[doc(alias = "throttle_dropping")]
    pub fn throttle_enforce(self, limiter: RateLimiter) -> Stream<R, A, ThrottleEnforce<S>> {
        let enforced = MapEffect::new(self.source, Enforced { limiter });
        Stream::of(Choose::new(enforced, Present))
    }
}

/// # Timing
impl<R: Env, E: Value, A: Value, S> StreamE<R, E, A, S> {
    /// Emits elements, failures too, no faster than a rate allows: each waits for a permit. The first one does not wait, and the rate is exact.
    ///
    /// - **Pulls** an element, and holds it while it waits.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source; the element that waits is dropped, and takes no permit.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::RateLimiter;
    /// use effect_stream::StreamE;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let begin = tokio::time::Instant::now();
    /// let one_a_second = RateLimiter::new(1, Duration::from_secs(1));
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(all) = results.throttle(one_a_second).run_collect().await;
    /// assert_eq!((all.len(), begin.elapsed().as_secs()), (3, 2));
    /// # }
    /// ```
    #[doc(alias = "rate_limit")]
    #[doc(alias = "metered")]
    pub fn throttle(self, limiter: RateLimiter) -> StreamE<R, E, A, Throttle<S>> {
        StreamE::of(MapEffect::new(self.source, Throttled { limiter }))
    }

    /// Emits the values that a rate has a permit for when they come, and drops the others. Touches successes only: failures flow on, and take no permit.
    ///
    /// - **Pulls** until an element has failed, or there is a permit for it.
    /// - **Completes** when the source does.
    /// - **When interrupted**, interrupts the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::RateLimiter;
    /// use effect_stream::StreamE;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let one_a_second = RateLimiter::new(1, Duration::from_secs(1));
    /// let results = StreamE::from_results([Ok(1), Err("two"), Ok(3)]);
    /// let Ok(all) = results.throttle_enforce(one_a_second).run_collect().await;
    /// assert_eq!(all, [Ok(1), Err("two")]);
    /// # }
    /// ```
    #[doc(alias = "sample")]
    #[doc(alias = "throttle_dropping")]
    pub fn throttle_enforce(self, limiter: RateLimiter) -> StreamE<R, E, A, ThrottleEnforceOk<S>> {
        let enforced = MapEffect::new(self.source, EnforcedValues { limiter });
        StreamE::of(Choose::new(enforced, Present))
    }
}

/// The source of [`Stream::throttle`] and [`StreamE::throttle`].
pub type Throttle<S> = MapEffect<S, Throttled>;
/// The source of [`Stream::throttle_by`].
pub type ThrottleBy<S, F> = MapEffect<S, ThrottledBy<F>>;

/// The source of [`Stream::throttle_enforce`].
pub type ThrottleEnforce<S> = Choose<MapEffect<S, Enforced>, Present>;
/// The source of [`StreamE::throttle_enforce`].
pub type ThrottleEnforceOk<S> = Choose<MapEffect<S, EnforcedValues>, Present>;

/// A permit for each item.
#[derive(Clone, Debug)]
pub struct Throttled {
    limiter: RateLimiter,
}

impl<R: Env, A: Value> Begin<R, A> for Throttled {
    type Output = A;

    fn begin<'cx>(
        &mut self,
        item: A,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<A, impl Future<Output = A> + Send + use<'cx, R, A>> {
        let permit = self.limiter.acquire(1);
        ControlFlow::Continue(async move {
            let Ok(()) = cx.run(permit).await;
            item
        })
    }
}

/// As many permits for each item as it costs.
#[derive(Clone)]
pub struct ThrottledBy<F> {
    limiter: RateLimiter,
    cost: F,
}

impl<R: Env, A: Value, F: FnMut(&A) -> u32 + Value> Begin<R, A> for ThrottledBy<F> {
    type Output = A;

    fn begin<'cx>(
        &mut self,
        item: A,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<A, impl Future<Output = A> + Send + use<'cx, R, A, F>> {
        let cost = (self.cost)(&item);
        if cost == 0 {
            return ControlFlow::Break(item);
        }
        let permits = self.limiter.acquire(cost);
        ControlFlow::Continue(async move {
            let Ok(()) = cx.run(permits).await;
            item
        })
    }
}

/// An item, if there is a permit.
#[derive(Clone, Debug)]
pub struct Enforced {
    limiter: RateLimiter,
}

impl<R: Env, A: Value> Begin<R, A> for Enforced {
    type Output = Option<A>;

    fn begin<'cx>(
        &mut self,
        item: A,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<Option<A>, impl Future<Output = Option<A>> + Send + use<'cx, R, A>> {
        ControlFlow::Continue(if_permitted(&self.limiter, item, cx))
    }
}

/// A value, if there is a permit; failures pass.
#[derive(Clone, Debug)]
pub struct EnforcedValues {
    limiter: RateLimiter,
}

impl<R: Env, A: Value, E: Value> Begin<R, Result<A, E>> for EnforcedValues {
    type Output = Option<Result<A, E>>;

    fn begin<'cx>(
        &mut self,
        element: Result<A, E>,
        cx: &'cx Cx<R>,
    ) -> ControlFlow<Self::Output, impl Future<Output = Self::Output> + Send + use<'cx, R, A, E>>
    {
        if element.is_err() {
            return ControlFlow::Break(Some(element));
        }
        ControlFlow::Continue(if_permitted(&self.limiter, element, cx))
    }
}

fn if_permitted<'cx, R: Env, A: Value>(
    limiter: &RateLimiter,
    item: A,
    cx: &'cx Cx<R>,
) -> impl Future<Output = Option<A>> + Send + use<'cx, R, A> {
    let permit = limiter.try_acquire(1);
    async move {
        let Ok(is_there) = cx.run(permit).await;
        is_there.then_some(item)
    }
}

opaque_debug!(ThrottledBy<F>);
