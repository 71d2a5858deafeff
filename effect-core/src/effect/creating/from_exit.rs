//! The road back from an exit: an effect that ends as another has ended.

use std::future::{Future, pending};
use std::pin::Pin;

use smallvec::SmallVec;

use crate::mask::Told;
use crate::{Cx, Defect, Effect, Env, Exit, Program, Reason, Trace, Value, yield_now};

/// Creates an effect that ends as another has ended.
///
/// The first reason of a failure is the result: a typed error, a defect, or an interruption, which interrupts whoever
/// runs this. The defects that came later come after it here as well.
///
/// # Examples
///
/// ```
/// use effect_core::{Cause, Exit, Never, fail, from_exit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let seen = fail::<_, _, ()>("no route").exit().await;
/// let Ok(exit) = seen;
/// assert_eq!(from_exit(exit).await, Err("no route"));
/// # }
/// ```
pub fn from_exit<R: Env, E: Value, A: Value>(exit: Exit<E, A>) -> Effect<R, E, A, FromExit<E, A>> {
    Effect::new(FromExit { exit })
}

/// Ends here as another has ended. Boxed, because it is seldom there: the future around it need not make room for it.
pub(crate) fn end_as<R: Env, E: Value, A: Value>(
    cx: &Cx<R>,
    exit: Exit<E, A>,
) -> Pin<Box<impl Future<Output = Result<A, E>> + Send>> {
    Box::pin(FromExit { exit }.run(cx))
}

/// How often a future may be polled until the driver has seen what it asks for: sets of futures poll one that has woken
/// itself twice, and there may be some inside of each other.
const POLLS_UNTIL_SEEN: u32 = 32;

/// The program of [`from_exit`].
#[derive(Clone, Debug)]
pub struct FromExit<E, A> {
    exit: Exit<E, A>,
}

impl<R: Env, E: Value, A: Value> Program<R> for FromExit<E, A> {
    type Error = E;
    type Value = A;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let cause = match self.exit {
            Exit::Success(value) => return Ok(value),
            Exit::Failure(cause) => cause,
        };
        if let Some(place) = cause.trace().and_then(Trace::place) {
            cx.fiber().raised_at(place);
        }
        let mut reasons = cause.into_reasons();
        let first = reasons.next().expect("a cause has a reason");
        for later in reasons {
            if let Reason::Die(defect) = later {
                cx.fiber().record_defect(defect);
            }
        }
        match first {
            Reason::Fail(error) => Err(error),
            Reason::Die(defect) => defect.raise(),
            Reason::Interrupt(by) => {
                if let Some(mask) = cx.mask() {
                    // Interrupted as a part that the mask excepts would be.
                    let _told = Told::new(mask, SmallVec::from_elem(by, 1));
                    return pending().await;
                }
                cx.fiber().interrupt(by);
                // The driver sees the request when its poll returns, and drops us here; a set of futures may poll us a few
                // times before that. If we are in a finalizer or an uninterruptible effect, the driver cannot: we come
                // back, and must not wait for ever.
                for _ in 0..POLLS_UNTIL_SEEN {
                    yield_now().await;
                }
                Defect::new("interrupted by what it has joined, where interruption has to wait")
                    .raise()
            }
        }
    }
}
