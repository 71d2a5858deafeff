//! The reference programs: small, and each full of places where something can go wrong.

use effect::simulation::{Explored, Sim, Violation};

mod finalizers;

/// What is simulated of each program.
pub type Result = std::result::Result<Explored, Box<Violation>>;

/// A reference program.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Runs it by plans that chance makes.
    pub explore: fn(Sim) -> Result,
    /// Runs it with each fault, one at a time.
    pub each_fault: fn(Sim) -> Result,
    /// Runs it with each pair of interrupts.
    pub each_pair: fn(Sim) -> Result,
}

/// Makes a [`Reference`] of a function that builds a case.
macro_rules! reference {
    ($name:ident, $about:literal) => {
        Reference {
            name: stringify!($name),
            about: $about,
            explore: |sim| sim.explore($name::case),
            each_fault: |sim| {
                let mut explored = sim.each_interrupt($name::case)?;
                explored += sim.each_panic($name::case)?;
                explored += sim.each_drop($name::case)?;
                Ok(explored)
            },
            each_pair: |sim| sim.each_pair($name::case),
        }
    };
}

/// All of them.
pub const ALL: &[Reference] = &[reference!(
    finalizers,
    "scopes in scopes, on every kind of end, with children that use what they hold"
)];
