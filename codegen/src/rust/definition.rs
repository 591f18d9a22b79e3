//! Items of one definition: a record, an enum or a fixed, and the unions of its fields.
//!
//! Docs are carried over, followed by the file and line the thing is declared at.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::{Body, Definition, Field, has_floats, holds_itself, is_endless};
use crate::names::{Scope, camel};
use crate::rust::codec::{Operand, read_branches, read_into, write, write_branches};
use crate::rust::doc::doc;
use crate::rust::module::{Here, ident};
use crate::rust::shape::{Shape, Shaper, Union, unsuffixed};

/// The schema a definition stands in, as far as docs and constants need it.
pub(crate) struct Source<'a> {
    /// The file as docs name it.
    pub(crate) label: &'a str,
    /// The constants of the schema, for the top type; nothing for the others.
    pub(crate) constants: Option<TokenStream>,
}

/// The items of a definition. `scope` holds the names of its module.
pub(crate) fn items(
    definition: &Definition,
    source: &Source<'_>,
    here: &Here<'_>,
    scope: &mut Scope,
) -> TokenStream {
    let Some(name) = here.name_of(&definition.name) else {
        return TokenStream::new();
    };
    let place = format!("`{}`, {}:{}", definition.name, source.label, definition.line);
    let doc = doc(definition.doc.as_deref(), &place);
    let items = match &definition.body {
        Body::Record(fields) => record(definition, name, fields, here, scope),
        Body::Enum(symbols, default) => enumeration(definition, name, symbols, *default, here),
        Body::Fixed(size) => fixed(definition, name, *size, here),
    };
    let full_name = &definition.name;
    let payload = source
        .constants
        .as_ref()
        .map(|constants| payload(definition, name, constants, here));
    quote! {
        #doc
        #items

        impl #name {
            /// The full name in the schema.
            pub const NAME: &'static str = #full_name;
            #payload
        }
    }
}

/// What only the top type of a schema has: the schema, and whole payloads.
fn payload(definition: &Definition, name: &Ident, constants: &TokenStream, here: &Here<'_>) -> TokenStream {
    let avro = here.names.avro();
    let encode = if is_endless(here.definitions, &definition.name) {
        quote! {
            /// The payload, without an envelope; an error when the value holds itself so deep that nobody would read it.
            pub fn encode(&self) -> Result<Vec<u8>, #avro::EncodeError> {
                #avro::encode_recursive(self)
            }
        }
    } else {
        quote! {
            /// The payload, without an envelope.
            pub fn encode(&self) -> Vec<u8> {
                #avro::encode(self)
            }
        }
    };
    quote! {
        #constants

        #encode

        /// Reads a payload written with exactly this schema, to its last byte.
        pub fn decode(body: &[u8]) -> Result<Self, #avro::ReadError> {
            Self::reader().decode(body)
        }

        /// What reads payloads of this and of every other writer's schema.
        pub fn reader() -> &'static #avro::ReaderSchema {
            static READER: #avro::ReaderSchema = #avro::ReaderSchema::new(#name::SCHEMA);
            &READER
        }
    }
}

/// What can be derived for a type that holds floats, or none.
fn derives(has_floats: bool) -> TokenStream {
    if has_floats {
        quote!(#[derive(Clone, Debug, Default, PartialEq)])
    } else {
        quote!(#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)])
    }
}

fn record(
    definition: &Definition,
    name: &Ident,
    fields: &[Field],
    here: &Here<'_>,
    scope: &mut Scope,
) -> TokenStream {
    let mut shaper = Shaper {
        here,
        scope,
        field: String::new(),
        unions: Vec::new(),
    };
    let shapes: Vec<Shape> = fields
        .iter()
        .map(|field| {
            let hint = format!("{name}{}", camel(&field.name));
            shaper.field.clone_from(&field.name);
            shaper.shape(&field.kind, Some(&definition.name), &hint)
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
    let attributes = fields.iter().map(|field| {
        let path = format!("{}.{}", definition.name, field.name);
        here.settings.of_field(&path)
    });
    let has_floats = has_floats(here.definitions, &definition.name);
    let derives = derives(has_floats);
    let datum = record_datum(definition, name, &idents, &shapes, here);
    let unions = unions
        .iter()
        .map(|union| union_enum(union, &definition.name, has_floats, here));
    let type_attributes = here.settings.of_type(&definition.name);
    quote! {
        #derives
        #type_attributes
        pub struct #name {
            #(#docs #attributes pub #idents: #types,)*
        }

        #datum

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

/// The functions that write and read a type; bodies call the writer `to`, the source `from`.
fn datum(name: &Ident, write: &TokenStream, read: &TokenStream, here: &Here<'_>) -> TokenStream {
    let avro = here.names.avro();
    let to = if write.is_empty() { quote!(_) } else { quote!(to) };
    quote! {
        impl #avro::Datum for #name {
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
    here: &Here<'_>,
) -> TokenStream {
    let writes = idents
        .iter()
        .zip(shapes)
        .map(|(field, shape)| write(shape, &Operand::place(quote!(self.#field))));
    let mut writes: TokenStream = writes.collect();
    let reads = idents.iter().zip(shapes).map(|(field, shape)| {
        let place = Operand::place(quote!(self.#field));
        read_into(shape, &place, &quote!(from.field()?))
    });
    let mut reads = quote! {
        let outer = from.begin()?;
        #(#reads)*
        from.end(outer)
    };
    if holds_itself(here.definitions, &definition.name) {
        writes = quote! {
            if to.descend() {
                #writes
                to.ascend();
            }
        };
        reads = quote! {
            from.descend()?;
            #reads?;
            from.ascend();
            Ok(())
        };
    }
    datum(name, &writes, &reads, here)
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
    let derives = if has_floats {
        quote!(#[derive(Clone, Debug, PartialEq)])
    } else {
        quote!(#[derive(Clone, Debug, PartialEq, Eq, Hash)])
    };
    let default = union
        .branches
        .iter()
        .filter(|branch| branch.rank.is_some())
        .min_by_key(|branch| branch.rank)
        .map(|branch| &branch.variant);
    let writes = write_branches(union);
    let datum = if union.null.is_none() {
        let reads = read_branches(union);
        datum(name, &writes, &quote!(*self = #reads; Ok(())), here)
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
        #attributes
        pub enum #name { #(#variants)* }

        impl ::std::default::Default for #name {
            fn default() -> Self {
                Self::#default(::std::default::Default::default())
            }
        }

        #datum
    }
}

fn enumeration(
    definition: &Definition,
    name: &Ident,
    symbols: &[String],
    default: usize,
    here: &Here<'_>,
) -> TokenStream {
    let attributes = here.settings.of_type(&definition.name);
    let mut scope = Scope::default();
    let variants: Vec<Ident> = symbols.iter().map(|symbol| ident(&scope.camel(symbol))).collect();
    let docs = symbols.iter().map(|symbol| format!(" `{symbol}`."));
    let defaults = (0..symbols.len()).map(|index| (index == default).then(|| quote!(#[default])));
    let count = unsuffixed(symbols.len());
    let datum = datum(
        name,
        &quote!(to.enum_index(*self as usize);),
        &quote! {
            let index = from.enum_index(Self::ALL.len())?;
            *self = Self::ALL[index];
            Ok(())
        },
        here,
    );
    quote! {
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #attributes
        pub enum #name {
            #(#[doc = #docs] #defaults #variants,)*
        }

        impl #name {
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
        }

        #datum
    }
}

fn fixed(definition: &Definition, name: &Ident, size: usize, here: &Here<'_>) -> TokenStream {
    let attributes = here.settings.of_type(&definition.name);
    let size = unsuffixed(size);
    let datum = datum(
        name,
        &quote!(to.fixed(&self.0);),
        &quote! {
            self.0 = from.fixed()?;
            Ok(())
        },
        here,
    );
    quote! {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #attributes
        pub struct #name(pub [u8; #size]);

        impl ::std::default::Default for #name {
            fn default() -> Self {
                Self([0; #size])
            }
        }

        #datum
    }
}
