//! A sleep takes no time in the past. The events of one stream are handled one after the other.

use effect::prelude::*;
use effect::{Events, Replay};

use crate::greeter::{Greeter, NAMES, SECOND, each_second, say};

pub(crate) fn program() -> Effect<(), Never, ()> {
    let greeter = Greeter::default();
    let past = Events::past(each_second(&NAMES[..2]));
    let sleep_and_greet = move |_at, name| {
        let greet = greeter.greet(name);
        say(format!("{name} arrived."))
            .tap(|()| sleep(5 * SECOND))
            .flat_map(move |()| greet)
    };
    Replay::new().events(past, sleep_and_greet).run()
}
