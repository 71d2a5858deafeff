//! Streams that are slowed down to a rate.

use std::future::Future;
use std::ops::ControlFlow;

use effect_core::{Cx, Env, RateLimiter, Value};

use super::begin::Begin;
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
}

/// The source of [`Stream::throttle`] and [`StreamE::throttle`].
pub type Throttle<S> = MapEffect<S, Throttled>;
/// The source of [`Stream::throttle_by`].
pub type ThrottleBy<S, F> = MapEffect<S, ThrottledBy<F>>;

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

opaque_debug!(ThrottledBy<F>);
