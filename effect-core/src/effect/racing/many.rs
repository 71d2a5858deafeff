//! Races of any number of effects.

use std::future::{Future, poll_fn};
use std::task::Poll;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::poll::then;
use crate::program::{self, Outcome};
use crate::settled::settled;
use crate::{Cx, Effect, Env, IntoEffect, Program, Value};

/// Runs all effects at once, and has the result of the first to settle, a failure as well as a success.
///
/// The others are interrupted, and their finalizers have run before the result is seen. Of several that are ready at once,
/// the first in order wins. A race of none never ends.
///
/// # Errors
///
/// The error of the first to settle, if that fails.
///
/// # Examples
///
/// ```
/// use effect_core::{race_all, sleep};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let replica = |seconds| sleep::<_, &str>(Duration::from_secs(seconds)).map(move |()| seconds);
/// assert_eq!(race_all([3, 1, 2].map(replica)).await, Ok(1));
/// # }
/// ```
pub fn race_all<R, T, I>(effects: T) -> Effect<R, I::Error, I::Value, RaceAll<T>>
where
    R: Env,
    T: IntoIterator<IntoIter: Send, Item = I> + Value,
    I: IntoEffect<R>,
{
    Effect::new(RaceAll { effects })
}

/// Runs all effects at once, and has the value of the first to succeed.
///
/// The others are interrupted, and their finalizers have run before the value is seen. Of several that are ready at once,
/// the first in order wins. A defect of one ends the race: it is a bug, and not a failure to go on after.
///
/// # Errors
///
/// All errors, in the order of the effects, if none succeeds; no error if there is no effect.
///
/// # Examples
///
/// ```
/// use effect_core::{fail, race_all_ok, succeed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(race_all_ok([fail("primary is down"), succeed("replica")]).await, Ok("replica"));
/// assert_eq!(race_all_ok([fail::<_, _, ()>("one"), fail("two")]).await, Err(vec!["one", "two"]));
/// # }
/// ```
#[doc(alias = "race_any")]
pub fn race_all_ok<R, T, I>(effects: T) -> Effect<R, Vec<I::Error>, I::Value, RaceAllOk<T>>
where
    R: Env,
    T: IntoIterator<IntoIter: Send, Item = I> + Value,
    I: IntoEffect<R>,
{
    Effect::new(RaceAllOk { effects })
}

/// The program of [`race_all`].
#[derive(Clone, Debug)]
pub struct RaceAll<T> {
    effects: T,
}

impl<R, T, I> Program<R> for RaceAll<T>
where
    R: Env,
    T: IntoIterator<IntoIter: Send, Item = I> + Value,
    I: IntoEffect<R>,
{
    type Error = I::Error;
    type Value = I::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let racers = self.effects.into_iter();
        let racers = racers.map(|effect| program::run(effect.into_effect().program, cx));
        settled(cx.fiber(), first_of(racers)).await
    }
}

/// What the first of several futures yields, and of several that are ready at once the first in order. It does not
/// wait for what the others owe.
pub(crate) fn first_of<Fut: Future>(
    futures: impl Iterator<Item = Fut>,
) -> impl Future<Output = Fut::Output> {
    let mut racers: FuturesUnordered<_> = futures
        .enumerate()
        .map(|(place, future)| then(future, move |output| (place, output)))
        .collect();
    let mut have_begun = false;
    poll_fn(move |task| {
        let mut first: Option<(usize, Fut::Output)> = None;
        while let Poll::Ready(Some(ended)) = racers.poll_next_unpin(task) {
            if first.as_ref().is_none_or(|first| ended.0 < first.0) {
                first = Some(ended);
            }
            // They begin in order: those behind a winner do not. Later they come as they were woken.
            if !have_begun {
                break;
            }
        }
        have_begun = true;
        first.map_or(Poll::Pending, |(_, output)| Poll::Ready(output))
    })
}

/// The program of [`race_all_ok`].
#[derive(Clone, Debug)]
pub struct RaceAllOk<T> {
    effects: T,
}

impl<R, T, I> Program<R> for RaceAllOk<T>
where
    R: Env,
    T: IntoIterator<IntoIter: Send, Item = I> + Value,
    I: IntoEffect<R>,
{
    type Error = Vec<I::Error>;
    type Value = I::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let mut racers: FuturesUnordered<_> = self
            .effects
            .into_iter()
            .enumerate()
            .map(|(place, effect)| async move {
                let result = program::run(effect.into_effect().program, cx).await;
                (place, result)
            })
            .collect();
        let race = async move {
            let mut errors = Vec::new();
            while let Some((place, result)) = racers.next().await {
                match result {
                    Ok(value) => return Ok(value),
                    Err(error) => errors.push((place, error)),
                }
            }
            errors.sort_by_key(|(place, _)| *place);
            Err(errors.into_iter().map(|(_, error)| error).collect())
        };
        settled(cx.fiber(), race).await
    }
}
