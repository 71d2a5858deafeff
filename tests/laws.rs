//! What holds of every program.

mod common;

mod laws_composition;
mod laws_demand;
mod laws_interruption;
mod laws_racing;
mod laws_resources;
mod laws_schedules;
mod laws_streams;
mod laws_streams_nested;
mod laws_time;
