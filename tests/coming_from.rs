//! The tables of `docs/coming_from.md`: every line on their right is compiled here, word for word.

use std::sync::Arc;
use std::time::Duration;

use effect::prelude::*;
use effect::sync::{Deferred, Gate, Hub, KeyedSemaphore, Queue, Ref, Semaphore, SubscriptionRef};
use effect::{
    CancelToken, Dispatcher, Either, Emitter, FiberLocal, FiberSet, Groups, IntoEffect, MergeEnd,
    OnClose, RateLimiter, Request, RequestResolver, Stop, acquire_use_release, all_settled,
    collect_all_par, for_each, for_each_par, from_future, on_signal, request, stage_sync,
    stage_with, try_sync, uninterruptible_mask, validate,
};

type One = Effect<(), String, u32>;

static USER: FiberLocal<&str> = FiberLocal::new(|| "nobody");

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct UserById(u32);

impl Request for UserById {
    type Error = String;
    type Value = String;
}

#[derive(Clone)]
struct Users;

#[derive(Has)]
struct App {
    users: Users,
}

fn one() -> One {
    succeed(1).erase()
}

/// An effect of a number.
fn number(_: impl IntoEffect<(), Error = String, Value = u32>) {}

/// An effect that may fail with a text.
fn fails(_: impl IntoEffect<(), Error = String>) {}

/// An effect of anything.
fn any(_: impl IntoEffect<()>) {}

/// Whatever else it is.
fn plain<T>(_: T) {}

macro_rules! rows {
    ($kind:ident $given:tt $($row:expr;)*) => { $( row!($kind $given $row); )* };
}

macro_rules! row {
    ($kind:ident { $($given:tt)* } $row:expr) => {{
        $($given)*
        $kind($row);
    }};
}

#[allow(
    unused,
    reason = "it is to compile, and each line needs a part of what is given"
)]
fn compiles() {
    rows! { number {
            let (one, two) = (one(), one());
            let (limit, policy) = (Duration::from_secs(1), Schedule::recurs(3));
            let f = || 1_u32;
            let g = |n: u32| succeed::<(), String, u32>(n);
            let e = String::new();
            let close = sync::<(), Never, _, _>(|| ());
        }
        succeed(1);
        fail(e);
        sync(f);
        never();
        one.flat_map(g);
        one.race_first(two);
        one.ensuring(close);
        one.scoped();
        one.disconnect();
        one.retry(policy);
        one.retry(Schedule::recurs(3));
        one.locally(&USER, "Ada");
        one.named("fetch");
    }
    rows! { number {
            let one = one();
            let f = |_: String| succeed::<(), String, u32>(0);
            let only_busy = |e: &String| (e == "busy").then(|| succeed::<(), String, u32>(0));
            let look_at = |_: &u32| succeed::<(), String, ()>(());
            let look = |_: &Exit<String, u32>| succeed::<(), Never, ()>(());
            let (needs_app, app) = (fail::<App, String, u32>(String::new()), App { users: Users });
            let layer = acquire_release(succeed::<(), String, _>(Arc::new(1)), |_| succeed(()))
                .map(|_| App { users: Users });
            let masked = |_: effect::Restore| succeed::<(), String, u32>(1);
        }
        one.recover(f);
        one.recover_some(only_busy);
        one.tap(look_at);
        one.on_exit(look);
        needs_app.provide(app);
        needs_app.provide_with(layer);
        uninterruptible_mask(masked);
    }
    rows! { number {
            let one = one();
            let f = |_: Cause<String>| succeed::<(), String, u32>(0);
        }
        one.recover_cause(f);
    }
    rows! { number {
            let f = || Ok::<u32, String>(1);
            let future = async { Ok::<u32, String>(1) };
            let (open, release) = (succeed::<(), String, u32>(1), |_: u32| succeed::<(), Never, ()>(()));
            let use_it = |n: u32| succeed::<(), String, u32>(n);
        }
        try_sync(f);
        blocking(f);
        from_future(future);
        acquire_release(open, release);
        acquire_use_release(open, use_it, release);
    }
    rows! { any {
            let (one, two) = (one(), one());
            let limit = Duration::from_secs(1);
            let (items, effects) = ([1_u32, 2], [one.clone(), two.clone()]);
            let resolver = RequestResolver::new(|_: Cx<()>, _: Vec<UserById>| async {
                Ok::<_, String>(Vec::<(UserById, Result<String, String>)>::new())
            });
            let f = |n: u32| succeed::<(), String, u32>(n);
        }
        one.exit();
        one.result();
        one.or_die();
        one.zip(two);
        one.zip_par(two);
        one.race_ok(two);
        one.timeout(limit);
        one.timeout_opt(limit);
        for_each(items, f);
        for_each_par(items, 8, f);
        validate(items, f);
        collect_all_par(effects, 8);
        all_settled(effects);
        request(UserById(7), &resolver);
    }
    rows! { plain {
            let (limit, policy) = (Duration::from_secs(1), Schedule::recurs(3));
            let one = one();
        }
        Schedule::recurs(3);
        Schedule::spaced(limit);
        Schedule::exponential(limit).jittered();
        policy.both(Schedule::recurs(5));
        Ref::new(0);
        SubscriptionRef::new(0);
        Deferred::<&str, u32>::new();
        Semaphore::new(2);
        KeyedSemaphore::<String>::new(2);
        Queue::<u32>::bounded(16);
        Hub::<u32>::bounded(16);
        Hub::<u32>::sliding(16);
        Gate::closed();
        effect(async move |cx| cx.run(one).await);
    }
    rows! { any {
            let (one, semaphore) = (one(), Semaphore::new(2));
        }
        semaphore.with_permit(one);
        semaphore.with_permits(2, one);
        semaphore.try_with_permit(one);
        semaphore.try_with_permits(2, one);
    }
    rows! { any {
            let (one, token) = (one(), CancelToken::new());
        }
        one.bounded(Stop::token(&token));
        one.bounded(on_signal());
    }
    {
        let token = CancelToken::new();
        plain(token.child());
    }
    {
        let semaphore = Semaphore::new(2);
        semaphore.resize(5);
        let (queue, e) = (Queue::<u32>::bounded(16).with_error(), "no route");
        queue.close();
        queue.close_with(e);
        plain((queue.abort(), queue.await_closed()));
        let (hub, items) = (Hub::<u32>::bounded(16), [1, 2]);
        plain((hub.publish_all(items), hub.try_publish(1)));
        plain((hub.abort(), hub.await_closed()));
    }
    any({
        let (one, f, g) = (one(), |n: u32| n, |n: u32| succeed::<(), String, u32>(n));
        one.map(f).flat_map(g)
    });
    any({
        let (one, f) = (one(), |e: String| e.len());
        one.map_error(f)
    });
    any({
        let (one, limit) = (one(), Duration::from_secs(1));
        one.cached(limit)
            .map_error(|never: Never| match never {})
            .map_error(|never: Never| never)
    });
    any({
        let (one, policy) = (one(), Schedule::recurs(3));
        one.repeat(policy)
    });
    any(FiberSet::make(8, OnClose::Interrupt));
    any(Dispatcher::<()>::parallel(OnClose::Interrupt));
    {
        let one = one();
        fails(one.fork());
    }
    {
        let one = one();
        let joined: One = one.fork().flat_map(Fiber::join).erase_once();
    }
    {
        let one = one();
        fails(one.detach());
    }
}

#[allow(
    unused,
    reason = "it is to compile, and each line needs a part of what is given"
)]
fn streams() {
    rows! { plain {
            let pipeline = Pipeline::<(), String, u32>::from_stream(Stream::from_iter([1]));
            let parse = |n: u32| async move { Ok::<u32, String>(n) };
            let hash = |n: u32| Ok::<u32, String>(n);
            let key = |n: &u32| n % 10;
            let connect = || succeed::<(), String, &str>("a connection");
            let ask = |_: Arc<&str>, n: u32| async move { Ok::<u32, String>(n) };
            let (policy, limit) = (Schedule::recurs(3), Duration::from_secs(1));
            let (output, errors) = (Channel::<u32>::bounded(8), Channel::<Failed<String>>::bounded(8));
        }
        pipeline.via(stage("parse", parse).workers(3));
        pipeline.via(stage("parse", parse).workers(3).ordered());
        pipeline.via(stage("parse", parse).workers(3).by_key(key));
        pipeline.via(stage("parse", parse).retry(policy));
        pipeline.via(stage("parse", parse).timeout(limit));
        pipeline.via(stage_with("parse", connect, ask));
        pipeline.via(stage_sync("hash", hash).workers(8));
        pipeline.batch(100, limit);
        pipeline.to_channel(output).with_error_channel(errors);
        pipeline.to_channel(output).handle().report();
        pipeline.to_channel(output).handle().drain();
    }
    rows! { plain {
            let (numbers, others): (Stream<(), u32>, Stream<(), u32>) = (Stream::once(1).erase(), Stream::empty().erase());
            let elements: StreamE<(), String, u32> = StreamE::from_results([Ok(1)]).erase();
            let (limit, items) = (Duration::from_secs(1), [1_u32, 2]);
            let f = |n: u32| succeed::<(), String, ()>(());
            let each = |n: u32| Stream::<(), u32>::once(n).erase();
            let key = |n: &u32| n % 10;
            let side = |n: u32| if n.is_multiple_of(2) { Either::Left(n) } else { Either::Right(n) };
            let limiter = RateLimiter::new(5, limit);
            let (stop, beside) = (never::<(), String, ()>(), never::<(), String, ()>());
            let opened = acquire_release(succeed::<(), String, u32>(1), |_| succeed(()))
                .map(|n| StreamE::<(), String, u32, _>::from_iter([n]));
            let sink = futures::sink::drain::<u32>();
            let stream = futures::stream::iter([1_u32]);
            let changed = |e: String| e.len();
        }
        numbers.map_effect(f);
        numbers.map_effect_par(8, f);
        numbers.map_effect_par_unordered(8, f);
        numbers.map_effect_par_by_key(8, key, f);
        numbers.flat_map_par(4, each);
        numbers.flat_map_switch(each);
        numbers.merge_until(MergeEnd::Left, others);
        numbers.zip_latest(others);
        numbers.group_by(Groups::at_most(100), key);
        numbers.chunks_within(10, limit);
        numbers.broadcast::<2>(16);
        numbers.share(16, limit);
        numbers.partition_either(16, side);
        numbers.throttle(limiter);
        numbers.halt_when(stop);
        numbers.interrupt_when(stop);
        numbers.with_background(beside);
        StreamE::scoped(opened);
        Stream::<(), ()>::ticks(limit);
        numbers.run_for_each(f);
        numbers.run_collect();
        Stream::<(), _>::from_iter(items);
        numbers.merge(others);
        numbers.run_into_sink(sink);
        elements.collect_results();
        elements.map_error(changed);
        Stream::<(), _>::from_stream(stream);
        numbers.into_stream();
        Stream::generate(async |cx: Cx<()>, mut out: Emitter<u32>| out.emit(1).await);
    }
}

/// What is said inside of an effect's body, and outside of all.
#[allow(unused, reason = "it is to compile")]
async fn in_a_body(cx: Cx<()>, limit: Duration) {
    macro_rules! one {
        () => {
            one()
        };
    }
    let fiber = {
        let one = one();
        cx.fork(one)
    };
    plain(cx.run(fiber.interrupt()).await);
    plain({
        let one = one();
        cx.detach(one)
    });
    let dispatcher = cx.run(Dispatcher::parallel(OnClose::Await)).await.unwrap();
    plain({
        let one = one();
        dispatcher.dispatch(one)
    });
    let channel = Channel::<u32>::bounded(16);
    plain(channel.reserve().await);
    plain(channel.reserve_many(8).await);
    plain(channel.try_send(1));
    plain(channel.try_receive());
    plain(channel.receive_many(8).await);
    plain(channel.downgrade());
    channel.close();
    let (_, receiver) = tokio::sync::mpsc::channel(16);
    plain(channel.fill_from_tokio(receiver).await);
    plain({
        let channel = channel.clone();
        channel.into_stream()
    });
    plain(channel.into_sink());
    cx.sleep(limit).await;
    plain(cx.now());
    plain({
        let one = one();
        one.await
    });
}

#[allow(unused, reason = "it is to compile")]
fn outside(cx: Cx<App>) {
    plain(cx.get::<Users>());
    plain({
        let one = one();
        VirtualTime::new().run(one)
    });
    plain({
        let one = one().map(|_| ());
        run_main(one)
    });
}

#[test]
fn every_line_of_the_tables_is_compiled() {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let compiled = squeezed(include_str!("coming_from.rs"));
    let mut lines = 0;
    for row in include_str!("../docs/coming_from.md").lines() {
        let cells: Vec<_> = row.split(" | ").collect();
        let Some(ours) = cells
            .last()
            .filter(|ours| cells.len() == 2 && row.starts_with("| ") && ours.starts_with('`'))
        else {
            continue;
        };
        let ours = ours
            .trim_end_matches(" |")
            .trim()
            .trim_matches('`')
            .replace("\\|", "|");
        assert!(
            compiled.contains(&squeezed(&ours)),
            "`{ours}` is in the tables, and is not compiled"
        );
        lines += 1;
    }
    assert!(lines > 80, "only {lines} lines were found");
}
