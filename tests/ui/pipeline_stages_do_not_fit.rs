//! no cure: functions whose arguments differ (E0631) are told by the compiler alone; it names both
//! A stage takes something else than what the one before it gives.

use effect::prelude::*;

async fn parse(line: &'static str) -> Result<u32, String> {
    line.parse().map_err(|_| line.to_owned())
}

async fn shout(word: String) -> Result<String, String> {
    Ok(word.to_uppercase())
}

fn main() {
    let lines = Stream::from_iter(["1", "2"]);
    let _ = Pipeline::<(), _, _>::from_stream(lines)
        .via(stage("parse", parse))
        .via(stage("shout", shout));
}
