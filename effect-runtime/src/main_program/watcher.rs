//! Who listens to signals while a program runs: a thread of its own, which nothing in the program can block.

#![allow(
    clippy::disallowed_methods,
    reason = "its thread and its times are outside of the program that it watches"
)]

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::process;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use effect_core::FiberRef;
use futures::channel::oneshot;
use futures::future::{Either, select};
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::print;
use super::signals::{DumpSignal, Signal, Signals};
use crate::on_signal::{self, Telling};

/// How long a program whose time is up may take to drop its tasks, which say what is lost with them.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long a line may take to be printed: standard error may be a full pipe that nobody reads.
const PRINTING: Duration = Duration::from_millis(100);

/// Listens to signals, and sees to it that the program ends: at a first one within the grace period, at a second
/// one at once. Dropped, it listens no more.
pub(super) struct Watcher {
    first: Arc<OnceLock<Signal>>,
    time_is_up: oneshot::Receiver<Signal>,
    _telling: Telling,
    /// Its drop tells the thread to end.
    _in_use: oneshot::Sender<Infallible>,
}

impl Watcher {
    pub(super) fn start(root: FiberRef, grace: Duration) -> io::Result<Self> {
        // Not the program's runtime, whose threads may all be blocked.
        let tokio = Builder::new_current_thread().enable_all().build()?;
        let (signals, asked) = {
            let _entered = tokio.enter();
            (Signals::listen()?, DumpSignal::listen()?)
        };
        let first = Arc::default();
        let (tell, time_is_up) = oneshot::channel();
        let (in_use, dropped) = oneshot::channel();
        let dumps = dump_when_asked(asked, root.clone());
        let watch = watch(signals, root, grace, Arc::clone(&first), tell);
        let thread = thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || {
            tokio.block_on(select(dropped, select(pin!(watch), pin!(dumps))));
            // What is still being printed must not hold this thread up.
            tokio.shutdown_background();
        })?;
        Ok(Watcher {
            first,
            time_is_up,
            _telling: Telling::begin(),
            _in_use: in_use,
        })
    }

    /// The first signal that there was.
    pub(super) fn signal(&self) -> Option<Signal> {
        self.first.get().copied()
    }

    /// Waits until the program has to end now, and tells because of which signal. If it does not end by itself
    /// after this, it is ended.
    pub(super) async fn time_is_up(&mut self) -> Signal {
        match (&mut self.time_is_up).await {
            Ok(signal) => signal,
            Err(oneshot::Canceled) => pending().await,
        }
    }
}

async fn watch(
    mut signals: Signals,
    root: FiberRef,
    grace: Duration,
    first: Arc<OnceLock<Signal>>,
    time_is_up: oneshot::Sender<Signal>,
) {
    let signal = loop {
        let signal = signals.next().await;
        if !on_signal::tell(signal) {
            break signal;
        }
        say(format!(
            "{signal}: stopping what waits for that; once more stops the program"
        ))
        .await;
    };
    let _ = first.set(signal);
    say(format!(
        "{signal}: stopping; once more ends the program at once"
    ))
    .await;
    root.interrupt_fork();
    let (last, why) = match select(pin!(signals.next()), pin!(sleep(grace))).await {
        Either::Left((second, _)) => (second, format!("{second}: ending at once")),
        Either::Right(_) => (signal, format!("still running after {grace:?}:")),
    };
    say(format!("{why}{}", fibers(&root))).await;
    let _ = time_is_up.send(last);
    sleep(LAST_WORDS).await;
    process::exit(last.exit_code().into());
}

async fn say(line: String) {
    let _ = timeout(PRINTING, spawn_blocking(|| print(line))).await;
}

/// What the fibers do, a line each, for below a headline.
///
/// Those of an observed runtime are all known. Of another, what is known are those below the root.
fn fibers(root: &FiberRef) -> String {
    let all = effect_core::dump();
    let dump = if all.fibers().is_empty() {
        root.dump()
    } else {
        all
    };
    let dump = dump.to_string();
    dump.lines().map(|line| format!("\n  {line}")).collect()
}

/// Prints the fibers whenever the signal asks for it.
async fn dump_when_asked(mut asked: DumpSignal, root: FiberRef) -> Infallible {
    loop {
        asked.next().await;
        say(format!("the fibers, as SIGUSR1 asks:{}", fibers(&root))).await;
    }
}
