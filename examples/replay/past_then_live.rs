//! What has to know the past is told of it first, and then goes on live: nobody is greeted twice as if they were new.

use effect::prelude::*;
use effect::{Events, Replay};

use crate::greeter::{A_MOMENT, Greeter, NAMES, each_second, say};

pub(crate) fn program() -> Effect<(), Never, ()> {
    let greeter = Greeter::default();
    let events = Events::past(each_second(&NAMES[..2]))
        .then_live(|feed| {
            let names = Stream::from_iter(NAMES[..3].to_vec());
            names.run_for_each(move |name| feed.event_now(name).tap(|()| sleep(A_MOMENT)))
        })
        .on_live(say("** Running live **".to_owned()));
    Replay::new()
        .events(events, move |_at, name| greeter.greet(name))
        .run()
}
