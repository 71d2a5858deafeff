//! Stopping at a signal: what is bounded by it stops, and the program goes on.

use std::future::{Future, poll_fn};
use std::pin::pin;

use effect_core::{Cx, Env, Never, Stop, StopReason, WaitsFor, effect};
use futures::channel::oneshot;
use parking_lot::Mutex;

use crate::main_program::signals::{Signal, Signals};

/// Stops when the process is asked to end, by Ctrl-C or SIGTERM: what is bounded by it stops, and the program goes on.
///
/// In a program that [`Main`](crate::Main) runs, a signal is for those who wait for it by this, and stops the program
/// only where nobody does: before the first has begun, and after the last has stopped. So a second one, while what was
/// stopped still cleans up, interrupts the program, and a third ends it at once.
///
/// Elsewhere it listens to the signals itself, by the tokio runtime that it runs on. They stay caught: after what it
/// bounds has ended, they do nothing there.
///
/// # Panics
///
/// The effect that is bounded dies where signals cannot be listened to: outside of tokio, as in virtual time.
///
/// # Examples
///
/// ```no_run
/// use effect_core::{effect, Cx, Never, Stop};
/// use effect_runtime::{on_signal, Main};
/// use std::process::ExitCode;
/// use std::time::Duration;
///
/// fn main() -> ExitCode {
///     Main::new().run(effect(async |cx: Cx<()>| {
///         let minute = Stop::after(Duration::from_secs(60));
///         let work = effect_core::never::<_, Never, ()>();
///         let stopped = cx.run(work.bounded(Stop::any([on_signal(), minute]))).await?;
///         println!("{}", stopped.reason().unwrap()); // stopped by SIGINT
///         Ok::<_, Never>(())
///     }))
/// }
/// ```
#[track_caller]
pub fn on_signal<R: Env>() -> Stop<R> {
    let waits_for = WaitsFor::here("a signal");
    Stop::because(effect(async move |_: Cx<R>| {
        let mut next = pin!(next_signal());
        let signal = poll_fn(|task| {
            let polled = next.as_mut().poll(task);
            if polled.is_pending() {
                waits_for.note();
            }
            polled
        });
        let signal = signal.await;
        Ok::<_, Never>(StopReason::Signal(signal.name()))
    }))
}

async fn next_signal() -> Signal {
    if let Some(told) = Listening::to_a_program()
        && let Ok(signal) = told.await
    {
        return signal;
    }
    // No program tells it, or it has ended and tells nobody any more.
    match Signals::listen() {
        Ok(mut signals) => signals.next().await,
        Err(error) => panic!("signals cannot be listened to: {error}"),
    }
}

/// Those who wait for a signal, and whether there is a program that tells them.
static LISTENING: Mutex<Listening> = Mutex::new(Listening {
    programs: 0,
    waiting: Vec::new(),
});

struct Listening {
    programs: usize,
    // Those who have stopped waiting are found out when they would be told.
    waiting: Vec<oneshot::Sender<Signal>>,
}

impl Listening {
    /// Waits to be told of a signal, if there is a program that tells.
    fn to_a_program() -> Option<oneshot::Receiver<Signal>> {
        let mut listening = LISTENING.lock();
        if listening.programs == 0 {
            return None;
        }
        let (tell, told) = oneshot::channel();
        let waiting = &mut listening.waiting;
        if waiting.len() == waiting.capacity() {
            // Not again before as many others have come: in the mean, one costs constant time.
            waiting.retain(|waiting| !waiting.is_canceled());
            waiting.reserve(waiting.len().max(1));
        }
        waiting.push(tell);
        Some(told)
    }
}

/// A program that is told of signals first, and tells those who wait for one. It does so until it is dropped.
#[derive(Debug)]
pub(crate) struct Telling(());

impl Telling {
    pub(crate) fn begin() -> Self {
        LISTENING.lock().programs += 1;
        Telling(())
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let _untold = {
            let mut listening = LISTENING.lock();
            listening.programs -= 1;
            match listening.programs {
                0 => std::mem::take(&mut listening.waiting),
                _ => Vec::new(),
            }
        };
    }
}

/// Tells all who wait of a signal. False if nobody does.
pub(crate) fn tell(signal: Signal) -> bool {
    let waiting = std::mem::take(&mut LISTENING.lock().waiting);
    let mut is_told = false;
    for tell in waiting {
        is_told |= tell.send(signal).is_ok();
    }
    is_told
}
