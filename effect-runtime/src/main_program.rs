//! An effect as a whole program: signals interrupt it, finalizers get their time, and the exit code is what a
//! shell expects.

#![allow(
    clippy::disallowed_methods,
    reason = "a signal and its grace period are in real time"
)]

use std::fmt::{self, Display};
use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::process::{ExitCode, Termination};
use std::sync::Arc;
use std::time::Duration;

use effect_core::{Effect, Exit, FiberRef, Program, TokioRuntime, Value};
use futures::future::{Either, select};

use crate::RunError;
use crate::block_on::start_tokio;

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
///   still runs after that is printed, and the program ends. A second signal ends it at once.
/// - **The exit code** is the one the value stands for on success, 1 on a failure, 101 on a defect (as Rust's
///   own panics), 130 after Ctrl-C and 143 after SIGTERM. Why the effect failed is printed to standard error.
#[derive(Clone, Debug)]
#[must_use = "nothing runs until `run` is called"]
pub struct Main {
    grace: Duration,
}

impl Main {
    /// Creates a program with a grace period of 10 seconds.
    pub const fn new() -> Self {
        Main {
            grace: Duration::from_secs(10),
        }
    }

    /// Gives finalizers this long to end after a signal.
    pub const fn grace(self, grace: Duration) -> Self {
        Main { grace }
    }

    /// Runs the effect on a multi-threaded runtime of its own, to the exit code of the program.
    pub fn run<E, A, P>(self, effect: Effect<(), E, A, P>) -> ExitCode
    where
        E: Value + Display,
        A: Value + Termination,
        P: Program<(), Error = E, Value = A>,
    {
        match self.try_run(effect) {
            Ok(Ended::Exit(Exit::Success(value), _)) => value.report(),
            Ok(Ended::Exit(Exit::Failure(cause), signal)) => {
                if cause.is_interrupt()
                    && let Some(signal) = signal
                {
                    return signal.exit_code();
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
            Ok(Ended::CutShort(signal)) => signal.exit_code(),
            Err(error) => {
                print(format_args!("error: {error}"));
                ExitCode::FAILURE
            }
        }
    }

    fn try_run<E, A, P>(self, effect: Effect<(), E, A, P>) -> Result<Ended<E, A>, RunError>
    where
        E: Value,
        A: Value,
        P: Program<(), Error = E, Value = A>,
    {
        let tokio = start_tokio()?;
        let runtime = Arc::new(TokioRuntime::new(tokio.handle().clone()));
        let (root, exit) = effect.start_on(runtime);
        let ended = tokio.block_on(self.supervise(root, exit))?;
        match ended {
            // A blocking read that nobody waits for any more must not hold the program up.
            Ended::Exit(..) => tokio.shutdown_background(),
            // The tasks that are dropped now still say which finalizers are lost with them.
            Ended::CutShort(_) => tokio.shutdown_timeout(Duration::from_millis(100)),
        }
        Ok(ended)
    }

    async fn supervise<E, A>(
        self,
        root: FiberRef,
        exit: impl Future<Output = Exit<E, A>>,
    ) -> io::Result<Ended<E, A>> {
        let mut signals = Signals::listen()?;
        let mut exit = pin!(exit);
        let signal = match select(exit.as_mut(), pin!(signals.next())).await {
            Either::Left((exit, _)) => return Ok(Ended::Exit(exit, None)),
            Either::Right((signal, _)) => signal,
        };
        print(format_args!(
            "{signal}: stopping; once more ends the program at once"
        ));
        root.interrupt();
        let grace = pin!(tokio::time::sleep(self.grace));
        let second = pin!(signals.next());
        let patience = select(second, grace);
        Ok(match select(exit, patience).await {
            Either::Left((exit, _)) => Ended::Exit(exit, Some(signal)),
            Either::Right((Either::Left((second, _)), _)) => {
                print(format_args!(
                    "{second}: ending at once\n{}",
                    StillRunning(&root)
                ));
                Ended::CutShort(second)
            }
            Either::Right((Either::Right(_), _)) => {
                print(format_args!(
                    "still running after {:?}:\n{}",
                    self.grace,
                    StillRunning(&root)
                ));
                Ended::CutShort(signal)
            }
        })
    }
}

impl Default for Main {
    fn default() -> Self {
        Main::new()
    }
}

/// Prints a line to standard error, if anybody reads it.
fn print(line: impl Display) {
    // Not `eprintln!`, which panics when nobody does: `tee`, say, which the same Ctrl-C has ended.
    let _ = writeln!(io::stderr(), "{line}");
}

/// How the main effect ended, and the signal that made it.
enum Ended<E, A> {
    Exit(Exit<E, A>, Option<Signal>),
    CutShort(Signal),
}

/// A signal that asks a program to end.
#[derive(Clone, Copy)]
enum Signal {
    Interrupt,
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is only Ctrl-C elsewhere"))]
    Terminate,
}

impl Signal {
    /// 128 and the signal's number, as shells have it.
    fn exit_code(self) -> ExitCode {
        match self {
            Signal::Interrupt => ExitCode::from(128 + 2),
            Signal::Terminate => ExitCode::from(128 + 15),
        }
    }
}

impl Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Interrupt => "interrupted",
            Signal::Terminate => "terminated",
        })
    }
}

/// The signals that ask a program to end, from now on.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        match select(pin!(self.interrupt.recv()), pin!(self.terminate.recv())).await {
            Either::Left(_) => Signal::Interrupt,
            Either::Right(_) => Signal::Terminate,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Signals {})
    }

    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Prints a fiber and its children, a line each, indented.
struct StillRunning<'a>(&'a FiberRef);

impl Display for StillRunning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A stack of our own: fibers may nest deeper than this thread's.
        let mut pending = vec![(self.0.clone(), 1)];
        while let Some((fiber, depth)) = pending.pop() {
            if !fiber.is_done() {
                writeln!(f, "{:indent$}{fiber}", "", indent = depth * 2)?;
            }
            pending.extend(
                fiber
                    .children()
                    .into_iter()
                    .rev()
                    .map(|child| (child, depth + 1)),
            );
        }
        Ok(())
    }
}
