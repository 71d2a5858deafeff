//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: access_log [PATH | - | --replay FILE] [--errors FILE] [--json] [--progress] [--graph] [--flaky N]

  PATH           an access log in Apache's combined format; - reads standard input;
                 without one, the sample that comes with this program is read
  --errors FILE  writes the lines that fail to FILE, as JSON lines: dead letters
  --replay FILE  reads the lines that such a FILE holds, instead of a log
  --json         prints one JSON object instead of the report
  --progress     says at the end what each stage has done, and which is the bottleneck
  --graph        prints the pipeline as a mermaid graph, and runs nothing
  --flaky N      lets each Nth look-up of a user agent fail, as one in a service may: it is tried again";

/// Where the log comes from.
#[derive(Debug)]
pub(crate) enum Input {
    Sample,
    Stdin,
    File(PathBuf),
    /// What has failed before.
    Letters(PathBuf),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) input: Input,
    pub(crate) errors: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) progress: bool,
    pub(crate) graph: bool,
    pub(crate) flaky: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("{0} needs a file")]
    WithoutFile(&'static str),
    #[error("--flaky needs a number, 2 or more")]
    FlakyWithoutNumber,
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
        let (mut input, mut errors, mut flaky) = (None, None, None);
        let (mut json, mut progress, mut graph) = (false, false, false);
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--help" | "-h") => return Ok(None),
                Some("--json") => json = true,
                Some("--progress") => progress = true,
                Some("--graph") => graph = true,
                Some("--flaky") => {
                    let number = arguments.next().and_then(|n| n.to_str()?.parse().ok());
                    let number = number.filter(|each| *each >= 2);
                    flaky = Some(number.ok_or(UsageError::FlakyWithoutNumber)?);
                }
                Some("--errors") => {
                    let file = arguments
                        .next()
                        .ok_or(UsageError::WithoutFile("--errors"))?;
                    errors = Some(PathBuf::from(file));
                }
                Some("--replay") if input.is_none() => {
                    let file = arguments
                        .next()
                        .ok_or(UsageError::WithoutFile("--replay"))?;
                    input = Some(Input::Letters(PathBuf::from(file)));
                }
                Some(option) if option.starts_with('-') && !["-", "--replay"].contains(&option) => {
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
            progress,
            graph,
            flaky,
        }))
    }
}
