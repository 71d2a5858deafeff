//! Timers: an effect time after time, from a start to an end.

use std::time::{Duration, SystemTime};

use effect_core::{Cx, Effect, Env, IntoEffect, Value, effect};

use super::{Part, Run, When};

/// The times of a timer: every so long, from a start to an end.
///
/// The first is one step after the start. None is left out, and none drifts: the nth is n steps after the start.
///
/// # Examples
///
/// ```
/// use effect_core::{sync, Exit, Never};
/// use effect_runtime::{Every, Replay, VirtualTime};
/// use std::time::Duration;
///
/// const SECOND: Duration = Duration::from_secs(1);
/// let ticks = Every::new(SECOND).until(10 * SECOND);
/// let replay = Replay::<(), Never>::new().timer(ticks, |at| sync(move || println!("{at:?}")));
/// assert_eq!(VirtualTime::new().run(replay.run()), Ok(Exit::Success(())));
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a timer runs in a replay"]
pub struct Every {
    step: Duration,
    start: Option<SystemTime>,
    end: Option<When>,
}

impl Every {
    /// From the start of the replay on, without an end. A replay in which nothing is live never ends then, and takes no time
    /// for it: no time limit around it helps.
    ///
    /// # Panics
    ///
    /// If the step is zero.
    #[track_caller]
    pub fn new(step: Duration) -> Self {
        assert!(!step.is_zero(), "a timer has a step");
        Every {
            step,
            start: None,
            end: None,
        }
    }

    /// Sets the start.
    pub fn starting(self, start: SystemTime) -> Self {
        Every {
            start: Some(start),
            ..self
        }
    }

    /// Sets the end, which is a time, or so long after the start. A time that falls on it still counts.
    pub fn until(self, end: impl Into<When>) -> Self {
        Every {
            end: Some(end.into()),
            ..self
        }
    }

    /// The times, by a replay that starts then.
    fn times(self, replay: SystemTime) -> impl Iterator<Item = SystemTime> + Send {
        let start = self.start.unwrap_or(replay);
        let end = self.end.and_then(|end| end.time(start));
        let mut next = start;
        std::iter::from_fn(move || {
            next = next.checked_add(self.step)?;
            end.is_none_or(|end| next <= end).then_some(next)
        })
    }
}

/// A timer, and what it runs.
pub(super) struct Ticking<F> {
    every: Every,
    handle: F,
}

impl<F> Ticking<F> {
    pub(super) fn new(every: Every, handle: F) -> Self {
        Ticking { every, handle }
    }
}

impl<R, E, I, F> Part<R, E> for Ticking<F>
where
    R: Env,
    E: Value,
    I: IntoEffect<R, Error = E>,
    F: FnMut(SystemTime) -> I + Send + 'static,
{
    fn begins(&mut self) -> Option<SystemTime> {
        self.every.start
    }

    fn handle(mut self: Box<Self>, run: &Run) -> Effect<R, E, ()> {
        let times = self.every.times(run.start);
        let (shared, rank) = (run.shared.clone(), run.rank);
        effect(async move |cx: Cx<R>| {
            for at in times {
                shared.in_turn(at, rank).await;
                cx.run((self.handle)(at)).await?;
            }
            Ok(())
        })
        .erase_once()
    }
}
