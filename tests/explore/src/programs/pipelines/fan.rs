//! Items that become several, or none.

use effect::stage_sync;

use super::*;

pipelines! {
    /// A filter and what makes several.
    fan: AROUND, |laws, items| items
        .filter("few", laws.holds(|ticket| ticket % 4 != 1))
        .flat_map(stage_sync("several", laws.several()).workers(2))
        .via(stage("next", laws.working()).buffer(laws.trial.capacity(2)));

    /// In order.
    ordered_fan: Around { from: From::Stream, ..AROUND }, |laws, items| items
        .via(stage("first", laws.working()).workers(2))
        .flat_map(stage_sync("several", laws.several()).workers(2).ordered())
        .filter("few", laws.holds(|ticket| ticket % 4 != 1));
}
