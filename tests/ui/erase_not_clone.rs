//! cure: .erase_once()
//! An effect is erased that owns what cannot be cloned.

use effect::prelude::*;
use std::net::TcpStream;

fn close(socket: TcpStream) -> Effect<(), Never, ()> {
    sync(move || drop(socket)).erase()
}

fn main() {
    let socket = TcpStream::connect("localhost:80").unwrap();
    let _ = run(close(socket));
}
