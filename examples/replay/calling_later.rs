//! Effects are called later: each is greeted a second after it has arrived, and what is due comes before what is live.

use effect::prelude::*;
use effect::{Events, Replay};

use crate::greeter::{Greeter, NAMES, SECOND, each_second, say};

pub(crate) fn program() -> Effect<(), Never, ()> {
    let greeter = Greeter::default();
    let events = Events::past(each_second(&NAMES[..2]))
        .then_live(|feed| feed.event_now(NAMES[2]))
        .on_live(say("** Running live **".to_owned()));
    let replay = Replay::new();
    let timeline = replay.timeline();
    let greet_later = move |at, name| {
        timeline.call_later(at + SECOND, greeter.greet(name));
        say(format!("{name} arrived."))
    };
    replay.events(events, greet_later).run()
}
