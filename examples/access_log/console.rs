//! What is said to whoever runs the program: nobody listening is no reason to panic, as `println!` has it.

use std::fmt::Display;
use std::io::{self, StdoutLock, Write};

/// Writes to standard output. A reader that has gone, `head` say, has seen enough: that is no error.
pub(crate) fn print(write: impl FnOnce(&mut StdoutLock) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Writes a line to standard error. If that fails, there is nobody left to tell.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
