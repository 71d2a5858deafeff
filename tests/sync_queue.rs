//! A queue keeps its order, does what it was made to do when it is full, and ends in the way that was asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{everywhere, in_turns, on_both};
use effect::prelude::*;
use effect::sync::{OfferError, Queue, TakeError};
use effect::yield_now;
use futures::future::{join, join_all};
use futures::{FutureExt, poll};

/// All that is taken until the queue has ended.
pub(super) async fn drain<T, E: Clone>(queue: &Queue<T, E>) -> (Vec<T>, TakeError<E>) {
    let mut items = Vec::new();
    loop {
        match queue.take().await {
            Ok(item) => items.push(item),
            Err(end) => return (items, end),
        }
    }
}

// T62
#[test]
fn a_bounded_queue_keeps_the_order() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::bounded(3);
        let output = queue.clone();
        let producer = cx.fork(async move {
            for n in 0..50 {
                output.offer(n).await.unwrap();
            }
            output.offer_all(50..100).await.unwrap();
            output.close();
            Ok::<_, Never>(())
        });
        let (taken, end) = drain(&queue).await;
        assert!(taken.into_iter().eq(0..100));
        assert_eq!(end, TakeError::Closed);
        assert_eq!(cx.run(producer.join()).await, Ok(()));
    });
}

// T62
#[test]
fn offers_to_a_full_queue_wait_and_are_served_in_turn() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::bounded(1);
        queue.offer(0).await.unwrap();
        let mut offers: Vec<_> = (1..=5).map(|n| queue.offer(n)).collect();
        for offer in &mut offers {
            assert!(poll!(offer).is_pending());
        }
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.take().await, Ok(0));
        // Whoever comes now waits behind those who wait already, and does not get in without waiting.
        assert_eq!(queue.try_offer(6), Err(OfferError::Full(6)));
        offers.push(queue.offer(6));
        assert!(poll!(offers.last_mut().unwrap()).is_pending());
        let taking = join_all((1..=6).map(|_| queue.take()));
        // Polled from the last to the first, to no avail.
        let (taken, offered) = join(taking, join_all(offers.into_iter().rev())).await;
        let taken: Vec<_> = taken.into_iter().map(Result::unwrap).collect();
        assert_eq!(taken, [1, 2, 3, 4, 5, 6]);
        assert!(offered.iter().all(Result::is_ok));
    });
}

// T62
#[test]
fn an_offer_that_is_interrupted_while_it_waits_is_gone() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::bounded(1);
        queue.offer(1).await.unwrap();
        let [interrupted, kept] = [2, 3].map(|n| cx.fork(queue.offer(n)));
        // Let both wait, in an order that is not ours.
        cx.sleep(Duration::from_millis(1)).await;
        let Ok(exit) = cx.run(interrupted.interrupt()).await;
        assert!(exit.is_interrupt());
        assert_eq!(queue.take().await, Ok(1));
        assert_eq!(queue.take().await, Ok(3));
        assert_eq!(cx.run(kept.join()).await, Ok(()));
        assert!(queue.is_empty());
    });
}

// T63
#[test]
fn to_take_between_bounds_that_make_no_sense_takes_nothing() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::bounded(4);
        queue.offer_all([1, 2, 3]).await.unwrap();
        assert_eq!(queue.take_between(3, 2).now_or_never(), Some(Ok(vec![])));
        assert_eq!(queue.take_n(0).now_or_never(), Some(Ok(vec![])));
        assert_eq!(queue.take_many(0).now_or_never(), Some(Ok(vec![])));
        assert_eq!(queue.take_up_to(0), []);
        assert_eq!(queue.len(), 3);
    });
}

// T63
#[test]
fn to_take_what_is_there_leaves_alone_what_waits_for_room() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::bounded(2);
        let mut offer = queue.offer_all(1..=5);
        assert!(poll!(&mut offer).is_pending());
        assert_eq!(queue.take_up_to(10), [1, 2]);
        assert_eq!(queue.take_up_to(10), []);
        assert!(poll!(&mut offer).is_pending());
        assert_eq!(queue.poll(), Some(3));
    });
}

// T63
#[test]
fn many_offers_that_are_interrupted_leave_what_was_accepted() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::bounded(2);
        let offering = cx.fork(queue.offer_all(1..=5));
        cx.sleep(Duration::from_millis(1)).await;
        let Ok(exit) = cx.run(offering.interrupt()).await;
        assert!(exit.is_interrupt());
        queue.close();
        assert_eq!(drain(&queue).await.0, [1, 2]);
    });
}

// T63
#[test]
fn to_take_more_than_there_is_room_for_waits_for_it() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::bounded(2);
        let offering = cx.fork(queue.offer_all(1..=7));
        assert_eq!(
            queue.take_between(5, 6).await.unwrap()[..5],
            [1, 2, 3, 4, 5]
        );
        queue.close();
        let rest = drain(&queue).await.0;
        assert_eq!(rest.last(), Some(&7));
        assert_eq!(cx.run(offering.join()).await, Ok(()));
        assert_eq!(queue.take_n(2).await, Err(TakeError::Closed));
    });
}

#[test]
fn a_taker_of_many_that_is_dropped_puts_back_what_it_has() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::bounded(4);
        queue.offer_all([1, 2]).await.unwrap();
        let mut taking = queue.take_n(3);
        assert!(poll!(&mut taking).is_pending());
        assert!(queue.is_empty());
        queue.offer(3).await.unwrap();
        queue.close();
        drop(taking);
        assert_eq!(drain(&queue).await.0, [1, 2, 3]);
    });
}

#[test]
fn takers_of_many_do_not_wait_for_each_other_at_the_end() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::bounded(1);
        let takers = [(); 2].map(|()| cx.fork(queue.take_n(2)));
        let lone = cx.fork(queue.take());
        cx.sleep(Duration::from_millis(1)).await;
        queue.offer(1).await.unwrap();
        queue.close();
        let mut taken = Vec::new();
        for taker in takers {
            taken.extend(cx.run(taker.join()).await.unwrap_or_default());
        }
        taken.extend(cx.run(lone.join()).await);
        assert_eq!(taken, [1]);
    });
}

// T64
#[test]
fn a_dropping_queue_hands_back_what_it_has_no_room_for() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::dropping(2);
        let rest = queue.offer_all(1..=4).await;
        assert_eq!(rest, Err(OfferError::Full(vec![3, 4])));
        assert_eq!(queue.offer(5).await, Err(OfferError::Full(5)));
        assert_eq!(queue.take_up_to(10), [1, 2]);
        assert_eq!(queue.offer(6).await, Ok(()));
    });
}

// T64
#[test]
fn a_sliding_queue_keeps_the_newest() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::sliding(2);
        queue.offer_all(1..=4).await.unwrap();
        queue.offer(5).await.unwrap();
        assert_eq!(queue.take_up_to(10), [4, 5]);
    });
}

// T64
#[test]
fn a_taker_that_waits_gets_what_is_offered_whatever_comes_after_it() {
    on_both(async |_: Cx<()>| {
        for queue in [Queue::dropping(1), Queue::sliding(1)] {
            let mut taking = queue.take();
            assert!(poll!(&mut taking).is_pending());
            for n in 1..=2 {
                queue.offer(n).await.unwrap();
            }
            let third = queue.offer(3).await;
            assert_eq!(taking.await, Ok(1));
            // The next is the second, or, where the third has taken its place, that.
            assert_eq!(queue.poll(), Some(if third.is_ok() { 3 } else { 2 }));
            assert_eq!(queue.poll(), None);
        }
    });
}

#[test]
fn a_full_sliding_queue_holds_no_more_when_takers_come_and_go() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::sliding(2);
        for n in 0..10 {
            let mut taking = queue.take();
            let _ = poll!(&mut taking);
            queue.offer_all([n, n]).await.unwrap();
            drop(taking);
            assert!(queue.len() <= 3, "{} items inside", queue.len());
        }
        queue.offer(10).await.unwrap();
        assert_eq!(queue.take_up_to(10), [9, 10]);
    });
}

/// An item whose drop looks at its queue, as one does that holds a handle to it.
struct LooksAt(Queue<LooksAt>);

impl Drop for LooksAt {
    fn drop(&mut self) {
        // Would wait for ever if the lock were held.
        let _ = self.0.len();
    }
}

#[test]
fn an_item_that_makes_room_is_dropped_when_the_lock_is_free() {
    let queue = Queue::sliding(1);
    for _ in 0..3 {
        assert!(queue.try_offer(LooksAt(queue.clone())).is_ok());
    }
    drop(queue.abort());
}

// T65
#[test]
fn close_lets_in_those_who_wait_and_refuses_those_who_come() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::bounded(1);
        queue.offer(1).await.unwrap();
        let waiting = [2, 3].map(|n| cx.fork(queue.offer(n)));
        let many = cx.fork(queue.offer_all([4, 5]));
        cx.sleep(Duration::from_millis(1)).await;
        let ended = cx.fork(queue.await_closed());
        queue.close();
        assert_eq!(queue.offer(6).await, Err(OfferError::Closed(6)));
        cx.sleep(Duration::from_millis(1)).await;
        assert!(!ended.is_done());
        let (mut taken, end) = drain(&queue).await;
        assert_eq!((taken[0], end), (1, TakeError::Closed));
        taken.sort_unstable();
        assert_eq!(taken, [1, 2, 3, 4, 5]);
        for offer in waiting {
            assert_eq!(cx.run(offer.join()).await, Ok(()));
        }
        assert_eq!(cx.run(many.join()).await, Ok(()));
        assert_eq!(cx.run(ended.join()).await, Ok(()));
    });
}

// T65
#[test]
fn a_queue_has_ended_when_it_is_drained_and_not_before() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::bounded(2).with_error();
        queue.offer_all([1, 2]).await.unwrap();
        let mut ended = queue.await_closed();
        assert!(poll!(&mut ended).is_pending());
        queue.close_with("why");
        assert!(poll!(&mut ended).is_pending());
        assert_eq!(queue.take().await, Ok(1));
        assert!(poll!(&mut ended).is_pending());
        assert_eq!(queue.take().await, Ok(2));
        assert_eq!(ended.await, Err("why"));
    });
}

// T65
#[test]
fn a_queue_ends_when_the_last_who_waits_to_offer_gives_up() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::rendezvous();
        let offering = cx.fork(queue.offer(1));
        cx.sleep(Duration::from_millis(1)).await;
        queue.close();
        let ended = cx.fork(queue.await_closed());
        cx.sleep(Duration::from_millis(1)).await;
        assert!(!ended.is_done());
        drop(cx.run(offering.interrupt()).await);
        assert_eq!(cx.run(ended.join()).await, Ok(()));
        assert_eq!(queue.take().await, Err(TakeError::Closed));
    });
}

// T65
#[test]
fn an_error_comes_after_the_items_and_to_every_taker() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::bounded(2).with_error();
        queue.offer_all([1, 2]).await.unwrap();
        let takers = [(); 4].map(|()| cx.fork(queue.take()));
        queue.close_with("why");
        queue.close();
        queue.close_with("another reason");
        let mut taken = Vec::new();
        for taker in takers {
            taken.push(cx.run(taker.join()).await);
        }
        taken.sort_unstable_by_key(|taken| taken.unwrap_or(9));
        let failed = Err(TakeError::Failed("why"));
        assert_eq!(taken, [Ok(1), Ok(2), failed, failed]);
        assert_eq!(queue.take_many(3).await, Err(TakeError::Failed("why")));
    });
}

// T65
#[test]
fn abort_hands_over_what_is_inside_and_ends_all_who_wait_at_once() {
    everywhere(async |cx: Cx<()>| {
        let start = cx.now();
        let queue = Queue::bounded(2);
        queue.offer_all([1, 2]).await.unwrap();
        let offering = cx.fork(queue.offer(3));
        let ended = cx.fork(queue.await_closed());
        cx.sleep(Duration::from_millis(1)).await;
        assert_eq!(queue.abort(), [1, 2]);
        assert_eq!(cx.run(offering.join()).await, Err(OfferError::Closed(3)));
        assert_eq!(cx.run(ended.join()).await, Ok(()));
        assert_eq!(queue.abort(), []);

        let empty = Queue::<u8>::bounded(2);
        let takers = [(); 3].map(|()| cx.fork(empty.take()));
        let many = cx.fork(empty.take_n(2));
        cx.sleep(Duration::from_millis(1)).await;
        assert_eq!(empty.abort(), []);
        for taker in takers {
            assert_eq!(cx.run(taker.join()).await, Err(TakeError::Closed));
        }
        assert_eq!(cx.run(many.join()).await, Err(TakeError::Closed));
        assert_eq!(cx.now() - start, Duration::from_millis(2));
    });
}

// T65
#[test]
fn abort_after_close_sends_away_those_who_were_to_be_let_in() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::bounded(1).with_error();
        queue.offer(1).await.unwrap();
        let offering = cx.fork(queue.offer(2));
        cx.sleep(Duration::from_millis(1)).await;
        queue.close_with("why");
        assert_eq!(queue.abort(), [1]);
        assert_eq!(cx.run(offering.join()).await, Err(OfferError::Closed(2)));
        assert_eq!(queue.take().await, Err(TakeError::Failed("why")));
    });
}

// T73
#[test]
fn what_is_inside_comes_at_once() {
    on_both(async |_: Cx<()>| {
        let queue = Queue::bounded(8);
        for n in 0..5 {
            queue.offer(n).await.unwrap();
        }
        assert_eq!(queue.take_many(usize::MAX).await, Ok(vec![0, 1, 2, 3, 4]));
    });
}

// T73
#[test]
fn to_offer_a_stream_stops_it_when_the_queue_is_closed() {
    everywhere(async |cx: Cx<()>| {
        let queue = Queue::bounded(2);
        let evaluated = Arc::new(AtomicUsize::new(0));
        let (output, count) = (queue.clone(), Arc::clone(&evaluated));
        let all = Stream::range(0..1_000_u32)
            .map(move |n| {
                count.fetch_add(1, Ordering::Relaxed);
                n
            })
            .run_for_each(move |n| output.offer(n));
        let offering = cx.fork(all);
        cx.sleep(Duration::from_millis(1)).await;
        queue.close();
        // What waits is still let in; the one after it is refused.
        let (taken, _) = drain(&queue).await;
        let refused = cx.run(offering.join()).await.unwrap_err();
        assert_eq!((taken.len(), refused), (3, OfferError::Closed(3)));
        assert_eq!(evaluated.load(Ordering::Relaxed), 4);
    });
}

#[test]
fn a_deadlock_names_what_a_taker_waits_for() {
    let silent = Queue::<u32>::bounded(1);
    let program = effect(async move |_: Cx<()>| silent.take().await);
    let deadlock = VirtualTime::new().run(program).unwrap_err().to_string();
    assert!(
        deadlock.contains("waits for an item from a queue at tests/sync_queue.rs"),
        "{deadlock}"
    );
}

#[test]
fn one_that_is_always_ready_lets_others_run() {
    on_both(async |cx: Cx<()>| {
        let queue = Queue::sliding(1);
        let greedy = effect(async move |_: Cx<()>| {
            loop {
                queue.offer(1).await.unwrap();
                queue.take().await.unwrap();
            }
            #[allow(unreachable_code, reason = "says what it fails with")]
            Ok::<(), Never>(())
        });
        let greedy = cx.fork(greedy);
        yield_now().await;
        let Ok(exit) = cx.run(greedy.interrupt()).await;
        assert!(exit.is_interrupt());
    });
}

#[test]
#[should_panic(expected = "a sliding queue holds at least one item")]
fn a_sliding_queue_without_room_panics() {
    drop(Queue::<u8>::sliding(0));
}

#[test]
#[should_panic(expected = "a dropping queue holds at least one item")]
fn a_dropping_queue_without_room_panics() {
    drop(Queue::<u8>::dropping(0));
}

#[test]
#[should_panic(expected = "a queue says what it fails with before it is shared")]
fn to_say_too_late_what_a_queue_fails_with_panics() {
    let queue = Queue::<u8>::bounded(1);
    let _shared = queue.clone();
    drop(queue.with_error::<&str>());
}

#[test]
fn who_finds_its_item_gone_waits_where_it_did() {
    // On threads, the first may have its item before it is gone.
    in_turns(async |cx: Cx<()>| {
        let queue = Queue::<u8>::bounded(2);
        let [first, second] = [(); 2].map(|()| cx.fork(queue.take()));
        yield_now().await;
        queue.try_offer(1).unwrap();
        assert_eq!(queue.poll(), Some(1));
        yield_now().await;
        queue.try_offer(2).unwrap();
        assert_eq!(cx.run(first.join()).await, Ok(2));
        queue.try_offer(3).unwrap();
        assert_eq!(cx.run(second.join()).await, Ok(3));
    });
}
