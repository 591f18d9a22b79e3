//! Support code at the root of a generated file: conversions, exact decimals, and plans kept for foreign writers.
//!
//! Only what the schemas at hand need is printed, so a user's crate depends on `jiff` or `uuid` only when a schema
//! has dates or uuids.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Body, Definitions, Type};

/// Which conversions some schemas need.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    decimal: bool,
    decimal_fixed: bool,
    uuid: bool,
    date: bool,
}

impl Needs {
    /// Adds what these definitions need.
    pub(crate) fn add(&mut self, definitions: &Definitions) {
        for definition in definitions.values() {
            if let Body::Record(fields) = &definition.body {
                fields.iter().for_each(|field| self.add_type(&field.kind));
            }
        }
    }

    fn add_type(&mut self, kind: &Type) {
        match kind {
            Type::Array(inner) | Type::Map(inner) => self.add_type(inner),
            Type::Union(branches) => branches.iter().for_each(|branch| self.add_type(branch)),
            Type::Decimal { fixed, .. } => {
                self.decimal = true;
                self.decimal_fixed |= fixed.is_some();
            }
            Type::Uuid => self.uuid = true,
            Type::Date => self.date = true,
            _ => {}
        }
    }
}

/// The support module, and `Exact` beside it.
pub(crate) fn items(needs: Needs, with_plans: bool) -> TokenStream {
    let exact = needs.decimal.then(exact);
    let parts = [
        (needs.decimal, read_exact as fn() -> TokenStream),
        (needs.decimal_fixed, widened),
        (needs.uuid, uuid),
        (needs.date, date),
        (with_plans, plans),
    ];
    let parts = parts
        .into_iter()
        .filter(|(needed, _)| *needed)
        .map(|(_, print)| print());
    let wrong = (needs.decimal || needs.uuid || needs.date).then(|| {
        quote! {
            fn wrong(message: String) -> ReadError {
                ReadError { path: String::new(), message }
            }
        }
    });
    quote! {
        #exact

        /// What generated code shares.
        mod annals_support {
            pub(super) use ::annals_schema_model::ReadError;
            pub(super) use ::annals_schema_model::avro::wire::{Reader, Writer};

            /// Reads a field; an error names it.
            pub(super) fn field<'a, T>(
                reader: &mut Reader<'a>,
                name: &str,
                read: impl FnOnce(&mut Reader<'a>) -> Result<T, ReadError>,
            ) -> Result<T, ReadError> {
                read(reader).map_err(|error| error.within(name))
            }

            #wrong
            #(#parts)*
        }
    }
}

fn exact() -> TokenStream {
    quote! {
        /// A decimal that fits its schema: at most `PRECISION` digits, `SCALE` of them after the point.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct Exact<const PRECISION: u32, const SCALE: u32>(::annals_schema_model::Decimal);

        impl<const PRECISION: u32, const SCALE: u32> Exact<PRECISION, SCALE> {
            /// Zero.
            pub const ZERO: Self = Self(::annals_schema_model::Decimal::new(0, SCALE));

            /// The same value at this scale; nothing when digits would be lost or there are too many.
            pub fn new(value: ::annals_schema_model::Decimal) -> Option<Self> {
                let value = value.at_scale(SCALE)?;
                (value.precision() <= PRECISION as usize).then_some(Self(value))
            }

            /// The decimal.
            pub fn get(self) -> ::annals_schema_model::Decimal {
                self.0
            }
        }

        impl<const PRECISION: u32, const SCALE: u32> ::std::ops::Deref for Exact<PRECISION, SCALE> {
            type Target = ::annals_schema_model::Decimal;
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl<const PRECISION: u32, const SCALE: u32> ::std::fmt::Display for Exact<PRECISION, SCALE> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }
    }
}

fn read_exact() -> TokenStream {
    quote! {
        pub(super) fn exact<const PRECISION: u32, const SCALE: u32>(
            value: ::annals_schema_model::Decimal,
        ) -> Result<super::Exact<PRECISION, SCALE>, ReadError> {
            let too_long = || wrong(format!("{value} has more digits than decimal({PRECISION}, {SCALE}) allows"));
            super::Exact::new(value.clone()).ok_or_else(too_long)
        }
    }
}

fn widened() -> TokenStream {
    quote! {
        /// Big-endian two's complement in `size` bytes.
        pub(super) fn widened(value: &::annals_schema_model::Decimal, size: usize) -> Vec<u8> {
            let bytes = value.to_be_bytes();
            let sign = if value.is_negative() { 0xff } else { 0 };
            let mut wide = vec![sign; size.saturating_sub(bytes.len())];
            wide.extend_from_slice(&bytes[bytes.len().saturating_sub(size)..]);
            wide
        }
    }
}

fn uuid() -> TokenStream {
    quote! {
        pub(super) fn uuid(text: &str) -> Result<::uuid::Uuid, ReadError> {
            ::uuid::Uuid::parse_str(text).map_err(|error| wrong(format!("{text:?} is no uuid: {error}")))
        }
    }
}

fn date() -> TokenStream {
    quote! {
        const EPOCH: ::jiff::civil::Date = ::jiff::civil::Date::constant(1970, 1, 1);

        pub(super) fn date(days: i32) -> Result<::jiff::civil::Date, ReadError> {
            EPOCH
                .checked_add(::jiff::SignedDuration::from_hours(24 * i64::from(days)))
                .map_err(|error| wrong(format!("day {days} is no date: {error}")))
        }

        pub(super) fn days(date: ::jiff::civil::Date) -> i32 {
            // Dates span less than eight million days.
            (date.duration_since(EPOCH).as_hours() / 24) as i32
        }
    }
}

/// Writers' plans, compiled once each.
fn plans() -> TokenStream {
    let resolving = plans_resolving();
    quote! {
        use ::std::borrow::Cow;
        use ::std::collections::BTreeMap;
        use ::std::sync::{Arc, OnceLock, PoisonError, RwLock};

        use ::annals_event_store::{DecodeError, Writer as WriterSchema};
        use ::annals_schema_model::avro::{Plan, Schema};

        /// Writers whose plans are kept, a record type; more are compiled at each use.
        const PLANS_MAX: usize = 1024;

        /// How to read a writer, or why it cannot be read. Schemas never change, so neither does this.
        type Known = Result<Arc<Plan>, String>;

        /// Writers of one canonical form, by their texts.
        type SameForm = Vec<(String, Known)>;

        /// The plans from every writer met so far to one reader.
        pub(super) struct Plans {
            reader: OnceLock<Result<Schema, String>>,
            // The fingerprint leaves out what the text may differ in, so the text is compared as well.
            known: RwLock<BTreeMap<[u8; 32], SameForm>>,
        }

        impl Plans {
            pub(super) const fn new() -> Plans {
                Plans { reader: OnceLock::new(), known: RwLock::new(BTreeMap::new()) }
            }

            /// The body as the reader's schema writes it: as it is, when the writer's is the same.
            pub(super) fn body<'a>(
                &self,
                reader: &str,
                writer: &WriterSchema,
                body: &'a [u8],
            ) -> Result<Cow<'a, [u8]>, DecodeError> {
                let ::annals_schema_model::Schema::Avro(schema) = &writer.schema else {
                    return Err(DecodeError(format!("{} is not an Avro schema", place(writer))));
                };
                if schema.text() == reader {
                    return Ok(Cow::Borrowed(body));
                }
                let plan = self.plan(reader, writer, schema).map_err(DecodeError)?;
                if plan.is_identity() {
                    return Ok(Cow::Borrowed(body));
                }
                let mut translated = Vec::with_capacity(body.len() + 64);
                plan.translate(body, &mut translated)
                    .map_err(|error| DecodeError(format!("{}: {error}", place(writer))))?;
                Ok(Cow::Owned(translated))
            }
        }

        #resolving

        fn place(writer: &WriterSchema) -> String {
            format!("schema id {}", writer.id)
        }
    }
}

fn plans_resolving() -> TokenStream {
    quote! {
        impl Plans {
            fn plan(&self, reader: &str, writer: &WriterSchema, schema: &Schema) -> Known {
                let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
                let kept = known.get(&writer.fingerprint).and_then(|same| {
                    same.iter().find(|(text, _)| text == schema.text())
                });
                if let Some((_, plan)) = kept {
                    return plan.clone();
                }
                drop(known);
                let plan = self.resolve(reader, writer, schema);
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                if known.values().map(Vec::len).sum::<usize>() < PLANS_MAX {
                    known.entry(writer.fingerprint).or_default().push((schema.text().to_owned(), plan.clone()));
                }
                plan
            }

            fn resolve(&self, reader: &str, writer: &WriterSchema, schema: &Schema) -> Known {
                let reader = self.reader.get_or_init(|| {
                    Schema::parse(reader, &[]).map_err(|error| error.to_string())
                });
                let reader = reader.as_ref().map_err(Clone::clone)?;
                Plan::resolve(schema, reader).map(Arc::new).map_err(|findings| {
                    let reasons: Vec<String> = findings.iter().map(|finding| finding.message()).collect();
                    format!("{} cannot be read: {}", place(writer), reasons.join("; "))
                })
            }
        }
    }
}
