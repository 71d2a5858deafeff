//! cure: a type of its own
//! messages: 4
//! Two fields of an environment have one type.

use effect::Has;

#[derive(Has)]
struct Secrets {
    user_name: String,
    port: u16,
    pass_word: String,
}

#[derive(Has)]
struct Spelled {
    names: Vec<String>,
    others: std::vec::Vec<std::string::String>,
}

#[derive(Has)]
struct Generic<U> {
    users: U,
    port: u16,
}

#[derive(Has)]
enum Either {
    Left(u8),
    Right(u16),
}

fn main() {}
