//! Random pairs of a writer's and a reader's schema beside the `apache-avro` crate: what it makes of the writer's bytes is what
//! our plan makes of them, or both refuse, but for what is listed.
//!
//! Avro Java is asked of pairs of the same generator (`random_schemas_agree` in `tests/avro_java`), and what it does otherwise
//! than we is a table there; so in each row here the crate parts from Java, and the row says what it does instead. It resolves
//! values, which no longer know their types, where Java and we resolve schemas. A row that is no disagreement any more fails
//! the test. The number of pairs is `ANNALS_APACHE_PAIRS` (20,000), the seed `ANNALS_APACHE_SEED` (11).

use std::collections::BTreeMap;

use annals_schema_model::avro::{Plan, Reading, Schema, interop};
use apache_avro::{
    AvroResult, Schema as ApacheSchema, reader::datum::GenericDatumReader, schema::SchemaKind,
    types::Value as ApacheValue,
};
use serde_json::Value as Json;

use crate::{
    change,
    generate::{Random, write},
    payload,
};

/// How what is noted begins, what the crate does there, and its issue where there is one; `flavray/avro-rs` is where the crate
/// was at home before.
type Row = (&'static [&'static str], &'static str, Option<&'static str>);

/// Where the crate parts from Avro Java; the first row that fits counts.
const DISAGREEMENTS: &[Row] = &[
    (
        &["reads: found Enum", "reads: found Fixed"],
        "names of types are not compared: an enum or a fixed reads what another one wrote",
        Some("apache/avro-rs#383"),
    ),
    (
        &[
            "another branch: String",
            "another branch: Decimal",
            "another value: Fixed",
            "refuses: Array",
            "refuses: Enum default",
            "refuses: Map",
            "refuses: Record with fields",
            "refuses: Expected Value::Boolean got String",
            "refuses: Expected Value::TimeMicros Value::Long or Value::Int got String",
        ],
        "the default of a union is taken for one of its first branch; by the specification any branch may have it",
        Some("AVRO-3649"),
    ),
    (
        &[
            "reads: found long the reader expects int",
            "reads: found double the reader expects float",
            "reads: found array the reader expects bytes",
            "reads: found map the reader expects Record",
            "reads: found string the reader expects Enum",
            "reads: found string the reader expects Fixed",
            "reads: found bytes the reader expects Fixed",
        ],
        "a long is read as an int where it fits, a double as a float, an array as bytes, a map as a record, a text as an enum or \
         a fixed",
        Some("apache/avro-rs#383"),
    ),
    (
        &["another branch", "reads: found", "reads: a string is not UTF"],
        "the branch of a union is the first that takes the value: an int for a long that fits, one record for another",
        Some("apache/avro-rs#383"),
    ),
    (
        &["another value: Decimal", "refuses: Expected Value::Decimal"],
        "a string of the writer's is read as a decimal as if it were the JSON of a default, whose code points are bytes",
        Some("apache/avro-rs#580"),
    ),
    (
        &["refuses: Expected Value", "refuses: String expected for fixed"],
        "a logical type of the writer's is not read as what it is made of: a date as an int, a decimal as bytes",
        None,
    ),
    (
        &["refuses: no branch for"],
        "nor is a branch of a union found for what it does not read alone",
        None,
    ),
    (
        &["another value: Bytes"],
        "defaults of bytes are their text's UTF-8, not its code points",
        Some("flavray/avro-rs#96"),
    ),
    (
        &[
            "another value: a field by its alias",
            "refuses: a field by its alias",
        ],
        "aliases of fields are not looked at",
        Some("flavray/avro-rs#84"),
    ),
    (
        &["refuses: Precision"],
        "bytes that become a decimal have to be as many as its precision may need",
        None,
    ),
    (
        &["refuses: Fixed type number of bytes"],
        "a decimal of more digits than its fixed has room for is to be ignored by the specification",
        None,
    ),
    // Java refuses these as well, or reads another text; for us it is the writer's text.
    (
        &["refuses: Failed to convert str to UUID"],
        "a text that is read as a uuid has to be one",
        None,
    ),
    // Java reads these as well; we refuse what would be another number.
    (
        &["reads: the writer", "reads: in a big-decimal"],
        "a decimal is read with another scale than it was written with, a time in another unit",
        None,
    ),
];

/// What the two make of one body.
#[derive(Clone, Copy)]
enum Verdict {
    Value,
    Refusal,
    /// The crate does not read bytes that are in the shape asked for: no matter of resolution (`random_values_go_both_ways`).
    Unread,
}

struct Side {
    schema: Schema,
    apache: ApacheSchema,
}

fn pair(random: &mut Random) -> Option<[Side; 2]> {
    let sides = change::pair(random).map(|kind| {
        let schema = Schema::parse(&write(&kind, random), &[]).ok()?;
        let apache = interop::schema_to_apache(&schema).ok()?;
        // A type it takes another one for (`schemas_go_both_ways`) may be one that holds itself, and end its stack.
        let back = interop::schema_from_apache(&apache).ok()?;
        (back.canonical_form() == schema.canonical_form()).then_some(Side { schema, apache })
    });
    let [one, other] = sides;
    Some([one?, other?])
}

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn random_pairs_resolve_alike() {
    let pairs = number("ANNALS_APACHE_PAIRS", 20_000);
    let mut random = Random::new(number("ANNALS_APACHE_SEED", 11));
    let mut found = [0usize; DISAGREEMENTS.len()];
    let mut unknown: BTreeMap<String, String> = BTreeMap::new();
    let mut verdicts = [0u64; 3];
    for _ in 0..pairs {
        let Some([one, other]) = pair(&mut random) else {
            continue;
        };
        for (writer, reader) in [(&one, &other), (&other, &one)] {
            let Some(body) = payload::data(&writer.schema, &mut random, true) else {
                continue;
            };
            let kind = match compare(writer, reader, &body) {
                Ok(verdict) => {
                    verdicts[verdict as usize] += 1;
                    continue;
                }
                Err(kind) => kind,
            };
            let begins = |row: &&Row| row.0.iter().any(|part| kind.starts_with(part));
            match DISAGREEMENTS.iter().position(|row| begins(&row)) {
                Some(row) => found[row] += 1,
                None => {
                    let [writer, reader] = [writer, reader].map(|side| side.schema.stored_text());
                    unknown.insert(kind, format!("{writer}\n    {reader}\n    {body:?}"));
                }
            }
        }
    }
    let [values, refusals, unread] = verdicts;
    println!("{values} values alike, {refusals} refused by both, {unread} unread, disagreements {found:?}");
    assert!(unknown.is_empty(), "{} unknown: {unknown:#?}", unknown.len());
    // Fewer pairs need not meet all of them.
    assert!(
        found.iter().all(|count| *count > 0) || pairs < 20_000,
        "one is no disagreement any more: {found:?}"
    );
    assert!(
        values * 2 > pairs && refusals * 2 > pairs && unread * 1_000 < pairs,
        "{verdicts:?}"
    );
}

fn read(writer: &Side, reader: Option<&Side>, mut body: &[u8]) -> AvroResult<ApacheValue> {
    let builder = GenericDatumReader::builder(&writer.apache);
    let reader = builder.maybe_reader_schema(reader.map(|side| &side.apache));
    reader.build()?.read_value(&mut body)
}

/// What the plan writes is read by the crate in the reader's shape, so that it is resolution alone that is compared.
fn compare(writer: &Side, reader: &Side, body: &[u8]) -> Result<Verdict, String> {
    let mut translated = Vec::new();
    let plan = Plan::lenient(&writer.schema, &reader.schema);
    let ours = plan.translate(body, &mut translated);
    let ours = ours.and_then(|()| Reading::of(&reader.schema).read(&translated));
    if read(writer, None, body).is_err() {
        return Ok(Verdict::Unread);
    }
    let aliased = || aliased(&writer.schema, &reader.schema);
    match (ours, read(writer, Some(reader), body)) {
        (Err(_), Err(_)) => Ok(Verdict::Refusal),
        (Err(error), Ok(_)) => Err(format!("reads: {}", plain(&error.message))),
        (Ok(_), Err(error)) => {
            let error = error.to_string();
            let lacks = |name: &String| error == format!("Missing field in record: {name:?}");
            let is_aliased = aliased().iter().any(lacks);
            Err(if is_aliased {
                "refuses: a field by its alias".to_owned()
            } else {
                format!("refuses: {}", plain(&error))
            })
        }
        (Ok(_), Ok(theirs)) => match read(reader, None, &translated) {
            Err(_) => Ok(Verdict::Unread),
            Ok(ours) => alike(&ours, &theirs, &aliased()).map(|()| Verdict::Value),
        },
    }
}

/// An error without what is another one in each pair: numbers, namespaces, and what is quoted or in brackets.
fn plain(error: &str) -> String {
    // Of a union that does not take a value, the value.
    let error = match error.rsplit_once("} for ") {
        Some((_, value)) => format!("no branch for {value}"),
        None => error.replace("'s", ""),
    };
    let error = error.split(['(', '{', '"', '`', '[']).next().unwrap_or_default();
    let words = error.split_whitespace().map(|word| {
        let word = word.trim_matches(|letter: char| !letter.is_alphabetic());
        let name = word.rsplit('.').next().unwrap_or_default();
        name.trim_end_matches('x')
            .trim_end_matches(|letter: char| letter.is_ascii_digit())
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The names of the reader's fields of which an alias is a name of the writer's.
fn aliased(writer: &Schema, reader: &Schema) -> Vec<String> {
    fn walk(json: &Json, writer: &str, found: &mut Vec<String>) {
        let is_type = ["fields", "symbols", "size"]
            .iter()
            .any(|key| json.get(key).is_some());
        let aliases = json.get("aliases").filter(|_| !is_type).and_then(Json::as_array);
        let is_written = |alias: &Json| writer.contains(&format!("\"name\":{alias}"));
        if aliases.is_some_and(|aliases| aliases.iter().any(is_written)) {
            found.extend(json["name"].as_str().map(str::to_owned));
        }
        match json {
            Json::Array(items) => items.iter().for_each(|item| walk(item, writer, found)),
            Json::Object(entries) => entries.values().for_each(|value| walk(value, writer, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let json = serde_json::from_str(&reader.stored_text()).unwrap();
    walk(&json, &writer.stored_text(), &mut found);
    found
}

/// That two values are one, branches of unions too; else what is another.
fn alike(ours: &ApacheValue, theirs: &ApacheValue, aliased: &[String]) -> Result<(), String> {
    use ApacheValue::{Array, Map, Record, Union};
    let kind = |value: &ApacheValue| format!("{:?}", SchemaKind::from(value));
    match (ours, theirs) {
        (Union(index, ours), Union(other, theirs)) => {
            if index != other {
                return Err(format!("another branch: {}", kind(ours)));
            }
            alike(ours, theirs, aliased)
        }
        (Array(ours), Array(theirs)) if ours.len() == theirs.len() => {
            let mut both = ours.iter().zip(theirs);
            both.try_for_each(|(ours, theirs)| alike(ours, theirs, aliased))
        }
        (Map(ours), Map(theirs)) if ours.len() == theirs.len() => ours.iter().try_for_each(|(key, ours)| {
            let theirs = theirs.get(key).ok_or("another value: a key")?;
            alike(ours, theirs, aliased)
        }),
        (Record(ours), Record(theirs)) if ours.len() == theirs.len() => {
            let mut both = ours.iter().zip(theirs);
            both.try_for_each(|((name, ours), (other, theirs))| {
                let difference = match alike(ours, theirs, aliased) {
                    Ok(()) if name == other => return Ok(()),
                    Ok(()) => "another value: a field's name".to_owned(),
                    Err(difference) => difference,
                };
                Err(if aliased.contains(name) {
                    "another value: a field by its alias".to_owned()
                } else {
                    difference
                })
            })
        }
        // NaN is not equal to itself.
        (ours, theirs) if format!("{ours:?}") == format!("{theirs:?}") => Ok(()),
        (ours, _) => Err(format!("another value: {}", kind(ours))),
    }
}
