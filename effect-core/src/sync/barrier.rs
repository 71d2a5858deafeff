//! A barrier: where so many wait for each other, round after round.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::watched::{Watched, Watcher};
use crate::opaque_debug::opaque_debug;
use crate::{Never, WaitsFor};

/// A place where so many wait for each other, round after round.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Barrier;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let barrier = Barrier::new(2);
/// for _round in 0..3 {
///     let both = futures::join!(barrier.wait(), barrier.wait());
///     // The last who comes leads.
///     assert_eq!(both, (Ok(false), Ok(true)));
/// }
/// # }
/// ```
#[doc(alias = "CyclicBarrier")]
#[derive(Clone)]
pub struct Barrier {
    parties: usize,
    watched: Arc<Watched<Round>>,
}

struct Round {
    number: u64,
    waiting: usize,
}

impl Barrier {
    /// Creates a barrier for so many.
    ///
    /// # Panics
    ///
    /// If it is for nobody.
    #[track_caller]
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier is for at least one");
        Barrier {
            parties,
            watched: Watched::new(Round {
                number: 0,
                waiting: 0,
            }),
        }
    }

    /// Waits until all have come. True for the last of them, who can do what is to be done once a round.
    ///
    /// # Cancel safety
    ///
    /// Dropped before all have come, it has not come.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Barrier;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let barrier = Barrier::new(2);
    /// let mut leaves = barrier.wait();
    /// assert!(futures::poll!(&mut leaves).is_pending());
    /// assert_eq!(barrier.waiting(), 1);
    /// drop(leaves);
    /// assert_eq!(barrier.waiting(), 0);
    /// # }
    /// ```
    #[doc(alias = "await")]
    #[track_caller]
    pub fn wait(&self) -> WaitBarrier {
        WaitBarrier {
            parties: self.parties,
            watcher: Watcher::new(&self.watched, WaitsFor::here("the others at a barrier")),
            round: None,
        }
    }

    /// How many have come in this round.
    pub fn waiting(&self) -> usize {
        self.watched.look(|round| round.waiting)
    }
}

/// The future of [`Barrier::wait`].
#[must_use = "futures do nothing unless they are polled"]
pub struct WaitBarrier {
    parties: usize,
    watcher: Watcher<Round>,
    /// The round that this has come for.
    round: Option<u64>,
}

impl Future for WaitBarrier {
    type Output = Result<bool, Never>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mine = match this.round {
            Some(mine) => mine,
            None => {
                let (mine, last) = this.watcher.watched().change_if(|round| {
                    let mine = round.number;
                    round.waiting += 1;
                    let last = round.waiting == this.parties;
                    if last {
                        round.number += 1;
                        round.waiting = 0;
                    }
                    ((mine, last), last)
                });
                if last {
                    return Poll::Ready(Ok(true));
                }
                this.round = Some(mine);
                mine
            }
        };
        let over = |round: &mut Round| (round.number > mine).then_some(false);
        this.watcher.poll(task, over).map(Ok)
    }
}

impl Drop for WaitBarrier {
    fn drop(&mut self) {
        if let Some(mine) = self.round {
            self.watcher.watched().change_if(|round| {
                round.waiting -= usize::from(round.number == mine);
                ((), false)
            });
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("waiting", &self.waiting())
            .field("parties", &self.parties)
            .finish()
    }
}

opaque_debug!(WaitBarrier);
