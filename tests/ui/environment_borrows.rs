//! no cure: the borrow checker speaks of lifetimes, and shows no bound that could say more
//! An environment borrows from the function that provides it.

use effect::prelude::*;

struct App<'a> {
    name: &'a str,
}

fn greet(app: App<'_>) -> Effect<(), Never, usize> {
    let _ = app.name;
    succeed(1).provide(app).erase()
}

fn main() {
    let _ = run(greet(App { name: "shop" }));
}
