//! `annals fold test`: given / when / then, from a file beside the fold.

use std::path::PathBuf;

use annals_event_store::declarative::{CaseResult, run_cases};
use clap::Args;
use serde_json::json;

use super::check::{Loaded, drawn, read};
use super::schemas::SchemasAt;
use crate::cli::Global;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};

/// `annals fold test order.yaml`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals fold test order.yaml --schemas schemas    the cases of order.test.yaml, with the schemas of a folder
  annals fold test order.yaml                      with those registered at --server

A case:
  cases:
    - name: an order that is paid in full is paid
      key: \"7\"                         its id; needed where a field says whose an event is
      given:
        - event: shop.orders.OrderPlaced
          data: { order_id: \"7\", total: \"20.00\", … }
      when:
        event: shop.orders.OrderPaid
        data: { amount: \"20.00\", … }
        headers: { actor: jane }
        recorded: 2024-03-01T12:00:00Z
      then:
        contains: { status: paid }     or state: (all of it), or halts: (part of the reason)

Exit code 3 when a case fails.")]
pub(crate) struct Test {
    /// The fold
    file: PathBuf,
    /// The cases; FILE.test.yaml beside the fold when absent
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    #[command(flatten)]
    from: SchemasAt,
}

impl Test {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        let beside = || self.file.with_extension("test.yaml");
        let cases = self.cases.clone().unwrap_or_else(beside);
        let text = read(&cases)?;
        let schemas = self.from.open(global)?;
        let fold = Loaded::read(&self.file, &schemas)?.sound(&self.file)?;
        let results = run_cases(&fold, &text, &schemas);
        schemas.answered()?;
        let results = results.map_err(|error| {
            let drawn = drawn(&error, &cases, &text);
            Failure::new(Exit::Failed, format!("the cases do not load\n{drawn}"))
        })?;
        let failed = results.iter().filter(|result| !result.wrong.is_empty()).count();
        match global.output {
            Format::Json => {
                let each = |result: &CaseResult| {
                    json!({"name": result.name, "line": result.line, "passed": result.wrong.is_empty(),
                        "wrong": result.wrong})
                };
                let results: Vec<_> = results.iter().map(each).collect();
                output::json(&json!({"cases": results, "failed": failed}))?;
            }
            Format::Table => {
                for result in &results {
                    let passed = result.wrong.is_empty();
                    let verdict = if passed { "ok    " } else { "FAILED" };
                    let place = match passed {
                        true => String::new(),
                        false => format!(" ({}:{})", cases.display(), result.line),
                    };
                    output::line(&format!("{verdict}  {}{place}", result.name))?;
                    for wrong in &result.wrong {
                        output::line(&format!("        {wrong}"))?;
                    }
                }
                output::line(&format!("{} of {} cases failed", failed, results.len()))?;
            }
        }
        Ok(if failed == 0 { Exit::Done } else { Exit::No })
    }
}
