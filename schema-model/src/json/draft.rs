//! The drafts of JSON Schema, told apart by `$schema`, and which keywords each knows.
//!
//! A schema that names none is read as draft-07, as the registry API's own serializers write it. A keyword a draft does
//! not know is no keyword there: it is kept and means nothing.

/// A draft of the specification, oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Draft {
    /// draft-04
    Draft4,
    /// draft-06
    Draft6,
    /// draft-07
    #[default]
    Draft7,
    /// 2019-09
    Draft201909,
    /// 2020-12
    Draft202012,
}

/// Drafts by the URIs of their meta-schemas, without scheme and fragment.
const URIS: [(&str, Draft); 5] = [
    ("json-schema.org/draft-04/schema", Draft::Draft4),
    ("json-schema.org/draft-06/schema", Draft::Draft6),
    ("json-schema.org/draft-07/schema", Draft::Draft7),
    ("json-schema.org/draft/2019-09/schema", Draft::Draft201909),
    ("json-schema.org/draft/2020-12/schema", Draft::Draft202012),
];

/// Keywords not every draft has: the first and the last that do.
const SPANS: [(&str, Draft, Draft); 23] = [
    ("id", Draft::Draft4, Draft::Draft4),
    ("$id", Draft::Draft6, Draft::Draft202012),
    ("const", Draft::Draft6, Draft::Draft202012),
    ("contains", Draft::Draft6, Draft::Draft202012),
    ("propertyNames", Draft::Draft6, Draft::Draft202012),
    ("if", Draft::Draft7, Draft::Draft202012),
    ("then", Draft::Draft7, Draft::Draft202012),
    ("else", Draft::Draft7, Draft::Draft202012),
    ("dependencies", Draft::Draft4, Draft::Draft7),
    ("additionalItems", Draft::Draft4, Draft::Draft201909),
    ("$recursiveRef", Draft::Draft201909, Draft::Draft201909),
    ("$recursiveAnchor", Draft::Draft201909, Draft::Draft201909),
    ("$defs", Draft::Draft201909, Draft::Draft202012),
    ("$anchor", Draft::Draft201909, Draft::Draft202012),
    ("dependentRequired", Draft::Draft201909, Draft::Draft202012),
    ("dependentSchemas", Draft::Draft201909, Draft::Draft202012),
    ("unevaluatedProperties", Draft::Draft201909, Draft::Draft202012),
    ("unevaluatedItems", Draft::Draft201909, Draft::Draft202012),
    ("minContains", Draft::Draft201909, Draft::Draft202012),
    ("maxContains", Draft::Draft201909, Draft::Draft202012),
    ("prefixItems", Draft::Draft202012, Draft::Draft202012),
    ("$dynamicRef", Draft::Draft202012, Draft::Draft202012),
    ("$dynamicAnchor", Draft::Draft202012, Draft::Draft202012),
];

impl Draft {
    /// The draft a `$schema` names.
    #[must_use]
    pub fn of_uri(uri: &str) -> Option<Draft> {
        let uri = uri.trim_end_matches('#');
        let bare = uri
            .strip_prefix("http://")
            .or_else(|| uri.strip_prefix("https://"))?;
        URIS.into_iter()
            .find(|(known, _)| *known == bare)
            .map(|(_, draft)| draft)
    }

    /// The URI of its meta-schema.
    pub(super) fn uri(self) -> String {
        let bare = URIS
            .iter()
            .find(|(_, draft)| *draft == self)
            .map_or("", |(uri, _)| uri);
        let (scheme, end) = if self.reference_stands_alone() {
            ("http", "#")
        } else {
            ("https", "")
        };
        format!("{scheme}://{bare}{end}")
    }

    /// The drafts' names, for messages.
    pub(super) const NAMES: &'static str = "draft-04, draft-06, draft-07, 2019-09 and 2020-12";

    /// Whether a key is a keyword here.
    pub(super) fn knows(self, key: &str) -> bool {
        SPANS
            .iter()
            .find(|(name, ..)| *name == key)
            .is_none_or(|(_, first, last)| (*first..=*last).contains(&self))
    }

    /// Whether `$ref` makes its neighbours meaningless.
    pub(super) fn reference_stands_alone(self) -> bool {
        self <= Draft::Draft7
    }

    /// The draft's name in the validator.
    pub(super) fn library(self) -> jsonschema::Draft {
        match self {
            Draft::Draft4 => jsonschema::Draft::Draft4,
            Draft::Draft6 => jsonschema::Draft::Draft6,
            Draft::Draft7 => jsonschema::Draft::Draft7,
            Draft::Draft201909 => jsonschema::Draft::Draft201909,
            Draft::Draft202012 => jsonschema::Draft::Draft202012,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris() {
        let check = |uri: &str, wanted: Option<Draft>| assert_eq!(Draft::of_uri(uri), wanted, "{uri}");
        check("http://json-schema.org/draft-07/schema#", Some(Draft::Draft7));
        check("http://json-schema.org/draft-04/schema", Some(Draft::Draft4));
        check(
            "https://json-schema.org/draft/2020-12/schema",
            Some(Draft::Draft202012),
        );
        check("https://example.com/mine", None);
        check("", None);
        for (_, draft) in URIS {
            assert_eq!(Draft::of_uri(&draft.uri()), Some(draft));
        }
    }

    #[test]
    fn keywords_come_and_go() {
        assert!(Draft::Draft4.knows("id") && !Draft::Draft7.knows("id"));
        assert!(Draft::Draft201909.knows("additionalItems") && !Draft::Draft202012.knows("additionalItems"));
        assert!(Draft::Draft4.knows("properties") && Draft::Draft4.knows("whatever"));
    }
}
