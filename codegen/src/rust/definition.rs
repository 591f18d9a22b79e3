//! Items of one definition: a record, an enum or a fixed, and the unions of its fields.
//!
//! Docs are carried over, followed by the file and line the thing is declared at.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::{Body, Definition, Field};
use crate::names::{Scope, camel};
use crate::rust::codec::{Operand, read_branches, read_closure, write, write_branches};
use crate::rust::module::{Here, ident};
use crate::rust::shape::{Shape, Shaper, Union, unsuffixed};

/// The schema a definition stands in, as far as docs and constants need it.
pub(crate) struct Source<'a> {
    /// The file as docs name it.
    pub(crate) label: &'a str,
    /// The Rust expression of the schema's text and more, for the top type; nothing for the others.
    pub(crate) constants: TokenStream,
}

/// The items of a definition. `scope` holds the names of its module.
pub(crate) fn items(
    definition: &Definition,
    source: &Source<'_>,
    here: &Here<'_>,
    scope: &mut Scope,
) -> TokenStream {
    let key = (here.keep, definition.name.clone());
    let Some((_, name)) = here.names.place(&key) else {
        return TokenStream::new();
    };
    let doc = doc(
        definition.doc.as_deref(),
        &format!("`{}`, {}:{}", definition.name, source.label, definition.line),
    );
    match &definition.body {
        Body::Record(fields) => record(definition, name, fields, &doc, source, here, scope),
        Body::Enum(symbols) => enumeration(definition, name, symbols, &doc),
        Body::Fixed(size) => fixed(definition, name, *size, &doc),
    }
}

/// Doc attributes: the schema's own words, and the place.
fn doc(words: Option<&str>, place: &str) -> TokenStream {
    let words = words.map(str::trim).filter(|words| !words.is_empty());
    let mut lines: Vec<String> = Vec::new();
    for line in words.into_iter().flat_map(str::lines) {
        // Schema text is not Markdown: nothing in it may become a link or a tag.
        lines.push(format!(
            " {}",
            line.trim_end().replace('[', "\\[").replace('<', "\\<")
        ));
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(format!(" {place}"));
    quote!(#(#[doc = #lines])*)
}

fn record(
    definition: &Definition,
    name: &Ident,
    fields: &[Field],
    doc: &TokenStream,
    source: &Source<'_>,
    here: &Here<'_>,
    scope: &mut Scope,
) -> TokenStream {
    let mut shaper = Shaper {
        here,
        scope,
        unions: Vec::new(),
    };
    let shapes: Vec<Shape> = fields
        .iter()
        .map(|field| {
            shaper.shape(
                &field.kind,
                Some(&definition.name),
                &format!("{name}{}", camel(&field.name)),
            )
        })
        .collect();
    let unions = shaper.unions;
    let mut members = Scope::default();
    let idents: Vec<Ident> = fields
        .iter()
        .map(|field| ident(&members.snake(&field.name)))
        .collect();
    let docs = fields
        .iter()
        .zip(&idents)
        .map(|(field, ident)| field_doc(field, ident));
    let types = shapes.iter().map(|shape| shape.rust(here));
    let codec = record_codec(&definition.name, fields, &idents, &shapes, source);
    let unions = unions
        .iter()
        .map(|union| union_enum(union, &definition.name, here));
    quote! {
        #doc
        #[derive(Clone, Debug, PartialEq)]
        pub struct #name {
            #(#docs pub #idents: #types,)*
        }

        impl #name { #codec }

        #(#unions)*
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

fn record_codec(
    full_name: &str,
    fields: &[Field],
    idents: &[Ident],
    shapes: &[Shape],
    source: &Source<'_>,
) -> TokenStream {
    let constants = &source.constants;
    let writes = idents
        .iter()
        .zip(shapes)
        .map(|(field, shape)| write(shape, &Operand::place(quote!(self.#field))));
    let reads = fields
        .iter()
        .zip(idents)
        .zip(shapes)
        .map(|((field, ident), shape)| {
            let (path, closure) = (&field.name, read_closure(shape));
            quote!(#ident: annals_support::field(reader, #path, #closure)?,)
        });
    let writes: TokenStream = writes.collect();
    // A record without fields, or with nulls alone, writes and reads nothing.
    let writer = if writes.is_empty() {
        quote!(_)
    } else {
        quote!(writer)
    };
    let reader = if fields.is_empty() {
        quote!(_)
    } else {
        quote!(reader)
    };
    quote! {
        /// The full name in the schema.
        pub const NAME: &'static str = #full_name;
        #constants

        /// The payload, without an envelope.
        pub fn encode(&self) -> Vec<u8> {
            let mut writer = annals_support::Writer::new();
            self.write(&mut writer);
            writer.into_bytes()
        }

        /// Reads a payload written with exactly this schema, to its last byte.
        pub fn decode(body: &[u8]) -> Result<Self, annals_support::ReadError> {
            let mut reader = annals_support::Reader::new(body);
            let value = Self::read(&mut reader)?;
            reader.finish()?;
            Ok(value)
        }

        /// Writes the value where the writer stands.
        pub fn write(&self, #writer: &mut annals_support::Writer) { #writes }

        /// Reads a value where the reader stands.
        pub fn read(reader: &mut annals_support::Reader<'_>) -> Result<Self, annals_support::ReadError> {
            reader.record(|#reader| Ok(Self { #(#reads)* }))
        }
    }
}

/// The enum of a union with more than one branch besides `null`.
fn union_enum(union: &Union, owner: &str, here: &Here<'_>) -> TokenStream {
    let Some(name) = &union.name else {
        return TokenStream::new();
    };
    let doc = format!(" One branch of a union in `{owner}`.");
    let variants = union.branches.iter().map(|branch| {
        let (variant, kind) = (&branch.variant, branch.shape.rust(here));
        let doc = format!(" Branch {}.", branch.index);
        quote!(#[doc = #doc] #variant(#kind),)
    });
    let writes = write_branches(union);
    let read = union.null.is_none().then(|| {
        let reads = read_branches(union);
        quote! {
            /// Reads the branch's index and its value.
            pub fn read(reader: &mut annals_support::Reader<'_>) -> Result<Self, annals_support::ReadError> {
                Ok(#reads)
            }
        }
    });
    quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, PartialEq)]
        pub enum #name { #(#variants)* }

        impl #name {
            /// Writes the branch's index and its value.
            pub fn write(&self, writer: &mut annals_support::Writer) { #writes }
            #read
        }
    }
}

fn enumeration(definition: &Definition, name: &Ident, symbols: &[String], doc: &TokenStream) -> TokenStream {
    let mut scope = Scope::default();
    let variants: Vec<Ident> = symbols.iter().map(|symbol| ident(&scope.camel(symbol))).collect();
    let docs = symbols.iter().map(|symbol| format!(" `{symbol}`."));
    let count = unsuffixed(symbols.len());
    let full_name = &definition.name;
    quote! {
        #doc
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum #name {
            #(#[doc = #docs] #variants,)*
        }

        impl #name {
            /// The full name in the schema.
            pub const NAME: &'static str = #full_name;
            /// All values, in the order of the schema.
            pub const ALL: [Self; #count] = [#(Self::#variants),*];

            /// The symbol in the schema.
            pub fn as_str(self) -> &'static str {
                match self { #(Self::#variants => #symbols,)* }
            }

            /// The value with this symbol.
            pub fn from_symbol(symbol: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.as_str() == symbol)
            }

            /// Writes the symbol's index.
            pub fn write(self, writer: &mut annals_support::Writer) {
                writer.enum_index(self as usize);
            }

            /// Reads a symbol's index.
            pub fn read(reader: &mut annals_support::Reader<'_>) -> Result<Self, annals_support::ReadError> {
                let index = reader.enum_index(Self::ALL.len())?;
                Ok(Self::ALL[index])
            }
        }
    }
}

fn fixed(definition: &Definition, name: &Ident, size: usize, doc: &TokenStream) -> TokenStream {
    let (size, full_name) = (unsuffixed(size), &definition.name);
    quote! {
        #doc
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct #name(pub [u8; #size]);

        impl #name {
            /// The full name in the schema.
            pub const NAME: &'static str = #full_name;

            /// Writes the bytes.
            pub fn write(&self, writer: &mut annals_support::Writer) {
                writer.fixed(&self.0);
            }

            /// Reads the bytes.
            pub fn read(reader: &mut annals_support::Reader<'_>) -> Result<Self, annals_support::ReadError> {
                reader.fixed().map(Self)
            }
        }
    }
}
