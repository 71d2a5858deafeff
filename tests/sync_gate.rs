//! A gate is passed while it is open, and by those who waited when it was opened.

use crate::common::{everywhere, on_both, secs};
use effect::prelude::*;
use effect::sync::Gate;
use futures::poll;

#[test]
fn those_who_wait_pass_also_if_it_is_closed_at_once() {
    everywhere(async |cx: Cx<()>| {
        let gate = Gate::closed();
        let waiting: Vec<_> = (0..3).map(|_| cx.fork(gate.wait())).collect();
        cx.sleep(secs(1)).await;
        gate.open();
        gate.close();
        let late = cx.fork(gate.wait());
        for fiber in waiting {
            assert_eq!(cx.run(fiber.join()).await, Ok(()));
        }
        cx.sleep(secs(1)).await;
        assert!(!late.is_done());
        drop(cx.run(late.interrupt()).await);
    });
}

#[test]
fn an_open_gate_is_passed_at_once() {
    on_both(async |_: Cx<()>| {
        let gate = Gate::opened();
        assert!(poll!(gate.wait()).is_ready());
        gate.open();
        gate.close();
        assert!(poll!(gate.wait()).is_pending());
    });
}
