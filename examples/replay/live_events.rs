//! Live events are handled when they come: an effect feeds them, here one that runs a stream.

use effect::prelude::*;
use effect::{Events, Replay};

use crate::greeter::{A_MOMENT, Greeter, NAMES};

pub(crate) fn program() -> Effect<(), Never, ()> {
    let greeter = Greeter::default();
    let live = Events::live(|feed| {
        Stream::from_iter(NAMES)
            .run_for_each(move |name| feed.event_now(name).tap(|()| sleep(A_MOMENT)))
    });
    Replay::new()
        .events(live, move |_at, name| greeter.greet(name))
        .run()
}
