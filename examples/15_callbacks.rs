//! Callbacks: code that knows nothing of effects, on a thread of its own, starts them by a dispatcher.
//!
//! Run it: `cargo run --example 15_callbacks`
//!
//! A device calls back for each key on its own thread. The keys are handled one by one, in order, and the program ends when
//! the last one is saved.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use effect::prelude::*;
use effect::{Dispatcher, OnClose, blocking};

/// Somebody else's code: it wants a plain function, and calls it where it likes.
mod device {
    use std::thread;

    #[allow(clippy::disallowed_methods, reason = "it knows nothing of effects")]
    pub(super) fn listen(on_key: impl Fn(char) + Send + 'static) {
        let listener = thread::spawn(move || "effect".chars().for_each(on_key));
        listener.join().expect("the listener does not panic");
    }
}

type Document = Arc<Mutex<String>>;

fn main() -> ExitCode {
    let document = Document::default();
    let saved = Arc::clone(&document);
    let program = effect(program).scoped().provide(document);
    // The scope has closed, so all that was dispatched has ended.
    run_main(program.map(move |()| println!("saved: {}", saved.lock().unwrap())))
}

async fn program(cx: Cx<Document>) -> Result<(), Never> {
    // It closes with the scope, and waits for what it was given.
    let dispatcher = cx.run(Dispatcher::sequential(OnClose::Await)).await?;
    let handler = dispatcher.clone();
    let on_key = move |key: char| {
        // No context and no runtime here. The effect has the environment of the program all the same.
        let typed = effect(async move |cx: Cx<Document>| {
            cx.sleep(Duration::from_millis(1)).await;
            cx.env().lock().unwrap().push(key);
            Ok::<_, Never>(())
        });
        match handler.dispatch(typed) {
            // Nobody joins it: a failure would be reported.
            Ok(fiber) => drop(fiber),
            Err(closed) => println!("{key} came too late: {closed}"),
        }
    };
    cx.run(blocking(move || {
        device::listen(on_key);
        Ok::<_, Never>(())
    }))
    .await?;
    println!("the device is gone");
    Ok(())
}
