//! Fiber locals: values that follow an effect and its children, and that nobody passes on by hand.

use std::any::Any;
use std::fmt;
use std::ptr;
use std::sync::Arc;

use crate::opaque_debug::opaque_debug;
use crate::program::Outcome;
use crate::stack::Nested;
use crate::{Cx, Effect, Env, Program, Value};

/// A value that an effect has while it runs, and the fibers that it forks: a request's number, say.
///
/// It is read with [`Cx::local`], and set for one effect with [`Effect::locally`]: whatever ends that effect, what is
/// around it sees what it saw before. A child begins with what its parent has where it is forked, and nothing that the
/// child sets is seen by the parent.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, FiberLocal, Never};
///
/// static REQUEST: FiberLocal<u64> = FiberLocal::new(|| 0);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let handled = effect(async |cx: Cx<()>| {
///     let child = cx.fork(effect(async |cx: Cx<()>| Ok::<_, Never>(cx.local(&REQUEST))));
///     Ok::<_, Never>((cx.local(&REQUEST), cx.run(child.join()).await?))
/// });
/// assert_eq!(handled.clone().locally(&REQUEST, 7).await, Ok((7, 7)));
/// assert_eq!(handled.await, Ok((0, 0)));
/// # }
/// ```
pub struct FiberLocal<T> {
    default: fn() -> T,
}

impl<T> FiberLocal<T> {
    /// Creates a local with the value that it has where nobody has set it. It is to be put into a `static`.
    pub const fn new(default: fn() -> T) -> Self {
        FiberLocal { default }
    }

    /// A static has one address, and nothing else has it.
    fn key(&'static self) -> usize {
        ptr::from_ref(self).addr()
    }
}

impl<T> fmt::Debug for FiberLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FiberLocal")
    }
}

/// The locals that are set, the innermost first. What was set before is shared.
#[derive(Clone, Default)]
pub(crate) struct Locals {
    innermost: Option<Arc<Entry>>,
}

struct Entry {
    key: usize,
    value: Box<dyn Any + Send + Sync>,
    /// Dropped on enough stack: there may be a million, one around the other.
    outer: Nested<Locals>,
}

impl Locals {
    pub(crate) fn is_empty(&self) -> bool {
        self.innermost.is_none()
    }

    fn get(&self, key: usize) -> Option<&(dyn Any + Send + Sync)> {
        let mut next = self.innermost.as_deref();
        while let Some(entry) = next {
            if entry.key == key {
                return Some(&*entry.value);
            }
            next = entry.outer.innermost.as_deref();
        }
        None
    }

    fn with(&self, key: usize, value: impl Any + Send + Sync) -> Self {
        Locals {
            innermost: Some(Arc::new(Entry {
                key,
                value: Box::new(value),
                outer: Nested::new(self.clone()),
            })),
        }
    }
}

impl<R> Cx<R> {
    /// The value of a fiber local here: the innermost that was [set](Effect::locally), or else its default.
    pub fn local<T: Clone + Value>(&self, local: &'static FiberLocal<T>) -> T {
        let set = self.locals().and_then(|locals| locals.get(local.key()));
        match set.and_then(|value| value.downcast_ref::<T>()) {
            Some(value) => value.clone(),
            None => (local.default)(),
        }
    }
}

/// # Fiber locals
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Runs this effect, and the fibers it forks, with another value of a [`FiberLocal`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, FiberLocal, Never};
    ///
    /// static USER: FiberLocal<&str> = FiberLocal::new(|| "nobody");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let who = effect(async |cx: Cx<()>| Ok::<_, Never>(cx.local(&USER)));
    /// assert_eq!(who.clone().locally(&USER, "Ada").zip(who).await, Ok(("Ada", "nobody")));
    /// # }
    /// ```
    pub fn locally<T>(
        self,
        local: &'static FiberLocal<T>,
        value: T,
    ) -> Effect<R, E, A, Locally<P, T>>
    where
        T: Clone + Value + Sync,
    {
        Effect::of(Locally {
            program: self.program,
            key: local.key(),
            value,
        })
    }
}

/// The program of [`Effect::locally`].
#[derive(Clone)]
pub struct Locally<P, T> {
    program: P,
    key: usize,
    value: T,
}

impl<R, P, T> Program<R> for Locally<P, T>
where
    R: Env,
    P: Program<R>,
    T: Clone + Value + Sync,
{
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R>) -> Outcome<R, Self> {
        let mut frame = cx.frame();
        frame.locals = frame.locals.with(self.key, self.value);
        self.program.run(&cx.with_frame(frame)).await
    }
}

opaque_debug!(Locally<P, T>);
