//! cure: .erase_once()
//! An effect is erased whose error cannot be cloned.

use effect::prelude::*;

fn read(path: &'static str) -> Effect<(), std::io::Error, String> {
    from_result(std::fs::read_to_string(path)).map(|text| text.trim().to_owned()).erase()
}

fn main() {
    let _ = run(read("Cargo.toml"));
}
