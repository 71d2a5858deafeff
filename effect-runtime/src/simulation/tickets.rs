//! Tickets: books in which each item has one fate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

/// Books on items: each is issued once, and has one fate. See [`Trial::tickets`](super::Trial::tickets).
///
/// That no item has two fates is checked by itself. Whether one may be left without any, the program knows, and
/// asserts of [`open`](Tickets::open).
///
/// # Examples
///
/// ```
/// use effect_runtime::simulation::Tickets;
///
/// let tickets = Tickets::default();
/// let (one, other) = (tickets.issue(), tickets.issue());
/// tickets.settle(one, "delivered");
/// assert_eq!(tickets.open(), [other]);
/// assert_eq!(tickets.count("delivered"), 1);
/// assert_eq!(tickets.most_open(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tickets {
    books: Arc<Mutex<Books>>,
}

#[derive(Debug, Default)]
struct Books {
    issued: u64,
    open: BTreeSet<u64>,
    most_open: usize,
    settled: BTreeMap<u64, &'static str>,
    twice: Option<String>,
}

impl Tickets {
    /// Issues the ticket of an item.
    pub fn issue(&self) -> u64 {
        let mut books = self.books.lock();
        let ticket = books.issued;
        books.issued += 1;
        books.open.insert(ticket);
        books.most_open = books.most_open.max(books.open.len());
        ticket
    }

    /// Puts down the fate of an item.
    pub fn settle(&self, ticket: u64, fate: &'static str) {
        let mut books = self.books.lock();
        if books.open.remove(&ticket) {
            books.settled.insert(ticket, fate);
        } else {
            let before = books.settled.get(&ticket).unwrap_or(&"never issued");
            books.twice = Some(format!("item {ticket} is {fate}, and was {before}"));
        }
    }

    /// How many were issued.
    pub fn issued(&self) -> u64 {
        self.books.lock().issued
    }

    /// Those without a fate.
    pub fn open(&self) -> Vec<u64> {
        self.books.lock().open.iter().copied().collect()
    }

    /// How many have had this fate.
    pub fn count(&self, fate: &str) -> usize {
        let books = self.books.lock();
        books
            .settled
            .values()
            .filter(|settled| **settled == fate)
            .count()
    }

    /// How many had no fate yet, at most, at the same time: what a bounded program bounds.
    pub fn most_open(&self) -> usize {
        self.books.lock().most_open
    }

    pub(super) fn audit(&self) -> Result<(), String> {
        match &self.books.lock().twice {
            None => Ok(()),
            Some(twice) => Err(twice.clone()),
        }
    }
}
