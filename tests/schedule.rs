//! Schedules, and what goes by time.

mod common;

mod schedule_combining;
#[cfg(feature = "cron")]
mod schedule_cron;
mod schedule_delays;
mod schedule_stack_safety;
mod circuit_breaker;
mod rate_limiter;
