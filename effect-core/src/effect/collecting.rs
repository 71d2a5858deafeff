//! One effect for each of many, one after the other.

use std::future::Future;
use std::ops::ControlFlow;

use crate::budget::Budget;
use crate::effect::failing::ToExit;
use crate::opaque_debug::opaque_debug;
use crate::program::{self, Outcome};
use crate::{Cx, Effect, Env, Exit, IntoEffect, Never, Program, Value};

/// Runs an effect for each item, in order, one after the other, and has all values.
///
/// # Errors
///
/// The first error; later items are then not taken.
///
/// # Examples
///
/// ```
/// use effect_core::{for_each, succeed, Never};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let doubled = for_each([1, 2, 3], |n| succeed::<_, Never, _>(2 * n));
/// assert_eq!(doubled.await, Ok(vec![2, 4, 6]));
/// # }
/// ```
#[doc(alias = "traverse")]
pub fn for_each<R, T, F, I>(items: T, f: F) -> Effect<R, I::Error, Vec<I::Value>, ForEach<T, F>>
where
    R: Env,
    T: IntoIterator<IntoIter: Send> + Value,
    F: FnMut(T::Item) -> I + Value,
    I: IntoEffect<R>,
{
    Effect::new(ForEach { items, f })
}

/// Runs effects in order, one after the other, and has all values.
///
/// # Errors
///
/// The first error; later effects then do not run.
///
/// # Examples
///
/// ```
/// use effect_core::{collect_all, fail, succeed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(collect_all([succeed::<_, &str, _>(1), succeed(2)]).await, Ok(vec![1, 2]));
/// assert_eq!(collect_all([succeed(1), fail("no second")]).await, Err("no second"));
/// # }
/// ```
#[doc(alias = "sequence")]
pub fn collect_all<R, T>(
    effects: T,
) -> Effect<R, ErrorOf<R, T>, Vec<ValueOf<R, T>>, ForEach<T, fn(T::Item) -> T::Item>>
where
    R: Env,
    T: IntoIterator<IntoIter: Send, Item: IntoEffect<R>> + Value,
{
    for_each(effects, |effect| effect)
}

/// Runs effects in order, one after the other, to the last, and tells how each ended.
///
/// What goes wrong in one, a defect as well, does not stop the next.
///
/// # Examples
///
/// ```
/// use effect_core::{all_settled, die, fail, succeed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let tasks = [succeed(1).erase(), fail("no second").erase(), die("a bug").erase(), succeed(4).erase()];
/// let Ok(exits) = all_settled(tasks).await;
/// assert_eq!(exits[0].value(), Some(&1));
/// assert_eq!(exits[1].cause().unwrap().failure(), Some(&"no second"));
/// assert!(exits[2].cause().unwrap().is_die());
/// assert_eq!(exits[3].value(), Some(&4));
/// # }
/// ```
pub fn all_settled<R, T>(
    effects: T,
) -> Effect<R, Never, Vec<Exit<ErrorOf<R, T>, ValueOf<R, T>>>, AllSettled<R, T>>
where
    R: Env,
    T: IntoIterator<IntoIter: Send, Item: IntoEffect<R>> + Value,
{
    for_each(effects, |effect| effect.into_effect().exit())
}

/// Runs an effect for each item, in order, to the last, and has all values and all errors, each side in order.
///
/// # Examples
///
/// ```
/// use effect_core::{from_result, partition};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let parsed = partition(["1", "two", "3"], |text| from_result(text.parse::<u8>().map_err(|_| text)));
/// assert_eq!(parsed.await, Ok((vec![1, 3], vec!["two"])));
/// # }
/// ```
pub fn partition<R, T, F, I>(
    items: T,
    f: F,
) -> Effect<R, Never, (Vec<I::Value>, Vec<I::Error>), Partition<T, F>>
where
    R: Env,
    T: IntoIterator<IntoIter: Send> + Value,
    F: FnMut(T::Item) -> I + Value,
    I: IntoEffect<R>,
{
    Effect::new(Partition { items, f })
}

/// Runs an effect for each item, in order, to the last, and has all values, or all errors.
///
/// # Errors
///
/// All errors, in the order of their items, if there are any.
///
/// # Examples
///
/// ```
/// use effect_core::{from_result, validate};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let parse = |text: &'static str| from_result(text.parse::<u8>().map_err(|_| text));
/// assert_eq!(validate(["1", "2"], parse).await, Ok(vec![1, 2]));
/// assert_eq!(validate(["1", "two", "3", "four"], parse).await, Err(vec!["two", "four"]));
/// # }
/// ```
pub fn validate<R, T, F, I>(
    items: T,
    f: F,
) -> Effect<R, Vec<I::Error>, Vec<I::Value>, Validate<T, F>>
where
    R: Env,
    T: IntoIterator<IntoIter: Send> + Value,
    F: FnMut(T::Item) -> I + Value,
    I: IntoEffect<R>,
{
    Effect::new(Validate {
        partition: Partition { items, f },
    })
}

/// Runs effects in order until one succeeds, and has its value.
///
/// A defect is not a failure to go on after: it is a bug.
///
/// # Errors
///
/// All errors, in order, if none succeeds; no error if there is no effect.
///
/// # Examples
///
/// ```
/// use effect_core::{fail, first_ok, succeed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(first_ok([fail("primary is down"), succeed("replica")]).await, Ok("replica"));
/// assert_eq!(first_ok([fail::<_, _, ()>("one"), fail("two")]).await, Err(vec!["one", "two"]));
/// # }
/// ```
#[doc(alias = "first_success_of")]
pub fn first_ok<R, T>(effects: T) -> Effect<R, Vec<ErrorOf<R, T>>, ValueOf<R, T>, FirstOk<T>>
where
    R: Env,
    T: IntoIterator<IntoIter: Send, Item: IntoEffect<R>> + Value,
{
    Effect::new(FirstOk { effects })
}

/// What the effects of a collection fail with.
type ErrorOf<R, T> = <<T as IntoIterator>::Item as IntoEffect<R>>::Error;

/// What the effects of a collection succeed with.
type ValueOf<R, T> = <<T as IntoIterator>::Item as IntoEffect<R>>::Value;

/// The program of [`all_settled`].
pub type AllSettled<R, T> = ForEach<T, fn(<T as IntoIterator>::Item) -> Settling<R, T>>;

/// An effect of a collection that cannot fail any more.
pub type Settling<R, T> = Effect<
    R,
    Never,
    Exit<ErrorOf<R, T>, ValueOf<R, T>>,
    ToExit<<<T as IntoIterator>::Item as IntoEffect<R>>::Program>,
>;

/// The program of [`for_each`] and [`collect_all`].
#[derive(Clone)]
pub struct ForEach<T, F> {
    items: T,
    f: F,
}

impl<R, T, F, I> Program<R> for ForEach<T, F>
where
    R: Env,
    T: IntoIterator<IntoIter: Send> + Value,
    F: FnMut(T::Item) -> I + Value,
    I: IntoEffect<R>,
{
    type Error = I::Error;
    type Value = Vec<I::Value>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let mut values = Vec::new();
        let failed = each(self.items, self.f, cx, |result| match result {
            Ok(value) => {
                values.push(value);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        });
        match failed.await {
            Some(error) => Err(error),
            None => Ok(values),
        }
    }
}

/// The program of [`partition`].
#[derive(Clone)]
pub struct Partition<T, F> {
    items: T,
    f: F,
}

impl<R, T, F, I> Program<R> for Partition<T, F>
where
    R: Env,
    T: IntoIterator<IntoIter: Send> + Value,
    F: FnMut(T::Item) -> I + Value,
    I: IntoEffect<R>,
{
    type Error = Never;
    type Value = (Vec<I::Value>, Vec<I::Error>);

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        each(self.items, self.f, cx, |result| {
            match result {
                Ok(value) => values.push(value),
                Err(error) => {
                    cx.fiber().take_raised();
                    errors.push(error);
                }
            }
            ControlFlow::<Never>::Continue(())
        })
        .await;
        Ok((values, errors))
    }
}

/// The program of [`validate`].
#[derive(Clone)]
pub struct Validate<T, F> {
    partition: Partition<T, F>,
}

impl<R, T, F, I> Program<R> for Validate<T, F>
where
    R: Env,
    T: IntoIterator<IntoIter: Send> + Value,
    F: FnMut(T::Item) -> I + Value,
    I: IntoEffect<R>,
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

/// The program of [`first_ok`].
#[derive(Clone)]
pub struct FirstOk<T> {
    effects: T,
}

impl<R, T> Program<R> for FirstOk<T>
where
    R: Env,
    T: IntoIterator<IntoIter: Send, Item: IntoEffect<R>> + Value,
{
    type Error = Vec<ErrorOf<R, T>>;
    type Value = ValueOf<R, T>;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let mut errors = Vec::new();
        let first = each(
            self.effects,
            |effect| effect,
            cx,
            |result| match result {
                Ok(value) => ControlFlow::Break(value),
                Err(error) => {
                    cx.fiber().take_raised();
                    errors.push(error);
                    ControlFlow::Continue(())
                }
            },
        );
        match first.await {
            Some(value) => Ok(value),
            None => Err(errors),
        }
    }
}

/// Runs an effect for each item until somebody has seen enough, and lets others run now and then.
fn each<R, T, F, I, B>(
    items: T,
    mut f: F,
    cx: &Cx<R>,
    mut see: impl FnMut(Outcome<R, I::Program>) -> ControlFlow<B> + Send,
) -> impl Future<Output = Option<B>> + Send
where
    R: Env,
    T: IntoIterator<IntoIter: Send> + Value,
    F: FnMut(T::Item) -> I + Value,
    I: IntoEffect<R>,
    B: Send,
{
    let mut items = items.into_iter();
    async move {
        let mut budget = Budget::new();
        // An item need not be `Send`: no wait sees one.
        while let Some(next) = items.next().map(&mut f) {
            let result = program::run(next.into_effect().program, cx).await;
            if let ControlFlow::Break(seen) = see(result) {
                return Some(seen);
            }
            budget.spend().await;
        }
        None
    }
}

opaque_debug!(ForEach<T, F>, Partition<T, F>, Validate<T, F>, FirstOk<T>);
