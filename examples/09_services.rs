//! Services: code says which it needs, a scoped effect builds them, and a test replaces one.
//!
//! Run it: `cargo run --example 09_services`
//!
//! The environment is built before the program, two parts at once, and taken down after it, in reverse.

use std::process::ExitCode;
use std::sync::Arc;

use effect::prelude::*;

/// Finds users: a service.
trait Users: Send + Sync {
    fn name(&self, id: u32) -> String;
}

struct Database;

impl Users for Database {
    fn name(&self, id: u32) -> String {
        format!("user {id}")
    }
}

struct Nobody;

impl Users for Nobody {
    fn name(&self, _id: u32) -> String {
        "nobody".to_owned()
    }
}

#[derive(Clone)]
struct Mailer {
    sender: &'static str,
}

/// Each field is a service that effects may ask for.
#[derive(Has)]
struct App {
    users: Arc<dyn Users>,
    mailer: Mailer,
}

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), Never> {
    let letter = cx.run(greet::<App>(7).provide_with(app())).await?;
    println!("{letter}");

    // A test has the same environment, but for one service.
    let tested = greet::<App>(7).provide_from(|outer: &App| App {
        users: Arc::new(Nobody),
        mailer: outer.mailer.clone(),
    });
    let letter = cx.run(tested.provide_with(app())).await?;
    assert_eq!(letter, "dear nobody, yours, the shop");
    println!("{letter}");
    Ok(())
}

/// Runs in every environment that has both services. In one that lacks a service it does not compile.
fn greet<R: effect::Env + Has<dyn Users> + Has<Mailer>>(id: u32) -> Effect<R, Never, String> {
    effect(async move |cx: Cx<R>| {
        let name = cx.get::<dyn Users>().name(id);
        Ok(format!("dear {name}, yours, {}", cx.get::<Mailer>().sender))
    })
    .erase()
}

/// A layer is no type of its own: it is a scoped effect whose value is an environment.
fn app() -> Effect<(), Never, App> {
    let users = acquire_release(succeed(Arc::new(Database)), |_| {
        sync(|| println!("the database is closed"))
    });
    let mailer = succeed(Mailer { sender: "the shop" });
    users
        .zip_par(mailer)
        .map(|(users, mailer)| App { users, mailer })
        .erase()
}
