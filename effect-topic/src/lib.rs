//! Topics: records in partitions, which several consumers read, and acknowledge when they are done with them.
//!
//! Read it in this order: [`Topic`] and [`Record`], what is published; [`Consumer`], who reads it, as a stream; [`Acked`], by which
//! a consumer says that it is done; then [`Offsets`], which knows from that how far all is done.
//!
//! Delivery is at least once. A record counts as done when every group has acknowledged it, and a group's offset is
//! committed up to the first record that it has not: never past a gap.

#![forbid(unsafe_code)]

mod topic;
mod record;
mod key_hash;
mod publishing;
mod consumer;
mod events;
mod acked;
mod offsets;
mod repartitioning;
mod log;
mod group;
mod slowest;
mod line;

pub use acked::{Ack, Acked, Event};
pub use consumer::{Consumer, GroupTaken, Start};
pub use offsets::Offsets;
pub use publishing::PublishError;
pub use record::{Position, Record};
pub use repartitioning::RepartitionError;
pub use topic::{Partitions, Topic};

/// The sources and programs that topics are read and written by. One seldom needs to name them.
pub mod parts {
    pub use crate::events::{Events, Items};
    pub use crate::publishing::Publish;
    pub use crate::repartitioning::{KeyEffect, KeyOf, MakeKey, Repartition};
}
