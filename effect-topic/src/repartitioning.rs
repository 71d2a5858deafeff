//! The records of one topic by other keys, in another.

use std::fmt;
use std::future::{Ready, ready};
use std::hash::Hash;
use std::pin::pin;

use effect_core::{Cx, Effect, Env, IntoEffect, Never, Program, Value};
use effect_stream::Source;
use futures::StreamExt;

use crate::consumer::Consumer;
use crate::events::Events;
use crate::publishing::PublishError;
use crate::record::Record;
use crate::topic::Topic;

/// # Repartitioning
impl<K: Value + Sync, V: Value + Sync + Clone> Consumer<K, V> {
    /// Publishes each record to another topic, by a key that is made of it, until its own topic has ended. Records of one key are then in one
    /// partition, and those that were in one partition before are there in the same order.
    ///
    /// A record is acknowledged once it is published. Interrupted in between, it is published again by whoever goes on: at least once.
    /// Timestamps stay what they were. The other topic is left open, since others may publish to it as well.
    ///
    /// # Errors
    ///
    /// [`RepartitionError::Publish`], if the other topic is closed. The record is not acknowledged.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx};
    /// use effect_topic::{Partitions, Start, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Topic::in_memory("orders", Partitions::of(1));
    /// for (product, account) in [("pear", "alice"), ("fig", "bob"), ("plum", "alice")] {
    ///     orders.publish(product, account).await?;
    /// }
    /// orders.close();
    ///
    /// let by_account = Topic::in_memory("orders-by-account", Partitions::of(4));
    /// let repartitioner = orders.subscribe("repartitioner", Start::Earliest)?;
    /// repartitioner.repartition(&by_account, |order| order.value).await?;
    /// let alice = by_account.partition_of(&"alice");
    /// assert!(by_account.held(alice) >= 2);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "group_by")]
    pub fn repartition<R, K2, F>(
        &self,
        to: &Topic<K2, V>,
        key: F,
    ) -> Effect<R, RepartitionError<Never, K2, V>, (), Repartition<K, V, K2, KeyOf<F>>>
    where
        R: Env,
        K2: Value + Sync + Hash,
        F: FnMut(&Record<K, V>) -> K2 + Value,
    {
        Effect::new(Repartition {
            events: self.events::<R>().into_source(),
            to: to.clone(),
            key: KeyOf(key),
        })
    }

    /// Publishes each record to another topic, by a key that an effect yields for it. See [`repartition`](Consumer::repartition).
    ///
    /// # Errors
    ///
    /// [`RepartitionError::Key`], with the first failure of such an effect, and [`RepartitionError::Publish`], if the other topic is closed. The
    /// record is not acknowledged.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_topic::{Partitions, RepartitionError, Start, Topic};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let lines = Topic::in_memory("lines", Partitions::of(1));
    /// lines.publish((), "7 pears").await?;
    /// lines.publish((), "no figs").await?;
    /// lines.close();
    /// let by_number = Topic::<u32, _>::in_memory("by-number", Partitions::of(4));
    /// let reader = lines.subscribe("reader", Start::Earliest)?;
    /// let repartitioned = reader.repartition_effect(&by_number, |line| {
    ///     let word = line.value.split(' ').next().unwrap_or_default();
    ///     async move { word.parse() }
    /// });
    /// assert!(matches!(repartitioned.await, Err(RepartitionError::Key(_))));
    /// assert_eq!(reader.committed(0), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn repartition_effect<R, K2, I, F>(
        &self,
        to: &Topic<K2, V>,
        key: F,
    ) -> Effect<R, RepartitionError<I::Error, K2, V>, (), Repartition<K, V, K2, KeyEffect<F>>>
    where
        R: Env,
        K2: Value + Sync + Hash,
        I: IntoEffect<R, Value = K2>,
        F: FnMut(&Record<K, V>) -> I + Value,
    {
        Effect::new(Repartition {
            events: self.events::<R>().into_source(),
            to: to.clone(),
            key: KeyEffect(key),
        })
    }
}

/// Why a topic was not repartitioned to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RepartitionError<E, K, V> {
    /// A record's key could not be made.
    #[error("a record has no key: {0}")]
    Key(E),
    /// A record could not be published.
    #[error(transparent)]
    Publish(PublishError<K, V>),
}

/// What makes a key of a record.
pub trait MakeKey<R: Env, K, V>: Value {
    /// What yields the key.
    type Making: IntoEffect<R>;

    /// Makes the key of a record.
    fn make(&mut self, record: &Record<K, V>) -> Self::Making;
}

/// A key that a function has at once.
#[derive(Clone)]
pub struct KeyOf<F>(F);

impl<R, K, V, K2, F> MakeKey<R, K, V> for KeyOf<F>
where
    R: Env,
    K2: Value,
    F: FnMut(&Record<K, V>) -> K2 + Value,
{
    type Making = Ready<Result<K2, Never>>;

    fn make(&mut self, record: &Record<K, V>) -> Self::Making {
        ready(Ok((self.0)(record)))
    }
}

/// A key that an effect yields.
#[derive(Clone)]
pub struct KeyEffect<F>(F);

impl<R, K, V, I, F> MakeKey<R, K, V> for KeyEffect<F>
where
    R: Env,
    I: IntoEffect<R>,
    F: FnMut(&Record<K, V>) -> I + Value,
{
    type Making = I;

    fn make(&mut self, record: &Record<K, V>) -> I {
        (self.0)(record)
    }
}

/// The program of [`Consumer::repartition`].
pub struct Repartition<K, V, K2, M> {
    events: Events<K, V>,
    to: Topic<K2, V>,
    key: M,
}

impl<R, K, V, K2, M> Program<R> for Repartition<K, V, K2, M>
where
    R: Env,
    K: Value + Sync,
    V: Value + Sync + Clone,
    K2: Value + Sync + Hash,
    M: MakeKey<R, K, V, Making: IntoEffect<R, Value = K2>>,
{
    type Error = RepartitionError<<M::Making as IntoEffect<R>>::Error, K2, V>;
    type Value = ();

    async fn run(mut self, cx: &Cx<R>) -> Result<(), Self::Error> {
        let mut events = pin!(self.events.open(cx));
        while let Some(event) = events.next().await {
            let key = cx.run(self.key.make(&event)).await;
            let key = key.map_err(RepartitionError::Key)?;
            let publish = Effect::new(self.to.publish_again(key, &event));
            cx.run(publish).await.map_err(RepartitionError::Publish)?;
            event.ack();
        }
        Ok(())
    }
}

impl<K, V, K2, M: Clone> Clone for Repartition<K, V, K2, M> {
    fn clone(&self) -> Self {
        Repartition {
            events: self.events.clone(),
            to: self.to.clone(),
            key: self.key.clone(),
        }
    }
}

impl<K, V, K2, M> fmt::Debug for Repartition<K, V, K2, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repartition").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for KeyOf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyOf")
    }
}

impl<F> fmt::Debug for KeyEffect<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyEffect")
    }
}
