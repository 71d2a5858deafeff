//! Publishing, which waits for room.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::ready;
use std::time::SystemTime;

use effect_core::{Cx, Env, Program, Value, WaitsFor, poll_turn};

use crate::log::{Log, Waiting};
use crate::record::Position;

/// Why a record was not published: what was to be is handed back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError<K, V> {
    /// The topic takes nothing more.
    #[error("the topic is closed")]
    Closed {
        /// The key.
        key: K,
        /// The value.
        value: V,
    },
    /// The topic has fewer partitions.
    #[error("the topic has no partition {partition}")]
    NoPartition {
        /// The partition that was asked for.
        partition: u32,
        /// The key.
        key: K,
        /// The value.
        value: V,
    },
}

/// The program of [`Topic::publish`](crate::Topic::publish).
pub struct Publish<K, V> {
    pub(crate) log: Arc<Log<K, V>>,
    pub(crate) partition: u32,
    pub(crate) key: K,
    pub(crate) value: V,
    /// The time of the runtime, if there is none.
    pub(crate) timestamp: Option<SystemTime>,
    pub(crate) waits_for: WaitsFor,
}

impl<R: Env, K: Value + Sync, V: Value + Sync> Program<R> for Publish<K, V> {
    type Error = PublishError<K, V>;
    type Value = Position;

    async fn run(self, cx: &Cx<R>) -> Result<Position, PublishError<K, V>> {
        let Publish {
            log,
            partition,
            key,
            value,
            timestamp,
            waits_for,
        } = self;
        if partition >= log.partitions {
            return Err(PublishError::NoPartition {
                partition,
                key,
                value,
            });
        }
        let timestamp = timestamp.unwrap_or_else(|| cx.wall_now());
        let mut turn = Turn {
            log: &log,
            waiting: Waiting {
                partition,
                content: Some((key, value, timestamp)),
                place: None,
            },
        };
        let published = poll_fn(|task| {
            ready!(poll_turn(task));
            let polled = turn.log.poll_publish(&mut turn.waiting, task);
            if polled.is_pending() {
                waits_for.note();
            }
            polled
        })
        .await;
        published.ok_or_else(|| {
            let content = turn.waiting.content.take();
            let (key, value, _) = content.expect("it was not published");
            PublishError::Closed { key, value }
        })
    }
}

/// What waits to be published, and leaves the line when it is dropped.
struct Turn<'a, K, V> {
    log: &'a Log<K, V>,
    waiting: Waiting<K, V>,
}

impl<K, V> Drop for Turn<'_, K, V> {
    fn drop(&mut self) {
        self.log.stop_publishing(&mut self.waiting);
    }
}

impl<K: Clone, V: Clone> Clone for Publish<K, V> {
    fn clone(&self) -> Self {
        Publish {
            log: Arc::clone(&self.log),
            partition: self.partition,
            key: self.key.clone(),
            value: self.value.clone(),
            timestamp: self.timestamp,
            waits_for: self.waits_for,
        }
    }
}

impl<K, V> fmt::Debug for Publish<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").finish_non_exhaustive()
    }
}
