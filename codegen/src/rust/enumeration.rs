//! Items of an enum.
//!
//! An enum whose schema has a default is closed, as Avro's resolution has it: a symbol it does not know is the default. One
//! without keeps such a symbol, which can be read and looked at, but not written. Invariant: whatever the schema's symbols
//! are called, each has a variant of its own, and so has what is kept.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::Definition;
use crate::names::Scope;
use crate::rust::definition::datum;
use crate::rust::module::{Here, ident};
use crate::rust::serde;
use crate::rust::shape::unsuffixed;

/// Constants that a variant of the same name would hide.
const CONSTANTS: [&str; 6] = ["ALL", "FINGERPRINT", "NAME", "SCHEMA", "SUBJECT", "VERSION"];

/// The variants of an enum's symbols.
pub(crate) fn variants(symbols: &[String]) -> Vec<Ident> {
    let mut scope = Scope::default();
    CONSTANTS.iter().for_each(|name| scope.keep(name));
    symbols.iter().map(|symbol| ident(&scope.camel(symbol))).collect()
}

/// The variant of symbols that are none, which the schema's own must not be called.
fn unknown(variants: &[Ident]) -> Ident {
    let taken = |name: &&str| variants.iter().any(|variant| variant == name);
    let name = ["Unknown", "Unrecognized", "SymbolOfAnotherWriter"]
        .into_iter()
        .find(|name| !taken(name));
    ident(name.unwrap_or("UnknownSymbol"))
}

/// The items of an enum.
pub(crate) fn enumeration(
    definition: &Definition,
    name: &Ident,
    symbols: &[String],
    default: Option<usize>,
    here: &Here<'_>,
) -> TokenStream {
    let avro = here.names.avro();
    let attributes = here.settings.of_type(&definition.name);
    let variants = variants(symbols);
    let docs = symbols.iter().map(|symbol| format!(" `{symbol}`."));
    let first = default.unwrap_or(0);
    let defaults = (0..symbols.len()).map(|index| (index == first).then(|| quote!(#[default])));
    let count = unsuffixed(symbols.len());
    let unknown = default.is_none().then(|| unknown(&variants));
    let (unknown_variant, unknown_str) = match &unknown {
        Some(unknown) => (
            quote! {
                /// A symbol that only its writer knows. It is read, but not written.
                #unknown(&'static str),
            },
            quote!(Self::#unknown(symbol) => symbol,),
        ),
        None => Default::default(),
    };
    let of_serde = serde::symbols(name, here);
    let datum = enum_datum(name, &variants, unknown.as_ref(), here);
    quote! {
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #attributes
        pub enum #name {
            #(#[doc = #docs] #defaults #variants,)*
            #unknown_variant
        }

        impl #name {
            /// All values of the schema, in its order.
            pub const ALL: [Self; #count] = [#(Self::#variants),*];

            /// The symbol.
            pub fn as_str(self) -> &'static str {
                match self {
                    #(Self::#variants => #symbols,)*
                    #unknown_str
                }
            }
        }

        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for #name {
            type Err = #avro::UnknownSymbol;

            fn from_str(symbol: &str) -> Result<Self, #avro::UnknownSymbol> {
                #avro::symbol(symbol, Self::NAME, &Self::ALL, Self::as_str)
            }
        }

        #of_serde

        #datum
    }
}

fn enum_datum(name: &Ident, variants: &[Ident], unknown: Option<&Ident>, here: &Here<'_>) -> TokenStream {
    let Some(unknown) = unknown else {
        let write = quote!(to.enum_index(*self as usize););
        let read = quote! {
            let index = from.enum_index(Self::ALL.len())?;
            *self = Self::ALL[index];
            Ok(())
        };
        return datum(name, None, &write, &read, here);
    };
    let indexes = (0..variants.len()).map(unsuffixed);
    let write = quote! {
        to.enum_index(match *self {
            #(Self::#variants => #indexes,)*
            Self::#unknown(symbol) => return to.unknown_symbol(Self::NAME, symbol),
        });
    };
    let read = quote! {
        *self = match from.symbol(Self::ALL.len())? {
            Ok(index) => Self::ALL[index],
            Err(symbol) => Self::#unknown(symbol),
        };
        Ok(())
    };
    datum(name, None, &write, &read, here)
}
