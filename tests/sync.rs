//! What fibers share, and wait for.

mod common;

mod sync_barrier;
mod sync_channel;
#[cfg(feature = "crossbeam")]
mod sync_channel_crossbeam;
mod sync_channel_crowds;
mod sync_channel_ending;
mod sync_channel_interop;
mod sync_channel_now;
mod sync_channel_permits;
mod sync_deferred;
mod sync_gate;
mod sync_hub;
mod sync_hub_ending;
mod sync_hub_publishing;
mod sync_keyed_semaphore;
mod sync_latch;
mod sync_mutex;
mod sync_queue;
mod sync_queue_crowds;
mod sync_reference;
mod sync_rendezvous;
mod sync_semaphore;
mod sync_semaphore_resizing;
mod sync_subscription_ref;
