//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: access_log [PATH | -] [--errors FILE] [--json]

  PATH           an access log in Apache's combined format; - reads standard input;
                 without one, the sample that comes with this program is read
  --errors FILE  writes the lines that cannot be parsed to FILE, as JSON lines
  --json         prints one JSON object instead of the report";

/// Where the log comes from.
#[derive(Debug)]
pub(crate) enum Input {
    Sample,
    Stdin,
    File(PathBuf),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) input: Input,
    pub(crate) errors: Option<PathBuf>,
    pub(crate) json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("--errors needs a file")]
    ErrorsWithoutFile,
    #[error("unknown option {0}")]
    Unknown(String),
    #[error("one log at a time: {0} is one too many")]
    SecondInput(String),
}

impl Options {
    /// Reads the arguments; `None` if they ask for help.
    pub(crate) fn parse(
        arguments: impl Iterator<Item = OsString>,
    ) -> Result<Option<Options>, UsageError> {
        let mut arguments = arguments;
        let (mut input, mut errors, mut json) = (None, None, false);
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--help" | "-h") => return Ok(None),
                Some("--json") => json = true,
                Some("--errors") => {
                    let file = arguments.next().ok_or(UsageError::ErrorsWithoutFile)?;
                    errors = Some(PathBuf::from(file));
                }
                Some(option) if option.starts_with('-') && option != "-" => {
                    return Err(UsageError::Unknown(option.to_owned()));
                }
                _ if input.is_some() => {
                    return Err(UsageError::SecondInput(
                        argument.to_string_lossy().into_owned(),
                    ));
                }
                Some("-") => input = Some(Input::Stdin),
                _ => input = Some(Input::File(PathBuf::from(argument))),
            }
        }
        Ok(Some(Options {
            input: input.unwrap_or(Input::Sample),
            errors,
            json,
        }))
    }
}
