//! Topics, and those who read them.

mod common;

mod topic_offsets;
mod topic_reading;
mod topic_acknowledging;
mod topic_waiting;
mod topic_repartitioning;
mod topic_interruption;
