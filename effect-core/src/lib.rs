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
pub mod fits;
mod net;
mod stack;
mod erased;
mod budget;
mod cx;
mod has;
mod exit;
mod cause;
mod trace;
mod defect;
mod fiber;
mod driver;
mod cleanup;
mod settled;
mod attempting;
mod joiners;
pub mod slots;
mod crew;
mod scope;
mod mask;
mod local;
mod frame;
mod shared_run;
mod request;
mod stop;
mod schedule;
mod circuit_breaker;
mod rate_limiter;
mod fiber_set;
mod pool;
mod cache;
mod waiting;
mod runtime;
pub mod sync;
mod dump;
mod spans;
mod measure;

pub use bounds::{Env, Never, Value};
pub use budget::{Budget, poll_turn, yield_now};
pub use cache::Cache;
pub use cause::{Cause, Phase, Reason};
pub use circuit_breaker::{CircuitBreaker, CircuitError, CircuitState};
pub use cleanup::{Mark, Owed, Owing};
pub use cx::Cx;
pub use defect::Defect;
pub use dump::{Dump, FiberDump, FiberStatus};
pub use effect::Effect;
pub use effect::acquiring::{
    acquire_release, acquire_release_exit, acquire_release_interruptible, acquire_release_mask,
    acquire_use_release,
};
pub use effect::bounding::Bounded;
pub use effect::collecting::{all_settled, collect_all, first_ok, for_each, partition, validate};
pub use effect::creating::{
    Cancel, Canceler, Resume, blocking, blocking_cancelable, callback, die, effect, fail,
    from_exit, from_future, from_result, never, shielded, sleep, succeed, sync, try_sync,
    yield_turn,
};
pub use effect::masking::{Restore, uninterruptible_mask};
pub use effect::memoizing::Cached;
pub use effect::parallel::{
    collect_all_par, for_each_par, for_each_par_forked, partition_par, validate_par,
};
pub use effect::racing::{race_all, race_all_ok};
pub use effect::timing_out::TimeoutError;
pub use effect_macros::HasCore as Has;
pub use erased::Erased;
pub use exit::Exit;
pub use fiber::{Fiber, FiberId, FiberRef, SharedFiber};
pub use fiber_set::{DispatchError, Dispatched, Dispatcher};
pub use fiber_set::{FiberMap, FiberSet, FiberSetClosed, OnClose, RunIfMissingError};
pub use has::Has;
pub use into_effect::IntoEffect;
pub use local::FiberLocal;
#[cfg(feature = "metrics")]
pub use measure::describe_metrics;
pub use pool::{Lease, Pool, PoolError, PoolSize, PoolStats};
pub use program::{Outcome, Pace, Program, Step};
pub use rate_limiter::RateLimiter;
pub use request::{Request, RequestResolver, request};
pub use runtime::{Observed, Observer, Report, Runtime, Timer, TokioRuntime, dump};
#[cfg(feature = "cron")]
pub use schedule::cron::CronError;
pub use schedule::driver::Driver;
pub use schedule::erased::ScheduleFor;
pub use schedule::moment::{Decision, Moment};
pub use schedule::{Recurrence, Schedule};
pub use scope::Scope;
pub use stack::{Nested, on_enough_stack};
pub use stop::{AwaitCancelled, CancelToken, Stop, StopReason};
pub use sync::{Channel, ChannelClosed, Receive, ReceiveMany, SendError, SendItem, SendMany};
pub use sync::{Deferred, Hub, OfferError, Queue, Ref, Semaphore, TakeError};
pub use trace::{Trace, TracedFiber};
pub use waiting::WaitsFor;

/// The programs that combinators are made of. One seldom needs to name them.
pub mod programs {
    pub use crate::cache::{Find, Put};
    pub use crate::circuit_breaker::protect::Protect;
    pub use crate::effect::acquiring::{
        AcquireRelease, AcquireReleaseExit, AcquireReleaseInterruptible, AcquireReleaseMask,
        AcquireUseRelease,
    };
    pub use crate::effect::bounding::BoundedBy;
    pub use crate::effect::collecting::{
        AllSettled, FirstOk, ForEach, Partition, Settling, Validate,
    };
    pub use crate::effect::creating::{
        Blocking, BlockingCancelable, Callback, Die, Forever, FromExit, FromFn, FromResult, Placed,
        Shielded, Sleep, Sync, TrySync, YieldTurn,
    };
    pub use crate::effect::disconnecting::Disconnect;
    pub use crate::effect::failing::{
        EnsureOr, Fold, FoldCause, FoldEffect, IgnoreLogged, InspectError, MapError, OrDie,
        OrDieWith, Recover, RecoverCause, RecoverDefect, RecoverIf, RecoverSome, TapCause,
        TapError, ToExit, ToResult,
    };
    pub use crate::effect::finalizing::{Ensuring, OnError, OnExit, OnInterrupt};
    pub use crate::effect::forking::{Detach, Fork, ForkIn, OnFiber};
    pub use crate::effect::masking::{Restored, Uninterruptible, UninterruptibleMask};
    pub use crate::effect::memoizing::{Memoize, Memoized, ToCached};
    pub use crate::effect::observing::Named;
    #[cfg(feature = "tracing")]
    pub use crate::effect::observing::Traced;
    pub use crate::effect::parallel::{ForEachPar, ForEachParForked, PartitionPar, ValidatePar};
    pub use crate::effect::providing::{Provide, ProvideFrom, ProvideWith};
    pub use crate::effect::racing::{RaceAll, RaceAllOk, RaceFirst, RaceOk, ZipPar};
    pub use crate::effect::repeating::{Repeat, RepeatForever, RepeatWhile};
    pub use crate::effect::retrying::{Retry, RetryOrElse, RetryWhile};
    pub use crate::effect::scoping::{InScope, Scoped, WithEarlyRelease};
    pub use crate::effect::sequencing::{FlatMap, Inspect, Map, Tap, Timed, Zip};
    pub use crate::effect::sharing::Shared;
    pub use crate::effect::timing_out::{Timeout, TimeoutOpt};
    pub use crate::erased::OneShot;
    pub use crate::fiber::{
        AwaitAll, AwaitExit, InterruptAll, Join, JoinAll, SharedExit, SharedJoin,
    };
    pub use crate::fiber_set::{
        AwaitEmpty, Close, InterruptByKey, Make, MakeDispatcher, Restarting, RunByKey,
        RunIfMissing, RunInSet,
    };
    pub use crate::into_effect::FromFuture;
    pub use crate::local::Locally;
    pub use crate::pool::{ClosePool, Get, MakePool};
    pub use crate::rate_limiter::{Acquire, Limit, TryAcquire};
    pub use crate::request::Requested;
    pub use crate::scope::{AddFinalizer, AddFinalizerExit, CloseScope, MoveTo};
    pub use crate::sync::keyed_semaphore::OfKey;
    pub use crate::sync::mutex::WithMutex;
    pub use crate::sync::permits::{TryWithPermits, WithPermits};
    pub use crate::sync::semaphore::{AcquireScoped, OfSemaphore};
}

/// What schedules are made of. One seldom needs to name them.
pub mod recurrences {
    pub use crate::schedule::combining::{Both, Either, Then};
    pub use crate::schedule::counting::{Recurs, Repetitions};
    #[cfg(feature = "cron")]
    pub use crate::schedule::cron::Cron;
    pub use crate::schedule::delaying::{AddDelay, Jittered, MaxDelay, ModifyDelay};
    pub use crate::schedule::erased::{AnyInput, OfInput};
    pub use crate::schedule::growing::{Exponential, Fibonacci, Linear};
    pub use crate::schedule::observing::{
        CollectAll, Delays, Map, OnDecision, Passthrough, TapInput,
    };
    pub use crate::schedule::spacing::{Durations, Fixed, Spaced, Unfold, Windowed};
    pub use crate::schedule::stopping::{ByInput, ByOutput, ResetAfter, UpTo};
}
