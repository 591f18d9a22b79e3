//! Values of the file, each an expression.

use annals_schema_model::Value;
use annals_schema_model::cel::{Node, lower};

use super::names::NAMES;
use super::text::Arg;

/// Lowers a value of the file.
pub(crate) fn lower_arg(arg: &Arg) -> Result<Node, (u32, String)> {
    let plain = |value| Ok(Node::Literal(value));
    match arg {
        Arg::Null => plain(Value::Null),
        Arg::Bool(value) => plain(Value::Bool(*value)),
        Arg::Int(value) => plain(Value::Int(*value)),
        Arg::Float => Err((
            0,
            "a number with a fraction is not exact here; write decimal('0.00')".to_owned(),
        )),
        Arg::Text(text) => lower(text, &NAMES).map_err(|message| (0, message)),
        Arg::List(items) => {
            let items = items
                .iter()
                .map(|item| lower_arg(&item.value).map_err(placed(item.referenced.line())));
            items.collect::<Result<_, _>>().map(Node::List)
        }
        Arg::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let node = lower_arg(&value.value).map_err(placed(value.referenced.line()))?;
                Ok((key.value.clone(), node))
            });
            entries.collect::<Result<_, _>>().map(Node::Map)
        }
    }
}

/// Gives an error a line, unless it came from deeper and has one.
fn placed(line: impl TryInto<u32>) -> impl Fn((u32, String)) -> (u32, String) {
    let line = line.try_into().unwrap_or(0);
    move |(inner, message)| {
        if inner == 0 {
            (line, message)
        } else {
            (inner, message)
        }
    }
}
