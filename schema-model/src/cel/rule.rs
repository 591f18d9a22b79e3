//! The text of a rule: an expression, or `guard ; expression`, where the guard says what the expression is for.
//!
//! Rules come from whoever may register schemas. Invariant: what is read nests so deep at most that it can be evaluated on
//! any stack. Left out: a `;` within a text of the guard, which ends the guard all the same, as in clients.

use std::thread;

use super::{Names, Node, lower};

/// How deep an expression of a rule may nest.
const DEPTH_MAX: usize = 100;

/// Reading an expression takes a step of the stack for each of its levels, of which there may be as many as bytes.
const STACK_BYTES: usize = 128 * 1024 * 1024;

/// A rule that was read.
#[derive(Debug)]
pub struct RuleText {
    /// What must hold for the expression to count.
    pub guard: Option<Node>,
    /// What the rule says.
    pub expression: Node,
}

impl RuleText {
    /// Reads a rule, on a stack of its own.
    ///
    /// # Errors
    /// A sentence that says what of it is not understood.
    pub fn read(text: &str, names: &'static Names) -> Result<RuleText, String> {
        let text = text.to_owned();
        let reading = thread::Builder::new()
            .name("rule".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || read(&text, names));
        let read = reading.map_err(|error| error.to_string())?.join();
        read.unwrap_or_else(|_| Err("its expression cannot be read".to_owned()))
    }
}

fn read(text: &str, names: &'static Names) -> Result<RuleText, String> {
    let (guard, expression) = match text.split_once(';') {
        Some((guard, expression)) => (Some(guard), expression),
        None => (None, text),
    };
    let node = |text: &str| {
        let mut node = lower(text.trim(), names)?;
        if node.depth() > DEPTH_MAX {
            return Err(format!("it nests deeper than {DEPTH_MAX}"));
        }
        Ok(node)
    };
    let written = guard.filter(|guard| !guard.trim().is_empty());
    let guard_of = |text: &str| node(text).map_err(|why| format!("in what stands before its `;`, {why}"));
    let rule = || {
        Ok(RuleText {
            guard: written.map(guard_of).transpose()?,
            expression: node(expression)?,
        })
    };
    rule().map_err(|why: String| match guard {
        Some(guard) if is_open(guard) => format!(
            "{why}; the first `;` of a rule ends its guard, within a text too, where it can be written as \\u003b"
        ),
        _ if expression.split_once(';').is_some_and(|(before, _)| !is_open(before)) => {
            format!("{why}; a rule has one `;`, between its guard and the rest")
        }
        _ => why,
    })
}

/// Whether a text begins in an expression, and does not end there.
fn is_open(expression: &str) -> bool {
    ['\'', '"']
        .into_iter()
        .any(|quote| expression.matches(quote).count() % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    static MESSAGE: Names = Names {
        known: &["message"],
        told: "message",
        besides: "",
    };

    #[test]
    fn an_expression_nests_only_so_deep() {
        let sum = |levels: usize| format!("1{}", "+1".repeat(levels - 1));
        let read = |text: &str| RuleText::read(text, &MESSAGE);
        assert!(read(&sum(DEPTH_MAX)).unwrap().guard.is_none());
        assert!(read(&sum(DEPTH_MAX + 1)).unwrap_err().contains("deeper than 100"));
        let guarded = read("message.a ; message.b").unwrap();
        assert!(guarded.guard.is_some());
        assert!(read(&format!("{} > 1 ; true", sum(DEPTH_MAX))).is_err());
        assert!(read(" ; true").unwrap().guard.is_none());
        assert!(read(&"(".repeat(4_000)).is_err());
    }

    #[test]
    fn a_semicolon_that_ends_the_guard_too_early_is_told() {
        let check = |text: &str, says: &[&str]| {
            let told = RuleText::read(text, &MESSAGE).unwrap_err();
            for says in says {
                assert!(told.contains(says), "{says}: {told}");
            }
        };
        let within = ["before its `;`", "within a text too", "\\u003b"];
        check("{'a': 'x;y'}", &within);
        check("message.a == \"x;y\" ; true", &within);
        check("message.a ; message.b ; true", &["a rule has one `;`"]);
        check(
            "message. ; true",
            &["before its `;`, `message.` is no CEL expression"],
        );
        assert!(RuleText::read("message.a == 'x\\u003by' ; {'a': 'x;y'}", &MESSAGE).is_ok());
    }
}
