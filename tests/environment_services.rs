//! An effect says which services it needs, and runs in every environment that has them.

use std::sync::Arc;

use crate::common::everywhere;
use effect::Env;
use effect::prelude::*;

trait Users: Send + Sync {
    fn name(&self, id: u32) -> String;
}

/// Names everybody the same.
struct Named(&'static str);

impl Users for Named {
    fn name(&self, id: u32) -> String {
        format!("{} {id}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Prices(u32);

fn name_of<R: Env + Has<dyn Users>>(id: u32) -> Effect<R, &'static str, String> {
    effect(async move |cx: Cx<R>| Ok(cx.get::<dyn Users>().name(id))).erase()
}

fn price<R: Env + Has<Prices>>() -> Effect<R, &'static str, u32> {
    effect(async |cx: Cx<R>| Ok(cx.get::<Prices>().0)).erase()
}

#[derive(Clone, Has)]
struct App {
    users: Arc<dyn Users>,
    prices: Prices,
}

/// Has one service in another kind of field, and in another order.
#[derive(Has)]
struct Other {
    prices: Prices,
    port: u16,
    users: Box<dyn Users>,
}

fn app() -> App {
    App {
        users: Arc::new(Named("user")),
        prices: Prices(7),
    }
}

fn other() -> Other {
    Other {
        prices: Prices(8),
        port: 80,
        users: Box::new(Named("other")),
    }
}

#[test]
fn what_needs_a_service_runs_in_every_environment_that_has_it() {
    everywhere(async |cx: Cx<()>| {
        let in_app = cx.run(name_of(1).provide(app())).await;
        assert_eq!(in_app, Ok("user 1".to_owned()));
        let in_other = cx.run(name_of(1).provide(other())).await;
        assert_eq!(in_other, Ok("other 1".to_owned()));
    });
}

// id_effect 17
#[test]
fn combinators_need_what_their_parts_need_in_any_order() {
    /// Needs both.
    fn bill<R: Env + Has<Prices> + Has<dyn Users>>() -> Effect<R, &'static str, String> {
        name_of(1)
            .zip(price())
            .flat_map(|(name, price)| {
                name_of(2).map(move |other| format!("{name}, {other}: {price}"))
            })
            .erase()
    }
    everywhere(async |cx: Cx<()>| {
        let both = price().flat_map(name_of).provide(app());
        assert_eq!(cx.run(both).await, Ok("user 7".to_owned()));
        let bill = bill().zip_par(price()).provide(other());
        assert_eq!(
            cx.run(bill).await,
            Ok(("other 1, other 2: 8".to_owned(), 8))
        );
    });
}

#[test]
fn a_body_runs_what_needs_less() {
    everywhere(async |cx: Cx<()>| {
        let body = effect(async |cx: Cx<Other>| {
            let name = cx.run(name_of(1)).await?;
            let port = *cx.get::<u16>();
            let forked = cx.fork(price());
            Ok::<_, &str>((name, port, cx.run(forked.join()).await?))
        });
        let ran = cx.run(body.provide(other())).await;
        assert_eq!(ran, Ok(("other 1".to_owned(), 80, 8)));
    });
}

#[test]
fn an_effect_whose_environment_is_a_part_runs_in_the_whole() {
    everywhere(async |cx: Cx<()>| {
        let of_prices = || effect(async |cx: Cx<Prices>| Ok::<_, Never>(cx.env().clone()));
        let body = effect(async move |cx: Cx<App>| {
            let alone = cx.run(of_prices().provide_part()).await?;
            let mapped = cx
                .run(of_prices().provide_from(|app: &App| Prices(app.prices.0 + 1)))
                .await?;
            Ok::<_, Never>((alone, mapped))
        });
        assert_eq!(
            cx.run(body.provide(app())).await,
            Ok((Prices(7), Prices(8)))
        );
    });
}

#[test]
fn the_environment_of_a_test_replaces_one_service() {
    everywhere(async |cx: Cx<()>| {
        let program = name_of(1).zip(price::<App>());
        let tested = program.clone().provide_from(|app: &App| App {
            users: Arc::new(Named("test")),
            ..app.clone()
        });
        let both = cx.run(program.zip(tested).provide(app())).await;
        assert_eq!(
            both,
            Ok((("user 1".to_owned(), 7), ("test 1".to_owned(), 7)))
        );
    });
}

#[test]
fn a_parameter_of_the_environment_may_be_a_service() {
    #[derive(Has)]
    struct Generic<U: Users, const PORT: usize>
    where
        U: 'static,
    {
        #[has(dyn Users)]
        users: Arc<U>,
        prices: Option<Prices>,
        #[has(skip)]
        next: Option<Prices>,
        ports: [u16; PORT],
    }
    everywhere(async |cx: Cx<()>| {
        let env = Generic {
            users: Arc::new(Named("generic")),
            prices: None,
            next: Some(Prices(3)),
            ports: [80, 81],
        };
        assert_eq!((&env.prices, env.next.is_some()), (&None, true));
        assert_eq!(Has::<[u16; 2]>::get(&env), &[80, 81]);
        let named = cx.run(name_of(1).provide(env)).await;
        assert_eq!(named, Ok("generic 1".to_owned()));
    });
}

#[test]
fn an_attribute_says_what_a_field_gives() {
    #[derive(Has)]
    #[has(crate = effect)]
    struct Attributed {
        #[has(Prices, Arc<Prices>)]
        prices: Arc<Prices>,
        #[has(dyn Users)]
        named: Named,
        #[has(dyn std::fmt::Display)]
        shown: Box<dyn std::fmt::Display + Send + Sync>,
    }
    let env = Attributed {
        prices: Arc::new(Prices(1)),
        named: Named("it"),
        shown: Box::new(2),
    };
    assert_eq!(Has::<Prices>::get(&env), &Prices(1));
    assert_eq!(Has::<Arc<Prices>>::get(&env), &env.prices);
    assert_eq!(Has::<dyn Users>::get(&env).name(1), env.named.name(1));
    assert_eq!(
        Has::<dyn std::fmt::Display>::get(&env).to_string(),
        env.shown.to_string()
    );
}
