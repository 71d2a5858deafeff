//! Events of the past, handled in no time on a clock of their own, and live ones after them: six small programs.
//!
//! Run it: `cargo run --example replay`
//!
//! Each program is a file beside this one. What is past has the same times whenever this is run, and what is live comes
//! at its own pace.

#[path = "replay/greeter.rs"]
mod greeter;

#[path = "replay/past_events.rs"]
mod past_events;

#[path = "replay/live_events.rs"]
mod live_events;

#[path = "replay/past_then_live.rs"]
mod past_then_live;

#[path = "replay/calling_later.rs"]
mod calling_later;

#[path = "replay/sleeping.rs"]
mod sleeping;

#[path = "replay/timers.rs"]
mod timers;

use std::error::Error;

use effect::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let programs = [
        ("past events", past_events::program()),
        ("live events", live_events::program()),
        ("past events, then live ones", past_then_live::program()),
        ("calling later", calling_later::program()),
        ("sleeping", sleeping::program()),
        ("any effect, and a timer", timers::program()),
    ];
    for (title, program) in programs {
        println!("{title}:");
        assert_eq!(run(program)?, Exit::Success(()));
    }
    Ok(())
}
