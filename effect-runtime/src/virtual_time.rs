//! Virtual time: a runtime on one thread whose clock stands still while anything can run, and then jumps.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use effect_core::{Effect, Exit, Program, Value};
use futures::FutureExt;

mod shared;
mod clock;
mod outside;
mod detached;
mod executor;
mod nesting;
mod scheduler;
mod family;
mod disturbance;
mod deadlock;

pub use deadlock::Deadlock;
pub use scheduler::Order;

pub(crate) use disturbance::{Chance, Disturbance, Event, Trace};
pub(crate) use executor::{End, Executor};
pub(crate) use family::Interrupt;
pub(crate) use outside::Live;
pub(crate) use scheduler::Scheduler;
pub(crate) use shared::{Reports, Shared};

/// Runs effects in virtual time: an hour of sleeping takes no time, and the same seed is the same run.
///
/// All fibers of a run share one thread. While one of them can go on, no time passes; when none can, the clock jumps
/// to the next timer. So nothing in a run depends on how fast the machine is, and a test says `sleep(an_hour)` where
/// the program does. When none can go on and there is no timer, nothing will ever happen again: that is a
/// [`Deadlock`], and it is told at once, with the name of each fiber and what it waits for.
///
/// Fibers that can go on take turns. With a [`seed`](VirtualTime::seed), chance decides who is next: each seed is
/// another order in which the scheduler of a machine might have run them, and always the same one.
///
/// What comes from outside of the run, a socket or another thread, is unknown to it: whoever waits for nothing else
/// looks deadlocked.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, sleep, Cx, Never};
/// use effect_runtime::VirtualTime;
/// use std::time::Duration;
///
/// const HOUR: Duration = Duration::from_secs(3600);
///
/// let program = effect(async |cx: Cx<()>| {
///     let begun = cx.now();
///     cx.run(sleep::<_, Never>(HOUR).zip_par(sleep(2 * HOUR))).await?;
///     Ok::<_, Never>(cx.now() - begun)
/// });
/// let exit = VirtualTime::new().run(program).expect("no deadlock");
/// assert_eq!(exit.value(), Some(&(2 * HOUR)));
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing runs until `run` is called"]
pub struct VirtualTime {
    seed: Option<u64>,
    start: SystemTime,
}

impl VirtualTime {
    /// Fibers take turns, and the time of day begins at the beginning of the year 2000, UTC.
    pub fn new() -> Self {
        VirtualTime {
            seed: None,
            start: beginning(),
        }
    }

    /// Lets chance decide which of the fibers that can go on does so next. The seed is all there is to chance, also
    /// to that of [`Cx::random`](effect_core::Cx::random).
    pub const fn seed(self, seed: u64) -> Self {
        VirtualTime {
            seed: Some(seed),
            ..self
        }
    }

    /// Sets the time of day at which runs begin, which [`Cx::wall_now`](effect_core::Cx::wall_now) tells.
    pub const fn start(self, start: SystemTime) -> Self {
        VirtualTime { start, ..self }
    }

    /// Runs the effect to its end, on the calling thread.
    ///
    /// # Errors
    ///
    /// [`Deadlock`], when nobody can go on. What was owed then is dropped, and reported as lost.
    ///
    /// # Panics
    ///
    /// Inside of another such run, or of another executor of the crate `futures`: there, await [`drive`](VirtualTime::drive).
    pub fn run<E, A, P>(self, effect: Effect<(), E, A, P>) -> Result<Exit<E, A>, Deadlock>
    where
        E: Value,
        A: Value,
        P: Program<(), Error = E, Value = A>,
    {
        futures::executor::block_on(self.drive(effect))
    }

    /// The run as a future: an executor inside of whatever polls it, which needs nothing of it but that.
    ///
    /// # Errors
    ///
    /// As [`run`](VirtualTime::run).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops all fibers. Finalizers that are owed cannot run then, and are reported as lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{sleep, Exit, Never};
    /// use effect_runtime::VirtualTime;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let day = sleep::<_, Never>(Duration::from_secs(24 * 3600));
    /// assert_eq!(VirtualTime::new().drive(day).await?, Exit::Success(()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn drive<E, A, P>(
        self,
        effect: Effect<(), E, A, P>,
    ) -> impl Future<Output = Result<Exit<E, A>, Deadlock>> + Send + use<E, A, P>
    where
        E: Value,
        A: Value,
        P: Program<(), Error = E, Value = A>,
    {
        let order = self.seed.map_or(Order::Turns, |_| Order::Random);
        let seed = self.seed.unwrap_or(0);
        let shared = Shared::new(seed, self.start, order.clone(), Reports::Printed);
        let (_, exit) = effect.start_on(Arc::<Shared>::clone(&shared));
        let run = Executor::new(&shared, exit, Scheduler::new(order, seed, false), None);
        run.map(|end| match end {
            End::Exit(exit) => Ok(exit),
            End::Deadlock(deadlock) => Err(deadlock),
            End::Dropped | End::TooLong => unreachable!("nobody disturbs this run"),
        })
    }
}

/// When a run begins, unless it is said otherwise: with the year 2000, UTC.
pub(crate) fn beginning() -> SystemTime {
    const SINCE_1970: Duration = Duration::from_secs(946_684_800);
    SystemTime::UNIX_EPOCH + SINCE_1970
}

impl Default for VirtualTime {
    fn default() -> Self {
        VirtualTime::new()
    }
}
