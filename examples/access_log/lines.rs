//! Lines of bytes, read in batches, with a bound on how long a line may be.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::LogError;
use super::dead_letters::Letter;
use super::options::Input;
use super::same_file::FileId;

/// How much of one line is kept. What is longer is rejected, and the rest of it is skipped, not stored.
pub(crate) const MAX_LINE_BYTES: usize = 64 * 1024;
/// How much is read at once. A batch is what lines are in it: none is waited for, so that a slow log, the end of
/// a `tail -f` say, is seen line by line.
const BUFFER_BYTES: usize = 256 * 1024;

const SAMPLE: &[u8] = include_bytes!("../data/access.log");

/// A line as it was read, without its line break.
#[derive(Debug)]
pub(crate) struct RawLine {
    /// Counted from 1.
    pub(crate) number: u64,
    /// At most [`MAX_LINE_BYTES`] of it.
    pub(crate) bytes: Vec<u8>,
    /// Whether there was more.
    pub(crate) cut: bool,
}

/// The lines of a log.
pub(crate) struct Lines {
    name: String,
    reader: BufReader<Box<dyn Read + Send>>,
    size: Option<u64>,
    file: Option<FileId>,
    /// Whether it is dead letters that hold the lines.
    letters: bool,
    number: u64,
    bytes_read: u64,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Lines {
    pub(crate) fn open(input: Input) -> Result<Self, LogError> {
        let letters = matches!(input, Input::Letters(_));
        let (name, opened) = match input {
            Input::Sample => ("the sample".to_owned(), Ok(sample())),
            Input::Stdin => ("standard input".to_owned(), stdin()),
            Input::File(path) | Input::Letters(path) => {
                let opened = File::open(&path).and_then(|file| log_file(file, &path));
                (path.display().to_string(), opened)
            }
        };
        let log = match opened {
            Ok(log) => log,
            Err(source) => return Err(LogError::Read { name, source }),
        };
        Ok(Lines {
            name,
            reader: BufReader::with_capacity(BUFFER_BYTES, log.reader),
            size: log.size,
            file: log.file,
            letters,
            number: 0,
            bytes_read: 0,
        })
    }

    /// Which file is read, if it is one that could be overwritten.
    pub(crate) fn file(&self) -> Option<&FileId> {
        self.file.as_ref()
    }

    /// How many bytes there are in all, where that is known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Reads some lines; none at the end of the log.
    pub(crate) fn read_batch(mut self) -> Result<(Self, Vec<RawLine>), LogError> {
        let mut batch = Vec::new();
        while batch.is_empty() || self.reader.buffer().contains(&b'\n') {
            match self.read_line() {
                Ok(Some(line)) => batch.push(line),
                Ok(None) => break,
                Err(source) => {
                    return Err(LogError::Read {
                        name: self.name,
                        source,
                    });
                }
            }
        }
        Ok((self, batch))
    }

    fn read_line(&mut self) -> io::Result<Option<RawLine>> {
        let mut bytes = Vec::new();
        // What does not end within this is too long, even if it is a line break that comes next.
        let longest = self.longest() as u64 + b"\r\n".len() as u64;
        let mut length = (&mut self.reader)
            .take(longest)
            .read_until(b'\n', &mut bytes)? as u64;
        if length == 0 {
            return Ok(None);
        }
        if length == longest && !bytes.ends_with(b"\n") {
            length += self.skip_line()?;
        }
        self.bytes_read += length;
        self.number += 1;
        for end in b"\n\r" {
            bytes.pop_if(|last| last == end);
        }
        if self.letters {
            return Letter::line(&bytes).map(Some);
        }
        let cut = bytes.len() > MAX_LINE_BYTES;
        bytes.truncate(MAX_LINE_BYTES);
        Ok(Some(RawLine {
            number: self.number,
            bytes,
            cut,
        }))
    }

    /// How much of one line is read.
    fn longest(&self) -> usize {
        // A letter says a byte in six characters at most, and there is more in it than the line.
        let per_byte = if self.letters { 8 } else { 1 };
        per_byte * MAX_LINE_BYTES
    }

    /// Skips the rest of a line. Its memory is the reader's buffer, whatever its length.
    fn skip_line(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let buffer = self.reader.fill_buf()?;
            let (found, used) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(position) => (true, position + 1),
                None => (buffer.is_empty(), buffer.len()),
            };
            self.reader.consume(used);
            skipped += used as u64;
            if found {
                return Ok(skipped);
            }
        }
    }
}

/// A log that was opened.
struct Log {
    reader: Box<dyn Read + Send>,
    size: Option<u64>,
    file: Option<FileId>,
}

fn sample() -> Log {
    Log {
        reader: Box::new(SAMPLE),
        size: Some(SAMPLE.len() as u64),
        file: None,
    }
}

fn log_file(file: File, path: &Path) -> io::Result<Log> {
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(Log {
        size: metadata.is_file().then_some(metadata.len()),
        file: FileId::of(&file, path)?,
        reader: Box::new(file),
    })
}

/// Standard input, which a shell may have made any file, even a directory.
#[cfg(unix)]
fn stdin() -> io::Result<Log> {
    use std::os::fd::AsFd;
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let log = log_file(file, Path::new("/dev/stdin"))?;
    // Some of it may have been read before us.
    Ok(Log { size: None, ..log })
}

#[cfg(not(unix))]
fn stdin() -> io::Result<Log> {
    Ok(Log {
        reader: Box::new(io::stdin()),
        size: None,
        file: None,
    })
}
