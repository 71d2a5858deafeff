//! What `#[derive(Has)]` writes, and what it has against a struct.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Field, Fields, GenericArgument, Generics, Member, Path,
    PathArguments, Result, Token, Type, TypeParamBound,
};

/// Writes the implementations, or the errors.
pub(crate) fn expand(input: TokenStream, home: &str) -> TokenStream {
    implement(input, home).unwrap_or_else(Error::into_compile_error)
}

fn implement(input: TokenStream, home: &str) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let home = home_of(&input.attrs, home)?;
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(_) | Data::Union(_) => {
            let what = "`Has` is derived for structs: the fields are what the environment has";
            return Err(Error::new(input.ident.span(), what));
        }
    };
    let services = services_of(fields)?;
    check(&input.ident, &input.generics, &services)?;
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let implementations = services.iter().map(|service| {
        let Service { given, field, .. } = service;
        let place = if service.is_inside {
            quote!(&*self.#field)
        } else {
            quote!(&self.#field)
        };
        let returned = returned(given);
        // With the place of the type, so that what the compiler has against the implementation is shown there.
        quote_spanned! {given.span()=>
            #[automatically_derived]
            impl #generics #home::Has<#given> for #name #arguments #bounds {
                fn get(&self) -> &#returned {
                    #place
                }
            }
        }
    });
    Ok(implementations.collect())
}

/// The type as it is behind a reference, where a trait object would not be `'static` by itself.
fn returned(given: &Type) -> TokenStream {
    match given {
        Type::TraitObject(object) => {
            let is_said = |bound: &TypeParamBound| matches!(bound, TypeParamBound::Lifetime(_));
            if object.bounds.iter().any(is_said) {
                quote!((#given))
            } else {
                quote!((#given + 'static))
            }
        }
        _ => given.to_token_stream(),
    }
}

/// One thing that an environment has.
struct Service {
    given: Type,
    field: Member,
    /// Whether the field is a `Box` or an `Arc`, and this is in it.
    is_inside: bool,
}

fn services_of(fields: &Fields) -> Result<Vec<Service>> {
    let mut services = Vec::new();
    for (member, field) in fields.members().zip(fields) {
        let inside = pointed_to(&field.ty);
        let given = match named_by(field)? {
            Some(named) => named,
            None => vec![
                inside
                    .filter(|inside| matches!(inside, Type::TraitObject(_)))
                    .unwrap_or(&field.ty)
                    .clone(),
            ],
        };
        services.extend(given.into_iter().map(|given| Service {
            is_inside: inside.is_some() && given != field.ty,
            given,
            field: member.clone(),
        }));
    }
    Ok(services)
}

/// What the attributes of a field say that it gives, if they say anything.
fn named_by(field: &Field) -> Result<Option<Vec<Type>>> {
    let mut named = None;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("has")) {
        let list = attribute.meta.require_list()?;
        let types = Punctuated::<Type, Token![,]>::parse_terminated.parse2(list.tokens.clone())?;
        if types.is_empty() {
            let what =
                "name what the field gives, as in `#[has(dyn Users)]`, or say `#[has(skip)]`";
            return Err(Error::new(attribute.span(), what));
        }
        let named = named.get_or_insert_with(Vec::new);
        named.extend(types.into_iter().filter(|ty| !is_skip(ty)));
    }
    Ok(named)
}

fn is_skip(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("skip"))
}

/// Where the trait is: what the struct says, or else the crate by its own name.
fn home_of(attributes: &[Attribute], home: &str) -> Result<Path> {
    let mut home = syn::parse_str(home)?;
    for attribute in attributes.iter().filter(|a| a.path().is_ident("has")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(
                    meta.error("on the struct, `#[has(crate = path)]` is all there is to say")
                );
            }
            home = meta.value()?.call(Path::parse_mod_style)?;
            Ok(())
        })?;
    }
    Ok(home)
}

/// What is in a `Box` or an `Arc`.
fn pointed_to(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else {
        return None;
    };
    let last = path.path.segments.last()?;
    if !["Box", "Arc"].iter().any(|pointer| last.ident == pointer) {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(Type::Paren(inside)) => Some(&inside.elem),
        GenericArgument::Type(inside) => Some(inside),
        _ => None,
    }
}

/// Refuses what would be ambiguous. The compiler would as well, but it knows no cure.
fn check(name: &Ident, generics: &Generics, services: &[Service]) -> Result<()> {
    let mut refused: Option<Error> = None;
    let mut refuse = |place: Span, what: String| {
        let error = Error::new(place, what);
        match &mut refused {
            Some(errors) => errors.combine(error),
            None => refused = Some(error),
        }
    };
    for (at, service) in services.iter().enumerate() {
        let given = &service.given;
        if services.len() > 1 && is_parameter(given, generics) {
            let what = format!(
                "`{parameter}` may be any type, also what another field of `{name}` gives: name a trait of it, as in \
                 `#[has(dyn Users)]`, or leave it out with `#[has(skip)]`",
                parameter = shown(given),
            );
            refuse(given.span(), what);
        } else if let Some(first) = services[..at].iter().find(|first| first.given == *given) {
            let what = format!(
                "`{first}` and `{second}` both give `{given}`, and `Has<{given}>` can be one of them only: make this a \
                 type of its own, as in `struct {own}({given});`, or leave it out with `#[has(skip)]`",
                first = shown(&first.field),
                second = shown(&service.field),
                given = shown(given),
                own = type_name(&service.field),
            );
            refuse(given.span(), what);
        }
    }
    refused.map_or(Ok(()), Err)
}

fn is_parameter(ty: &Type, generics: &Generics) -> bool {
    matches!(ty, Type::Path(path) if generics
        .type_params()
        .any(|parameter| path.path.is_ident(&parameter.ident)))
}

/// Tokens as one would have written them.
fn shown(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        (" >", ">"),
        (" ,", ","),
        ("& ", "&"),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}

/// A name for the type that a field might have: `PrimaryDb` for `primary_db`.
fn type_name(field: &Member) -> Ident {
    let Member::Named(field) = field else {
        return format_ident!("Named");
    };
    let words = field.to_string();
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    let name: String = words
        .trim_start_matches("r#")
        .split('_')
        .map(capital)
        .collect();
    syn::parse_str(&name).unwrap_or_else(|_| format_ident!("Named"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the macro has against a struct.
    fn refusals(input: &str) -> Vec<String> {
        let error = implement(input.parse().unwrap(), "::effect").unwrap_err();
        error.into_iter().map(|error| error.to_string()).collect()
    }

    /// The types that the struct is given, in order.
    fn given(input: &str) -> Vec<String> {
        let written = implement(input.parse().unwrap(), "::effect").unwrap();
        let file: syn::File = syn::parse2(written).unwrap();
        let implemented = file.items.iter().map(|item| match item {
            syn::Item::Impl(item) => {
                shown(&item.self_ty) + ": " + &shown(&item.trait_.as_ref().unwrap().0)
            }
            other => panic!("{other:?}"),
        });
        implemented.collect()
    }

    #[test]
    fn each_field_gives_its_type() {
        let written = given("struct App<T: Clone> { names: Vec<T>, pub port: u16 }");
        assert_eq!(
            written,
            [
                "App<T>: ::effect::Has<Vec<T>>",
                "App<T>: ::effect::Has<u16>"
            ]
        );
        assert_eq!(given("struct Port(u16);"), ["Port: ::effect::Has<u16>"]);
        assert_eq!(given("struct Nothing;"), [""; 0]);
    }

    #[test]
    fn what_is_boxed_is_given_where_it_is_a_service() {
        let written = given(
            "struct App { a: Box<dyn Users>, b: std::sync::Arc<dyn Mail + Send>, c: Arc<Db> }",
        );
        let expected = ["dyn Users", "dyn Mail + Send", "Arc<Db>"];
        assert_eq!(
            written,
            expected.map(|ty| format!("App: ::effect::Has<{ty}>"))
        );
    }

    #[test]
    fn an_attribute_says_what_is_given() {
        let written = given(
            "#[has(crate = crate::fx)] struct App { #[has(Db, Arc<Db>)] a: Arc<Db>, #[has(skip)] b: Arc<Db>, #[has(dyn Users)] c: Db }",
        );
        let expected = ["Db", "Arc<Db>", "dyn Users"];
        assert_eq!(
            written,
            expected.map(|ty| format!("App: crate::fx::Has<{ty}>"))
        );
    }

    #[test]
    fn two_fields_of_one_type_are_refused_with_the_cure() {
        assert_eq!(
            refusals("struct App { user_name: String, port: u16, pass_word: String }"),
            [
                "`user_name` and `pass_word` both give `String`, and `Has<String>` can be one of them only: make this a \
                 type of its own, as in `struct PassWord(String);`, or leave it out with `#[has(skip)]`"
            ]
        );
        assert_eq!(refusals("struct App(u8, u8, u8);").len(), 2);
    }

    #[test]
    fn a_parameter_beside_another_service_is_refused_with_the_cure() {
        assert_eq!(
            refusals("struct App<U> { users: U, port: u16 }"),
            [
                "`U` may be any type, also what another field of `App` gives: name a trait of it, as in \
                 `#[has(dyn Users)]`, or leave it out with `#[has(skip)]`"
            ]
        );
        assert_eq!(given("struct Only<U>(U);"), ["Only<U>: ::effect::Has<U>"]);
    }

    #[test]
    fn what_is_no_struct_is_refused() {
        assert_eq!(
            refusals("enum App { Test, Live }"),
            ["`Has` is derived for structs: the fields are what the environment has"]
        );
    }

    #[test]
    fn an_attribute_that_says_nothing_is_refused() {
        assert_eq!(refusals("struct App { #[has()] port: u16 }").len(), 1);
        assert_eq!(refusals("#[has(skip)] struct App { port: u16 }").len(), 1);
    }
}
