//! Past events are handled one right after the other, and the clock goes with them.

use effect::prelude::*;
use effect::{Events, Replay};

use crate::greeter::{Greeter, NAMES, each_second};

pub(crate) fn program() -> Effect<(), Never, ()> {
    let greeter = Greeter::default();
    let past = Events::past(each_second(&NAMES));
    Replay::new()
        .events(past, move |_at, name| greeter.greet(name))
        .run()
}
