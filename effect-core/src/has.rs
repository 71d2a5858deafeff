//! What an environment has: the services that effects ask it for.

use crate::Cx;

/// An environment that has a `T`: a service, or a part of its configuration.
///
/// An effect that needs a part of its environment asks for that part, and runs in every environment that has it: in the
/// application's, and in that of a test. `#[derive(Has)]` writes the implementations, one for each field of a struct. A
/// field that is a `Box<dyn Users>` or an `Arc<dyn Users>` gives `dyn Users`; [the macro](derive@crate::Has) says what
/// else there is.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, Cx, Effect, Env, Has, Never};
///
/// trait Users: Send + Sync {
///     fn name(&self, id: u32) -> String;
/// }
///
/// /// Needs users, and nothing else.
/// fn greet<R: Env + Has<dyn Users>>(id: u32) -> Effect<R, Never, String> {
///     effect(async move |cx: Cx<R>| {
///         let name = cx.get::<dyn Users>().name(id);
///         Ok(format!("hello, {name}"))
///     })
///     .erase()
/// }
///
/// #[derive(Has)]
/// struct App {
///     users: Box<dyn Users>,
///     port: u16,
/// }
///
/// struct Everybody(&'static str);
///
/// impl Users for Everybody {
///     fn name(&self, _id: u32) -> String {
///         self.0.to_owned()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = App { users: Box::new(Everybody("Ada")), port: 80 };
/// assert_eq!(greet(1).provide(app).await, Ok("hello, Ada".to_owned()));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "the environment `{Self}` has no service `{T}`",
    label = "`{T}` is asked for here, and `{Self}` does not have it",
    note = "an environment has what it has a field for: a struct with a `{T}` in it and `#[derive(Has)]`, which the \
            effect is given by `.provide(..)`",
    note = "what runs in any environment says what it needs of it: `R: Has<{T}>`"
)]
pub trait Has<T: ?Sized> {
    /// The service.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::Has;
    ///
    /// #[derive(Has)]
    /// struct Limits {
    ///     connections: usize,
    /// }
    ///
    /// let limits = Limits { connections: 8 };
    /// assert_eq!(limits.get(), &8);
    /// ```
    fn get(&self) -> &T;
}

/// # Asking the environment
impl<R> Cx<R> {
    /// A service of the environment.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Has, Never};
    ///
    /// #[derive(Has)]
    /// struct App {
    ///     name: &'static str,
    ///     port: u16,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let port = effect(async |cx: Cx<App>| Ok::<_, Never>(*cx.get::<u16>()));
    /// assert_eq!(port.provide(App { name: "shop", port: 8080 }).await, Ok(8080));
    /// # }
    /// ```
    pub fn get<T: ?Sized>(&self) -> &T
    where
        R: Has<T>,
    {
        self.env().get()
    }
}
