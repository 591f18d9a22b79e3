//! What is wrong with a fold file, and where.

use annals_schema_model::Span;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location, MessageFormatter as _, Spanned, UserMessageFormatter};

/// A fold file that cannot be loaded, and where: what [`load`](super::load) says once, and
/// [`load_checked`](super::load_checked) for each place.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deciding/declared.in"));
/// # fn main() -> Shown { let registry = registry();
/// let wrong = ACCOUNT.replace("event.cents", "event.pence");
/// let errors = declarative::load_checked(&wrong, &Default::default(), &registry).err().expect("it is");
/// assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [10, 13]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct LoadError {
    /// The line in the file, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// The bytes in the file it is about; nothing where only their beginning is known.
    pub span: Option<Span>,
    /// What is wrong there, and what to do.
    pub message: String,
}

/// Where in the file something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    column: u32,
    span: Option<Span>,
}

impl Place {
    /// The beginning of the file.
    pub(crate) const START: Place = Place {
        line: 1,
        column: 1,
        span: None,
    };

    fn at(location: &Location) -> Place {
        let span = location.span();
        let bytes = span.byte_offset().zip(span.byte_len());
        Place {
            line: u32::try_from(location.line()).unwrap_or(0).max(1),
            column: u32::try_from(location.column()).unwrap_or(0).max(1),
            span: bytes.and_then(|(start, length)| {
                let start = usize::try_from(start).ok()?;
                let end = start.checked_add(usize::try_from(length).ok()?)?;
                (end > start).then_some(Span { start, end })
            }),
        }
    }

    pub(crate) fn of<T>(spanned: &Spanned<T>) -> Place {
        Place::at(&spanned.referenced)
    }

    /// What is wrong here.
    pub(crate) fn wrong(self, message: impl Into<String>) -> LoadError {
        LoadError {
            line: self.line,
            column: self.column,
            span: self.span,
            message: message.into(),
        }
    }
}

impl LoadError {
    pub(super) fn yaml(error: &serde_saphyr::Error) -> LoadError {
        let place = error
            .location()
            .map_or(Place::START, |location| Place::at(&location));
        let mut original = error;
        while let Error::AliasError { error, .. } | Error::WithSnippet { error, .. } = original {
            original = error;
        }
        place.wrong(in_our_words(original))
    }
}

/// What is wrong with a text as YAML, or as a fold, without the words of the parser's interface. How YAML itself is written, it
/// says in YAML's words.
fn in_our_words(error: &Error) -> String {
    let kind = |what: &str| match what {
        "mapping start" | "map" => "a mapping, such as `name: value`".to_owned(),
        "sequence start" | "sequence" => "a list".to_owned(),
        "string scalar" => "a text".to_owned(),
        other => other.to_owned(),
    };
    match error {
        Error::Eof { .. } => "it ends too early".to_owned(),
        Error::Unexpected { expected, .. } => format!("there should be {}", kind(expected)),
        Error::SerdeInvalidType {
            unexpected, expected, ..
        } => format!("there should be {expected}, and there is {}", kind(unexpected)),
        Error::InvalidScalar { ty: "u32", .. } => {
            format!("there should be a whole number from 0 to {}", u32::MAX)
        }
        Error::InvalidScalar { ty, .. } => format!("it is no {ty}"),
        Error::NullIntoString { .. } => "there should be a text, and there is nothing".to_owned(),
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("`{key}` stands there twice"),
        Error::DuplicateMappingKey { key: None, .. } => "a key stands there twice".to_owned(),
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("there is no `{field}` here; there are {}", expected.join(", "))
        }
        Error::SerdeMissingField { field, .. } => format!("`{field}` is missing"),
        Error::MultipleDocuments { .. } => {
            "a fold is one document; take out what stands from `---` on".to_owned()
        }
        Error::UnknownAnchor { .. } => {
            "`*` refers to an anchor, and there is none of this name; a text that begins with `*` is quoted"
                .to_owned()
        }
        Error::Budget { breach, .. } => too_much(breach),
        other => UserMessageFormatter.format_message(other).into_owned(),
    }
}

/// What a text has too much of. What was counted is one more than it may have.
fn too_much(breach: &BudgetBreach) -> String {
    let (counted, of) = match breach {
        BudgetBreach::Depth { depth } => return format!("it nests deeper than {}", depth.saturating_sub(1)),
        BudgetBreach::Nodes { nodes } => (nodes, "nodes, what aliases stand for among them"),
        BudgetBreach::Events { events } => (events, "pieces, what aliases stand for among them"),
        BudgetBreach::Aliases { aliases } => (aliases, "aliases"),
        BudgetBreach::Anchors { anchors } => (anchors, "anchors"),
        BudgetBreach::MergeKeys { merge_keys } => (merge_keys, "merge keys"),
        _ => return "the file is too large, or its aliases stand for too much".to_owned(),
    };
    format!("the file has more than {} {of}", counted.saturating_sub(1))
}
