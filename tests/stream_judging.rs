//! Effects that decide: which items are emitted, where a stream begins and ends, and what goes from one item to the next.

use crate::common::{Log, everywhere, on_both, secs};
use effect::prelude::*;

/// Says whether a number is below, after a while, and fails for what is divisible by ten.
fn is_below(
    limit: u32,
    log: &Log,
) -> impl FnMut(&u32) -> Effect<(), u32, bool> + Clone + Send + use<> {
    let log = log.clone();
    move |n| {
        let n = *n;
        log.write(n.to_string());
        let judged = if n % 10 == 0 {
            fail(n).erase()
        } else {
            succeed(n < limit).erase()
        };
        sleep(secs(1)).flat_map(move |()| judged).erase()
    }
}

/// What a stream emits, and what its effects were asked about.
async fn seen<S>(
    cx: &Cx<()>,
    stream: StreamE<(), u32, u32, S>,
    log: &Log,
) -> (Vec<Result<u32, u32>>, String)
where
    S: effect::Source<(), Item = Result<u32, u32>>,
{
    let Ok(all) = cx.run(stream.run_collect()).await;
    let asked = log.lines().join(" ");
    log.clear();
    (all, asked)
}

#[test]
fn an_effect_says_which_items_are_emitted_and_a_failed_one_is_an_element() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let items = || Stream::from_iter([1, 20, 3, 5, 2]);
        let elements = || StreamE::from_results([Ok(1), Ok(20), Err(7), Ok(3), Ok(5), Ok(2)]);
        let low = is_below(3, &log);

        let (all, asked) = seen(&cx, items().filter_effect(low.clone()), &log).await;
        assert_eq!((all, &*asked), (vec![Ok(1), Err(20), Ok(2)], "1 20 3 5 2"));
        let (all, _) = seen(&cx, elements().filter_effect(low.clone()), &log).await;
        assert_eq!(all, [Ok(1), Err(20), Err(7), Ok(2)]);

        let (all, asked) = seen(&cx, items().take_while_effect(low.clone()), &log).await;
        assert_eq!((all, &*asked), (vec![Ok(1), Err(20)], "1 20 3"));
        let (all, _) = seen(&cx, elements().take_while_effect(low.clone()), &log).await;
        assert_eq!(all, [Ok(1), Err(20), Err(7)]);

        let (all, asked) = seen(&cx, items().skip_while_effect(low.clone()), &log).await;
        let rest = vec![Err(20), Ok(3), Ok(5), Ok(2)];
        assert_eq!((all, &*asked), (rest, "1 20 3"));
        let (all, _) = seen(&cx, elements().skip_while_effect(low.clone()), &log).await;
        assert_eq!(all, [Err(20), Err(7), Ok(3), Ok(5), Ok(2)]);

        let mut low = low;
        let high = move |n: &u32| low(n).map(|is_low| !is_low);
        let (all, asked) = seen(&cx, items().take_until_effect(high.clone()), &log).await;
        assert_eq!((all, &*asked), (vec![Ok(1), Err(20), Ok(3)], "1 20 3"));
        let (all, _) = seen(&cx, elements().take_until_effect(high), &log).await;
        assert_eq!(all, [Ok(1), Err(20), Err(7), Ok(3)]);
    });
}

#[test]
fn an_effect_picks_what_is_emitted() {
    everywhere(async |cx: Cx<()>| {
        let pick = |n: u32| match n {
            0 => fail(0).erase(),
            n => sleep::<(), u32>(secs(1))
                .map(move |()| (n > 2).then_some(n * 2))
                .erase(),
        };
        let items = Stream::from_iter([1, 3, 0, 4]).filter_map_effect(pick);
        assert_eq!(
            cx.run(items.run_collect()).await,
            Ok(vec![Ok(6), Err(0), Ok(8)])
        );
        let elements = StreamE::from_results([Ok(1), Err(9), Ok(4)]).filter_map_effect(pick);
        assert_eq!(
            cx.run(elements.run_collect()).await,
            Ok(vec![Err(9), Ok(8)])
        );
    });
}

#[test]
fn what_follows_a_failed_step_has_the_state_from_before_it() {
    everywhere(async |cx: Cx<()>| {
        let add = |sum: u32, n: u32| {
            let added = if n > 90 {
                fail(n).erase()
            } else {
                succeed(sum + n).erase()
            };
            sleep(secs(1)).flat_map(move |()| added)
        };
        let begun = cx.now();
        let sums = Stream::from_iter([1, 99, 2, 3]).scan_effect(10, add);
        let expected = vec![Ok(11), Err(99), Ok(13), Ok(16)];
        assert_eq!(cx.run(sums.run_collect()).await, Ok(expected));
        assert_eq!(cx.now() - begun, secs(4));
        let sums = StreamE::from_results([Ok(1), Err(5), Ok(99), Ok(2)]).scan_effect(10, add);
        let expected = vec![Ok(11), Err(5), Err(99), Ok(13)];
        assert_eq!(cx.run(sums.run_collect()).await, Ok(expected));

        let name =
            move |sum: u32, n: u32| add(sum, n).map(move |next| (next, format!("{sum}+{n}")));
        let steps = StreamE::from_results([Ok(1), Err(5), Ok(99), Ok(2)]).map_accum_effect(0, name);
        let expected = vec![Ok("0+1".to_owned()), Err(5), Err(99), Ok("1+2".to_owned())];
        assert_eq!(cx.run(steps.run_collect()).await, Ok(expected));
    });
}

#[test]
fn what_is_left_out_without_end_lets_others_run() {
    on_both(async |cx: Cx<()>| {
        let yes = |_: &u32| succeed::<_, Never, _>(true);
        let skipping = Stream::repeat_item(1).skip_while_effect(yes).run_collect();
        let filtering =
            Stream::repeat_item(1).filter_map_effect(|_| succeed::<_, Never, _>(None::<u32>));
        for endless in [skipping.erase(), filtering.run_collect().erase()] {
            let other = effect(async |_: Cx<()>| {
                effect::yield_now().await;
                Ok(vec![Ok(7)])
            });
            assert_eq!(cx.run(endless.race_first(other)).await, Ok(vec![Ok(7)]));
        }
    });
}

#[test]
fn an_interrupted_step_is_cleaned_up_before_its_source() {
    everywhere(async |cx: Cx<()>| {
        let log = Log::new();
        let slow = |log: &Log| {
            let cleaned = log.note_after(secs(1), "step");
            move |_: u32, n: u32| {
                sleep::<(), Never>(secs(9))
                    .map(move |()| n)
                    .on_interrupt(cleaned.clone())
            }
        };
        let source = Stream::range(0..3).ensuring(log.note_after(secs(1), "source"));
        let run = source.scan_effect(0, slow(&log)).run_drain();
        let Err(_) = cx.run(run.timeout(secs(1))).await else {
            panic!("it takes longer");
        };
        assert_eq!(log.lines(), ["step", "source"]);
    });
}
