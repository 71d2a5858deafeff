//! A gate: opened and closed again, and passed while it is open.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::watched::{Watched, Watcher};
use crate::opaque_debug::opaque_debug;
use crate::{Never, WaitsFor};

/// Lets everybody pass while it is open.
///
/// Whoever waits when it is opened passes, also if it is closed before they come to it.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Gate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let gate = Gate::closed();
/// let mut waits = gate.wait();
/// assert!(futures::poll!(&mut waits).is_pending());
/// gate.open();
/// gate.close();
/// let Ok(()) = waits.await;
/// assert!(futures::poll!(gate.wait()).is_pending());
/// # }
/// ```
#[derive(Clone)]
pub struct Gate {
    watched: Arc<Watched<Position>>,
}

struct Position {
    open: bool,
    /// How often it was opened.
    opened: u64,
}

impl Gate {
    /// Creates a gate that is closed.
    pub fn closed() -> Self {
        Gate::new(false)
    }

    /// Creates a gate that is open.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Gate;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let Ok(()) = Gate::opened().wait().await;
    /// # }
    /// ```
    pub fn opened() -> Self {
        Gate::new(true)
    }

    fn new(open: bool) -> Self {
        Gate {
            watched: Watched::new(Position { open, opened: 0 }),
        }
    }

    /// Opens the gate, and wakes those who wait.
    pub fn open(&self) {
        self.watched.change_if(|gate| {
            let was_open = std::mem::replace(&mut gate.open, true);
            gate.opened += u64::from(!was_open);
            ((), !was_open)
        });
    }

    /// Closes the gate: who comes from now on waits.
    pub fn close(&self) {
        self.watched.change_if(|gate| {
            gate.open = false;
            ((), false)
        });
    }

    /// Whether the gate is open.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Gate;
    ///
    /// let gate = Gate::closed();
    /// gate.open();
    /// assert!(gate.is_open());
    /// gate.close();
    /// assert!(!gate.is_open());
    /// ```
    pub fn is_open(&self) -> bool {
        self.watched.look(|gate| gate.open)
    }

    /// Waits until the gate is open, or was opened since this was polled first.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Gate;
    /// use effect_core::{effect, yield_now, Cx, Never};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let body = effect(async |cx: Cx<()>| {
    ///     let gate = Gate::closed();
    ///     let waiting = cx.fork(gate.wait());
    ///     yield_now().await;
    ///     assert!(!waiting.is_done());
    ///     gate.open();
    ///     cx.run(waiting.join()).await
    /// });
    /// assert_eq!(body.await, Ok::<_, Never>(()));
    /// # }
    /// ```
    #[doc(alias = "await")]
    #[track_caller]
    pub fn wait(&self) -> WaitGate {
        WaitGate {
            watcher: Watcher::new(&self.watched, WaitsFor::here("a gate")),
            came_after: None,
        }
    }
}

/// The future of [`Gate::wait`].
#[must_use = "futures do nothing unless they are polled"]
pub struct WaitGate {
    watcher: Watcher<Position>,
    /// How often the gate had been opened when this came.
    came_after: Option<u64>,
}

impl Future for WaitGate {
    type Output = Result<(), Never>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let passed = this.watcher.poll(task, |gate| {
            let came_after = *this.came_after.get_or_insert(gate.opened);
            (gate.open || gate.opened > came_after).then_some(())
        });
        passed.map(Ok)
    }
}

opaque_debug!(Gate, WaitGate);
