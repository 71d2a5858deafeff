//! What fits where effects meet: bounds that hold by themselves, and that the compiler explains where they do not.
//!
//! A bound such as `I: IntoEffect<R, Error = E>` asks for as much, but where it does not hold the compiler speaks of a type
//! mismatch, and no cure can be named. Each of these has one implementation, for what fits, so the compiler learns as
//! much from it about types that are still to be inferred. Nobody implements or calls them.

use crate::{Effect, Never, Program};

/// A step that fails with `Theirs` where what it is joined to fails with `Ours`: they are one type.
///
/// # Examples
///
/// ```
/// use effect_core::{fail, succeed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let count = succeed::<_, String, _>(3);
/// // The step fails with a `&str`, which `map_error` makes the chain's `String`.
/// let even = count.flat_map(|_| fail::<_, _, ()>("odd").map_error(str::to_owned));
/// assert_eq!(even.await, Err("odd".to_owned()));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this step fails with `{Theirs}`, but what it is joined to fails with `{Ours}`",
    label = "fails with `{Theirs}`, not with `{Ours}`",
    note = "make them one type: `.map_error(..)` on either, or `.widen_error()` on one that cannot fail"
)]
pub trait SameError<Ours, Theirs> {}

#[diagnostic::do_not_recommend]
impl<I: Same<Ours, Theirs>, Ours, Theirs> SameError<Ours, Theirs> for I {}

/// A step that succeeds with `Theirs` where what it is joined to succeeds with `Ours`: they are one type.
///
/// # Examples
///
/// ```
/// use effect_core::{fail, succeed, Never};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let port = fail::<_, &str, u16>("none is set");
/// // What stands in is a `u8`, which `map` makes a port.
/// let some_port = port.recover(|_| succeed::<_, Never, _>(80_u8).map(u16::from));
/// assert_eq!(some_port.await, Ok(80));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this step succeeds with `{Theirs}`, but what it is joined to succeeds with `{Ours}`",
    label = "succeeds with `{Theirs}`, not with `{Ours}`",
    note = "make them one type: `.map(..)` on either"
)]
pub trait SameValue<Ours, Theirs> {}

#[diagnostic::do_not_recommend]
impl<I: Same<Ours, Theirs>, Ours, Theirs> SameValue<Ours, Theirs> for I {}

/// Two types that are one.
///
/// # Examples
///
/// ```
/// use effect_core::fits::Same;
///
/// fn are_one<A, B>(_: &A, _: &B) -> bool
/// where
///     (): Same<A, B>,
/// {
///     true
/// }
///
/// assert!(are_one(&1_u8, &2_u8));
/// ```
// A step further away than the bounds above, it is asked once the compiler knows what a future's result is. Asked before,
// it would say what that has to be, and the mismatch be found where no cure can be named.
pub trait Same<Ours, Theirs> {}

impl<I, T> Same<T, T> for I {}

/// An effect that cannot fail: its error is [`Never`].
///
/// # Examples
///
/// ```
/// use effect_core::{succeed, Never};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(succeed::<_, Never, _>(1).widen_error::<String>().await, Ok(1));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this effect can fail, with `{E}`",
    label = "can fail with `{E}`",
    note = "`.or_die()`, `.recover(..)` and `.fold(..)` leave no error, and `.map_error(..)` makes another of it"
)]
pub trait CannotFail<E> {}

#[diagnostic::do_not_recommend]
impl<I: Same<Never, E>, E> CannotFail<E> for I {}

/// The program of an effect that has all that it needs, and can be run.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Exit, Never};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let next = effect(async |cx: Cx<u16>| Ok::<_, Never>(cx.env() + 1));
/// assert_eq!(next.provide(80).run_exit().await, Exit::Success(81));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this effect cannot run yet: it needs the environment `{R}`",
    label = "needs `{R}`",
    note = "give it one before it is run: `.provide(..)`"
)]
pub trait Provided<R, E, A>: Program<(), Error = E, Value = A> {}

impl<E, A, P: Program<(), Error = E, Value = A>> Provided<(), E, A> for P {}

/// An effect that can be run more than once, because it can be cloned.
///
/// # Examples
///
/// ```
/// use effect_core::{sync, Never, Schedule};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// /// Not `Clone`, but an `Arc` of it is.
/// struct Socket(u16);
///
/// let socket = Arc::new(Socket(80));
/// let port = sync::<_, Never, _, _>(move || socket.0);
/// assert_eq!(port.retry(Schedule::recurs(3)).await, Ok(80));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this effect can run once only: it owns something that is not `Clone`",
    label = "cannot be cloned",
    note = "`.erase_once()` erases what runs once; to run it again, derive `Clone`, or put what it owns into an `Arc`"
)]
pub trait RunsAgain: Clone {}

// Not for every `Clone` type: for a program, the compiler would suggest a reference to it.
#[diagnostic::do_not_recommend]
impl<R, E, A, P: Clone> RunsAgain for Effect<R, E, A, P> {}
