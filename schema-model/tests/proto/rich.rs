//! One schema of everything, in proto3 and in proto2.

pub(crate) const PROTO3: &str = r#"syntax = "proto3";
package shop.v1;
message Order {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; sint32 s32 = 5; sint64 s64 = 6;
  fixed32 f32 = 7; fixed64 f64 = 8; sfixed32 sf32 = 9; sfixed64 sf64 = 10;
  float real = 11; double precise = 12; bool paid = 13; string name = 14; bytes raw = 15;
  Status status = 16;
  optional int32 maybe = 20; optional string maybe_name = 21;
  repeated int64 numbers = 30; repeated sint32 loose = 31 [packed = false]; repeated string tags = 32;
  repeated Line lines = 33; repeated Status states = 34; repeated double prices = 35;
  map<string, int32> counts = 40; map<int64, Line> by_id = 41; map<bool, Status> flags = 42;
  oneof payment { string card = 50; Line voucher = 51; uint32 cash = 52; }
  Order parent = 60;
  Line line = 61;
}
message Line { string sku = 1; sint64 cents = 2; Line next = 3; }
enum Status { STATUS_NONE = 0; STATUS_OPEN = 1; STATUS_DONE = 5; }
"#;

pub(crate) const PROTO2: &str = r#"syntax = "proto2";
package shop.v0;
message Order {
  required int64 id = 1;
  optional string name = 2 [default = "none"];
  repeated int32 packed = 3 [packed = true];
  repeated fixed32 loose = 4;
  optional group Box = 5 { required int32 size = 1; optional Order inner = 2; }
  repeated group Bag = 6 { optional bytes raw = 1; }
  optional Kind kind = 7;
  map<uint32, bytes> blobs = 8;
  optional Part part = 9;
  extensions 100 to 199;
}
message Part { optional bool whole = 1; repeated Part parts = 2; }
enum Kind { LARGE = 3; SMALL = 1; }
"#;
