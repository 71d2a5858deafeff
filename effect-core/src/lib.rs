//! What an effect is: a typed, lazy description, and the fibers, causes and scopes that it runs with.
//!
//! Read it in this order: [`Program`], the one idea; [`Effect`], the type, with a family of methods a file;
//! [`Cx`], what a running effect has; then how one ends: [`Exit`], [`Cause`], [`Defect`]; then
//! [`Fiber`], and, inside, the driver and the cleanup queue.

#![forbid(unsafe_code)]

mod opaque_debug;
mod bounds;
mod program;
mod poll;
mod effect;
mod into_effect;
mod net;
mod erased;
mod budget;
mod cx;
mod exit;
mod cause;
mod defect;
mod fiber;
mod driver;
mod cleanup;
mod settled;
mod crew;
mod scope;
mod mask;
mod local;
mod frame;
mod schedule;
mod waiting;
mod runtime;
mod dump;
mod trace;
mod measure;

pub use bounds::{Env, Never, Value};
pub use budget::{Budget, poll_turn, yield_now};
pub use cause::{Cause, Reason};
pub use cx::Cx;
pub use defect::Defect;
pub use dump::{Dump, FiberDump, FiberStatus};
pub use effect::Effect;
pub use effect::creating::{
    blocking, die, effect, fail, from_exit, from_result, never, sleep, succeed, sync,
};
pub use effect::masking::{Restore, uninterruptible_mask};
pub use effect::parallel::{collect_all_par, for_each_par, for_each_par_forked};
pub use effect::racing::TimeoutError;
pub use effect::scoping::acquire_release;
pub use erased::Erased;
pub use exit::Exit;
pub use fiber::{Fiber, FiberId, FiberRef};
pub use into_effect::IntoEffect;
pub use local::FiberLocal;
#[cfg(feature = "metrics")]
pub use measure::describe_metrics;
pub use program::{Outcome, Pace, Program, Step};
pub use runtime::{Observed, Observer, Report, Runtime, Timer, TokioRuntime, dump};
pub use schedule::Schedule;
pub use waiting::WaitsFor;

/// The programs that combinators are made of. One seldom needs to name them.
pub mod programs {
    pub use crate::effect::creating::{
        Blocking, Die, Forever, FromExit, FromFn, FromResult, Sleep, Sync,
    };
    pub use crate::effect::failing::{Fold, MapError, OrDie, Recover, ToExit};
    pub use crate::effect::forking::{Fork, OnFiber};
    pub use crate::effect::masking::{Restored, Uninterruptible, UninterruptibleMask};
    pub use crate::effect::observing::Named;
    #[cfg(feature = "tracing")]
    pub use crate::effect::observing::Traced;
    pub use crate::effect::parallel::{ForEachPar, ForEachParForked};
    pub use crate::effect::providing::Provide;
    pub use crate::effect::racing::{RaceFirst, RaceOk, Timeout, ZipPar};
    pub use crate::effect::retrying::Retry;
    pub use crate::effect::scoping::{AcquireRelease, Ensuring, OnInterrupt, Scoped};
    pub use crate::effect::sequencing::{FlatMap, Map, Tap, Zip};
    pub use crate::erased::OneShot;
    pub use crate::fiber::{AwaitExit, Join};
    pub use crate::into_effect::FromFuture;
    pub use crate::local::Locally;
}
