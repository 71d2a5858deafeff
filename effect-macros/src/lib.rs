//! The derive macro of environments: `#[derive(Has)]`.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

mod derive;

/// Writes an implementation of `Has` for each field of a struct, so that the struct can be an environment.
///
/// A field gives its own type, and one that is a `Box<dyn Service>` or an `Arc<dyn Service>` gives `dyn Service`.
///
/// - `#[has(Type)]` on a field says what it gives instead, and may name several: what is in a `Box` or an `Arc`, or a
///   trait that the field's type implements.
/// - `#[has(skip)]` on a field says that it gives nothing.
/// - `#[has(crate = path)]` on the struct says where the trait is, if the crate `effect` has another name.
///
/// # Errors
///
/// Two fields that give one type do not compile: which of them would be meant? Neither do two of which one has the
/// type of a parameter, which may be any.
///
/// # Examples
///
/// ```
/// use effect::Has;
/// use std::sync::Arc;
///
/// trait Users: Send + Sync {
///     fn name(&self, id: u32) -> String;
/// }
///
/// struct Db;
///
/// impl Users for Db {
///     fn name(&self, id: u32) -> String {
///         format!("user {id}")
///     }
/// }
///
/// #[derive(Has)]
/// struct App {
///     users: Box<dyn Users>,
///     #[has(Db, Arc<Db>)]
///     db: Arc<Db>,
///     port: u16,
///     #[has(skip)]
///     spare_port: u16,
/// }
///
/// fn greeting(app: &impl Has<dyn Users>) -> String {
///     format!("hello, {}", app.get().name(7))
/// }
///
/// let app = App { users: Box::new(Db), db: Arc::new(Db), port: 80, spare_port: 81 };
/// assert_eq!(greeting(&app), "hello, user 7");
/// assert_eq!(Has::<u16>::get(&app), &80);
/// assert_eq!(Has::<Db>::get(&app).name(1), "user 1");
/// assert_eq!(Arc::strong_count(Has::<Arc<Db>>::get(&app)), 1);
/// # assert_eq!((app.spare_port, app.db.name(2).len()), (81, 6));
/// ```
#[proc_macro_derive(Has, attributes(has))]
pub fn derive_has(input: TokenStream) -> TokenStream {
    derive::expand(input.into(), "::effect").into()
}

/// As `Has`, where the trait is that of `effect_core`.
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
/// assert_eq!(Limits { connections: 8 }.get(), &8);
/// ```
#[proc_macro_derive(HasCore, attributes(has))]
pub fn derive_has_core(input: TokenStream) -> TokenStream {
    derive::expand(input.into(), "::effect_core").into()
}
