//! Providing: an environment for an effect that needs one.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::opaque_debug::opaque_debug;
use crate::program::{self, Outcome};
use crate::{Cx, Effect, Env, Has, IntoEffect, Program, Value};

/// # Providing
impl<R, E, A, P> Effect<R, E, A, P>
where
    R: Env,
    E: Value,
    A: Value,
{
    /// Gives the effect its environment. What is left needs none, and runs in any.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    ///
    /// struct App { greeting: &'static str }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let greet = effect(async |cx: Cx<App>| Ok::<_, Never>(format!("{}, you", cx.env().greeting)));
    /// assert_eq!(greet.provide(App { greeting: "hello" }).await, Ok("hello, you".to_owned()));
    /// # }
    /// ```
    pub fn provide<R2: Env>(self, env: R) -> Effect<R2, E, A, Provide<R, P>> {
        self.provide_shared(Arc::new(env))
    }

    /// Gives the effect an environment that others have as well: see [`Cx::share_env`].
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Never};
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let port = Arc::new(8080_u16);
    /// let next = effect(async |cx: Cx<u16>| Ok::<_, Never>(cx.env() + 1));
    /// assert_eq!(next.provide_shared(port).await, Ok(8081));
    /// # }
    /// ```
    pub fn provide_shared<R2: Env>(self, env: Arc<R>) -> Effect<R2, E, A, Provide<R, P>> {
        Effect::of(Provide {
            program: self.program,
            env,
        })
    }

    /// Builds the environment by another effect, runs this one in it, and releases what the other has acquired, in
    /// reverse, whatever ends either.
    ///
    /// So an effect that yields an environment, or a part of one, is what is called a *layer* elsewhere, and there is
    /// nothing else to learn: [`flat_map`](Effect::flat_map) builds one part on another, [`zip_par`](Effect::zip_par)
    /// builds two at once, [`retry`](Effect::retry) builds again, and [`shared`](Effect::shared) builds once what two others
    /// need.
    ///
    /// What this effect itself acquires, and no inner [`scoped`](Effect::scoped) releases, is released before its
    /// environment is.
    ///
    /// # Errors
    ///
    /// What building fails with; what had been built by then is released. Otherwise, what this effect fails with.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it builds or runs, it releases what there is before whoever interrupted goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{acquire_release, effect, succeed, sync, Cx, Effect, Never};
    /// use std::sync::mpsc::Sender;
    ///
    /// #[derive(Clone)]
    /// struct App { users: &'static str, mail: &'static str }
    ///
    /// fn open(name: &'static str, log: Sender<String>) -> Effect<(), Never, &'static str> {
    ///     acquire_release(succeed(name), move |name| {
    ///         sync(move || log.send(format!("{name} closed")).unwrap())
    ///     })
    ///     .erase()
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (log, lines) = std::sync::mpsc::channel();
    /// let app = open("users", log.clone())
    ///     .zip(open("mail", log))
    ///     .map(|(users, mail)| App { users, mail });
    /// let program = effect(async |cx: Cx<App>| {
    ///     Ok::<_, Never>(format!("{} and {}", cx.env().users, cx.env().mail))
    /// });
    /// assert_eq!(program.provide_with(app).await, Ok("users and mail".to_owned()));
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["mail closed", "users closed"]);
    /// # }
    /// ```
    #[doc(alias = "provide_layer")]
    pub fn provide_with<R2, I>(self, build: I) -> Effect<R2, E, A, ProvideWith<R, P, I::Program>>
    where
        R2: Env,
        I: IntoEffect<R2, Error = E, Value = R>,
    {
        Effect::of(ProvideWith {
            program: self.program,
            build: build.into_effect().program,
            env: PhantomData,
        })
    }

    /// Makes the environment of one that is around: gives a part of it, or replaces one.
    ///
    /// # Examples
    ///
    /// The environment of a test is that of the application, but for one service.
    ///
    /// ```
    /// use effect_core::{effect, Cx, Has, Never};
    /// use std::sync::Arc;
    ///
    /// trait Users: Send + Sync {
    ///     fn name(&self) -> &'static str;
    /// }
    ///
    /// #[derive(Clone, Has)]
    /// struct App {
    ///     users: Arc<dyn Users>,
    ///     greeting: &'static str,
    /// }
    ///
    /// struct InDatabase;
    /// impl Users for InDatabase {
    ///     fn name(&self) -> &'static str {
    ///         unreachable!("a test has no database")
    ///     }
    /// }
    ///
    /// struct Fixed;
    /// impl Users for Fixed {
    ///     fn name(&self) -> &'static str {
    ///         "you"
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let greet = effect(async |cx: Cx<App>| {
    ///     Ok::<_, Never>(format!("{}, {}", cx.env().greeting, cx.get::<dyn Users>().name()))
    /// });
    /// let tested = greet.provide_from(|app: &App| App { users: Arc::new(Fixed), ..app.clone() });
    /// let app = App { users: Arc::new(InDatabase), greeting: "hello" };
    /// assert_eq!(tested.provide(app).await, Ok("hello, you".to_owned()));
    /// # }
    /// ```
    #[doc(alias = "provide_some")]
    #[doc(alias = "contramap")]
    pub fn provide_from<R2, F>(self, f: F) -> Effect<R2, E, A, ProvideFrom<R, P, F>>
    where
        R2: Env,
        F: FnOnce(&R2) -> R + Value,
    {
        Effect::of(ProvideFrom {
            program: self.program,
            f,
            env: PhantomData,
        })
    }

    /// Runs an effect whose environment is one service in any environment that has it. The service is cloned.
    ///
    /// Functions that say `R: Has<Db>` need no such thing: they run in any environment that has a `Db`.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{effect, Cx, Effect, Has, Never};
    ///
    /// #[derive(Clone)]
    /// struct Db(u32);
    ///
    /// #[derive(Has)]
    /// struct App {
    ///     db: Db,
    ///     name: &'static str,
    /// }
    ///
    /// fn count() -> Effect<Db, Never, u32> {
    ///     effect(async |cx: Cx<Db>| Ok(cx.env().0)).erase()
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let report = effect(async |cx: Cx<App>| {
    ///     let count = cx.run(count().provide_part()).await?;
    ///     Ok::<_, Never>(format!("{}: {count}", cx.get::<&'static str>()))
    /// });
    /// assert_eq!(report.provide(App { db: Db(7), name: "shop" }).await, Ok("shop: 7".to_owned()));
    /// # }
    /// ```
    pub fn provide_part<R2>(self) -> Effect<R2, E, A, ProvideFrom<R, P, fn(&R2) -> R>>
    where
        R: Clone,
        R2: Env + Has<R>,
    {
        let part: fn(&R2) -> R = |whole| whole.get().clone();
        self.provide_from(part)
    }
}

/// The program of [`Effect::provide`].
pub struct Provide<R, P> {
    program: P,
    env: Arc<R>,
}

impl<R, P: Clone> Clone for Provide<R, P> {
    fn clone(&self) -> Self {
        Provide {
            program: self.program.clone(),
            env: Arc::clone(&self.env),
        }
    }
}

impl<R: Env, R2: Env, P: Program<R>> Program<R2> for Provide<R, P> {
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R2>) -> Outcome<R2, Self> {
        let cx = cx.with_env(self.env);
        self.program.run(&cx).await
    }
}

/// The program of [`Effect::provide_with`].
pub struct ProvideWith<R, P, Q> {
    program: P,
    build: Q,
    env: PhantomData<fn() -> R>,
}

impl<R, P: Clone, Q: Clone> Clone for ProvideWith<R, P, Q> {
    fn clone(&self) -> Self {
        ProvideWith {
            program: self.program.clone(),
            build: self.build.clone(),
            env: PhantomData,
        }
    }
}

impl<R, R2, P, Q> Program<R2> for ProvideWith<R, P, Q>
where
    R: Env,
    R2: Env,
    P: Program<R>,
    Q: Program<R2, Error = P::Error, Value = R>,
{
    type Error = P::Error;
    type Value = P::Value;

    fn run(self, cx: &Cx<R2>) -> impl Future<Output = Outcome<R2, Self>> + Send {
        let ProvideWith { program, build, .. } = self;
        let build = Effect::<R2, P::Error, R, Q>::new(build);
        let built = build.flat_map(move |env| {
            let env = Arc::new(env);
            Effect::<R2, P::Error, P::Value, _>::new(Provide { program, env })
        });
        program::run(built.scoped().program, cx)
    }
}

/// The program of [`Effect::provide_from`] and [`Effect::provide_part`].
pub struct ProvideFrom<R, P, F> {
    program: P,
    f: F,
    env: PhantomData<fn() -> R>,
}

impl<R, P: Clone, F: Clone> Clone for ProvideFrom<R, P, F> {
    fn clone(&self) -> Self {
        ProvideFrom {
            program: self.program.clone(),
            f: self.f.clone(),
            env: PhantomData,
        }
    }
}

impl<R, R2, P, F> Program<R2> for ProvideFrom<R, P, F>
where
    R: Env,
    R2: Env,
    P: Program<R>,
    F: FnOnce(&R2) -> R + Value,
{
    type Error = P::Error;
    type Value = P::Value;

    async fn run(self, cx: &Cx<R2>) -> Outcome<R2, Self> {
        let env = Arc::new((self.f)(cx.env()));
        self.program.run(&cx.with_env(env)).await
    }
}

opaque_debug!(Provide<R, P>, ProvideWith<R, P, Q>, ProvideFrom<R, P, F>);
