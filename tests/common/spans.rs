//! A tracing subscriber that writes down all that it is told.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses its part of this"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// The values of fields, printed.
pub type Fields = BTreeMap<String, String>;

/// A span, and what was done with it.
#[derive(Clone, Debug, Default)]
pub struct Span {
    pub id: u64,
    pub name: String,
    pub target: String,
    pub fields: Fields,
    pub parent: Option<u64>,
    pub entered: usize,
    pub left: usize,
    pub closed: bool,
}

/// An event, and the names of the spans that it is in, the innermost first.
#[derive(Clone, Debug)]
pub struct Told {
    pub name: String,
    pub target: String,
    pub level: tracing::Level,
    pub fields: Fields,
    pub scope: Vec<String>,
}

/// What a subscriber was told.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    spans: Vec<Span>,
    events: Vec<Told>,
}

impl Seen {
    /// Calls `f` with a subscriber that wants all down to this level, and has what it was told.
    pub fn of(level: LevelFilter, f: impl FnOnce(&Seen)) -> Seen {
        let seen = Seen::default();
        let layer = seen.clone().with_filter_of(level);
        tracing::subscriber::with_default(Registry::default().with(layer), || f(&seen));
        seen
    }

    fn with_filter_of(self, level: LevelFilter) -> Leveled {
        Leveled { seen: self, level }
    }

    /// The spans of this name, oldest first.
    pub fn spans(&self, name: &str) -> Vec<Span> {
        let inner = self.inner.lock().unwrap();
        let spans = inner.spans.iter().filter(|span| span.name == name);
        spans.cloned().collect()
    }

    /// The only span with this name, of which a field has this value.
    #[track_caller]
    pub fn span(&self, name: &str, field: &str, value: &str) -> Span {
        let mut spans = self.spans(name);
        spans.retain(|span| span.fields.get(field).is_some_and(|it| it == value));
        let [span] = &spans[..] else {
            panic!("{spans:?} are not one {name}");
        };
        span.clone()
    }

    /// The events of this name.
    pub fn events(&self, name: &str) -> Vec<Told> {
        let inner = self.inner.lock().unwrap();
        let events = inner.events.iter().filter(|event| event.name == name);
        events.cloned().collect()
    }

    /// The events of this target.
    pub fn told(&self, target: &str) -> Vec<Told> {
        let inner = self.inner.lock().unwrap();
        let events = inner.events.iter().filter(|event| event.target == target);
        events.cloned().collect()
    }

    /// The event that says this.
    #[track_caller]
    pub fn message(&self, message: &str) -> Told {
        let inner = self.inner.lock().unwrap();
        let says = |event: &&Told| event.fields.get("message").is_some_and(|it| it == message);
        let found = inner.events.iter().find(says).cloned();
        found.unwrap_or_else(|| panic!("nobody said {message}: {:?}", inner.events))
    }

    fn with_span(&self, id: &Id, f: impl FnOnce(&mut Span)) {
        let mut inner = self.inner.lock().unwrap();
        let id = id.into_u64();
        // Numbers are used again: the last is meant.
        f(inner.spans.iter_mut().rfind(|span| span.id == id).unwrap());
    }
}

struct Leveled {
    seen: Seen,
    level: LevelFilter,
}

#[derive(Default)]
struct Printed(Fields);

impl Visit for Printed {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Leveled {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Printed::default();
        attributes.record(&mut fields);
        let metadata = attributes.metadata();
        let parent = context.span(id).unwrap().parent();
        self.seen.inner.lock().unwrap().spans.push(Span {
            id: id.into_u64(),
            name: metadata.name().to_owned(),
            target: metadata.target().to_owned(),
            fields: fields.0,
            parent: parent.map(|parent| parent.id().into_u64()),
            ..Span::default()
        });
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        self.seen.with_span(id, |span| span.entered += 1);
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        self.seen.with_span(id, |span| span.left += 1);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.seen.with_span(&id, |span| span.closed = true);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Printed::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let scope = context.event_scope(event).into_iter().flatten();
        let scope = scope.map(|span| span.name().to_owned()).collect();
        self.seen.inner.lock().unwrap().events.push(Told {
            name: metadata.name().to_owned(),
            target: metadata.target().to_owned(),
            level: *metadata.level(),
            fields: fields.0,
            scope,
        });
    }
}
