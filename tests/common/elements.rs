//! Elements by chance, for laws of streams.

use effect::prelude::*;

use super::laws::Given;

/// Elements of which some have failed.
pub type Elements = StreamE<(), u32, u32>;

/// Some numbers.
pub fn numbers(given: &Given, name: &'static str) -> Vec<u32> {
    let mut chance = given.programs(name);
    let count = chance.below(12);
    (0..count).map(|_| chance.below(50)).collect()
}

/// Some numbers, of which every fifth has failed.
pub fn results(given: &Given, name: &'static str) -> Vec<Result<u32, u32>> {
    let numbers = numbers(given, name).into_iter();
    let result = |n| if n % 5 == 0 { Err(n) } else { Ok(n) };
    numbers.map(result).collect()
}

/// A count, for operators that have one.
pub fn count(given: &Given, name: &'static str) -> usize {
    given.programs(name).below(8) as usize
}

pub fn elements(given: &Given) -> Elements {
    StreamE::from_results(results(given, "xs")).erase()
}
