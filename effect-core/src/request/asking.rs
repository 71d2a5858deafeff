//! Asking: one request, from the batch that it is put into to its answer.

use std::fmt;
use std::future::poll_fn;

use super::{Request, RequestResolver};
use crate::effect::creating::end_as;
use crate::program::Outcome;
use crate::{Cx, Effect, Env, Exit, Program, WaitsFor, poll_turn, yield_now};

/// Asks a resolver one thing, which it answers along with whatever else is asked at the time.
///
/// # Errors
///
/// What the resolver has answered, or failed with.
///
/// # Panics
///
/// A defect of the resolver is one of this effect. So is its having no answer.
///
/// # Cancel safety
///
/// Interrupted before the resolver is called, the request is not in the call, unless others have made it too. When all who
/// wait for a call have been interrupted, the call is, and the last of them waits until that has ended.
///
/// # Examples
///
/// ```
/// use effect_core::{request, Cx, Never, Request, RequestResolver};
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Double(u32);
///
/// impl Request for Double {
///     type Error = Never;
///     type Value = u32;
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let doubles = RequestResolver::new(|_cx: Cx<()>, asked: Vec<Double>| async move {
///     let answers = asked.into_iter().map(|number| (number.clone(), Ok(2 * number.0)));
///     Ok(answers.collect::<Vec<_>>())
/// });
/// assert_eq!(request(Double(21), &doubles).await, Ok(42));
/// # }
/// ```
#[track_caller]
pub fn request<R: Env, Q: Request>(
    request: Q,
    resolver: &RequestResolver<R, Q>,
) -> Effect<R, Q::Error, Q::Value, Requested<R, Q>> {
    Effect::new(Requested {
        request,
        resolver: resolver.clone(),
        waits_for: WaitsFor::here("the answer to a request"),
    })
}

/// The program of [`request`].
pub struct Requested<R, Q: Request> {
    request: Q,
    resolver: RequestResolver<R, Q>,
    waits_for: WaitsFor,
}

impl<R, Q: Request> Clone for Requested<R, Q> {
    fn clone(&self) -> Self {
        Requested {
            request: self.request.clone(),
            resolver: self.resolver.clone(),
            waits_for: self.waits_for,
        }
    }
}

impl<R, Q: Request> fmt::Debug for Requested<R, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Requested").field(&self.request).finish()
    }
}

impl<R: Env, Q: Request> Program<R> for Requested<R, Q> {
    type Error = Q::Error;
    type Value = Q::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let Requested {
            request,
            resolver,
            waits_for,
        } = self;
        poll_fn(poll_turn).await;
        let cached = resolver.cached_batch(&request);
        if let Some(Exit::Success(value)) =
            cached.and_then(|batch| batch.answer(&request, resolver.place))
        {
            return Ok(value);
        }
        let asked = resolver.ask(cx, &request);
        if asked.is_first() {
            // Whatever else this fiber asks in this turn belongs to the batch.
            yield_now().await;
            asked.has_yielded();
        }
        match asked.wait(waits_for, resolver.place).await {
            Exit::Success(value) => Ok(value),
            failure => {
                drop(asked);
                end_as(cx, failure).await
            }
        }
    }
}
