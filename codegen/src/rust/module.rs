//! Modules after namespaces: where each named type lives, and how one is reached from another.
//!
//! Invariant: paths between generated types are relative (`super::…`), because a generated file is included at a
//! place only its user knows.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::model::{Definitions, Ranks};
use crate::names::{self, Scope, snake};
use crate::settings::Settings;

/// Names printed code relies on. A schema's own `Option` is called `Option2`.
const PRELUDE: &[&str] = &[
    "Box", "Err", "None", "Ok", "Option", "Result", "Self", "Some", "String", "Vec",
];

/// Makes an identifier from a name of [`crate::names`], raw or not.
pub(crate) fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, Span::call_site()),
        None => Ident::new(name, Span::call_site()),
    }
}

/// Where every named type lives.
#[derive(Debug, Default)]
pub(crate) struct Names {
    places: Vec<(Vec<String>, Ident)>,
    scopes: BTreeMap<Vec<String>, Scope>,
    /// The forms of types that borrow, by the place of the type.
    borrowed: BTreeMap<usize, Ident>,
    /// Names of modules, which the library's must not be.
    segments: BTreeSet<String>,
}

impl Names {
    /// Gives the next type its name. All modules have theirs before.
    pub(crate) fn claim(&mut self, modules: &[String], simple_name: &str) {
        self.keep_prelude(modules);
        let name = self.scope(modules).camel(simple_name);
        self.places.push((modules.to_vec(), ident(&name)));
    }

    /// Keeps the names of modules. In scripts without capitals a type could be called as one.
    pub(crate) fn claim_modules(&mut self, modules: &[String]) {
        for (depth, name) in modules.iter().enumerate() {
            self.segments.insert(name.clone());
            self.scope(&modules[..depth]).keep(name);
        }
    }

    /// What every module calls `annals_schema_model::avro`: that, unless a namespace is called so.
    pub(crate) fn avro(&self) -> Ident {
        let free = |name: &String| !self.segments.contains(name);
        let others = (2..).map(|number: u32| format!("avro_{number}"));
        let name = std::iter::once("avro".to_owned()).chain(others).find(free);
        ident(&name.unwrap_or_default())
    }

    /// The names taken in a module.
    pub(crate) fn scope(&mut self, modules: &[String]) -> &mut Scope {
        self.scopes.entry(modules.to_vec()).or_default()
    }

    /// Keeps the names that printed code relies on, in a module where any is printed that does.
    pub(crate) fn keep_prelude(&mut self, modules: &[String]) {
        let scope = self.scope(modules);
        PRELUDE.iter().for_each(|name| scope.keep(name));
    }

    /// The name of a type, in the order of [`Names::claim`].
    pub(crate) fn name(&self, place: usize) -> Option<&Ident> {
        self.places.get(place).map(|(_, name)| name)
    }

    /// The path of a type from a module; nothing when it is unknown.
    pub(crate) fn path(&self, from: &[String], place: usize) -> TokenStream {
        let path = self.name(place).and_then(|name| self.path_of(from, place, name));
        path.unwrap_or_default()
    }

    fn path_of(&self, from: &[String], place: usize, name: &Ident) -> Option<TokenStream> {
        let (modules, _) = self.places.get(place)?;
        if modules == from {
            return Some(quote!(#name));
        }
        let up = root(from);
        let down = modules.iter().map(|module| ident(module));
        Some(quote!(#up #(#down::)* #name))
    }

    /// Gives the form of a type that borrows its name, beside that of the type.
    pub(crate) fn claim_borrowed(&mut self, place: usize) {
        if let Some((modules, name)) = self.places.get(place).cloned() {
            let name = self.scope(&modules).camel(&format!("{name}Ref"));
            self.borrowed.insert(place, ident(&name));
        }
    }
}

/// The modules of a namespace: `shop.orders` is `shop::orders`.
pub(crate) fn modules(namespace: &str, keep: Option<u32>) -> Vec<String> {
    let parts = namespace.split('.').filter(|part| !part.is_empty());
    parts
        .map(|part| names::module(&snake(part)))
        .chain(keep.map(|version| format!("v{version}")))
        .collect()
}

/// `super::super::` from a module to the root of the file.
pub(crate) fn root(from: &[String]) -> TokenStream {
    let supers = from.iter().map(|_| quote!(super::));
    quote!(#(#supers)*)
}

/// The place for which code is being printed.
pub(crate) struct Here<'a> {
    /// All names.
    pub(crate) names: &'a Names,
    /// What the user chose.
    pub(crate) settings: &'a Settings,
    /// The module.
    pub(crate) modules: &'a [String],
    /// What the full names of the schema at hand stand for.
    pub(crate) places: &'a BTreeMap<&'a str, usize>,
    /// The definitions of the schema at hand.
    pub(crate) definitions: &'a Definitions,
    /// Their ranks.
    pub(crate) ranks: &'a Ranks,
    /// The records whose `Default` is not what Rust derives.
    pub(crate) rich: &'a BTreeSet<String>,
}

impl Here<'_> {
    /// The path to a named type of the schema at hand.
    pub(crate) fn path_to(&self, name: &str) -> TokenStream {
        let place = self.places.get(name);
        place.map_or_else(TokenStream::new, |place| self.names.path(self.modules, *place))
    }

    /// The path to the form of a named type that borrows, if it has one.
    pub(crate) fn borrowed_path_to(&self, name: &str) -> Option<TokenStream> {
        let place = *self.places.get(name)?;
        self.names
            .path_of(self.modules, place, self.names.borrowed.get(&place)?)
    }

    /// The name of the form of a type that borrows, if it has one.
    pub(crate) fn borrowed_name_of(&self, name: &str) -> Option<&Ident> {
        self.names.borrowed.get(self.places.get(name)?)
    }

    /// The name of a type of the schema at hand.
    pub(crate) fn name_of(&self, name: &str) -> Option<&Ident> {
        self.names.name(*self.places.get(name)?)
    }
}

/// A module tree under construction.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    items: TokenStream,
    children: BTreeMap<String, Tree>,
}

impl Tree {
    /// Adds items to a module.
    pub(crate) fn add(&mut self, modules: &[String], items: TokenStream) {
        match modules.split_first() {
            Some((first, rest)) => self.children.entry(first.clone()).or_default().add(rest, items),
            None => self.items.extend(items),
        }
    }

    /// Prints the tree.
    pub(crate) fn print(self, path: &str) -> TokenStream {
        let (items, top) = (self.items, path.is_empty());
        let children = self.children.into_iter().map(|(name, child)| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            let doc = format!(" Types of `{}`.", path.replace("r#", ""));
            let (name, items) = (ident(&name), child.print(&path));
            // Lengths and layouts are the schema's, what it deprecates is printed all the same, and nobody uses all of it;
            // one permission at the top holds for everything below.
            let allow = top.then(|| quote!(#[allow(clippy::all, clippy::pedantic, dead_code, deprecated)]));
            quote! {
                #[doc = #doc]
                #allow
                pub mod #name { #items }
            }
        });
        quote!(#items #(#children)*)
    }
}
