//! An effect says what it needs: its environment is a type, and `provide` gives it a value.
//!
//! Run it: `cargo run --example 05_environment`
//!
//! One effect runs twice, in the environment of the application and in that of a test.

use std::process::ExitCode;

use effect::prelude::*;

/// All that this program needs from outside.
struct App {
    greeting: &'static str,
    find_name: fn(u32) -> Option<&'static str>,
}

fn main() -> ExitCode {
    run_main(effect(program))
}

async fn program(cx: Cx<()>) -> Result<(), String> {
    let app = App {
        greeting: "good morning",
        find_name: |id| ["Ada", "Grace"].get(id as usize).copied(),
    };
    let test = App {
        greeting: "hello",
        find_name: |_| Some("test"),
    };

    let greet = greet(1);
    let in_app = cx.run(greet.clone().provide(app)).await?;
    let in_test = cx.run(greet.provide(test)).await?;
    assert_eq!(in_app, "good morning, Grace!");
    assert_eq!(in_test, "hello, test!");
    println!("{in_app}\n{in_test}");
    Ok(())
}

/// Cannot be run before an `App` is provided: that would not compile.
fn greet(id: u32) -> Effect<App, String, String> {
    let greet = async move |cx: Cx<App>| {
        // Effects that run inside have the same environment.
        let name = cx.run(name(id)).await?;
        Ok(format!("{}, {name}!", cx.env().greeting))
    };
    effect(greet).erase()
}

fn name(id: u32) -> Effect<App, String, &'static str> {
    let find = async move |cx: Cx<App>| (cx.env().find_name)(id).ok_or(format!("nobody is {id}"));
    effect(find).erase()
}
