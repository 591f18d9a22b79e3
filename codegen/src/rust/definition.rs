//! Items of one definition: a record, an enum or a fixed, and the unions of its fields.
//!
//! Docs are carried over, followed by the file and line the thing is declared at.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::{Body, Definition, Field, has_floats, holds_itself};
use crate::names::{Scope, camel};
use crate::rust::borrowed;
use crate::rust::codec::{Operand, read_bare, read_branches, read_record, write, write_branches};
use crate::rust::default::{Member, Values, union_values, values};
use crate::rust::doc::doc;
use crate::rust::enumeration::enumeration;
use crate::rust::module::{Here, ident};
use crate::rust::payload::{Top, payload};
use crate::rust::serde;
use crate::rust::shape::{Shape, Shaper, Union, unsuffixed};

/// The items of a definition. `scope` holds the names of its module.
pub(crate) fn items(
    definition: &Definition,
    top: Option<&Top>,
    here: &Here<'_>,
    scope: &mut Scope,
) -> TokenStream {
    let Some(name) = here.name_of(&definition.name) else {
        return TokenStream::new();
    };
    let full_name = definition.schema_name();
    let place = format!("`{full_name}`, {}:{}", definition.label, definition.line);
    let doc = doc(definition.doc.as_deref(), &place);
    let deprecated = deprecated(definition.deprecated.as_deref());
    let items = match &definition.body {
        Body::Record(_) | Body::Bare(..) => record(definition, name, top.is_some(), here, scope),
        Body::Enum(symbols, default) => enumeration(definition, name, symbols, *default, here),
        Body::Fixed(size) => fixed(definition, name, *size, here),
    };
    let payload = top.map(|top| payload(definition, name, top, here));
    quote! {
        #doc
        #deprecated
        #items

        impl #name {
            /// The full name in the schema.
            pub const NAME: &'static str = #full_name;
            #payload
        }
    }
}

/// What can be derived for a type that holds floats, or none.
pub(crate) fn derives(has_floats: bool, has_default: bool) -> TokenStream {
    let default = has_default.then(|| quote!(Default,));
    if has_floats {
        quote!(#[derive(Clone, Debug, #default PartialEq)])
    } else {
        quote!(#[derive(Clone, Debug, #default PartialEq, Eq, Hash)])
    }
}

/// The attribute of what is not to be used any more.
fn deprecated(why: Option<&str>) -> Option<TokenStream> {
    why.map(|why| {
        if why.is_empty() {
            quote!(#[deprecated])
        } else {
            quote!(#[deprecated(note = #why)])
        }
    })
}

/// What the fields are in Rust, and the unions among them that need an enum.
fn shapes(
    definition: &Definition,
    name: &Ident,
    fields: &[Field],
    here: &Here<'_>,
    scope: &mut Scope,
) -> (Vec<Shape>, Vec<Union>) {
    let mut shaper = Shaper {
        here,
        scope,
        holds_itself: holds_itself(here.definitions, &definition.name),
        field: String::new(),
        unions: Vec::new(),
    };
    let shapes: Vec<Shape> = fields
        .iter()
        .map(|field| {
            let hint = match &definition.body {
                Body::Bare(..) => name.to_string(),
                _ => format!("{name}{}", camel(&field.name)),
            };
            shaper.field.clone_from(&field.name);
            shaper.shape(&field.kind, Some(&definition.name), &hint)
        })
        .collect();
    let unions = shaper.unions;
    (shapes, unions)
}

fn record(
    definition: &Definition,
    name: &Ident,
    is_top: bool,
    here: &Here<'_>,
    scope: &mut Scope,
) -> TokenStream {
    let fields = definition.body.fields();
    let (shapes, unions) = shapes(definition, name, fields, here, scope);
    let mut members = Scope::default();
    let idents: Vec<Ident> = fields
        .iter()
        .map(|field| ident(&members.snake(&field.name)))
        .collect();
    let named = fields.iter().zip(&idents);
    let docs: Vec<TokenStream> = named.map(|(field, ident)| field_doc(field, ident)).collect();
    let deprecations = fields.iter().map(|field| deprecated(field.deprecated.as_deref()));
    let types = shapes.iter().map(|shape| shape.rust(here));
    let attributes = fields.iter().zip(&idents).map(|(field, ident)| {
        let path = format!("{}.{}", definition.name, field.name);
        let (renamed, own) = (
            serde::renamed(ident, &field.name, here),
            here.settings.of_field(&path),
        );
        quote!(#renamed #own)
    });
    let has_floats = has_floats(here.definitions, &definition.name);
    let members: Vec<Member<'_>> = fields
        .iter()
        .zip(&idents)
        .zip(&shapes)
        .map(|((field, ident), shape)| Member { ident, shape, field })
        .collect();
    let values = values(definition, &members, here);
    let derives = derives(has_floats, values.is_none());
    let of_serde = serde::of_record(definition, here);
    let default = values.as_ref().map(|values| &values.default);
    let default = default.map(|default| default_impl(&quote!(#name), default));
    let datum = record_datum(definition, name, &idents, &shapes, values.as_ref(), here);
    let unions = unions
        .iter()
        .map(|union| union_enum(union, &definition.name, has_floats, here));
    let type_attributes = here.settings.of_type(&definition.name);
    let borrowed = borrowed::Record {
        definition,
        name,
        idents: &idents,
        shapes: &shapes,
        docs: &docs,
        is_top,
    }
    .form(here, scope);
    quote! {
        #derives
        #of_serde
        #type_attributes
        pub struct #name {
            #(#docs #deprecations #attributes pub #idents: #types,)*
        }

        #default

        #datum

        #(#unions)*

        #borrowed
    }
}

/// The doc of a field; it names the field as the schema does where Rust calls it otherwise.
fn field_doc(field: &Field, ident: &Ident) -> TokenStream {
    let place = if *ident == field.name {
        format!("Line {}.", field.line)
    } else {
        format!("`{}`, line {}.", field.name, field.line)
    };
    doc(field.doc.as_deref(), &place)
}

/// The functions that write and read a type; bodies call the writer `to`, the source `from`.
pub(crate) fn datum(
    name: &Ident,
    blank: Option<&TokenStream>,
    write: &TokenStream,
    read: &TokenStream,
    here: &Here<'_>,
) -> TokenStream {
    let avro = here.names.avro();
    let blank = blank.map(|blank| quote!(fn blank() -> Self { #blank }));
    let to = if write.is_empty() { quote!(_) } else { quote!(to) };
    quote! {
        impl #avro::Datum for #name {
            #blank

            fn write(&self, #to: &mut #avro::wire::Writer) { #write }

            fn read<'a, S: #avro::wire::Source<'a>>(&mut self, from: &mut S) -> #avro::wire::Result<()> { #read }
        }
    }
}

fn record_datum(
    definition: &Definition,
    name: &Ident,
    idents: &[Ident],
    shapes: &[Shape],
    values: Option<&Values>,
    here: &Here<'_>,
) -> TokenStream {
    let writes = idents
        .iter()
        .zip(shapes)
        .map(|(field, shape)| write(shape, &Operand::place(quote!(self.#field))));
    let mut writes: TokenStream = writes.collect();
    let holds_itself = holds_itself(here.definitions, &definition.name);
    if holds_itself {
        writes = quote! {
            if to.descend() {
                #writes
                to.ascend();
            }
        };
    }
    let reads = match definition.body {
        Body::Bare(..) => read_bare(idents, shapes),
        _ => read_record(idents, shapes, holds_itself),
    };
    datum(name, values.map(|values| &values.blank), &writes, &reads, here)
}

/// The enum of a union with more than one branch besides `null`.
fn union_enum(union: &Union, owner: &str, has_floats: bool, here: &Here<'_>) -> TokenStream {
    let Some(name) = &union.name else {
        return TokenStream::new();
    };
    let avro = here.names.avro();
    let doc = format!(" One branch of a union in `{owner}`.");
    let attributes = here.settings.of_type(&format!("{owner}.{}", union.field));
    let variants = union.branches.iter().map(|branch| {
        let (variant, kind) = (&branch.variant, branch.shape.rust(here));
        let doc = format!(" Branch {}.", branch.index);
        quote!(#[doc = #doc] #variant(#kind),)
    });
    let (derives, of_serde) = (derives(has_floats, false), serde::derives(here));
    let (blank, default) = union_values(union, here);
    let default = default_impl(&quote!(#name), &default);
    let writes = write_branches(union);
    let datum = if union.null.is_none() {
        let reads = read_branches(union);
        datum(name, Some(&blank), &writes, &reads, here)
    } else {
        // Whoever holds the option around it reads the index.
        quote! {
            impl #name {
                /// Writes the branch's index and its value.
                pub fn write(&self, to: &mut #avro::wire::Writer) { #writes }
            }
        }
    };
    quote! {
        #[doc = #doc]
        #derives
        #of_serde
        #attributes
        pub enum #name { #(#variants)* }

        #default

        #datum
    }
}

pub(crate) fn default_impl(name: &TokenStream, value: &TokenStream) -> TokenStream {
    quote! {
        impl ::std::default::Default for #name {
            fn default() -> Self { #value }
        }
    }
}

fn fixed(definition: &Definition, name: &Ident, size: usize, here: &Here<'_>) -> TokenStream {
    let attributes = here.settings.of_type(&definition.name);
    // Rust has defaults of so short arrays, and asks that they be derived.
    let is_derived = size <= 32;
    let size = unsuffixed(size);
    let datum = datum(
        name,
        None,
        &quote!(to.fixed(&self.0);),
        &quote! {
            self.0 = from.fixed()?;
            Ok(())
        },
        here,
    );
    let default = (!is_derived).then(|| default_impl(&quote!(#name), &quote!(Self([0; #size]))));
    let derived = is_derived.then(|| quote!(Default,));
    let of_serde = serde::fixed(name, here);
    quote! {
        #[derive(Clone, Copy, Debug, #derived PartialEq, Eq, PartialOrd, Ord, Hash)]
        #attributes
        pub struct #name(pub [u8; #size]);

        #default

        #of_serde

        #datum
    }
}
