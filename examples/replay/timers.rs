//! Any effect can be run on this clock, and has its value; and some, time after time.

use effect::prelude::*;
use effect::{Every, Replay};

use crate::greeter::{SECOND, new_year, say};

pub(crate) fn program() -> Effect<(), Never, ()> {
    let say_hello = |_at| {
        say("sleeping for 1 second".to_owned())
            .tap(|()| sleep(SECOND))
            .flat_map(|()| say("hello".to_owned()))
    };
    let ticks = Every::new(2 * SECOND)
        .starting(new_year())
        .until(5 * SECOND);
    Replay::new()
        .timer(ticks, say_hello)
        .run_with(sleep(SECOND).map(|()| 42))
        .flat_map(|answer| sync(move || println!("  the answer is {answer}")))
        .erase_once()
}
