//! Virtual time, and the simulator.

mod common;

mod simulation_again;
mod simulation_census;
mod simulation_faults;
mod simulation_noise;
mod simulation_orders;
mod simulation_violations;
mod virtual_time;
