//! cure: Arc
//! An effect is run again that owns what cannot be cloned.

use effect::prelude::*;
use std::net::TcpStream;

fn main() {
    let socket = TcpStream::connect("localhost:80").unwrap();
    let hello = effect(async move |_: Cx<()>| socket.set_ttl(64).map_err(|why| why.kind()));
    let _ = run(hello.retry(Schedule::recurs(3)));
}
