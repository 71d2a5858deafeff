//! Effects: making, composing, failing, racing, masking them.

mod common;

mod effect_bounding;
mod effect_callback;
mod effect_causes;
mod effect_collecting;
mod effect_creating;
mod effect_disconnecting;
mod effect_failing;
mod effect_finalizers;
mod effect_interruption;
mod effect_masking;
mod effect_memoize;
mod effect_parallel;
mod effect_racing;
mod effect_recovering;
mod effect_repeating;
mod effect_stack_safety;
mod effect_timing_out;
mod cause_display;
