//! An effect as a whole program: signals interrupt it, finalizers get their time, and the exit code is what a
//! shell expects.

mod watcher;
pub(crate) mod signals;

use std::fmt::Display;
use std::io::{self, Write};
use std::pin::pin;
use std::process::{ExitCode, Termination};
use std::sync::Arc;
use std::time::Duration;

use effect_core::{Effect, Exit, Observed, Program, Runtime, Value};
use futures::future::{Either, select};

use self::watcher::Watcher;
use crate::RunError;
use crate::own_runtime::OwnRuntime;

/// Runs an effect as the whole program. The same as [`Main::new`] and [`Main::run`].
///
/// # Examples
///
/// ```
/// use effect_core::{sync, Never};
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     effect_runtime::run_main(sync::<_, Never, _, _>(|| println!("hello")))
/// }
/// ```
pub fn run_main<E, A, P>(effect: Effect<(), E, A, P>) -> ExitCode
where
    E: Value + Display,
    A: Value + Termination,
    P: Program<(), Error = E, Value = A>,
{
    Main::new().run(effect)
}

/// How a program runs its main effect.
///
/// - **On Ctrl-C or SIGTERM** the root fiber is interrupted, and its finalizers have a grace period. What
///   still runs after that is printed, and the program ends.
/// - **A second signal**, of either kind, ends it at once.
/// - **What waits for a signal** by [`on_signal`](crate::on_signal) has it instead: that stops, and the program goes on.
/// - **Without a signal** the program ends when the root fiber has. Then detached fibers are interrupted, and have the
///   grace period to run their finalizers; so has an effect that plain tokio code began and dropped. Those lost are
///   [reported](effect_core::Report::LostFinalizers).
/// - **A thread that is blocked**, by the body or by a finalizer, changes nothing of this, except that the end
///   comes up to a second later: the process exits from under it.
/// - **The exit code** is the one the value stands for on success, 1 on a failure, 101 on a defect (as Rust's
///   own panics), 130 after Ctrl-C and 143 after SIGTERM. Why the effect failed is printed to standard error.
///
/// - **On SIGUSR1** the fibers are printed to standard error, each with what it waits for, where, and since when: a
///   [dump](effect_core::Dump). A fiber that holds its thread for 100 milliseconds is
///   [reported](effect_core::Report::SlowPoll). That is because the runtime is [observed](effect_core::Observed), which
///   costs a little at each wait: see [`unobserved`](Main::unobserved).
///
/// The signals stay caught: after [`run`](Main::run) has returned, they do nothing.
#[derive(Clone, Debug)]
#[must_use = "nothing runs until `run` is called"]
pub struct Main {
    grace: Duration,
    observed: bool,
    slow_poll: Duration,
}

impl Main {
    /// Creates a program with a grace period of 10 seconds.
    pub const fn new() -> Self {
        Main {
            grace: Duration::from_secs(10),
            observed: true,
            slow_poll: Duration::from_millis(100),
        }
    }

    /// Gives finalizers this long to end after a signal, or after the end of the root fiber.
    pub const fn grace(self, grace: Duration) -> Self {
        Main { grace, ..self }
    }

    /// Reports a fiber that holds its thread for this long, instead of 100 milliseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never};
    /// use effect_runtime::Main;
    /// use std::process::ExitCode;
    /// use std::time::Duration;
    ///
    /// fn main() -> ExitCode {
    ///     Main::new().slow_poll(Duration::from_millis(10)).run(succeed::<_, Never, _>(()))
    /// }
    /// ```
    pub const fn slow_poll(self, slow_poll: Duration) -> Self {
        Main { slow_poll, ..self }
    }

    /// Observes no fiber, for programs that wait so often that it costs too much. Dumps then tell only who is there, and
    /// slow polls are not reported.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{succeed, Never};
    /// use effect_runtime::Main;
    /// use std::process::ExitCode;
    ///
    /// fn main() -> ExitCode {
    ///     Main::new().unobserved().run(succeed::<_, Never, _>(()))
    /// }
    /// ```
    pub const fn unobserved(self) -> Self {
        Main {
            observed: false,
            ..self
        }
    }

    /// What the effect runs on.
    fn runtime(&self, own: &OwnRuntime) -> Arc<dyn Runtime> {
        if self.observed {
            Arc::new(Observed::new(own.effects()).slow_poll(self.slow_poll))
        } else {
            own.effects()
        }
    }

    /// Runs the effect on a multi-threaded runtime of its own, to the exit code of the program.
    ///
    /// If it could not even be started ([`RunError`] tells why), that is printed, and the code is 1. What is
    /// printed is lost where nobody reads standard error any more.
    ///
    /// # Panics
    ///
    /// Where [`run`](crate::run) does.
    pub fn run<E, A, P>(self, effect: Effect<(), E, A, P>) -> ExitCode
    where
        E: Value + Display,
        A: Value + Termination,
        P: Program<(), Error = E, Value = A>,
    {
        self.try_run(effect).unwrap_or_else(|error| {
            print(format_args!("error: {error}"));
            ExitCode::FAILURE
        })
    }

    fn try_run<E, A, P>(self, effect: Effect<(), E, A, P>) -> Result<ExitCode, RunError>
    where
        E: Value + Display,
        A: Value + Termination,
        P: Program<(), Error = E, Value = A>,
    {
        let own = OwnRuntime::start()?;
        let (root, exit) = effect.start_on(self.runtime(&own));
        // It watches until all is printed, too: that may wait for somebody to read it.
        let mut watcher = Watcher::start(root, self.grace)?;
        let ended = own.block_on(async {
            let exit = own.finish(exit, self.grace);
            match select(pin!(exit), pin!(watcher.time_is_up())).await {
                Either::Left((exit, _)) => Ok(exit),
                Either::Right((signal, _)) => Err(signal),
            }
        });
        own.shut_down();
        Ok(match ended {
            Ok(exit) => exit_code(exit, &watcher),
            Err(signal) => ExitCode::from(signal.exit_code()),
        })
    }
}

impl Default for Main {
    fn default() -> Self {
        Main::new()
    }
}

/// The exit code for this exit, which is printed unless the code says it all.
fn exit_code<E: Display, A: Termination>(exit: Exit<E, A>, watcher: &Watcher) -> ExitCode {
    let cause = match exit {
        Exit::Success(value) => return value.report(),
        Exit::Failure(cause) => cause,
    };
    if cause.is_interrupt()
        && let Some(signal) = watcher.signal()
    {
        return ExitCode::from(signal.exit_code());
    }
    let died = cause.is_die();
    // A plain failure is told in its own words; only a longer story needs the cause's.
    match cause.into_failure() {
        Ok(error) => print(format_args!("error: {error}")),
        Err(cause) => print(format_args!("error: {cause}")),
    }
    if died {
        ExitCode::from(101)
    } else {
        ExitCode::FAILURE
    }
}

/// Prints a line to standard error, if anybody reads it.
fn print(line: impl Display) {
    // Not `eprintln!`, which panics when nobody does: `tee`, say, which the same Ctrl-C has ended.
    let _ = writeln!(io::stderr(), "{line}");
}
