//! Files a schema may import without a reference: the well-known types and the few everyone has at hand.
//!
//! `google/protobuf/*` comes with the compiler and cannot be replaced by a reference, because what is built on its shapes
//! is; but for the file that says which options there are, [`OPTIONS`]: whoever has another one means that. The others are in the folder beside this file, by field name, number and type alone; a
//! reference of the same name goes first.

use prost_reflect::{DescriptorPool, prost_types::FileDescriptorProto};

/// The file that says which options there are.
pub(super) const OPTIONS: &str = "google/protobuf/descriptor.proto";

/// A file of `google/protobuf/`.
pub(super) fn well_known(name: &str) -> Option<FileDescriptorProto> {
    if !name.starts_with("google/protobuf/") {
        return None;
    }
    let file = DescriptorPool::global().get_file_by_name(name)?;
    Some(file.file_descriptor_proto().clone())
}

/// The text of any other file built in.
pub(super) fn text(name: &str) -> Option<&'static str> {
    TEXTS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

macro_rules! texts {
    ($($name:literal,)*) => {
        /// Import name and text.
        pub(super) const TEXTS: &[(&str, &str)] = &[$(($name, include_str!(concat!("builtin/", $name)))),*];
    };
}

texts! {
    "confluent/meta.proto",
    "confluent/type/decimal.proto",
    "confluent/type/variant.proto",
    "google/type/calendar_period.proto",
    "google/type/color.proto",
    "google/type/date.proto",
    "google/type/datetime.proto",
    "google/type/dayofweek.proto",
    "google/type/decimal.proto",
    "google/type/expr.proto",
    "google/type/fraction.proto",
    "google/type/interval.proto",
    "google/type/latlng.proto",
    "google/type/money.proto",
    "google/type/month.proto",
    "google/type/phone_number.proto",
    "google/type/postal_address.proto",
    "google/type/quaternion.proto",
    "google/type/timeofday.proto",
}
