//! Who reads a topic.

use std::fmt;
use std::sync::Arc;

use effect_core::{Env, Value};
use effect_stream::Stream;

use crate::acked::Event;
use crate::events::{Events, Items};
use crate::log::{GroupId, Log};

/// Where a new group begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record that is held.
    Earliest,
    /// With what is published from now on.
    Latest,
}

/// The group has a consumer already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group has a consumer already")]
pub struct GroupTaken;

/// A group's right to read a topic: of [`Topic::subscribe`](crate::Topic::subscribe).
///
/// Each of its streams takes what none of the others has taken: several share the records, as workers do. Clones are the same
/// consumer. It leaves its group when the last of them is dropped, and the last of their streams.
///
/// A record whose event is dropped without being acknowledged is not lost: it is delivered again to the streams of the
/// group that are opened after the one it came from. So what was in hand when a stream was interrupted, or its body failed, comes
/// first when the stream is run again, or the group has another consumer. It is late then, if records that follow it were processed
/// meanwhile. Where order matters more, do not go on past a failure: end the run there, as
/// [`run_for_each`](Stream::run_for_each) does, and `retry` it.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Schedule};
/// use effect_topic::{Partitions, Start, Topic};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = Topic::in_memory("orders", Partitions::of(1));
/// for amount in [12, 30, 7] {
///     orders.publish("alice", amount).await?;
/// }
/// orders.close();
/// let broken = AtomicBool::new(true);
/// let billed = orders.subscribe("billing", Start::Earliest)?.events().map_effect(move |order| {
///     let fails = order.value == 30 && broken.swap(false, Ordering::Relaxed);
///     order.handle(async move |order| if fails { Err("no paper") } else { Ok(order.value) })
/// });
/// let Ok(all) = billed.run_collect().await;
/// assert_eq!(all, [Ok(12), Err("no paper"), Ok(7)]);
///
/// let again = orders.subscribe("billing", Start::Earliest)?.items();
/// let Ok(all) = again.run_collect().await;
/// assert_eq!(all, [("alice", 30)]);
/// # Ok(())
/// # }
/// ```
pub struct Consumer<K, V> {
    membership: Arc<Membership<K, V>>,
}

/// Leaves the group when it is dropped.
pub(crate) struct Membership<K, V> {
    pub(crate) log: Arc<Log<K, V>>,
    pub(crate) group: GroupId,
}

impl<K, V> Drop for Membership<K, V> {
    fn drop(&mut self) {
        self.log.leave(self.group);
    }
}

impl<K: Value + Sync, V: Value + Sync> Consumer<K, V> {
    pub(crate) fn new(log: Arc<Log<K, V>>, group: GroupId) -> Self {
        let membership = Arc::new(Membership { log, group });
        Consumer { membership }
    }

    /// The records as events, which are acknowledged one by one, by hand: at least once.
    ///
    /// - **Pulls** a record for each that is wanted; never ahead.
    /// - **Fails** never.
    /// - **Completes** when the topic is closed and all was delivered, or the group was
    ///   [forgotten](crate::Topic::unsubscribe).
    /// - **When interrupted**, leaves what it has not delivered to others.
    ///
    /// Order holds within a partition. Nothing is said across partitions, which take turns.
    ///
    /// The end says that all was delivered, not that it is done: what another stream has in hand, and drops later, is for a stream that is
    /// opened after this. [`committed`](Consumer::committed) says what is done.
    ///
    /// # Examples
    ///
    /// See [`Acked`](crate::Acked).
    #[track_caller]
    pub fn events<R: Env>(&self) -> Stream<R, Event<K, V>, Events<K, V>> {
        Stream::new(Events::new(Arc::clone(&self.membership)))
    }

    /// The keys and values. Each is acknowledged when the next one is asked for, or the end.
    ///
    /// That is when the one before has been dealt with, as long as nothing downstream reads ahead: an operator that does, such as
    /// `buffer` or `map_effect_par`, asks for more while what it has is not done. [`events`](Consumer::events) are for those. What was delivered last,
    /// when the stream is dropped, is not acknowledged, since nobody has said that it is done.
    ///
    /// - **Pulls** a record for each that is wanted, and acknowledges the one before; never ahead.
    /// - **Fails** never.
    /// - **Completes** when the topic is closed and all was delivered, or the group was
    ///   [forgotten](crate::Topic::unsubscribe).
    /// - **When interrupted**, has the item in hand delivered again.
    ///
    /// # Examples
    ///
    /// See [`Topic`](crate::Topic).
    #[track_caller]
    pub fn items<R: Env>(&self) -> Stream<R, (K, V), Items<K, V>>
    where
        K: Clone,
        V: Clone,
    {
        Stream::new(Items(Events::new(Arc::clone(&self.membership))))
    }

    /// Up to where its group has acknowledged everything: the offset of the first record that would be delivered after a restart. `None`
    /// if the group was forgotten.
    ///
    /// # Panics
    ///
    /// If there is no such partition.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_topic::{Partitions, Start, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Topic::in_memory("orders", Partitions::of(1));
    /// let billing = orders.subscribe("billing", Start::Earliest)?;
    /// for amount in [12, 30, 7] {
    ///     orders.publish("alice", amount).await?;
    /// }
    /// let Ok(events) = billing.events().take(3).run_collect().await;
    /// events[2].ack();
    /// events[0].ack();
    /// assert_eq!(billing.committed(0), Some(1));
    /// events[1].ack();
    /// assert_eq!(billing.committed(0), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn committed(&self, partition: u32) -> Option<u64> {
        let Membership { log, group } = &*self.membership;
        log.committed_by(*group, partition)
    }
}

impl<K, V> Clone for Consumer<K, V> {
    fn clone(&self) -> Self {
        Consumer {
            membership: Arc::clone(&self.membership),
        }
    }
}

impl<K, V> fmt::Debug for Consumer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("topic", &self.membership.log.name)
            .finish_non_exhaustive()
    }
}
