//! What is said in a text beside what it declares: comments, and where declarations stand.

use std::collections::BTreeMap;

use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::prost_types::source_code_info::Location;

use crate::model::proto::About;

/// A text as it is, before its names mean anything. A byte order mark is no part of it; blanks keep the places after it.
fn parsed(name: &str, text: &str) -> Option<FileDescriptorProto> {
    let unmarked = text.strip_prefix('\u{feff}').map(|rest| format!("   {rest}"));
    protox_parse::parse(name, unmarked.as_deref().unwrap_or(text)).ok()
}

/// What is said in a text, by the paths of declarations.
#[derive(std::default::Default)]
pub(super) struct Comments(BTreeMap<Vec<i32>, Location>);

impl Comments {
    pub(super) fn of(name: &str, text: &str) -> Comments {
        let info = parsed(name, text).and_then(|file| file.source_code_info);
        let locations = info.unwrap_or_default().location.into_iter();
        Comments(
            locations
                .map(|location| (location.path.clone(), location))
                .rev()
                .collect(),
        )
    }

    pub(super) fn about(&self, path: &[i32], deprecated: bool) -> About {
        let Some(location) = self.0.get(path) else {
            return About {
                deprecated,
                ..About::default()
            };
        };
        let words = [&location.leading_comments, &location.trailing_comments];
        let words: Vec<&str> = words
            .into_iter()
            .flatten()
            .map(|words| words.trim_end())
            .filter(|words| !words.trim().is_empty())
            .collect();
        let line = location.span.first().and_then(|line| u32::try_from(*line).ok());
        About {
            doc: (!words.is_empty()).then(|| words.join("\n\n")),
            line: line.map_or(0, |line| line.saturating_add(1)),
            deprecated,
        }
    }
}
