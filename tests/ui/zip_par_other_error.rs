//! cure: .map_error(..)
//! messages: 2
//! Effects with different errors are run at once.

use effect::prelude::*;

fn main() {
    let user = fail::<(), _, ()>("no user");
    let order = fail::<(), _, ()>(404);
    let _ = run(user.zip_par(order));
}
