//! Names with a context in front: `:.ctx:subject`.
//!
//! A context is a registry of its own within the registry: its ids, subjects and settings are apart. The default context
//! is `.` and is written unqualified, so `:.:orders` and `orders` are one subject. What has an empty subject stands for
//! the context itself (its settings and its mode), and the context `.__GLOBAL` for all contexts together.

use std::{fmt, sync::Arc};

use annals_schema_model::Subject;

use super::RegistryError;

/// The context of names without one.
pub const DEFAULT_CONTEXT: &str = ".";
/// Stands for all contexts: it has settings and a mode, and nothing else.
pub const GLOBAL_CONTEXT: &str = ".__GLOBAL";
/// Stands for all contexts where subjects are listed: `:*:`.
pub const ANY_CONTEXT: &str = "*";

/// A subject within a context.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Qualified {
    /// The context's name, beginning with a dot.
    pub context: Arc<str>,
    /// The subject's name there; empty for the context itself.
    pub subject: Arc<str>,
}

impl Qualified {
    /// A subject of a context.
    #[must_use]
    pub fn new(context: impl Into<Arc<str>>, subject: impl Into<Arc<str>>) -> Qualified {
        Qualified {
            context: context.into(),
            subject: subject.into(),
        }
    }

    /// Splits a name into context and subject. Never fails: what does not look qualified is a subject of the default
    /// context, and `:.ctx` is a context.
    ///
    /// ```
    /// use annals_registry_server::registry::Qualified;
    /// assert_eq!(Qualified::parse(":.eu:orders"), Qualified::new(".eu", "orders"));
    /// assert_eq!(Qualified::parse(":.:orders"), Qualified::parse("orders"));
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Qualified {
        Qualified::parse_within(DEFAULT_CONTEXT, name)
    }

    /// The same, for a name that is meant within a context unless it names one itself.
    #[must_use]
    pub fn parse_within(context: &str, name: &str) -> Qualified {
        let (context, subject) = split(name).unwrap_or((context, name));
        Qualified::new(context, subject)
    }

    /// The settings and mode of a context itself.
    #[must_use]
    pub fn context_itself(context: &str) -> Qualified {
        Qualified::new(context, "")
    }

    /// Whether the name stands for a whole context.
    #[must_use]
    pub fn is_context(&self) -> bool {
        self.subject.is_empty()
    }

    /// Whether a name begins as this one does, in its context or in any when this one is in `:*:`.
    #[must_use]
    pub fn begins(&self, name: &Qualified) -> bool {
        (&*self.context == ANY_CONTEXT || self.context == name.context)
            && name.subject.starts_with(&*self.subject)
    }

    /// Checks a name under which something is to be written.
    ///
    /// # Errors
    /// [`RegistryError::InvalidSubject`].
    pub fn check(&self) -> Result<(), RegistryError> {
        let invalid = |reason: String| RegistryError::InvalidSubject {
            subject: self.to_string().escape_debug().to_string(),
            reason,
        };
        check_context(&self.context).map_err(invalid)?;
        if &*self.context == GLOBAL_CONTEXT {
            return Err(invalid(
                "no subject can be in the context of all contexts".to_owned(),
            ));
        }
        Subject::new(&*self.subject).map_err(|error| invalid(error.to_string()))?;
        Ok(())
    }

    /// Checks a name that settings or a mode are to be given: a subject, a context or all contexts.
    ///
    /// # Errors
    /// [`RegistryError::InvalidSubject`].
    pub fn check_scope(&self) -> Result<(), RegistryError> {
        if !self.is_context() {
            return self.check();
        }
        check_context(&self.context).map_err(|reason| RegistryError::InvalidSubject {
            subject: self.to_string().escape_debug().to_string(),
            reason,
        })
    }
}

/// `(context, subject)` of a qualified name.
fn split(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix(':')?;
    if !rest.starts_with(['.', '*']) {
        return None;
    }
    Some(rest.split_once(':').unwrap_or((rest, "")))
}

fn check_context(context: &str) -> Result<(), String> {
    if !context.starts_with('.') {
        return Err(format!(
            "the context \"{context}\" must begin with a dot, for example \".eu\""
        ));
    }
    if context == DEFAULT_CONTEXT {
        return Ok(());
    }
    // A context's name may hold what a subject's may, and it may be the reserved one.
    match Subject::new(context) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

impl fmt::Display for Qualified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if &*self.context == DEFAULT_CONTEXT {
            self.subject.fmt(f)
        } else {
            write!(f, ":{}:{}", self.context, self.subject)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |name: &str, context: &str, subject: &str, shown: &str| {
            let parsed = Qualified::parse(name);
            assert_eq!(parsed, Qualified::new(context, subject), "{name:?}");
            assert_eq!(parsed.to_string(), shown, "{name:?}");
        };
        check("orders", ".", "orders", "orders");
        check(":.:orders", ".", "orders", "orders");
        check(":.eu:orders", ".eu", "orders", ":.eu:orders");
        check(":.eu:a:b", ".eu", "a:b", ":.eu:a:b");
        check(":.eu:", ".eu", "", ":.eu:");
        check(":.eu", ".eu", "", ":.eu:");
        check(":*:orders", "*", "orders", ":*:orders");
        check(":orders", ".", ":orders", ":orders");
        check("a:.b:c", ".", "a:.b:c", "a:.b:c");
        assert_eq!(Qualified::parse_within(".eu", "a"), Qualified::new(".eu", "a"));
        assert_eq!(
            Qualified::parse_within(".eu", ":.us:a"),
            Qualified::new(".us", "a")
        );
    }

    #[test]
    fn what_may_be_written() {
        let check = |name: &str, as_subject: bool, as_scope: bool| {
            let parsed = Qualified::parse(name);
            assert_eq!(
                (parsed.check().is_ok(), parsed.check_scope().is_ok()),
                (as_subject, as_scope),
                "{name:?}"
            );
        };
        check("orders", true, true);
        check(":.eu:orders", true, true);
        check(":.eu:", false, true);
        check(":.__GLOBAL:", false, true);
        check(":.__GLOBAL:orders", false, false);
        check("__GLOBAL", false, false);
        check("a\nb", false, false);
        check(":.e\u{0}u:a", false, false);
        check(":*:a", false, false);
    }
}
