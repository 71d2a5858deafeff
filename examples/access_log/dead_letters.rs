//! The dead-letter file: what failed, with its line, as JSON lines.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use effect::prelude::*;
use serde::Serialize;

use super::LogError;
use super::entry::Rejected;
use super::same_file::FileId;

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
#[derive(Serialize)]
struct Letter<'a> {
    /// The line's number, counted from 1; none for a defect, which has lost its line.
    line: Option<u64>,
    stage: &'a str,
    reason: String,
    text: String,
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
        errors: Channel<Failed<Rejected>>,
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

    fn write(mut self, batch: &[Failed<Rejected>]) -> Result<Self, LogError> {
        let Some(file) = &mut self.file else {
            return Ok(self);
        };
        for failed in batch {
            let (line, reason, text) = match &failed.fault {
                Fault::Error(Rejected { line, reason }) => {
                    let text = String::from_utf8_lossy(&line.bytes).into_owned();
                    (Some(line.number), reason.to_string(), text)
                }
                Fault::Defect(defect) => (None, defect.to_string(), String::new()),
            };
            let letter = Letter {
                line,
                stage: &failed.stage,
                reason,
                text,
            };
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
    fn note(&mut self, batch: &[Failed<Rejected>]) {
        self.count += batch.len() as u64;
        let room = SHOWN - self.first.len();
        self.first.extend(batch.iter().take(room).map(|failed| {
            let line = match &failed.fault {
                Fault::Error(rejected) => rejected.line.number,
                Fault::Defect(_) => 0,
            };
            (line, failed.fault.to_string())
        }));
        self.first.sort();
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").finish_non_exhaustive()
    }
}
