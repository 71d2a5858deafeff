//! no cure: types that differ (E0308) are told by the compiler alone; their names say it, `Erased<..>` for `Map<..>`
//! A signature leaves the program out, and the body ends without `erase`.

use effect::prelude::*;

fn double(n: u32) -> Effect<(), Never, u32> {
    succeed(n).map(|n| n * 2)
}

fn main() {
    let _ = run(double(2));
}
