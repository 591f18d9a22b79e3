//! Values without parts: the types of Rust they are, and what their methods are called.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Logical;
use crate::rust::module::{Here, ident};
use crate::rust::shape::unsuffixed;
use crate::settings::{DateTimes, Decimals};

/// A value without parts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    /// Bytes, borrowed.
    Slice,
    /// A string, borrowed.
    Str,
    Decimal {
        precision: u32,
        scale: u32,
        fixed: Option<usize>,
        /// Whether its type is the library's own, which holds what fits the schema and nothing else.
        is_own: bool,
    },
    BigDecimal,
    /// One with a type of the library's own.
    Logical(Logical),
}

impl Scalar {
    pub(crate) fn rust(self, here: &Here<'_>) -> TokenStream {
        match self {
            Scalar::Boolean => quote!(bool),
            Scalar::Int => quote!(i32),
            Scalar::Long => quote!(i64),
            Scalar::Float => quote!(f32),
            Scalar::Double => quote!(f64),
            Scalar::Bytes => quote!(Vec<u8>),
            Scalar::String => quote!(String),
            Scalar::Slice => quote!(&'a [u8]),
            Scalar::Str => quote!(&'a str),
            Scalar::Decimal {
                precision,
                scale,
                is_own: true,
                ..
            } => {
                let avro = here.names.avro();
                let (precision, scale) = (unsuffixed(precision as usize), unsuffixed(scale as usize));
                quote!(#avro::Exact<#precision, #scale>)
            }
            Scalar::Decimal { .. } | Scalar::BigDecimal => {
                let avro = here.names.avro();
                match here.settings.decimals {
                    Decimals::Own => quote!(#avro::Decimal),
                    Decimals::BigDecimal => quote!(#avro::bigdecimal::BigDecimal),
                    Decimals::RustDecimal => quote!(#avro::rust_decimal::Decimal),
                }
            }
            Scalar::Logical(logical) => logical_type(logical, here),
        }
    }

    /// Whether its bytes are a fixed.
    pub(crate) fn is_fixed(self) -> bool {
        matches!(
            self,
            Scalar::Decimal { fixed: Some(_), .. } | Scalar::Logical(Logical::UuidFixed | Logical::Duration)
        )
    }

    /// What the methods that write and read it are called.
    pub(crate) fn method(self) -> TokenStream {
        let name = ident(match self {
            Scalar::Boolean => "bool",
            Scalar::Int => "int",
            Scalar::Long => "long",
            Scalar::Float => "float",
            Scalar::Double => "double",
            Scalar::Bytes => "bytes",
            Scalar::String => "string",
            Scalar::Slice => "slice",
            Scalar::Str => "str",
            Scalar::Decimal { .. } => return self.decimal_method("decimal"),
            Scalar::BigDecimal => "big_decimal",
            Scalar::Logical(logical) => logical.method(),
        });
        quote!(#name)
    }

    /// The method of a decimal: to another crate's type it must be told what the schema says.
    pub(crate) fn decimal_method(self, name: &str) -> TokenStream {
        match self {
            Scalar::Decimal {
                precision,
                scale,
                is_own: false,
                ..
            } => {
                let name = ident(&format!("{name}_as"));
                let (precision, scale) = (unsuffixed(precision as usize), unsuffixed(scale as usize));
                quote!(#name::<#precision, #scale, _>)
            }
            _ => {
                let name = ident(name);
                quote!(#name)
            }
        }
    }
}

/// The type of a date, a time, a uuid or a duration.
fn logical_type(logical: Logical, here: &Here<'_>) -> TokenStream {
    let avro = here.names.avro();
    let name = logical.type_name();
    let choice = here.settings.date_times;
    match (choice, name) {
        (DateTimes::Chrono, "Date") => quote!(#avro::chrono::NaiveDate),
        (DateTimes::Chrono, "Time") => quote!(#avro::chrono::NaiveTime),
        (DateTimes::Chrono, "DateTime") => quote!(#avro::chrono::NaiveDateTime),
        (DateTimes::Chrono, "Timestamp") => quote!(#avro::chrono::DateTime<#avro::chrono::Utc>),
        (DateTimes::Time, "Date") => quote!(#avro::time::Date),
        (DateTimes::Time, "Time") => quote!(#avro::time::Time),
        (DateTimes::Time, "DateTime") => quote!(#avro::time::PrimitiveDateTime),
        (DateTimes::Time, "Timestamp") => quote!(#avro::time::OffsetDateTime),
        _ => {
            let name = ident(name);
            quote!(#avro::#name)
        }
    }
}
