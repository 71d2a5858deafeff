//! What is to be acknowledged, and travels with what is made of it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use effect_core::{Effect, Env, IntoEffect, Program};

use crate::log::GroupId;
use crate::record::{Position, Record};

/// A record that was delivered, and is to be acknowledged.
pub type Event<K, V> = Acked<Arc<Record<K, V>>>;

/// A value, and the duty to [acknowledge](Acked::ack) the record that it comes from.
///
/// Whatever is made of the value, by [`map`](Acked::map) or [`handle`](Acked::handle), has the duty with it. Dropped without being
/// acknowledged, by a panic, an interruption or a `?`, it is not: the record holds what its group may commit, and
/// is [delivered again](crate::Consumer). No other way is there to lose one.
///
/// # Examples
///
/// ```
/// use effect_topic::{Partitions, Start, Topic};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = Topic::in_memory("orders", Partitions::of(1));
/// for amount in [12, 3000, 7] {
///     orders.publish("alice", amount).await?;
/// }
/// orders.close();
/// let audit = orders.subscribe("audit", Start::Earliest)?;
/// // What is filtered out is done with.
/// let large = audit.events().filter_map(|order| order.filter(|order| order.value > 1000));
/// let noted = large.map_effect(|order| {
///     order.handle(async |order| Ok::<_, String>(format!("{}: {}", order.offset, order.value)))
/// });
/// let Ok(all) = noted.run_collect().await;
/// assert_eq!(all, [Ok("1: 3000".to_owned())]);
/// assert_eq!(audit.committed(0), Some(3));
/// # Ok(())
/// # }
/// ```
#[must_use = "a record that is not acknowledged is delivered again: call `ack` when it is done"]
pub struct Acked<T> {
    value: T,
    ack: Ack,
}

impl<T> Acked<T> {
    pub(crate) const fn new(value: T, ack: Ack) -> Self {
        Acked { value, ack }
    }

    /// Says that the record is done. A second time changes nothing.
    pub fn ack(&self) {
        self.ack.ack();
    }

    /// Whether this was acknowledged.
    pub fn is_acked(&self) -> bool {
        self.ack.is_acked()
    }

    /// Transforms the value, which is to be acknowledged as before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_topic::{Partitions, Start, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Topic::in_memory("orders", Partitions::of(1));
    /// orders.publish("alice", 12).await?;
    /// let events = orders.subscribe("audit", Start::Earliest)?.events();
    /// let lines = events.map(|order| order.map(|order| format!("{}: {}", order.key, order.value)));
    /// let Ok(lines) = lines.take(1).run_collect().await;
    /// assert_eq!(*lines[0], "alice: 12");
    /// lines[0].ack();
    /// assert_eq!(orders.committed(0), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Acked<U> {
        let Acked { value, ack } = self;
        Acked::new(f(value), ack)
    }

    /// Keeps the value if the predicate says so. What is not kept is acknowledged: nothing more is to be done with it. See [`Acked`].
    pub fn filter(self, keeps: impl FnOnce(&T) -> bool) -> Option<Self> {
        if keeps(&self.value) {
            return Some(self);
        }
        self.ack();
        None
    }

    /// Runs an effect with the value, and acknowledges the record if that succeeds. If it fails, panics or is interrupted, the
    /// record is delivered again.
    ///
    /// # Errors
    ///
    /// What the effect fails with.
    ///
    /// # Cancel safety
    ///
    /// Interrupted before the effect has ended, it does not acknowledge.
    ///
    /// # Examples
    ///
    /// See [`Acked`].
    pub fn handle<R, I, F>(
        self,
        f: F,
    ) -> Effect<R, I::Error, I::Value, impl Program<R, Error = I::Error, Value = I::Value>>
    where
        R: Env,
        I: IntoEffect<R>,
        F: FnOnce(T) -> I,
    {
        let Acked { value, ack } = self;
        f(value).into_effect().map(move |done| {
            ack.ack();
            done
        })
    }

    /// Takes the value and the duty apart.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_topic::{Partitions, Start, Topic};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Topic::in_memory("orders", Partitions::of(1));
    /// orders.publish("alice", 12).await?;
    /// let events = orders.subscribe("audit", Start::Earliest)?.events();
    /// let Ok(mut events) = events.take(1).run_collect().await;
    /// let (order, ack) = events.remove(0).into_parts();
    /// assert_eq!(order.value, 12);
    /// ack.ack();
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_parts(self) -> (T, Ack) {
        (self.value, self.ack)
    }
}

impl<T> Deref for Acked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Acked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acked")
            .field("value", &self.value)
            .field("is_acked", &self.is_acked())
            .finish_non_exhaustive()
    }
}

/// The duty to acknowledge a record: of [`Acked::into_parts`].
#[must_use = "a record that is not acknowledged is delivered again: call `ack` when it is done"]
pub struct Ack {
    to: Arc<dyn Acknowledge>,
    group: GroupId,
    position: Position,
    /// The number of the stream that delivered the record.
    stream: u64,
    is_acked: AtomicBool,
}

/// Who is told what became of a record.
pub(crate) trait Acknowledge: Send + Sync {
    /// It is done.
    fn ack(&self, group: GroupId, position: Position);

    /// It is not, and whoever had it of that stream has dropped it.
    fn give_back(&self, group: GroupId, position: Position, stream: u64);
}

impl Ack {
    pub(crate) const fn new(
        to: Arc<dyn Acknowledge>,
        group: GroupId,
        position: Position,
        stream: u64,
    ) -> Self {
        Ack {
            to,
            group,
            position,
            stream,
            is_acked: AtomicBool::new(false),
        }
    }

    /// Says that the record is done. A second time changes nothing.
    pub fn ack(&self) {
        // Whether it was is all that this says: the log has a lock.
        if !self.is_acked.swap(true, Ordering::Relaxed) {
            self.to.ack(self.group, self.position);
        }
    }

    /// Whether this was acknowledged.
    pub fn is_acked(&self) -> bool {
        self.is_acked.load(Ordering::Relaxed)
    }

    /// Where the record is.
    pub const fn position(&self) -> Position {
        self.position
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        if !*self.is_acked.get_mut() {
            self.to.give_back(self.group, self.position, self.stream);
        }
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ack")
            .field("position", &self.position)
            .field("is_acked", &self.is_acked())
            .finish_non_exhaustive()
    }
}
