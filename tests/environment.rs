//! What effects are given from outside.

mod common;

mod environment_building;
mod environment_services;
mod environment_sharing;
mod request_batching;
mod request_leaving;
mod request_memory;
