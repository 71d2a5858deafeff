//! A semaphore: so many permits, which effects hold while they run.

use std::fmt;
use std::sync::Arc;

use super::permits::Permits;

pub use holding::{AcquireScoped, OfSemaphore};

mod holding;

/// So many permits, which effects hold while they run.
///
/// Those who wait are served in turn, also where one wants many permits and the next few. A permit comes back however its
/// effect ends, after the finalizers that the effect owes: they run in its time. Who stops waiting takes nothing.
///
/// How many there are may [change](Semaphore::resize) while it is used. Each clone is the same semaphore.
///
/// # Examples
///
/// ```
/// use effect_core::sync::Semaphore;
/// use effect_core::{Cx, Never, effect, sleep};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let four_seconds_at_two_a_time = effect(async |cx: Cx<()>| {
///     let begin = cx.now();
///     let semaphore = Semaphore::new(2);
///     let second = || sleep::<_, Never>(Duration::from_secs(1));
///     let fibers: Vec<_> = (0..4).map(|_| cx.fork(semaphore.with_permit(second()))).collect();
///     for fiber in fibers {
///         cx.run(fiber.join()).await?;
///     }
///     Ok::<_, Never>((cx.now() - begin).as_secs())
/// });
/// assert_eq!(four_seconds_at_two_a_time.await, Ok(2));
/// # }
/// ```
#[derive(Clone)]
pub struct Semaphore {
    inner: Arc<Permits>,
}

/// # Creating and resizing
impl Semaphore {
    /// Creates a semaphore with so many permits.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Semaphore;
    ///
    /// assert_eq!(Semaphore::new(2).permits(), 2);
    /// ```
    pub fn new(permits: u32) -> Self {
        Semaphore {
            inner: Permits::new(permits),
        }
    }

    /// Has so many permits from now on, held ones included.
    ///
    /// - **More than before:** those who wait are served at once, in turn.
    /// - **Fewer than before:** what is free goes at once. Who holds a permit keeps it; what comes back is gone, until no
    ///   more are held than there are to be.
    /// - **Fewer than somebody waits for:** they wait until there are enough again, and those behind them in turn. With 0
    ///   permits, everybody waits.
    ///
    /// One asks for at most as many as there have ever been, also while there are fewer; to ask for more panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Semaphore;
    /// use effect_core::{Never, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let semaphore = Semaphore::new(4);
    /// let seen = semaphore.clone();
    /// let three = semaphore.with_permits(3, sync::<_, Never, _, _>(move || {
    ///     seen.resize(2);
    ///     seen.available()
    /// }));
    /// assert_eq!(three.await, Ok(0));
    /// assert_eq!(semaphore.available(), 2);
    /// # }
    /// ```
    pub fn resize(&self, permits: u32) {
        self.inner.resize(permits);
    }
}

/// # Looking
impl Semaphore {
    /// How many permits there are, held or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(2);
    /// assert_eq!(semaphore.permits(), 2);
    /// semaphore.resize(5);
    /// assert_eq!(semaphore.permits(), 5);
    /// ```
    pub fn permits(&self) -> u32 {
        self.inner.total()
    }

    /// How many permits nobody holds. None, if more are held than there are since it was [resized](Semaphore::resize).
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::Semaphore;
    ///
    /// assert_eq!(Semaphore::new(2).available(), 2);
    /// ```
    pub fn available(&self) -> usize {
        self.inner.free() as usize
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("permits", &self.permits())
            .field("available", &self.available())
            .finish()
    }
}
