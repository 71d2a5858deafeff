//! Streams, and pipelines of them.

mod common;

mod stream_basics;
mod stream_errors;
mod stream_merge;
mod stream_contracts;
mod stream_table;
mod stream_faults;
mod stream_progress;
mod stream_parallel;
mod stream_sequencing;
mod stream_timing;
mod stream_windows;
mod stream_real_log;
mod stream_sources;
mod stream_judging;
mod stream_stopping;
mod stream_bounding;
mod stream_bounded_runs;
mod stream_reporting;
mod stream_sides;
mod stream_each;
mod stream_sharing;
mod stream_through;
mod stream_groups;
mod stream_ends;
mod stream_ten_operations;
mod stream_stack_safety;
mod pipeline_bounds;
mod pipeline_cases;
mod pipeline_computing;
mod pipeline_control;
mod pipeline_failures;
mod pipeline_fan;
mod pipeline_keys;
mod pipeline_joints;
mod pipeline_layers;
mod pipeline_loss;
mod pipeline_order;
mod pipeline_seeds;
#[cfg(feature = "tower")]
mod pipeline_services;
mod pipeline_stages;
mod pipeline_workers;
mod pipeline_watching;
