//! Generated schemas: what holds for every one of them, and what the reference compiler makes of them.

use std::{collections::BTreeSet, fmt::Write, process::Command};

use annals_schema_model::{
    CompatibilityPolicy, Level, Policy, SchemaType, Standard, Version, compat, proto::Schema,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use prost_reflect::{
    prost::Message,
    prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet},
};

use super::schema;

const SCALARS: [&str; 15] = [
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "bool", "string", "bytes",
];
const KEYS: [&str; 4] = ["int32", "sint64", "bool", "string"];
/// Messages and enums are called `M0`… and `E0`…, so a type is a number.
const TYPES: usize = 4;

#[derive(Clone, Debug)]
struct Field {
    label: usize,
    kind: usize,
    key: usize,
    extra: usize,
}

/// One message: whether its fields begin in a oneof, its fields, what it reserves.
type Body = (bool, Vec<Field>, bool);

fn field() -> impl Strategy<Value = Field> {
    (0usize..6, 0usize..SCALARS.len() + 2 * TYPES, 0usize..4, 0usize..6).prop_map(
        |(label, kind, key, extra)| Field {
            label,
            kind,
            key,
            extra,
        },
    )
}

fn kind(kind: usize) -> String {
    match kind.checked_sub(SCALARS.len()) {
        None => SCALARS[kind].to_owned(),
        Some(index) if index < TYPES => format!("M{index}"),
        Some(index) => format!("E{}", index - TYPES),
    }
}

/// Writes a field; in a oneof and in proto3 there are fewer labels.
fn write_field(out: &mut String, field: &Field, number: usize, proto3: bool, oneof: bool) {
    let name = format!("f_{number}");
    let (scalar, kind) = (field.kind < SCALARS.len(), kind(field.kind));
    if field.label == 5 && !oneof {
        let key = KEYS[field.key];
        let _ = writeln!(out, "  map<{key}, {kind}> {name} = {number};");
        return;
    }
    let label = match (field.label, proto3) {
        _ if oneof => "",
        (0 | 1, true) => "",
        (0 | 1 | 5, false) | (2 | 5, true) => "optional ",
        (2, false) => "required ",
        _ => "repeated ",
    };
    let packable = scalar && !matches!(kind.as_str(), "string" | "bytes");
    let option = match field.extra {
        0 => " [deprecated = true]".to_owned(),
        1 => format!(" [json_name = \"j{number}\"]"),
        2 if label == "repeated " && packable => " [packed = false]".to_owned(),
        3 if !proto3 && label == "optional " && kind == "string" => {
            " [default = 'a\\n\\377é']".replace("\\377", "")
        }
        3 if !proto3 && label == "optional " && kind == "double" => " [default = -1.5]".to_owned(),
        3 if !proto3 && label == "optional " && kind.starts_with('E') => {
            " [default = B]".replace('B', &format!("{kind}_B"))
        }
        _ => String::new(),
    };
    let _ = writeln!(out, "  {label}{kind} {name} = {number}{option};");
}

fn write_message(out: &mut String, name: &str, (oneof, fields, reserved): &Body, proto3: bool) {
    let _ = writeln!(out, "message {name} {{");
    let in_oneof = if *oneof { fields.len().min(2) } else { 0 };
    if in_oneof > 0 {
        out.push_str("  oneof choice {\n");
    }
    for (index, field) in fields.iter().enumerate() {
        if index == in_oneof && in_oneof > 0 {
            out.push_str("  }\n");
        }
        write_field(out, field, 3 * index + 1, proto3, index < in_oneof);
    }
    if in_oneof == fields.len() && in_oneof > 0 {
        out.push_str("  }\n");
    }
    if *reserved {
        out.push_str("  reserved 100 to 110, 200, 1000 to max;\n  reserved 'old', 'older';\n");
        out.push_str(
            "  message Nested { enum Kind { NONE = 0; SOME = 7; } Kind kind = 1; }\n"
                .replace(
                    "Kind kind",
                    if proto3 { "Kind kind" } else { "optional Kind kind" },
                )
                .as_str(),
        );
    }
    out.push_str("}\n");
}

prop_compose! {
    /// A file of four messages and four enums that use each other.
    fn file()(
        proto3 in any::<bool>(),
        bodies in vec((any::<bool>(), vec(field(), 0..6), any::<bool>()), TYPES),
        package in prop::sample::select(vec!["", "package shop.v1;\n"]),
    ) -> String {
        let mut out = format!("syntax = \"proto{}\";\n{package}", if proto3 { 3 } else { 2 });
        for (index, body) in bodies.iter().enumerate() {
            write_message(&mut out, &format!("M{index}"), body, proto3);
            let _ = writeln!(out, "enum E{index} {{ E{index}_A = 0; E{index}_B = {}; }}", index + 1);
        }
        out
    }
}

/// A descriptor in an order of its own, without what compilers may leave out.
fn ordered(mut file: FileDescriptorProto) -> FileDescriptorProto {
    file.name = None;
    file.source_code_info = None;
    file.syntax = file.syntax.filter(|syntax| syntax != "proto2");
    file.message_type.iter_mut().for_each(order_message);
    order_enums(&mut file.enum_type);
    file
}

fn order_message(message: &mut DescriptorProto) {
    let oneofs: Vec<String> = message
        .oneof_decl
        .iter()
        .map(|oneof| oneof.name().to_owned())
        .collect();
    message
        .oneof_decl
        .sort_by(|left, right| left.name().cmp(right.name()));
    for field in &mut message.field {
        let name = field.oneof_index.map(|index| oneofs[index as usize].clone());
        field.oneof_index = name.map(|name| {
            let index = message.oneof_decl.iter().position(|oneof| oneof.name() == name);
            index.expect("its oneof") as i32
        });
    }
    message.field.sort_by_key(|field| field.number());
    message
        .nested_type
        .sort_by(|left, right| left.name().cmp(right.name()));
    message.nested_type.iter_mut().for_each(order_message);
    order_enums(&mut message.enum_type);
}

fn order_enums(enums: &mut [EnumDescriptorProto]) {
    enums.sort_by(|left, right| left.name().cmp(right.name()));
}

fn descriptor(schema: &Schema) -> FileDescriptorProto {
    ordered(schema.file().file_descriptor_proto().clone())
}

fn every_standard() -> impl Iterator<Item = Standard> {
    Policy::ALL.into_iter().flat_map(|policy| {
        CompatibilityPolicy::ALL.map(|compatibility_policy| Standard {
            level: Level::Full,
            policy,
            compatibility_policy,
        })
    })
}

fn any_schema(text: &str) -> annals_schema_model::Schema {
    annals_schema_model::Schema::parse(SchemaType::Protobuf, text, &[])
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 3 / 8))]

    #[test]
    fn the_normal_form_says_the_same(text in file()) {
        let parsed = schema(&text);
        let normal = schema(&parsed.normalized());
        prop_assert_eq!(normal.normalized(), parsed.normalized());
        prop_assert_eq!(descriptor(&normal), descriptor(&parsed));
        let compiled = schema(&BASE64_STANDARD.encode(parsed.file().encode_to_vec()));
        prop_assert_eq!(compiled.text(), parsed.printed());
        prop_assert_eq!(compiled.normalized(), parsed.normalized());
        prop_assert_eq!(descriptor(&compiled), descriptor(&parsed));
        prop_assert_eq!(parsed.without_extensions(), parsed.normalized());
    }

    #[test]
    fn a_schema_and_its_normal_form_read_each_other(text in file()) {
        let parsed = any_schema(&text);
        let normal = any_schema(&parsed.normalized());
        for standard in every_standard() {
            prop_assert_eq!(compat::check_pair(standard, &parsed, &normal), []);
            prop_assert_eq!(compat::check_pair(standard, &normal, &parsed), []);
        }
    }

    #[test]
    fn whatever_strict_passes_the_others_pass(old in file(), new in file()) {
        let (old, new) = (any_schema(&old), any_schema(&new));
        let codes = |policy| -> BTreeSet<&str> {
            let standard = Standard { policy, ..Standard::from(Level::Full) };
            let findings = compat::check(standard, &new, &[(Version(1), &old)]);
            findings.iter().map(|finding| finding.rule.code()).collect()
        };
        let (confluent, strict, wire) = (codes(Policy::Confluent), codes(Policy::Strict), codes(Policy::Wire));
        prop_assert!(confluent.is_subset(&strict), "{confluent:?} {strict:?}");
        prop_assert!(!strict.is_empty() || wire.is_empty(), "{wire:?}");
    }
}

/// The command line of the reference compiler: `PROTOC`, or what is found by that name.
fn protoc() -> Option<Vec<String>> {
    let words = std::env::var("PROTOC").unwrap_or_else(|_| "protoc".to_owned());
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let (program, arguments) = words.split_first()?;
    let answer = Command::new(program).args(arguments).arg("--version").output();
    answer
        .is_ok_and(|answer| answer.status.success())
        .then_some(words)
}

#[test]
fn the_reference_compiler_makes_the_same_of_them() {
    let Some(protoc) = protoc() else {
        println!("skipped: no protoc; name its command in PROTOC");
        return;
    };
    let folder = std::env::temp_dir().join(format!("annals-protoc-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut runner = TestRunner::deterministic();
    let texts: Vec<String> = (0..300)
        .map(|index| {
            let text = file().new_tree(&mut runner).unwrap().current();
            let rest = text.replace("package shop.v1;\n", "");
            let (syntax, rest) = rest.split_once('\n').unwrap();
            format!("{syntax}\npackage g{index};\n{rest}")
        })
        .collect();
    let mut command = Command::new(&protoc[0]);
    command.args(&protoc[1..]).arg("-I").arg(&folder);
    command.arg(format!("--descriptor_set_out={}", folder.join("out").display()));
    for (index, text) in texts.iter().enumerate() {
        std::fs::write(folder.join(format!("g{index}.proto")), text).unwrap();
        command.arg(format!("g{index}.proto"));
    }
    let answer = command.output().unwrap();
    assert!(
        answer.status.success(),
        "{}",
        String::from_utf8_lossy(&answer.stderr)
    );
    let set = FileDescriptorSet::decode(std::fs::read(folder.join("out")).unwrap().as_slice()).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(set.file.len(), texts.len());
    for theirs in set.file {
        let index: usize = theirs.name()[1..]
            .strip_suffix(".proto")
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(
            descriptor(&schema(&texts[index])),
            ordered(theirs),
            "{}",
            texts[index]
        );
    }
}
