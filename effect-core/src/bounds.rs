//! The two bounds that everything here shares, each with one name instead of a list.

/// What an effect may hold, fail with or succeed with: anything that can move to another thread.
///
/// Implemented for every such type; there is nothing to do.
pub trait Value: Send + 'static {}

impl<T: Send + 'static> Value for T {}

/// What an effect may need: a value that several fibers can share.
///
/// Implemented for every such type; there is nothing to do.
pub trait Env: Send + Sync + 'static {}

impl<T: Send + Sync + 'static> Env for T {}

/// The error of an effect that cannot fail.
///
/// `let Ok(value) = effect.await;` takes the value of such an effect with no `unwrap`.
pub type Never = std::convert::Infallible;
