//! At a rendezvous nothing is held: whoever gives waits for whoever takes.

use crate::common::{everywhere, on_both};
use crate::sync_channel::drain;
use effect::prelude::*;
use effect::sync::Queue;
use futures::future::{join, join_all};
use futures::{FutureExt, poll};

// T66
#[test]
fn a_rendezvous_is_served_in_turn() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::rendezvous();
        let mut offers: Vec<_> = (0..3).map(|n| queue.offer(n)).collect();
        for offer in &mut offers {
            assert!(poll!(offer).is_pending());
        }
        assert_eq!((queue.poll(), queue.len()), (None, 0));
        let mut takers: Vec<_> = (0..3).map(|_| queue.take()).collect();
        for taker in &mut takers {
            assert!(poll!(taker).is_pending());
        }
        // Each side polled from the last to the first, to no avail.
        let (offered, taken) = join(join_all(offers), join_all(takers)).await;
        assert!(offered.iter().all(Result::is_ok));
        assert_eq!(taken, [Ok(0), Ok(1), Ok(2)]);
    });
}

// T66
#[test]
fn whoever_leaves_a_rendezvous_leaves_the_other_side_consistent() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::rendezvous();
        let (mut gone, mut first, mut second) = (queue.offer(0), queue.offer(1), queue.offer(2));
        for offer in [&mut gone, &mut first, &mut second] {
            assert!(poll!(offer).is_pending());
        }
        drop(gone);
        let mut leaves = queue.take();
        assert!(poll!(&mut leaves).is_pending());
        drop(leaves);
        // Promised to one who has left, it keeps its place.
        assert!(poll!(&mut first).is_pending());
        let (taken, offered) = join(join(queue.take(), queue.take()), join(first, second)).await;
        assert_eq!(taken, (Ok(1), Ok(2)));
        assert_eq!(offered, (Ok(()), Ok(())));
    });
}

#[test]
fn at_a_rendezvous_nobody_takes_what_another_waits_for() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::<u8>::rendezvous();
        let mut waits = Box::pin(queue.take());
        assert!(poll!(waits.as_mut()).is_pending());
        queue.offer(1).await.unwrap();
        assert_eq!((queue.poll(), queue.take_up_to(1)), (None, vec![]));
        assert_eq!(waits.await, Ok(1));
    });
}

#[test]
fn a_rendezvous_ends_a_send_only_when_a_receiver_waits() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(0);
        let mut send = channel.send(1);
        assert!(poll!(&mut send).is_pending());
        let mut receive = channel.receive();
        assert!(poll!(&mut receive).is_pending());
        assert!(poll!(&mut send).is_ready());
        assert_eq!(receive.now_or_never(), Some(Ok(1)));
        assert!(poll!(channel.send(2)).is_pending());
        assert!(channel.is_empty());
    });
}

#[test]
fn a_rendezvous_waits_on_when_the_receiver_has_left_before_the_item_came() {
    on_both(async |_: Cx<()>| {
        let channel = Channel::bounded(0);
        let (mut first, mut second) = (channel.send(1), channel.send(2));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        let mut gone = channel.receive();
        assert!(poll!(&mut gone).is_pending());
        drop(gone);
        assert!(poll!(&mut first).is_pending());
        assert!(channel.is_empty());
        let received = join(channel.receive(), channel.receive());
        // The first kept its place.
        let (received, sent) = join(received, join(first, second)).await;
        assert_eq!(received, (Ok(1), Ok(2)));
        assert_eq!(sent, (Ok(()), Ok(())));
    });
}

#[test]
fn a_rendezvous_passes_all_items_in_order() {
    everywhere(async |cx: Cx<()>| {
        let channel = Channel::bounded(0);
        let output = channel.clone();
        let producer = cx.fork(async move {
            output.send_many(0..50).await.unwrap();
            for n in 50..100 {
                output.send(n).await.unwrap();
            }
            output.close();
            Ok::<_, Never>(())
        });
        let received = drain(&channel).await;
        let Ok(()) = cx.run(producer.join()).await;
        assert!(received.into_iter().eq(0..100));
    });
}
