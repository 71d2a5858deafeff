//! This program again, under valgrind.

use std::io::ErrorKind;
use std::process::Command;

/// Runs this program with the given arguments under a tool of valgrind, and has what the tool has printed.
pub(crate) fn run(tool: &[&str], arguments: &[&str]) -> Result<String, String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("the program cannot find itself: {error}"))?;
    let output = Command::new("valgrind")
        .args(tool)
        .arg(program)
        .args(arguments)
        .output()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => "this needs valgrind, and there is none in PATH".to_owned(),
            _ => format!("valgrind cannot be started: {error}"),
        })?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(printed)
    } else {
        let arguments = arguments.join(" ");
        Err(format!("`{arguments}` failed under valgrind:\n{printed}"))
    }
}
