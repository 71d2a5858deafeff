//! Many effects at once: so many at a time, in one task or on fibers of their own.

use std::fmt;
use std::future::Future;
use std::panic::Location;

use crate::crew::Crew;
use crate::effect::forking::OnFiber;
use crate::into_effect::IntoEffect;
use crate::opaque_debug::opaque_debug;
use crate::poll::then;
use crate::program::{self, Outcome};
use crate::settled::settled;
use crate::{Cx, Effect, Env, Never, Program, Value};

/// Creates an effect that runs one for each item, at most `limit` at a time, and has their values in the order of the items.
///
/// They are polled in place, in the caller's task: that costs little, and suits what waits. For what computes,
/// [`for_each_par_forked`] uses all cores.
///
/// # Errors
///
/// The first error, at once: those that run are interrupted, and their finalizers have run; items that have not begun are
/// dropped.
///
/// # Panics
///
/// If `limit` is 0: nothing would ever run.
///
/// # Examples
///
/// ```
/// use effect_core::{for_each_par, sleep, Never};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let begin = tokio::time::Instant::now();
/// let doubled = for_each_par([1, 2, 3, 4], 2, |n| {
///     sleep::<(), Never>(Duration::from_secs(1)).map(move |()| 2 * n)
/// });
/// assert_eq!(doubled.await, Ok(vec![2, 4, 6, 8]));
/// assert_eq!(begin.elapsed().as_secs(), 2);
/// # }
/// ```
#[doc(alias = "traverse")]
#[track_caller]
pub fn for_each_par<R, T, I, F>(
    items: T,
    limit: usize,
    f: F,
) -> Effect<R, I::Error, Vec<I::Value>, ForEachPar<T::IntoIter, F>>
where
    R: Env,
    T: IntoIterator<IntoIter: Value>,
    I: IntoEffect<R>,
    F: FnMut(T::Item) -> I + Value,
{
    Effect::new(ForEachPar {
        items: items.into_iter(),
        limit: at_least_one(limit),
        f,
    })
}

/// Creates an effect that runs one for each item on a fiber of its own, at most `limit` at a time, and has their values in
/// the order of the items.
///
/// The fibers are children of the caller's, and run on all cores.
///
/// # Errors
///
/// The first error: those that run are interrupted, and have ended; items that have not begun are dropped.
///
/// # Panics
///
/// If `limit` is 0: nothing would ever run.
///
/// # Examples
///
/// ```
/// use effect_core::{for_each_par_forked, sync, Never};
///
/// # #[tokio::main]
/// # async fn main() {
/// let squares = for_each_par_forked(1..=4_u64, 2, |n| sync::<(), Never, _, _>(move || n * n));
/// assert_eq!(squares.await, Ok(vec![1, 4, 9, 16]));
/// # }
/// ```
#[track_caller]
pub fn for_each_par_forked<R, T, I, F>(
    items: T,
    limit: usize,
    f: F,
) -> Effect<R, I::Error, Vec<I::Value>, ForEachParForked<T::IntoIter, F>>
where
    R: Env,
    T: IntoIterator<IntoIter: Value>,
    I: IntoEffect<R, Error: fmt::Debug>,
    F: FnMut(T::Item) -> I + Value,
{
    Effect::new(ForEachParForked {
        items: items.into_iter(),
        limit: at_least_one(limit),
        place: Location::caller(),
        f,
    })
}

/// Creates an effect that runs all of the given ones, at most `limit` at a time, and has their values in order.
///
/// # Errors
///
/// The first error, at once: those that run are interrupted, and their finalizers have run.
///
/// # Panics
///
/// If `limit` is 0: nothing would ever run.
///
/// # Examples
///
/// ```
/// use effect_core::{collect_all_par, fail, succeed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let both = [succeed(1), fail("no route")];
/// assert_eq!(collect_all_par(both, 8).await, Err("no route"));
/// # }
/// ```
#[doc(alias = "join_all")]
#[track_caller]
pub fn collect_all_par<R, T>(
    effects: T,
    limit: usize,
) -> Effect<
    R,
    <T::Item as IntoEffect<R>>::Error,
    Vec<<T::Item as IntoEffect<R>>::Value>,
    ForEachPar<T::IntoIter, fn(T::Item) -> T::Item>,
>
where
    R: Env,
    T: IntoIterator<IntoIter: Value, Item: IntoEffect<R>>,
{
    for_each_par(effects, limit, std::convert::identity)
}

/// Creates an effect that runs one for each item, at most `limit` at a time, to the end of all of them, and has the values
/// and the errors, each in the order of the items.
///
/// A failure interrupts nobody. A panic does, as everywhere.
///
/// # Panics
///
/// If `limit` is 0: nothing would ever run.
///
/// # Examples
///
/// ```
/// use effect_core::partition_par;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let parsed = partition_par::<(), _, _, _>(["1", "two", "3"], 2, |text| async move {
///     text.parse::<u8>().map_err(|_| text)
/// });
/// assert_eq!(parsed.await, Ok((vec![1, 3], vec!["two"])));
/// # }
/// ```
#[track_caller]
pub fn partition_par<R, T, I, F>(
    items: T,
    limit: usize,
    f: F,
) -> Effect<R, Never, (Vec<I::Value>, Vec<I::Error>), PartitionPar<T::IntoIter, F>>
where
    R: Env,
    T: IntoIterator<IntoIter: Value>,
    I: IntoEffect<R>,
    F: FnMut(T::Item) -> I + Value,
{
    Effect::new(PartitionPar {
        items: items.into_iter(),
        limit: at_least_one(limit),
        f,
    })
}

/// Creates an effect that runs one for each item, at most `limit` at a time, to the end of all of them, and has their
/// values in the order of the items.
///
/// # Errors
///
/// All errors, in the order of the items: here, a failure interrupts nobody, and none is lost.
///
/// # Panics
///
/// If `limit` is 0: nothing would ever run.
///
/// # Examples
///
/// ```
/// use effect_core::validate_par;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let parsed = validate_par::<(), _, _, _>(["1", "two", "III"], 2, |text| async move {
///     text.parse::<u8>().map_err(|_| text)
/// });
/// assert_eq!(parsed.await, Err(vec!["two", "III"]));
/// # }
/// ```
#[track_caller]
pub fn validate_par<R, T, I, F>(
    items: T,
    limit: usize,
    f: F,
) -> Effect<R, Vec<I::Error>, Vec<I::Value>, ValidatePar<T::IntoIter, F>>
where
    R: Env,
    T: IntoIterator<IntoIter: Value>,
    I: IntoEffect<R>,
    F: FnMut(T::Item) -> I + Value,
{
    Effect::new(ValidatePar {
        partition: PartitionPar {
            items: items.into_iter(),
            limit: at_least_one(limit),
            f,
        },
    })
}

#[track_caller]
const fn at_least_one(limit: usize) -> usize {
    assert!(limit > 0, "at least one effect has to run at a time");
    limit
}

/// The program of [`for_each_par`] and [`collect_all_par`].
#[derive(Clone)]
pub struct ForEachPar<T, F> {
    items: T,
    limit: usize,
    f: F,
}

impl<R, T, I, F> Program<R> for ForEachPar<T, F>
where
    R: Env,
    T: Iterator + Value,
    I: IntoEffect<R>,
    F: FnMut(T::Item) -> I + Value,
{
    type Error = I::Error;
    type Value = Vec<I::Value>;

    fn run(mut self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let futures = self
            .items
            .map(move |item| program::run((self.f)(item).into_effect().program, cx));
        settled(cx.fiber(), Crew::new(futures, self.limit))
    }
}

/// The program of [`for_each_par_forked`].
#[derive(Clone)]
pub struct ForEachParForked<T, F> {
    items: T,
    limit: usize,
    place: &'static Location<'static>,
    f: F,
}

impl<R, T, I, F> Program<R> for ForEachParForked<T, F>
where
    R: Env,
    T: Iterator + Value,
    I: IntoEffect<R, Error: fmt::Debug>,
    F: FnMut(T::Item) -> I + Value,
{
    type Error = I::Error;
    type Value = Vec<I::Value>;

    fn run(mut self, cx: &Cx<R>) -> impl Future<Output = Outcome<R, Self>> + Send {
        let futures = self.items.map(move |item| {
            let program = (self.f)(item).into_effect().program;
            program::run(OnFiber::new(program, self.place), cx)
        });
        settled(cx.fiber(), Crew::new(futures, self.limit))
    }
}

/// The program of [`partition_par`].
#[derive(Clone)]
pub struct PartitionPar<T, F> {
    items: T,
    limit: usize,
    f: F,
}

impl<R, T, I, F> Program<R> for PartitionPar<T, F>
where
    R: Env,
    T: Iterator + Value,
    I: IntoEffect<R>,
    F: FnMut(T::Item) -> I + Value,
{
    type Error = Never;
    type Value = (Vec<I::Value>, Vec<I::Error>);

    async fn run(mut self, cx: &Cx<R>) -> Outcome<R, Self> {
        let futures = self.items.map(move |item| {
            let program = (self.f)(item).into_effect().program;
            then(program::run(program, cx), |result| {
                if result.is_err() {
                    // It is a value now, and no failure of this fiber.
                    cx.fiber().take_raised();
                }
                Ok::<_, Never>(result)
            })
        });
        let Ok(results) = settled(cx.fiber(), Crew::new(futures, self.limit)).await;
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(value) => values.push(value),
                Err(error) => errors.push(error),
            }
        }
        Ok((values, errors))
    }
}

/// The program of [`validate_par`].
#[derive(Clone)]
pub struct ValidatePar<T, F> {
    partition: PartitionPar<T, F>,
}

impl<R, T, I, F> Program<R> for ValidatePar<T, F>
where
    R: Env,
    T: Iterator + Value,
    I: IntoEffect<R>,
    F: FnMut(T::Item) -> I + Value,
{
    type Error = Vec<I::Error>;
    type Value = Vec<I::Value>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let Ok((values, errors)) = self.partition.run(cx).await;
        if errors.is_empty() {
            Ok(values)
        } else {
            Err(errors)
        }
    }
}

opaque_debug!(
    ForEachPar<T, F>,
    ForEachParForked<T, F>,
    PartitionPar<T, F>,
    ValidatePar<T, F>
);
