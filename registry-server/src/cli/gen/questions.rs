//! The versions that are asked for, and those that the answers refer to.
//!
//! Invariant: nothing is asked twice, and there is an end to it, whatever a registry answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use annals_registry_client::REFERENCES_MAX;
use annals_schema_model::Reference;

use super::remote::{self, Registered};
use crate::cli::exit::{Exit, Failure};

/// What a registry is asked. What it answers is not trusted to be what was asked for: an alias is answered with another
/// subject, and `latest` with a number, so that only what was asked tells whether to ask again.
pub(super) struct Questions {
    open: VecDeque<(String, String)>,
    asked: BTreeSet<(String, String)>,
    questions_max: usize,
}

impl Questions {
    pub(super) fn of(open: impl Iterator<Item = (String, String)>) -> Questions {
        let open: VecDeque<_> = open.collect();
        Questions {
            questions_max: open.len().saturating_mul(REFERENCES_MAX.saturating_add(1)),
            asked: BTreeSet::new(),
            open,
        }
    }

    /// Every answer, to what was open and to what the answers refer to.
    pub(super) fn ask(
        mut self,
        mut answer: impl FnMut(&str, &str) -> Result<Registered, Failure>,
    ) -> Result<Vec<Registered>, Failure> {
        let mut answers: Vec<Registered> = Vec::new();
        let mut newest: BTreeMap<String, u32> = BTreeMap::new();
        while let Some(question) = self.open.pop_front() {
            if !self.asked.insert(question.clone()) {
                continue;
            }
            if self.asked.len() > self.questions_max {
                let message = format!(
                    "what is pulled refers to more than {REFERENCES_MAX} schemas, {} v{} among them",
                    question.0, question.1
                );
                return Err(Failure::new(Exit::Failed, message));
            }
            let found = answer(&question.0, &question.1)?;
            let references = found.schema.references.iter();
            self.open
                .extend(references.map(|reference| (reference.subject.clone(), wanted(reference))));
            if question.1 == "latest" {
                newest.insert(question.0, found.version);
            }
            answers.push(found);
        }
        // A lock has versions, and what was the newest is the one that was fetched.
        let references = answers.iter_mut().flat_map(|found| &mut found.schema.references);
        for reference in references {
            if reference.version == remote::LATEST
                && let Some(version) = newest.get(&reference.subject)
            {
                reference.version = i32::try_from(*version).unwrap_or(i32::MAX);
            }
        }
        Ok(answers)
    }
}

/// The version that a reference is to, as it is asked for.
fn wanted(reference: &Reference) -> String {
    match reference.version {
        remote::LATEST => "latest".to_owned(),
        version => version.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use annals_registry_client::Described;
    use annals_schema_model::SchemaType;

    use super::*;

    /// A version that refers to one other.
    fn registered(subject: &str, refers_to: &str) -> Registered {
        Registered {
            subject: subject.to_owned(),
            version: 1,
            id: 1,
            schema: Described {
                schema_type: SchemaType::Avro,
                references: vec![Reference {
                    name: "n.N".to_owned(),
                    subject: refers_to.to_owned(),
                    version: 1,
                }],
                text: String::new(),
            },
        }
    }

    fn questions() -> Questions {
        Questions::of([("a".to_owned(), "1".to_owned())].into_iter())
    }

    #[test]
    fn the_same_is_asked_once_whatever_is_answered() {
        let answers = questions().ask(|_, _| Ok(registered("b", "a"))).unwrap();
        assert_eq!(answers.len(), 1);
    }

    #[test]
    fn a_reference_to_the_newest_is_locked_to_it() {
        let answer = |subject: &str, wanted: &str| {
            let mut found = registered(subject, "b");
            match subject {
                "a" => found.schema.references[0].version = remote::LATEST,
                _ => (found.version, found.schema.references) = (7, Vec::new()),
            }
            assert_eq!(wanted, if subject == "a" { "1" } else { "latest" });
            Ok(found)
        };
        let answers = questions().ask(answer).unwrap();
        assert_eq!(
            (answers[0].schema.references[0].version, answers[1].version),
            (7, 7)
        );
    }

    #[test]
    fn questions_end() {
        let mut number = 0;
        let refused = questions().ask(|subject, _| {
            number += 1;
            Ok(registered(subject, &format!("a{number}")))
        });
        assert!(refused.is_err());
        assert_eq!(number, REFERENCES_MAX + 1);
    }
}
