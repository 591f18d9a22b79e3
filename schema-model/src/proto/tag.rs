//! Field numbers of `google.protobuf.FileDescriptorProto` and of what is in it, as they stand in descriptor paths.
//!
//! Those alone that paths are made of here; the numbers are the reference's (`google/protobuf/descriptor.proto`).

pub(super) const FILE_MESSAGE: i32 = 4;
pub(super) const FILE_ENUM: i32 = 5;
pub(super) const FILE_SERVICE: i32 = 6;
pub(super) const FILE_EXTENSION: i32 = 7;
pub(super) const FILE_OPTIONS: i32 = 8;
pub(super) const FIELD: i32 = 2;
pub(super) const NESTED: i32 = 3;
pub(super) const ENUM: i32 = 4;
pub(super) const EXTENSION_RANGE: i32 = 5;
pub(super) const EXTENSION: i32 = 6;
pub(super) const MESSAGE_OPTIONS: i32 = 7;
pub(super) const ONEOF: i32 = 8;
pub(super) const FIELD_OPTIONS: i32 = 8;
pub(super) const ONEOF_OPTIONS: i32 = 2;
pub(super) const ENUM_OPTIONS: i32 = 3;
pub(super) const ENUM_VALUE: i32 = 2;
pub(super) const VALUE_OPTIONS: i32 = 3;
pub(super) const SERVICE_OPTIONS: i32 = 3;
pub(super) const METHOD: i32 = 2;
pub(super) const METHOD_OPTIONS: i32 = 4;
pub(super) const RANGE_OPTIONS: i32 = 3;
pub(super) const UNINTERPRETED: i32 = 999;
pub(super) const RESERVED_RANGE: i32 = 9;
pub(super) const RESERVED_NAME: i32 = 10;
pub(super) const ENUM_RESERVED_RANGE: i32 = 4;
pub(super) const ENUM_RESERVED_NAME: i32 = 5;
