//! A test that starts its own program again, to see what another process makes of it.

use std::env;
use std::process::{Command, Output};

/// What is set in the environment of a process that a test has started.
const CHILD: &str = "SIMULATION_CHILD";

/// Whether a test has started this process.
pub fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

/// Starts this program again, for one of its tests.
pub fn again(test: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env_remove("SIM_PLAN");
    command.envs(variables.iter().copied()).output().unwrap()
}

/// What a process has printed.
pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
