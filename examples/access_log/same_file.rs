//! Whether two open files are one, whatever they are called.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// The identity of a regular file. Terminals, pipes and `/dev/null` have none: writing to them destroys nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileId(Id);

#[cfg(unix)]
type Id = (u64, u64);
#[cfg(not(unix))]
type Id = std::path::PathBuf;

impl FileId {
    /// Identifies a file that was opened by this path.
    pub(crate) fn of(file: &File, path: &Path) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        id(&metadata, path).map(|id| Some(FileId(id)))
    }
}

/// Device and inode.
#[cfg(unix)]
fn id(metadata: &Metadata, _path: &Path) -> io::Result<Id> {
    use std::os::unix::fs::MetadataExt;
    Ok((metadata.dev(), metadata.ino()))
}

/// The path without its links: all that stable Rust can tell here.
#[cfg(not(unix))]
fn id(_metadata: &Metadata, path: &Path) -> io::Result<Id> {
    path.canonicalize()
}
