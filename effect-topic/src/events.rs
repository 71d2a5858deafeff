//! The streams of a consumer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use effect_core::{Cx, Env, Value, WaitsFor, poll_turn};
use effect_stream::{Pull, Source};
use futures::Stream as FuturesStream;

use crate::acked::{Ack, Acked, Acknowledge, Event};
use crate::consumer::Membership;
use crate::line::Place;
use crate::record::Position;

/// The source of [`Consumer::events`](crate::Consumer::events).
pub struct Events<K, V> {
    membership: Arc<Membership<K, V>>,
    waits_for: WaitsFor,
}

/// The source of [`Consumer::items`](crate::Consumer::items).
pub struct Items<K, V>(pub(crate) Events<K, V>);

impl<K, V> Events<K, V> {
    #[track_caller]
    pub(crate) const fn new(membership: Arc<Membership<K, V>>) -> Self {
        Events {
            membership,
            waits_for: WaitsFor::here("a record of a topic"),
        }
    }

    fn opened(self) -> Opened<K, V> {
        Opened {
            events: self,
            stream: None,
            place: None,
        }
    }
}

impl<R: Env, K: Value + Sync, V: Value + Sync> Source<R> for Events<K, V> {
    type Item = Event<K, V>;

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        self.opened()
    }
}

impl<R: Env, K: Value + Sync + Clone, V: Value + Sync + Clone> Source<R> for Items<K, V> {
    type Item = (K, V);

    fn open(self, _cx: &Cx<R>) -> impl Pull<Item = Self::Item> + Send {
        OpenedItems {
            events: self.0.opened(),
            in_hand: None,
        }
    }
}

/// A stream of a group.
struct Opened<K, V> {
    events: Events<K, V>,
    /// Its number, once it was polled.
    stream: Option<u64>,
    place: Place,
}

/// A stream that acknowledges when it is asked for more.
struct OpenedItems<K, V> {
    events: Opened<K, V>,
    in_hand: Option<Ack>,
}

impl<K: Value + Sync, V: Value + Sync> FuturesStream for Opened<K, V> {
    type Item = Event<K, V>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Event<K, V>>> {
        ready!(poll_turn(task));
        let this = &mut *self;
        let Membership { log, group } = &*this.events.membership;
        let stream = *this.stream.get_or_insert_with(|| log.open(*group));
        let Poll::Ready(taken) = log.poll_take(*group, stream, &mut this.place, task) else {
            this.events.waits_for.note();
            return Poll::Pending;
        };
        Poll::Ready(taken.map(|record| {
            let position = Position {
                partition: record.partition,
                offset: record.offset,
            };
            let log = Arc::clone(log) as Arc<dyn Acknowledge>;
            Acked::new(record, Ack::new(log, *group, position, stream))
        }))
    }
}

impl<K: Value + Sync + Clone, V: Value + Sync + Clone> FuturesStream for OpenedItems<K, V> {
    type Item = (K, V);

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<(K, V)>> {
        if let Some(done) = self.in_hand.take() {
            done.ack();
        }
        let event = ready!(Pin::new(&mut self.events).poll_next(task));
        Poll::Ready(event.map(|event| {
            let item = (event.key.clone(), event.value.clone());
            let (_, ack) = event.into_parts();
            self.in_hand = Some(ack);
            item
        }))
    }
}

impl<K: Value + Sync, V: Value + Sync> Pull for Opened<K, V> {}
impl<K: Value + Sync + Clone, V: Value + Sync + Clone> Pull for OpenedItems<K, V> {}

impl<K, V> Drop for Opened<K, V> {
    fn drop(&mut self) {
        let Membership { log, group } = &*self.events.membership;
        if let Some(stream) = self.stream {
            log.close_stream(*group, stream, &mut self.place);
        }
    }
}

impl<K, V> Clone for Events<K, V> {
    fn clone(&self) -> Self {
        Events {
            membership: Arc::clone(&self.membership),
            waits_for: self.waits_for,
        }
    }
}

impl<K, V> Clone for Items<K, V> {
    fn clone(&self) -> Self {
        Items(self.0.clone())
    }
}

impl<K, V> fmt::Debug for Events<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for Items<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}
