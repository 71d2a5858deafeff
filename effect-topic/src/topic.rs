//! The topic: where records are published, and who reads them.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use effect_core::{Effect, Env, Value, WaitsFor};

use crate::consumer::{Consumer, GroupTaken, Start};
use crate::key_hash::partition_of;
use crate::log::Log;
use crate::publishing::{Publish, PublishError};
use crate::record::{Position, Record};

/// Records with keys, in partitions, each of which keeps its order.
///
/// Every group that subscribes has all records, and acknowledges them. This is the memory of one process; clones are the same topic.
///
/// **What is held.** A record is held until all groups have committed it: acknowledged it and all before it in its
/// partition. Each partition holds so many at most, and then [`publish`](Topic::publish) waits: for the slowest group, which
/// therefore decides what is held, and how fast the others are. A group that nobody reads any more is to be
/// [forgotten](Topic::unsubscribe). Without any group, records are held for the first that comes; if it begins with the latest, they
/// are dropped.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx};
/// use effect_topic::{Partitions, PublishError, Start, Topic};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = Topic::in_memory("orders", Partitions::of(4));
/// let billing = orders.subscribe("billing", Start::Earliest)?;
/// let body = effect(async move |cx: Cx<()>| {
///     cx.run(orders.publish("alice", 12)).await?;
///     cx.run(orders.publish("alice", 30)).await?;
///     orders.close();
///     // Each is acknowledged when the next one is asked for.
///     let Ok(all) = cx.run(billing.items().run_collect()).await;
///     Ok::<_, PublishError<_, _>>(all)
/// });
/// assert_eq!(body.await?, [("alice", 12), ("alice", 30)]);
/// # Ok(())
/// # }
/// ```
pub struct Topic<K, V> {
    log: Arc<Log<K, V>>,
}

/// How many partitions a topic in memory has, and how much each of them holds.
///
/// # Examples
///
/// ```
/// use effect_topic::{Partitions, Topic};
///
/// let orders = Topic::<u64, String>::in_memory("orders", Partitions::of(4).holding(64));
/// assert_eq!(orders.partitions(), 4);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Partitions {
    count: u32,
    holding: usize,
}

impl Partitions {
    /// So many partitions, of which each holds up to 1,024 records.
    ///
    /// # Panics
    ///
    /// If there are none.
    #[track_caller]
    pub const fn of(count: u32) -> Self {
        assert!(count > 0, "a topic has at least one partition");
        Partitions {
            count,
            holding: 1024,
        }
    }

    /// Has each partition hold up to so many records that a group has not committed. Whoever publishes more waits.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[must_use]
    #[track_caller]
    pub const fn holding(mut self, records: usize) -> Self {
        assert!(records > 0, "a partition holds at least one record");
        self.holding = records;
        self
    }
}

/// # Creating
impl<K: Value + Sync, V: Value + Sync> Topic<K, V> {
    /// Creates a topic in the memory of this process.
    ///
    /// # Panics
    ///
    /// If the name is empty, longer than 200 bytes, or has others than letters of ASCII, digits, `.`, `_` and `-` in it: what holds for
    /// all brokers.
    ///
    /// # Examples
    ///
    /// See [`Topic`].
    #[track_caller]
    pub fn in_memory(name: impl Into<Arc<str>>, partitions: Partitions) -> Self {
        let name = name.into();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!(
            (1..=200).contains(&name.len()) && name.chars().all(is_plain),
            "the name of a topic has 1 to 200 letters, digits, and `.`, `_` or `-`"
        );
        let log = Log::new(name, partitions.count, partitions.holding);
        Topic { log: Arc::new(log) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.log.name
    }

    /// How many partitions it has.
    pub fn partitions(&self) -> u32 {
        self.log.partitions
    }
}

/// # Publishing
impl<K: Value + Sync, V: Value + Sync> Topic<K, V> {
    /// Publishes a record to the partition of its key, and yields where that is. Waits while the partition is full; who comes first is
    /// served first.
    ///
    /// Records of one key are all in one partition, the same in every run.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`], with the key and the value, if the topic is closed, also while this waits.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it has published nothing. Once it has, it does not wait any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_topic::{Partitions, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Topic::in_memory("orders", Partitions::of(16));
    /// let first = orders.publish("alice", 12).await?;
    /// let second = orders.publish("alice", 30).await?;
    /// assert_eq!(first.partition, second.partition);
    /// assert_eq!(second.offset, first.offset + 1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn publish<R: Env>(
        &self,
        key: K,
        value: V,
    ) -> Effect<R, PublishError<K, V>, Position, Publish<K, V>>
    where
        K: Hash,
    {
        let partition = self.partition_of(&key);
        self.publish_to(partition, key, value)
    }

    /// Publishes a record to a partition, whatever its key. See [`publish`](Topic::publish).
    ///
    /// # Errors
    ///
    /// [`PublishError::NoPartition`], if there is no such partition, and [`PublishError::Closed`]: both with the key and the value.
    ///
    /// # Cancel safety
    ///
    /// Interrupted, it has published nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_topic::{Partitions, PublishError, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let readings = Topic::in_memory("readings", Partitions::of(2));
    /// assert_eq!(readings.publish_to(1, (), 20.5).await.unwrap().partition, 1);
    /// let refused = readings.publish_to(2, (), 21.0).await;
    /// assert_eq!(refused, Err(PublishError::NoPartition { partition: 2, key: (), value: 21.0 }));
    /// # }
    /// ```
    #[track_caller]
    pub fn publish_to<R: Env>(
        &self,
        partition: u32,
        key: K,
        value: V,
    ) -> Effect<R, PublishError<K, V>, Position, Publish<K, V>> {
        Effect::new(Publish {
            log: Arc::clone(&self.log),
            partition,
            key,
            value,
            timestamp: None,
            waits_for: WaitsFor::here("room in a topic"),
        })
    }

    /// The partition of a key.
    pub fn partition_of(&self, key: &K) -> u32
    where
        K: Hash,
    {
        partition_of(key, self.log.partitions)
    }

    /// Takes nothing more. What is held stays readable; then the streams of those who read it end.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_topic::{Partitions, PublishError, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let orders = Topic::in_memory("orders", Partitions::of(1));
    /// orders.close();
    /// let refused = orders.publish("alice", 12).await;
    /// assert_eq!(refused, Err(PublishError::Closed { key: "alice", value: 12 }));
    /// # }
    /// ```
    pub fn close(&self) {
        self.log.close();
    }

    /// Whether it takes nothing more.
    pub fn is_closed(&self) -> bool {
        self.log.is_closed()
    }
}

/// # Subscribing
impl<K: Value + Sync, V: Value + Sync> Topic<K, V> {
    /// Has a group read all records: one with this name goes on where it was, and a new one begins at `start`.
    ///
    /// The group outlives its consumer. What was delivered and not acknowledged is then delivered again to the next consumer
    /// of that name. Until there is one, records are held for it: see [`unsubscribe`](Topic::unsubscribe).
    ///
    /// # Errors
    ///
    /// [`GroupTaken`], if the group has a consumer. Clone that one to share its records.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_topic::{Partitions, Start, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Topic::in_memory("orders", Partitions::of(1));
    /// for amount in [12, 30, 7] {
    ///     orders.publish("alice", amount).await?;
    /// }
    /// orders.close();
    /// let first_two = orders.subscribe("billing", Start::Earliest)?.events().take(2);
    /// let Ok(events) = first_two.run_collect().await;
    /// events[0].ack();
    /// drop(events);
    ///
    /// // The second one was dropped without being acknowledged.
    /// let rest = orders.subscribe("billing", Start::Earliest)?.items();
    /// let Ok(all) = rest.run_collect().await;
    /// assert_eq!(all, [("alice", 30), ("alice", 7)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe(
        &self,
        group: impl Into<Arc<str>>,
        start: Start,
    ) -> Result<Consumer<K, V>, GroupTaken> {
        let id = self.log.join(group.into(), start);
        let id = id.ok_or(GroupTaken)?;
        Ok(Consumer::new(Arc::clone(&self.log), id))
    }

    /// Has a group without a name read all records. It ends with its consumer: what it has not acknowledged is no longer held for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_topic::{Partitions, Start, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Topic::in_memory("orders", Partitions::of(1));
    /// orders.publish("alice", 12).await?;
    /// let new_ones = orders.subscribe_unnamed(Start::Latest);
    /// orders.publish("alice", 30).await?;
    /// orders.close();
    /// let Ok(all) = new_ones.items().run_collect().await;
    /// assert_eq!(all, [("alice", 30)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe_unnamed(&self, start: Start) -> Consumer<K, V> {
        let id = self.log.join_unnamed(start);
        Consumer::new(Arc::clone(&self.log), id)
    }

    /// Forgets a group: what it has not acknowledged is no longer held for it, and the streams of its consumer end. False if there is
    /// none.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_topic::{Partitions, Start, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Topic::in_memory("orders", Partitions::of(1).holding(1));
    /// let billing = orders.subscribe("billing", Start::Earliest)?;
    /// let audit = orders.subscribe("audit", Start::Earliest)?;
    /// orders.publish("alice", 12).await?;
    /// let Ok(events) = billing.events().take(1).run_collect().await;
    /// events[0].ack();
    /// // It is full, until nobody waits for the audit.
    /// drop(audit);
    /// assert!(orders.unsubscribe("audit"));
    /// orders.publish("alice", 30).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn unsubscribe(&self, group: &str) -> bool {
        self.log.forget(group)
    }
}

/// # Observing
impl<K: Value + Sync, V: Value + Sync> Topic<K, V> {
    /// The next offset that some group has yet to acknowledge: every group is done with all before it.
    ///
    /// # Panics
    ///
    /// If there is no such partition.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_topic::{Partitions, Position, Start, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Topic::in_memory("orders", Partitions::of(1));
    /// let billing = orders.subscribe("billing", Start::Earliest)?;
    /// let audit = orders.subscribe("audit", Start::Earliest)?;
    /// let placed = orders.publish("alice", 12).await?;
    /// orders.close();
    /// let Ok(_) = billing.items().run_collect().await;
    /// assert_eq!((orders.committed(0), orders.waiting_for(placed)), (0, 1));
    /// let Ok(_) = audit.items().run_collect().await;
    /// assert_eq!((orders.committed(0), orders.waiting_for(placed)), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn committed(&self, partition: u32) -> u64 {
        self.log.committed(partition)
    }

    /// How many groups have yet to acknowledge a record.
    ///
    /// # Panics
    ///
    /// If there is no such partition.
    pub fn waiting_for(&self, position: Position) -> usize {
        self.log.waiting_for(position)
    }

    /// How many records of a partition are held.
    ///
    /// # Panics
    ///
    /// If there is no such partition.
    pub fn held(&self, partition: u32) -> usize {
        self.log.held(partition)
    }
}

impl<K: Value + Sync + Hash, V: Value + Sync + Clone> Topic<K, V> {
    /// Publishes the value of a record by another key, with its timestamp.
    pub(crate) fn publish_again<K2>(&self, key: K, record: &Record<K2, V>) -> Publish<K, V> {
        Publish {
            log: Arc::clone(&self.log),
            partition: self.partition_of(&key),
            key,
            value: record.value.clone(),
            timestamp: Some(record.timestamp),
            waits_for: WaitsFor::here("room in a topic"),
        }
    }
}

impl<K, V> Clone for Topic<K, V> {
    fn clone(&self) -> Self {
        Topic {
            log: Arc::clone(&self.log),
        }
    }
}

impl<K, V> fmt::Debug for Topic<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic")
            .field("name", &self.log.name)
            .field("partitions", &self.log.partitions)
            .finish_non_exhaustive()
    }
}
