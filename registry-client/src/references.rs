//! The texts that a schema refers to, whoever can say what a version is.
//!
//! Invariant: dependencies stand before what needs them, and each reference is followed once, so that circles end; their
//! number and the length of their texts are bounded, whatever is answered.

use annals_schema_model::{Reference, Resolved, Unresolved};

use crate::answer::Described;

/// How many schemas one may refer to, all in all.
pub const REFERENCES_MAX: usize = 1_000;
/// How long the texts of all of them may be: far longer than any schema that can be read, far less than their answers may be.
pub(crate) const REFERENCES_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The texts behind some references, and behind theirs.
///
/// # Errors
/// What `version` says, and when there are more or longer ones than a schema that can be read has.
pub fn resolved<E: From<Unresolved>>(
    references: &[Reference],
    mut version: impl FnMut(&Reference) -> Result<Described, E>,
) -> Result<Vec<Resolved>, E> {
    /// A reference on its way: to be read, or read with all it refers to before it.
    enum Step {
        Open(Reference),
        Done(Resolved),
    }
    let mut seen = Vec::new();
    let mut resolved = Vec::new();
    let mut bytes = 0;
    let open = |references: &[Reference]| references.iter().rev().cloned().map(Step::Open).collect();
    let mut steps: Vec<Step> = open(references);
    while let Some(step) = steps.pop() {
        match step {
            Step::Done(done) => resolved.push(done),
            Step::Open(reference) if seen.contains(&reference) => {}
            Step::Open(reference) => {
                if seen.len() == REFERENCES_MAX {
                    let many = format!("it refers to more than {REFERENCES_MAX} schemas");
                    return Err(Unresolved::Unusable(many).into());
                }
                let found = version(&reference)?;
                bytes += found.text.len();
                if bytes > REFERENCES_BYTES_MAX {
                    let long = format!("it refers to more than {REFERENCES_BYTES_MAX} bytes of schemas");
                    return Err(Unresolved::Unusable(long).into());
                }
                steps.push(Step::Done(Resolved {
                    name: reference.name.clone(),
                    text: found.text,
                }));
                steps.extend::<Vec<Step>>(open(&found.references));
                seen.push(reference);
            }
        }
    }
    Ok(resolved)
}
