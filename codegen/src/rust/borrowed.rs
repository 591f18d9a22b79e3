//! The forms of types that borrow texts and bytes from the payload they are read from.
//!
//! Invariant: a form has the fields of its type, and reads and refuses the same bytes; `to_owned` gives what the type itself
//! would have read. A type that has nothing to borrow has no such form, and is held as it is. Entries of maps are a list,
//! in the order they were written, of which the last of a key counts. Left out: writing, and attributes.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::{Body, Definition, can_borrow, has_floats, holds_itself, reached_by};
use crate::names::Scope;
use crate::rust::codec::{Operand, read_bare, read_branches, read_record};
use crate::rust::default::{blank, union_values};
use crate::rust::definition::{default_impl, derives};
use crate::rust::identity::Identities;
use crate::rust::module::{Here, Names, ident};
use crate::rust::scalar::Scalar;
use crate::rust::shape::{Branch, Shape, Union};
use crate::settings::Settings;
use crate::unit::AvroUnit;

/// Gives names to the forms of all types that were asked for, and of what these hold.
pub(crate) fn claim(
    settings: &Settings,
    units: &[&AvroUnit],
    identities: &Identities<'_>,
    names: &mut Names,
) {
    let mut places: BTreeSet<usize> = BTreeSet::new();
    for (unit, of_unit) in units.iter().zip(&identities.of_unit) {
        let wanted = unit.definitions.keys().filter(|name| settings.is_borrowed(name));
        for name in wanted {
            let mut all = reached_by(&unit.definitions, name);
            all.insert(name);
            let borrowing = all.into_iter().filter(|name| can_borrow(&unit.definitions, name));
            places.extend(borrowing.filter_map(|name| of_unit.get(name)));
        }
    }
    places.into_iter().for_each(|place| names.claim_borrowed(place));
}

/// A record as its form is printed from.
pub(crate) struct Record<'a> {
    /// The definition.
    pub(crate) definition: &'a Definition,
    /// The name of its type.
    pub(crate) name: &'a Ident,
    /// The names of its fields.
    pub(crate) idents: &'a [Ident],
    /// What they hold.
    pub(crate) shapes: &'a [Shape],
    /// Their docs.
    pub(crate) docs: &'a [TokenStream],
    /// Whether it is the top type of a schema.
    pub(crate) is_top: bool,
}

impl Record<'_> {
    /// The form of a record and those of the unions in it; nothing when it has none.
    pub(crate) fn form(&self, here: &Here<'_>, scope: &mut Scope) -> TokenStream {
        let Some(name) = here.borrowed_name_of(&self.definition.name) else {
            return TokenStream::new();
        };
        let (avro, owned, idents) = (here.names.avro(), self.name, self.idents);
        let mut lender = Lender {
            here,
            scope,
            unions: Vec::new(),
        };
        let shapes: Vec<Shape> = self.shapes.iter().map(|shape| lender.shape(shape)).collect();
        let unions = lender.unions;
        let has_floats = has_floats(here.definitions, &self.definition.name);
        let unions = unions
            .iter()
            .map(|(owned, union)| union_enum(owned, union, has_floats, here));
        let types = shapes.iter().map(|shape| shape.rust(here));
        let is_rich = here.rich.contains(&self.definition.name);
        let derives = derives(has_floats, !is_rich);
        let blank = if is_rich {
            let values = shapes.iter().map(|shape| blank(shape, here));
            quote!(Self { #(#idents: #values,)* })
        } else {
            quote!(Self::default())
        };
        let docs = self.docs;
        let doc = format!(" [`{owned}`] with texts and bytes borrowed from its payload.");
        let holds_itself = holds_itself(here.definitions, &self.definition.name);
        let read = match self.definition.body {
            Body::Bare(..) => read_bare(idents, &shapes),
            _ => read_record(idents, &shapes, holds_itself),
        };
        let values = idents.iter().zip(&shapes).map(|(field, shape)| {
            let value = to_owned(shape, &Operand::place(quote!(self.#field)));
            quote!(#field: #value,)
        });
        let payload = self.is_top.then(|| payload(owned, here));
        let converted = converted(name, owned, &quote!(#owned { #(#values)* }), &payload);
        quote! {
            #[doc = #doc]
            #derives
            pub struct #name<'a> {
                #(#docs pub #idents: #types,)*
            }

            impl #avro::wire::Blank for #name<'_> {
                fn blank() -> Self { #blank }
            }

            impl<'a> #avro::Borrowed<'a> for #name<'a> {
                fn read<S: #avro::wire::Source<'a>>(&mut self, from: &mut S) -> #avro::wire::Result<()> { #read }
            }

            #converted

            #(#unions)*
        }
    }
}

/// What only the form of a top type has: whole payloads.
fn payload(owned: &Ident, here: &Here<'_>) -> TokenStream {
    let avro = here.names.avro();
    quote! {
        /// Reads a payload written with exactly this schema, to its last byte.
        pub fn decode(body: &'a [u8]) -> Result<Self, #avro::ReadError> {
            #owned::reader().decode_borrowed(body)
        }

        /// Reads a payload of any writer, to its last byte.
        pub fn decode_from(
            writer: &::annals_schema_model::Writer,
            body: &'a [u8],
        ) -> Result<Self, #avro::DecodeError> {
            #owned::reader().decode_borrowed_from(writer, body)
        }
    }
}

/// How a form becomes its type.
fn converted(name: &Ident, owned: &Ident, value: &TokenStream, payload: &Option<TokenStream>) -> TokenStream {
    quote! {
        impl<'a> #name<'a> {
            #payload

            /// The same with texts and bytes of its own.
            pub fn to_owned(&self) -> #owned { #value }
        }

        impl ::std::convert::From<#name<'_>> for #owned {
            fn from(borrowed: #name<'_>) -> Self {
                borrowed.to_owned()
            }
        }
    }
}

/// The form of a union's enum.
fn union_enum(owned: &Ident, union: &Union, has_floats: bool, here: &Here<'_>) -> TokenStream {
    let Some(name) = &union.name else {
        return TokenStream::new();
    };
    let avro = here.names.avro();
    let doc = format!(" [`{owned}`] with texts and bytes borrowed from its payload.");
    let variants = union.branches.iter().map(|branch| {
        let (variant, kind) = (&branch.variant, branch.shape.rust(here));
        let doc = format!(" Branch {}.", branch.index);
        quote!(#[doc = #doc] #variant(#kind),)
    });
    let arms = union.branches.iter().map(|branch| {
        let (variant, value) = (&branch.variant, to_owned(&branch.shape, &Operand::value()));
        quote!(Self::#variant(value) => #owned::#variant(#value),)
    });
    let converted = converted(name, owned, &quote!(match self { #(#arms)* }), &None);
    let derives = derives(has_floats, false);
    let (blank, _) = union_values(union, here);
    let default = default_impl(&quote!(#name<'_>), &blank);
    // Whoever holds the option around it reads the index.
    let borrowed = union.null.is_none().then(|| {
        let read = read_branches(union);
        quote! {
            impl #avro::wire::Blank for #name<'_> {
                fn blank() -> Self {
                    Self::default()
                }
            }

            impl<'a> #avro::Borrowed<'a> for #name<'a> {
                fn read<S: #avro::wire::Source<'a>>(&mut self, from: &mut S) -> #avro::wire::Result<()> { #read }
            }
        }
    });
    quote! {
        #[doc = #doc]
        #derives
        pub enum #name<'a> { #(#variants)* }

        #default

        #borrowed

        #converted
    }
}

/// Turns shapes into such as borrow, and collects the unions that do.
struct Lender<'a> {
    here: &'a Here<'a>,
    scope: &'a mut Scope,
    /// With the names of their owned enums.
    unions: Vec<(Ident, Union)>,
}

impl Lender<'_> {
    fn shape(&mut self, shape: &Shape) -> Shape {
        match shape {
            Shape::Scalar(Scalar::Bytes) => Shape::Scalar(Scalar::Slice),
            Shape::Scalar(Scalar::String) => Shape::Scalar(Scalar::Str),
            Shape::Array(item) => Shape::Array(Box::new(self.shape(item))),
            Shape::Map(value) => Shape::Entries(Box::new(self.shape(value))),
            Shape::Named {
                name, boxed, endless, ..
            } => match self.here.borrowed_path_to(name) {
                Some(path) => Shape::Named {
                    path,
                    name: name.clone(),
                    boxed: *boxed,
                    borrowed: true,
                    endless: *endless,
                },
                None => shape.clone(),
            },
            Shape::Union(union) => Shape::Union(self.union(union)),
            Shape::Null | Shape::Scalar(_) | Shape::Entries(_) => shape.clone(),
        }
    }

    fn union(&mut self, union: &Union) -> Union {
        let branches = union.branches.iter().map(|branch| Branch {
            shape: self.shape(&branch.shape),
            ..branch.clone()
        });
        let branches: Vec<Branch> = branches.collect();
        let borrows = branches.iter().any(|branch| branch.shape.borrows());
        let Some(owned) = union.name.as_ref().filter(|_| borrows) else {
            return Union {
                branches,
                ..union.clone()
            };
        };
        let lent = Union {
            name: Some(ident(&self.scope.camel(&format!("{owned}Ref")))),
            borrowed: true,
            branches,
            ..union.clone()
        };
        self.unions.push((owned.clone(), lent.clone()));
        lent
    }
}

/// An expression of the owned value of what borrows.
fn to_owned(shape: &Shape, value: &Operand) -> TokenStream {
    let (borrowed, copied, receiver) = (value.borrowed(), value.copied(), value.receiver());
    let inner = |shape: &Shape| to_owned(shape, &Operand::value());
    match shape {
        Shape::Scalar(Scalar::Slice) => quote!(#receiver.to_vec()),
        Shape::Scalar(Scalar::Str) if value.is_reference() => quote!(str::to_owned(#receiver)),
        Shape::Scalar(Scalar::Str) => quote!(#receiver.to_owned()),
        _ if shape.is_word() => copied,
        Shape::Named {
            path,
            boxed: true,
            borrowed: true,
            ..
        } => quote!(Box::new(#path::to_owned(#borrowed))),
        Shape::Named { borrowed: true, .. } => quote!(#receiver.to_owned()),
        Shape::Array(item) if item.borrows() => {
            let item = inner(item);
            quote!(#receiver.iter().map(|value| #item).collect())
        }
        Shape::Entries(entry) => {
            let entry = inner(entry);
            quote!(#receiver.iter().map(|(key, value)| (str::to_owned(key), #entry)).collect())
        }
        Shape::Union(union) if union.branches.iter().any(|branch| branch.shape.borrows()) => {
            match (union.null, &union.name, union.branches.as_slice()) {
                (None, ..) => quote!(#receiver.to_owned()),
                (Some(_), None, [branch]) => {
                    let some = inner(&branch.shape);
                    quote!(#receiver.as_ref().map(|value| #some))
                }
                _ => quote!(#receiver.as_ref().map(|value| value.to_owned())),
            }
        }
        _ => quote!(#receiver.clone()),
    }
}
