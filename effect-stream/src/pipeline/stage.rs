//! A stage: a named step of a pipeline, its workers and its queue.

use std::fmt;
use std::sync::Arc;

use effect_core::fits::Same;
use effect_core::{Env, IntoEffect};

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

/// A stage that fails with `Theirs` in a pipeline that fails with `Ours`: they are one type.
///
/// It holds by itself where they are, and lets the compiler say so where they are not: see [`effect_core::fits`].
///
/// # Examples
///
/// ```
/// use effect_stream::{stage, Channel, Pipeline, Stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let output = Channel::bounded(16);
/// let parse = |text: &'static str| async move { text.parse::<i32>().map_err(|why| why.to_string()) };
/// let positive = |n: i32| async move { if n > 0 { Ok(n) } else { Err(format!("{n} is not positive")) } };
/// let report = Pipeline::from_stream(Stream::from_iter(["1", "2"]))
///     .via(stage("parse", parse))
///     .via(stage("positive", positive))
///     .to_channel(output)
///     .run()
///     .await?;
/// assert_eq!(report.delivered, 2);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this stage fails with `{Theirs}`, but the pipeline fails with `{Ours}`",
    label = "fails with `{Theirs}`, not with `{Ours}`",
    note = "make them one type: `.map_error(..)` on the stage's effect, or on those of the stages before it"
)]
pub trait StageError<R: Env, Ours, Theirs>: IntoEffect<R, Error = Ours> {}

#[diagnostic::do_not_recommend]
impl<R, Ours, Theirs, I> StageError<R, Ours, Theirs> for I
where
    R: Env,
    I: Same<Ours, Theirs> + IntoEffect<R, Error = Ours>,
{
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
