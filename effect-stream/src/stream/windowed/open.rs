//! The windows that are open, each in its place.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::ops::Range;
use std::time::Duration;

use effect_core::Value;
use slab::Slab;

use super::nanos::{duration, time};
use super::windows::{Late, Shape, Window, Windows};

/// What is kept of the items of a window.
pub trait Summary<A>: Send + 'static {
    /// What they come to.
    type Value: Value;

    /// What no item comes to.
    fn empty(&mut self) -> Self::Value;

    /// Adds an item that others need as well.
    fn add(&mut self, so_far: Self::Value, item: &A) -> Self::Value;

    /// Adds an item that nobody else needs.
    fn add_last(&mut self, so_far: Self::Value, item: A) -> Self::Value {
        self.add(so_far, &item)
    }

    /// Joins what the items of two windows came to.
    fn join(&mut self, earlier: Self::Value, later: Self::Value) -> Self::Value;
}

/// Open windows, with what their items came to so far.
pub(super) struct OpenWindows<K, B> {
    windows: Windows,
    /// No window that ends by then is open, once those that are closed were taken out.
    watermark: i128,
    /// How many windows were opened. Of two that are alike but for their keys, the older one is emitted first.
    opened: u64,
    open: Slab<Open<K, B>>,
    /// In the order in which they are emitted.
    order: BTreeMap<Place, usize>,
    /// No window ends before.
    first_end: i128,
    /// Those of each key, by their starts, and so by their ends as well.
    places: HashMap<K, VecDeque<(Place, usize)>>,
    /// Of tumbling windows, the one that an item was added to last. The next one is often in it as well.
    latest: Option<(Place, usize)>,
}

/// Where a window is. Its fields are in the order in which windows are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    end: i128,
    start: i128,
    number: u64,
}

struct Open<K, B> {
    key: K,
    // `None` while a closure has it.
    value: Option<B>,
}

impl<K: Clone + Eq + Hash, B: Value> OpenWindows<K, B> {
    pub(super) fn new(windows: Windows) -> Self {
        OpenWindows {
            windows,
            watermark: i128::MIN,
            opened: 0,
            open: Slab::new(),
            order: BTreeMap::new(),
            first_end: i128::MAX,
            places: HashMap::new(),
            latest: None,
        }
    }

    /// Adds an item to its windows that are open, or gives it back if none is.
    ///
    /// The windows that were closed before are to be taken out by then.
    pub(super) fn add<A>(
        &mut self,
        item: A,
        time: i128,
        key: K,
        summary: &mut impl Summary<A, Value = B>,
    ) -> Result<(), Late<A>> {
        // An item in whose time others are closed is in none of those: they end by then.
        self.watermark = self.watermark.max(time - self.windows.lateness);
        match self.windows.shape {
            Shape::Aligned {
                size,
                every,
                origin,
            } if size == every => {
                // Where the next item is in the same window, or in that of another key, nothing is divided.
                let start = match self.latest {
                    Some((place, slot)) if place.start <= time && time < place.end => {
                        if place.end > self.watermark && self.open[slot].key == key {
                            self.open[slot].put(|value| summary.add_last(value, item));
                            return Ok(());
                        }
                        place.start
                    }
                    _ => time - (time - origin).rem_euclid(size),
                };
                if start + size <= self.watermark {
                    return Err(self.late(item, time));
                }
                let found = self.window(&key, start, size, summary);
                self.latest = Some(found);
                self.open[found.1].put(|value| summary.add_last(value, item));
                Ok(())
            }
            Shape::Aligned {
                size,
                every,
                origin,
            } => {
                // The number of the last window that begins by a time.
                let last_by = |time: i128| (time - origin).div_euclid(every);
                let last = last_by(time);
                let first = last_by(time - size) + 1;
                let open = last_by(time.max(self.watermark) - size) + 1;
                if open > last {
                    // Where windows are apart, it may never have been in one.
                    return if first > last {
                        Ok(())
                    } else {
                        Err(self.late(item, time))
                    };
                }
                let starts = |n: i128| origin + n * every;
                for n in open..last {
                    let (_, slot) = self.window(&key, starts(n), size, summary);
                    self.open[slot].put(|value| summary.add(value, &item));
                }
                let (_, slot) = self.window(&key, starts(last), size, summary);
                self.open[slot].put(|value| summary.add_last(value, item));
                Ok(())
            }
            Shape::Sessions { gap } => self.add_to_session(item, time, gap, key, summary),
        }
    }

    /// The window of a key with this start, which is opened if it is not.
    fn window<A>(
        &mut self,
        key: &K,
        start: i128,
        size: i128,
        summary: &mut impl Summary<A, Value = B>,
    ) -> (Place, usize) {
        let found = self.places.get(key).and_then(|places| {
            let nth = places.binary_search_by_key(&start, |(place, _)| place.start);
            Some(places[nth.ok()?])
        });
        found.unwrap_or_else(|| {
            let place = self.place(start, start + size);
            (place, self.open(place, key.clone(), summary.empty()))
        })
    }

    /// A place for another window.
    fn place(&mut self, start: i128, end: i128) -> Place {
        self.opened += 1;
        Place {
            end,
            start,
            number: self.opened,
        }
    }

    fn open(&mut self, place: Place, key: K, value: B) -> usize {
        let places = self.places.entry(key.clone());
        // Most keys have one.
        let places = places.or_insert_with(|| VecDeque::with_capacity(1));
        let nth = places.partition_point(|(other, _)| other.start < place.start);
        let value = Some(value);
        let slot = self.open.insert(Open { key, value });
        places.insert(nth, (place, slot));
        self.order.insert(place, slot);
        self.first_end = self.first_end.min(place.end);
        slot
    }

    /// Adds an item to the sessions that it is near enough to, which become one, or to a new one.
    fn add_to_session<A>(
        &mut self,
        item: A,
        time: i128,
        gap: i128,
        key: K,
        summary: &mut impl Summary<A, Value = B>,
    ) -> Result<(), Late<A>> {
        let end = time + gap;
        let near = self.near(&key, time, end);
        if near.is_empty() {
            if end <= self.watermark {
                return Err(self.late(item, time));
            }
            let place = self.place(time, end);
            let value = summary.empty();
            self.open(place, key, summary.add_last(value, item));
            return Ok(());
        }
        let places = self.places.get_mut(&key).expect("some are near");
        let (first, slot) = places[near.start];
        let mut joined = first;
        joined.start = first.start.min(time);
        joined.end = places[near.end - 1].0.end.max(end);
        if joined == first {
            let window = &mut self.open[slot];
            window.put(|value| summary.add_last(value, item));
            return Ok(());
        }
        let mut item = Some(item);
        let mut so_far = None;
        for (place, slot) in places.drain(near) {
            joined.number = joined.number.min(place.number);
            self.order.remove(&place);
            let window = self.open.remove(slot);
            let value = window.value.expect("no closure has it");
            so_far = Some(match (so_far, item.take()) {
                (None, Some(item)) => summary.add_last(value, item),
                (None, None) => value,
                (Some(earlier), _) => summary.join(earlier, value),
            });
        }
        self.open(joined, key, so_far.expect("some are near"));
        Ok(())
    }

    /// Which of the sessions of a key are in between, by number. There are no more than two.
    fn near(&self, key: &K, start: i128, end: i128) -> Range<usize> {
        let Some(places) = self.places.get(key) else {
            return 0..0;
        };
        let before = places.partition_point(|(place, _)| place.end <= start);
        before..places.partition_point(|(place, _)| place.start < end)
    }

    fn late<A>(&self, item: A, time: i128) -> Late<A> {
        let behind = duration((self.watermark - time).unsigned_abs());
        Late {
            item,
            behind: behind.unwrap_or(Duration::MAX),
        }
    }

    /// Closes all windows, as no item will come.
    pub(super) fn close_all(&mut self) {
        self.watermark = i128::MAX;
    }

    /// Takes the next window out that is closed.
    pub(super) fn next_closed(&mut self) -> Option<Window<B, K>> {
        if self.first_end > self.watermark {
            return None;
        }
        let Some((place, _)) = self.order.first_key_value() else {
            self.first_end = i128::MAX;
            return None;
        };
        self.first_end = place.end;
        if self.first_end > self.watermark {
            return None;
        }
        let (place, slot) = self.order.pop_first()?;
        let Open { key, value } = self.open.remove(slot);
        self.latest = None;
        let places = self.places.get_mut(&key).expect("each window has a place");
        let oldest = places.pop_front();
        debug_assert_eq!(
            oldest,
            Some((place, slot)),
            "those of a key close in their order"
        );
        if places.is_empty() {
            self.places.remove(&key);
        }
        Some(Window {
            key,
            start: time(place.start),
            end: time(place.end),
            value: value.expect("no closure has it"),
        })
    }
}

impl<K, B> Open<K, B> {
    fn put(&mut self, add: impl FnOnce(B) -> B) {
        let value = self.value.take();
        let value = value.expect("a closure that panics is never called again");
        self.value = Some(add(value));
    }
}
