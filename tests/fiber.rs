//! Fibers, and the scopes that they and their resources live in.

mod common;

mod fiber_dispatcher;
mod fiber_locals;
mod fiber_reports;
mod fiber_scopes;
mod fiber_sets;
mod fiber_supervision;
mod scope_acquiring;
mod scope_finalizers;
mod scope_stack_safety;
mod pool;
mod cache;
