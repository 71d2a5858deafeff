//! A stage: a named step of a pipeline, its workers and its queue.

use std::fmt;
use std::sync::Arc;

/// A named step of a pipeline: what it does with each item, and by how many workers.
///
/// # Examples
///
/// ```
/// use effect_stream::stage;
///
/// let parse = stage("parse", |line: String| async move { line.parse::<u32>() }).workers(2);
/// assert_eq!(format!("{parse:?}"), r#"Stage { name: "parse", workers: 2, buffer: 64, .. }"#);
/// ```
#[must_use = "a stage does nothing until it is part of a pipeline that runs"]
pub struct Stage<F> {
    pub(crate) name: Arc<str>,
    pub(crate) f: F,
    pub(crate) workers: usize,
    pub(crate) buffer: usize,
}

/// Creates a stage of one worker, with room for 64 items before it.
///
/// The function is called with an item and gives an effect, or any future of a `Result`. An error, and a panic
/// as well, is that item's failure, and not the worker's end.
pub fn stage<F>(name: impl Into<Arc<str>>, f: F) -> Stage<F> {
    Stage {
        name: name.into(),
        f,
        workers: 1,
        buffer: 64,
    }
}

impl<F> Stage<F> {
    /// Runs the stage by this many workers. One worker keeps the order of the items; several do not.
    ///
    /// # Panics
    ///
    /// If there are none.
    #[track_caller]
    pub fn workers(self, workers: usize) -> Self {
        assert!(workers > 0, "a stage has at least one worker");
        Stage { workers, ..self }
    }

    /// Holds at most this many items before the stage. The first stage reads its pipeline's input instead,
    /// and has no queue of its own.
    pub fn buffer(self, buffer: usize) -> Self {
        Stage { buffer, ..self }
    }
}

impl<F> fmt::Debug for Stage<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("name", &self.name)
            .field("workers", &self.workers)
            .field("buffer", &self.buffer)
            .finish_non_exhaustive()
    }
}
