//! The dead-letter file: what failed, with its line, as JSON lines; and such a line read back.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use effect::prelude::*;
use serde::{Deserialize, Serialize};

use super::entry::Reason;
use super::lines::RawLine;
use super::same_file::FileId;
use super::{LogError, Source};

/// How many rejections the report shows.
const SHOWN: usize = 5;

/// Where rejected lines go: a file, or nowhere but the count.
pub(crate) struct DeadLetters {
    file: Option<LetterFile>,
}

struct LetterFile {
    name: String,
    writer: BufWriter<File>,
}

/// What became of the rejected lines.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) count: u64,
    /// Some of them, in the order of their lines.
    pub(crate) first: Vec<(u64, String)>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
pub(crate) struct Letter {
    /// The line's number, counted from 1.
    line: u64,
    stage: String,
    reason: String,
    text: String,
    /// The line itself, where it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<Vec<u8>>,
    /// Whether there was more of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

impl Letter {
    fn of(failed: &Failed<Reason, Source>) -> Option<Self> {
        let line = failed.source.first()?;
        let text = String::from_utf8_lossy(&line.bytes).into_owned();
        Some(Letter {
            line: line.number,
            stage: failed.stage.to_string(),
            reason: failed.fault.to_string(),
            bytes: (text.as_bytes() != line.bytes).then(|| line.bytes.clone()),
            text,
            cut: line.cut,
        })
    }

    /// The line that a letter holds, as it was.
    pub(crate) fn line(letter: &[u8]) -> io::Result<RawLine> {
        let letter: Letter = serde_json::from_slice(letter)
            .map_err(|error| io::Error::other(format!("no dead letter: {error}")))?;
        Ok(RawLine {
            number: letter.line,
            bytes: letter.bytes.unwrap_or(letter.text.into_bytes()),
            cut: letter.cut,
        })
    }
}

impl DeadLetters {
    /// Creates the file, or empties it, unless it is the log itself.
    pub(crate) fn create(path: Option<PathBuf>, log: Option<&FileId>) -> Result<Self, LogError> {
        let Some(path) = path else {
            return Ok(DeadLetters { file: None });
        };
        let name = path.display().to_string();
        match create_beside(log, &path) {
            Ok(Some(file)) => {
                let writer = BufWriter::new(file);
                Ok(DeadLetters {
                    file: Some(LetterFile { name, writer }),
                })
            }
            Ok(None) => Err(LogError::SameFile { name }),
            Err(source) => Err(LogError::DeadLetters { name, source }),
        }
    }

    /// Writes all that comes, until the channel is closed. A file that cannot be written any more does not
    /// stop the counting: the pipeline waits for whoever reads its failures.
    pub(crate) fn write_all(
        self,
        errors: Channel<Failed<Reason, Source>>,
    ) -> Effect<(), LogError, Written> {
        effect(async move |cx: Cx<()>| {
            let (mut letters, mut written) = (Ok(self), Written::default());
            while let Ok(batch) = errors.receive_many(64).await {
                written.note(&batch);
                if let Ok(open) = letters {
                    let Ok(next) = cx
                        .run(blocking(move || Ok::<_, Never>(open.write(&batch))))
                        .await;
                    letters = next;
                }
            }
            let letters = letters?;
            cx.run(blocking(move || letters.flush())).await?;
            Ok(written)
        })
        .erase_once()
    }

    fn write(mut self, batch: &[Failed<Reason, Source>]) -> Result<Self, LogError> {
        let Some(file) = &mut self.file else {
            return Ok(self);
        };
        for letter in batch.iter().filter_map(Letter::of) {
            let written = serde_json::to_writer(&mut file.writer, &letter)
                .map_err(io::Error::from)
                .and_then(|()| file.writer.write_all(b"\n"));
            if let Err(source) = written {
                return Err(LogError::DeadLetters {
                    name: file.name.clone(),
                    source,
                });
            }
        }
        Ok(self)
    }

    fn flush(self) -> Result<(), LogError> {
        let Some(LetterFile { name, mut writer }) = self.file else {
            return Ok(());
        };
        writer
            .flush()
            .map_err(|source| LogError::DeadLetters { name, source })
    }
}

/// Opens an empty file; `None` if it is the log. Links have many names for it, so the open files are compared, and
/// only then is anything cut off.
fn create_beside(log: Option<&FileId>, path: &Path) -> io::Result<Option<File>> {
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if let Some(id) = FileId::of(&file, path)? {
        if log == Some(&id) {
            return Ok(None);
        }
        file.set_len(0)?;
    }
    Ok(Some(file))
}

impl Written {
    fn note(&mut self, batch: &[Failed<Reason, Source>]) {
        self.count += batch.len() as u64;
        let room = SHOWN - self.first.len();
        self.first.extend(batch.iter().take(room).map(|failed| {
            let line = failed.source.first().map_or(0, |line| line.number);
            (line, format!("line {line}: {}", failed.fault))
        }));
        self.first.sort();
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").finish_non_exhaustive()
    }
}
