//! Type erasure with a trampoline: any effect behind one type, stack-safe at any depth.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::budget::{Budget, yield_now};
use crate::program::{Outcome, Pace, Step};
use crate::stack::{Nested, on_enough_stack};
use crate::{Cx, Defect, Effect, Env, Program, Value};

/// A program whose type is forgotten: what an [`Effect`](crate::Effect) in a signature holds.
///
/// It is stack-safe. A tail call through it loops in constant memory; any other nesting grows the stack
/// on demand (feature `stacker`), when polled, cloned or dropped.
pub struct Erased<R, E, A> {
    program: Nested<Box<dyn ErasedProgram<R, E, A>>>,
}

impl<R: Env, E: Value, A: Value> Erased<R, E, A> {
    pub(crate) fn new<P>(program: P) -> Self
    where
        P: Program<R, Error = E, Value = A> + Clone,
    {
        Erased {
            program: Nested::new(Box::new(program)),
        }
    }

    #[inline]
    fn into_inner(self) -> Box<dyn ErasedProgram<R, E, A>> {
        self.program.into_inner()
    }
}

impl<R: Env, E: Value, A: Value> Program<R> for Erased<R, E, A> {
    type Error = E;
    type Value = A;
    const PACE: Pace = Pace::Tail;

    async fn run(self, cx: &Cx<R>) -> Result<A, E> {
        let mut budget = Budget::new();
        let mut current = self.into_inner();
        loop {
            let step = match current.step(cx) {
                Stepped::Now(step) => step,
                Stepped::Later(future) => future.await,
            };
            match step {
                Step::Done(result) => return result,
                Step::Tail(next) => current = next.into_inner(),
            }
            // An endless loop of effects that never wait must let the fiber be interrupted.
            if budget.is_spent() {
                yield_now().await;
            }
        }
    }

    async fn step(self, _cx: &Cx<R>) -> Step<R, E, A> {
        Step::Tail(self)
    }

    fn run_now(self, _cx: &Cx<R>) -> Step<R, E, A> {
        Step::Tail(self)
    }

    fn is_masked(&self) -> bool {
        on_enough_stack(|| self.program.is_masked_inside())
    }
}

impl<R, E, A> Clone for Erased<R, E, A> {
    fn clone(&self) -> Self {
        Erased {
            program: Nested::new(on_enough_stack(|| self.program.clone_box())),
        }
    }
}

impl<R, E, A> fmt::Debug for Erased<R, E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Erased")
    }
}

/// The object-safe face of a program.
trait ErasedProgram<R, E, A>: Send {
    fn clone_box(&self) -> Box<dyn ErasedProgram<R, E, A>>;
    fn is_masked_inside(&self) -> bool;
    fn step<'cx>(self: Box<Self>, cx: &'cx Cx<R>) -> Stepped<'cx, R, E, A>;
}

impl<R: Env, P: Program<R> + Clone> ErasedProgram<R, P::Error, P::Value> for P {
    fn clone_box(&self) -> Box<dyn ErasedProgram<R, P::Error, P::Value>> {
        Box::new(self.clone())
    }

    fn is_masked_inside(&self) -> bool {
        self.is_masked()
    }

    fn step<'cx>(self: Box<Self>, cx: &'cx Cx<R>) -> Stepped<'cx, R, P::Error, P::Value> {
        if P::PACE.is_immediate() {
            Stepped::Now((*self).run_now(cx))
        } else {
            Stepped::Later(Nested::new(Box::pin((*self).step(cx))))
        }
    }
}

/// What a step came to: most steps of a loop never wait, and need no future.
enum Stepped<'cx, R, E, A> {
    Now(Step<R, E, A>),
    Later(BoxedStep<'cx, R, E, A>),
}

type DynStep<'cx, R, E, A> = dyn Future<Output = Step<R, E, A>> + Send + 'cx;

/// A boxed step: the border at which deep nesting moves to a fresh piece of stack.
type BoxedStep<'cx, R, E, A> = Nested<Pin<Box<DynStep<'cx, R, E, A>>>>;

/// The program of an effect that can be cloned as a whole, which is what [`erase`](Effect::erase) asks for.
#[derive(Clone)]
pub(crate) struct Whole<T> {
    effect: T,
}

impl<T> Whole<T> {
    pub(crate) fn new(effect: T) -> Self {
        Whole { effect }
    }
}

impl<R, E, A, P> Program<R> for Whole<Effect<R, E, A, P>>
where
    R: Env,
    E: Value,
    A: Value,
    P: Program<R, Error = E, Value = A>,
{
    type Error = E;
    type Value = A;
    const PACE: Pace = P::PACE;

    fn run(self, cx: &Cx<R>) -> impl Future<Output = Result<A, E>> + Send {
        self.effect.program.run(cx)
    }

    fn step(self, cx: &Cx<R>) -> impl Future<Output = Step<R, E, A>> + Send {
        self.effect.program.step(cx)
    }

    fn is_masked(&self) -> bool {
        self.effect.program.is_masked()
    }

    #[inline]
    fn run_now(self, cx: &Cx<R>) -> Step<R, E, A> {
        self.effect.program.run_now(cx)
    }
}

/// A program that can run once only, behind a `Clone` that shares it.
pub struct OneShot<P> {
    program: Arc<Mutex<Option<P>>>,
}

impl<P> OneShot<P> {
    pub(crate) fn new(program: P) -> Self {
        OneShot {
            program: Arc::new(Mutex::new(Some(program))),
        }
    }
}

impl<P> Clone for OneShot<P> {
    fn clone(&self) -> Self {
        OneShot {
            program: Arc::clone(&self.program),
        }
    }
}

impl<P> fmt::Debug for OneShot<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneShot")
    }
}

impl<R: Env, P: Program<R>> Program<R> for OneShot<P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let program = self.program.lock().take();
        match program {
            Some(program) => program.run(cx).await,
            None => Defect::new("a one-shot effect was run a second time").raise(),
        }
    }
}
