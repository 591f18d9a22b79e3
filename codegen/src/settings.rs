//! What a user chose about the generated types: one value that the builder fills and the printers read.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;

use crate::compat::Incompatible;

/// The choices; what [`Settings::default`] gives is what most users want.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The types of dates and times.
    pub(crate) date_times: DateTimes,
    /// The types of decimals.
    pub(crate) decimals: Decimals,
    /// Whether generated types are serde's.
    pub(crate) serde: bool,
    /// What is done about an incompatible schema.
    pub(crate) incompatible: Incompatible,
    /// Attributes of types, by path.
    pub(crate) type_attributes: Vec<Attribute>,
    /// Attributes of fields, by path.
    pub(crate) field_attributes: Vec<Attribute>,
    /// The types that have a form which borrows, by path.
    pub(crate) borrowed: Vec<String>,
}

/// An attribute for everything that a path matches.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    /// As prost-build has it: `.` is everything, `.shop.orders` what is in there, `OrderPlaced` what ends so.
    pub(crate) path: String,
    /// The attribute as Rust writes it.
    pub(crate) attribute: String,
}

/// Whose types dates and times are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateTimes {
    /// Civil dates and times are jiff's; instants are `annals_schema_model::Timestamp`, which has all of Avro's, and becomes
    /// a `jiff::Timestamp`.
    #[default]
    Jiff,
    /// All are chrono's.
    Chrono,
    /// All are the time crate's.
    Time,
}

/// Whose types decimals are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decimals {
    /// `annals_schema_model::Exact`, which holds what fits the schema and nothing else; big-decimals are
    /// `annals_schema_model::Decimal`.
    #[default]
    Own,
    /// The bigdecimal crate's.
    BigDecimal,
    /// The rust_decimal crate's.
    RustDecimal,
}

impl Settings {
    /// Attributes that Rust would not take, with what is wrong with them.
    pub(crate) fn wrong_attributes(&self) -> Vec<String> {
        let all = self.type_attributes.iter().chain(&self.field_attributes);
        let wrong = all.filter_map(|attribute| {
            let error = attribute.parsed().err()?;
            Some(format!(
                "the attribute `{}` is none: {error}",
                attribute.attribute
            ))
        });
        wrong.collect()
    }

    /// Whether a type is to have a form that borrows.
    pub(crate) fn is_borrowed(&self, full_name: &str) -> bool {
        self.borrowed.iter().any(|path| is_for(path, full_name))
    }

    /// The attributes of a type.
    pub(crate) fn of_type(&self, full_name: &str) -> TokenStream {
        all_for(&self.type_attributes, full_name)
    }

    /// The attributes of a field, whose name follows that of its type.
    pub(crate) fn of_field(&self, full_name: &str) -> TokenStream {
        all_for(&self.field_attributes, full_name)
    }
}

fn all_for(attributes: &[Attribute], full_name: &str) -> TokenStream {
    let matching = attributes
        .iter()
        .filter(|attribute| is_for(&attribute.path, full_name));
    let attributes = matching.flat_map(|attribute| attribute.parsed().unwrap_or_default());
    attributes.map(ToTokens::into_token_stream).collect()
}

impl Attribute {
    fn parsed(&self) -> syn::Result<Vec<syn::Attribute>> {
        syn::Attribute::parse_outer.parse_str(&self.attribute)
    }
}

/// Whether a path matches a type or a field of this full name.
fn is_for(path: &str, full_name: &str) -> bool {
    let Some(prefix) = path.strip_prefix('.') else {
        let tail = full_name.strip_suffix(path);
        return tail.is_some_and(|before| before.is_empty() || before.ends_with('.'));
    };
    let rest = full_name.strip_prefix(prefix);
    prefix.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_for_what_their_path_matches() {
        let check = |path: &str, full_name: &str, expected: bool| {
            assert_eq!(is_for(path, full_name), expected, "{path} {full_name}");
        };
        check(".", "shop.Order", true);
        check(".shop", "shop.Order", true);
        check(".shop.Order", "shop.Order", true);
        check(".shop.Order", "shop.Order.id", true);
        check(".shop.Order", "shop.OrderPlaced", false);
        check("Order", "shop.Order", true);
        check("Order", "shop.BigOrder", false);
        check("Order.id", "shop.Order.id", true);
        check("id", "shop.Order.id", true);
    }
}
