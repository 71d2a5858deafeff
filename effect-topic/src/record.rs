//! What a topic holds.

use std::sync::Arc;
use std::time::SystemTime;

/// A key and a value that were published, and where they are.
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
/// orders.close();
/// let events = orders.subscribe("billing", Start::Earliest)?.events();
/// let Ok(all) = events.run_collect().await;
/// let record = &all[0];
/// assert_eq!((&*record.topic, record.partition, record.offset), ("orders", 0, 0));
/// assert_eq!((record.key, record.value), ("alice", 12));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record<K, V> {
    /// The name of the topic.
    pub topic: Arc<str>,
    /// The partition, from 0.
    pub partition: u32,
    /// The place in the partition: 0 for the first record, and one more for each that follows.
    pub offset: u64,
    /// By what records belong together. Those of one key are in one partition, in order.
    pub key: K,
    /// What it says.
    pub value: V,
    /// When publishing it began, by the clock of the runtime: before it waited for room. A record that was [repartitioned](crate::Consumer::repartition) keeps its own.
    pub timestamp: SystemTime,
}

/// Where a record is in its topic.
///
/// # Examples
///
/// ```
/// use effect_topic::{Partitions, Position, Topic};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let orders = Topic::in_memory("orders", Partitions::of(1));
/// assert_eq!(orders.publish("alice", 12).await, Ok(Position { partition: 0, offset: 0 }));
/// assert_eq!(orders.publish("bob", 3).await, Ok(Position { partition: 0, offset: 1 }));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The partition.
    pub partition: u32,
    /// The place in the partition.
    pub offset: u64,
}
