//! no cure: types that differ (E0308) are told by the compiler alone; it names both
//! messages: 2
//! A function ends a chain whose step fails with an error of its own.

use effect::prelude::*;

fn find(id: u32) -> Effect<(), &'static str, String> {
    succeed(id.to_string()).erase()
}

fn parse(text: &'static str) -> Effect<(), std::num::ParseIntError, String> {
    from_result(text.parse()).flat_map(find).erase()
}

fn main() {
    let _ = run(parse("12"));
}
