//! The signals that ask a program to end, or to say what it does.

use std::fmt::{self, Display};
use std::io;
use std::pin::pin;

use futures::future::{Either, select};

/// A signal that asks a program to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Interrupt,
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is only Ctrl-C elsewhere"))]
    Terminate,
}

impl Signal {
    /// Its name, as the system has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
        }
    }

    /// The exit code of a program that it ended: 128 and the signal's number, as shells have it.
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Signal::Interrupt => 128 + 2,
            Signal::Terminate => 128 + 15,
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
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Listens by way of the tokio runtime that the caller is in.
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        match select(pin!(self.interrupt.recv()), pin!(self.terminate.recv())).await {
            Either::Left(_) => Signal::Interrupt,
            Either::Right(_) => Signal::Terminate,
        }
    }
}

/// The signal that asks for a dump, SIGUSR1. There is none elsewhere than on Unix.
pub(super) struct DumpSignal {
    #[cfg(unix)]
    asked: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl DumpSignal {
    /// Listens by way of the tokio runtime that the caller is in.
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(DumpSignal {
            asked: signal(SignalKind::user_defined1())?,
        })
    }

    pub(super) async fn next(&mut self) {
        if self.asked.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
impl DumpSignal {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(DumpSignal {})
    }

    pub(super) async fn next(&mut self) {
        std::future::pending().await
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Signals {})
    }

    pub(crate) async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
