//! A latch opens for good when it was counted down, and not before.

use crate::common::{everywhere, on_both, secs};
use effect::prelude::*;
use effect::sync::Latch;
use futures::poll;

#[test]
fn all_who_wait_pass_when_the_last_has_counted() {
    everywhere(async |cx: Cx<()>| {
        let latch = Latch::new(3);
        let waiting: Vec<_> = (0..4).map(|_| cx.fork(latch.wait())).collect();
        for left in [2, 1, 0] {
            cx.sleep(secs(1)).await;
            assert!(waiting.iter().all(|fiber| !fiber.is_done()));
            latch.count_down();
            assert_eq!(latch.count(), left);
        }
        for fiber in waiting {
            assert_eq!(cx.run(fiber.join()).await, Ok(()));
        }
        // Once open, it stays so.
        latch.count_down();
        assert_eq!((latch.count(), latch.wait().await), (0, Ok(())));
    });
}

#[test]
fn a_latch_of_nothing_is_open() {
    on_both(async |_: Cx<()>| assert!(poll!(Latch::new(0).wait()).is_ready()));
}

#[test]
fn who_stops_waiting_holds_nobody_up() {
    everywhere(async |cx: Cx<()>| {
        let latch = Latch::new(1);
        let [goes, stays] = [(); 2].map(|()| cx.fork(latch.wait()));
        cx.sleep(secs(1)).await;
        assert!(
            cx.run(goes.interrupt())
                .await
                .is_ok_and(|exit| exit.is_interrupt())
        );
        latch.count_down();
        assert_eq!(cx.run(stays.join()).await, Ok(()));
    });
}
