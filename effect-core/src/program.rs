//! The one idea: a lazy description that compiles to a plain future.

use std::future::Future;

use crate::poll::Paced;
use crate::{Cx, Env, Erased, Value};

/// A description that can be run, once, in an environment `R`.
///
/// Every combinator of [`Effect`](crate::Effect) is a small type that implements this trait, and a
/// chain of them is one state machine with no allocation. Only two of the items matter to read the
/// library: [`run`](Program::run), which every program has, and [`step`](Program::step), which the
/// few that end in another effect override so that tail calls run in constant memory.
pub trait Program<R: Env>: Sized + Send + 'static {
    /// What the program fails with.
    type Error: Value;
    /// What the program succeeds with.
    type Value: Value;

    /// Whether [`run_now`](Program::run_now) may stand in for the future.
    const PACE: Pace = Pace::Later;

    /// Turns the description into a future. Nothing happens before that is polled.
    fn run(self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send;

    /// Runs up to the last step: a program that ends in an erased effect hands it back instead of
    /// running it, and the erased runner loops.
    fn step(self, cx: &Cx<R>) -> impl Future<Output = Step<R, Self::Error, Self::Value>> + Send {
        async move { Step::Done(self.run(cx).await) }
    }

    /// Whether all of it is one region that interruption waits for, so that a fiber which runs it ends with its result.
    fn is_masked(&self) -> bool {
        false
    }

    /// Runs without a future. Called only where [`PACE`](Program::PACE) allows it.
    ///
    /// # Panics
    ///
    /// Where [`PACE`](Program::PACE) is [`Pace::Later`].
    fn run_now(self, _cx: &Cx<R>) -> Step<R, Self::Error, Self::Value> {
        unreachable!("run_now is called only where PACE allows it")
    }
}

/// The result that a program `P` ends with.
pub type Outcome<R, P> = Result<<P as Program<R>>::Value, <P as Program<R>>::Error>;

/// How far a program gets without waiting, known from its type.
///
/// A chain that never waits, such as `succeed(1).map(f).flat_map(g)`, needs no future at all: it runs
/// as the nested calls that one would have written by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Never waits: `run_now` gives [`Step::Done`].
    Now,
    /// Never waits before its last step: `run_now` may give [`Step::Tail`].
    Tail,
    /// May wait: only the future will do.
    Later,
}

impl Pace {
    /// The pace of a program that runs one of this pace, and then one of the next.
    pub const fn then(self, next: Pace) -> Pace {
        match self {
            Pace::Now => next,
            Pace::Tail | Pace::Later => Pace::Later,
        }
    }

    /// The pace of a program that needs the result of one of this pace.
    pub const fn result(self) -> Pace {
        self.then(Pace::Now)
    }

    /// Whether `run_now` may be called.
    pub const fn is_immediate(self) -> bool {
        matches!(self, Pace::Now | Pace::Tail)
    }
}

/// Where a program stands after its [`step`](Program::step).
#[derive(Debug)]
pub enum Step<R, E, A> {
    /// It has ended.
    Done(Result<A, E>),
    /// It goes on as this effect, and has nothing left to do itself.
    Tail(Erased<R, E, A>),
}

impl<R, E, A> Step<R, E, A> {
    /// The result of a program whose pace is [`Pace::Now`].
    pub(crate) fn into_result(self) -> Result<A, E> {
        match self {
            Step::Done(result) => result,
            Step::Tail(_) => unreachable!("a program of pace Now has no tail"),
        }
    }
}

/// Runs a program, by the shorter of its two ways.
pub(crate) fn run<R: Env, P: Program<R>>(
    program: P,
    cx: &Cx<R>,
) -> impl Future<Output = Outcome<R, P>> + Send {
    if let Pace::Now = P::PACE {
        Paced::now(|| program.run_now(cx).into_result())
    } else {
        Paced::later(program.run(cx))
    }
}
