//! Carrying out a plan on a server: many requests at a time, modes put right again whatever happens.
//!
//! What the server refuses is noted and the rest goes on; when it fails or stops answering, the work ends. Everything
//! that was sent may be sent again.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::super::progress::Progress;
use super::plan::{Plan, ScopeMode, Step};
use super::pool::{self, Stop};
use super::{snapshot, topic};
use crate::cli::api::{Api, Method, Refusal};
use crate::cli::exit::{Exit, Failure};
use crate::registry::{DEFAULT_CONTEXT, Mode, Qualified};

/// After so many refusals something is wrong with the whole.
const REFUSALS_MAX: usize = 1_000;

/// Something the server refused, or warned of.
#[derive(Debug, Clone)]
pub(super) struct Remark {
    pub(super) what: String,
    pub(super) why: String,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) registered: usize,
    pub(super) deleted: usize,
    pub(super) configs: usize,
    pub(super) modes: usize,
    pub(super) refused: Vec<Remark>,
    pub(super) warned: Vec<Remark>,
    /// Why it ended early, if it did.
    pub(super) failure: Option<Failure>,
}

#[derive(Default)]
struct Tally {
    registered: AtomicUsize,
    deleted: AtomicUsize,
    configs: AtomicUsize,
    modes: AtomicUsize,
    refused: Mutex<Vec<Remark>>,
    warned: Mutex<Vec<Remark>>,
    /// Steps whose deletion was refused because of others that are still to be deleted.
    later: Mutex<Vec<usize>>,
}

struct Work<'a> {
    api: &'a Api,
    plan: &'a Plan<'a>,
    stop: &'a Stop,
    done: Tally,
}

/// Carries out a plan.
pub(super) fn apply(api: &Api, plan: &Plan<'_>, stop: &Stop) -> Outcome {
    let work = Work {
        api,
        plan,
        stop,
        done: Tally::default(),
    };
    let result = work
        .open()
        .and_then(|()| work.versions())
        .and_then(|()| work.later())
        .and_then(|()| work.configs(&plan.configs));
    let modes = match result {
        Ok(()) => &plan.modes,
        Err(_) => &plan.modes_before,
    };
    let closed = work.close(modes).map_err(|failure| {
        failure.help("subjects may be left in IMPORT mode: the same command again puts that right")
    });
    let Tally {
        registered,
        deleted,
        configs,
        modes,
        refused,
        warned,
        ..
    } = work.done;
    Outcome {
        registered: registered.into_inner(),
        deleted: deleted.into_inner(),
        configs: configs.into_inner(),
        modes: modes.into_inner(),
        refused: refused.into_inner().unwrap_or_else(PoisonError::into_inner),
        warned: warned.into_inner().unwrap_or_else(PoisonError::into_inner),
        failure: result.err().or(closed.err()),
    }
}

impl Work<'_> {
    fn open(&self) -> Result<(), Failure> {
        let progress = Progress::new("opening subjects for import:", self.plan.opened.len());
        pool::map(&self.plan.opened, self.stop, |subject| {
            progress.add(1);
            let body = json!({"mode": Mode::Import.name()});
            let opened = self
                .api
                .ask(Method::Put(&body), &["mode", &snapshot::name(subject)], FORCE)?;
            opened.map(drop).map_err(|refusal| {
                let message = format!("{subject} cannot be put into IMPORT mode: {}", refusal.message);
                Failure::new(Exit::Failed, message)
                    .help("let the server change modes, for this is how ids are kept")
            })
        })?;
        self.configs(&self.plan.cleared)
    }

    fn versions(&self) -> Result<(), Failure> {
        let progress = Progress::new("importing versions:", self.plan.steps.len());
        pool::run(&self.plan.needs, self.stop, |place| {
            progress.add(1);
            let Some(step) = self.plan.steps.get(place) else {
                return Ok(());
            };
            if step.register && !self.register(step)? {
                return Ok(());
            }
            match step.version.deleted {
                true => self.delete(place, step),
                false => Ok(()),
            }
        })
    }

    /// Whether it was registered.
    fn register(&self, step: &Step<'_>) -> Result<bool, Failure> {
        let body = topic::import_body(step.number, step.version);
        let body = body.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        let path = ["subjects", &step.subject.to_string(), "versions"];
        let why = match self.api.ask_and_heed(Method::Post(&body), &path, &[])? {
            Ok(answer) if answer.body["id"].as_u64() == Some(step.version.id.into()) => {
                self.done.registered.fetch_add(1, Ordering::Relaxed);
                let what = title(step);
                let warnings = answer.warnings.into_iter();
                let mut warned = self.done.warned.lock().unwrap_or_else(PoisonError::into_inner);
                warned.extend(warnings.map(|why| Remark {
                    what: what.clone(),
                    why,
                }));
                return Ok(true);
            }
            Ok(answer) => format!("the server gave it the id {}", answer.body["id"]),
            Err(refusal) => refusal.message,
        };
        self.refused(&title(step), why)?;
        Ok(false)
    }

    fn delete(&self, place: usize, step: &Step<'_>) -> Result<(), Failure> {
        match self.delete_version(step)? {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.is_referenced() => {
                let mut later = self.done.later.lock().unwrap_or_else(PoisonError::into_inner);
                later.push(place);
                Ok(())
            }
            Err(refusal) => self.refused(&title(step), refusal.message),
        }
    }

    fn delete_version(&self, step: &Step<'_>) -> Result<Result<(), Refusal>, Failure> {
        let path = [
            "subjects",
            &step.subject.to_string(),
            "versions",
            &step.number.to_string(),
        ];
        let answer = self.api.ask(Method::Delete, &path, &[])?;
        Ok(match answer {
            Err(refusal) if !refusal.is_soft_deleted() => Err(refusal),
            _ => {
                self.done.deleted.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        })
    }

    /// What was refused because others refer to it, as often as any of them goes.
    fn later(&self) -> Result<(), Failure> {
        let mut left = std::mem::take(&mut *self.done.later.lock().unwrap_or_else(PoisonError::into_inner));
        loop {
            let answers = pool::map(&left, self.stop, |place| {
                let step = self.plan.steps.get(*place);
                let refusal = step.map(|step| self.delete_version(step)).transpose()?;
                Ok((*place, refusal.and_then(Result::err)))
            })?;
            let still: Vec<(usize, Refusal)> = answers
                .into_iter()
                .filter_map(|(place, refusal)| Some((place, refusal?)))
                .collect();
            if still.len() == left.len() {
                for (place, refusal) in still {
                    let what = self.plan.steps.get(place).map(title).unwrap_or_default();
                    self.refused(&what, refusal.message)?;
                }
                return Ok(());
            }
            left = still.into_iter().map(|(place, _)| place).collect();
        }
    }

    fn configs(&self, updates: &[(Qualified, Value)]) -> Result<(), Failure> {
        let progress = Progress::new("writing settings:", updates.len());
        pool::map(updates, self.stop, |(scope, update)| {
            progress.add(1);
            match self.settings(Method::Put(update), "config", scope, &[])? {
                Ok(_) => {
                    self.done.configs.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
                Err(refusal) => {
                    self.refused(&format!("config of {}", snapshot::name(scope)), refusal.message)
                }
            }
        })?;
        Ok(())
    }

    /// The modes in the end, even when the user wants to stop.
    fn close(&self, modes: &[ScopeMode]) -> Result<(), Failure> {
        let progress = Progress::new("writing modes:", modes.len());
        pool::map(modes, &Stop::new(false), |(scope, mode)| {
            progress.add(1);
            let body = json!({"mode": mode});
            let method = match mode {
                Some(_) => Method::Put(&body),
                None => Method::Delete,
            };
            let query = if mode.is_some() { FORCE } else { &[] };
            match self.settings(method, "mode", scope, query)? {
                Err(refusal) if mode.is_some() || !refusal.is_not_found() => {
                    self.refused(&format!("mode of {}", snapshot::name(scope)), refusal.message)
                }
                _ => {
                    self.done.modes.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
            }
        })?;
        Ok(())
    }

    /// The default context's settings are those without a name.
    fn settings(
        &self,
        method: Method<'_>,
        kind: &str,
        scope: &Qualified,
        query: &[(&str, &str)],
    ) -> Result<Result<Value, Refusal>, Failure> {
        let name = scope.to_string();
        let is_default = scope.is_context() && &*scope.context == DEFAULT_CONTEXT;
        match is_default {
            true => self.api.ask(method, &[kind], query),
            false => self.api.ask(method, &[kind, &name], query),
        }
    }

    fn refused(&self, what: &str, why: String) -> Result<(), Failure> {
        let mut refused = self.done.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.push(Remark {
            what: what.to_owned(),
            why,
        });
        if refused.len() < REFUSALS_MAX {
            return Ok(());
        }
        let message = format!(
            "{} refused {REFUSALS_MAX} things; the rest was not tried",
            self.api.base()
        );
        Err(Failure::new(Exit::Failed, message))
    }
}

/// A server asked for IMPORT mode refuses where subjects are, unless it is forced.
const FORCE: &[(&str, &str)] = &[("force", "true")];

fn title(step: &Step<'_>) -> String {
    format!("{} v{} (id {})", step.subject, step.number, step.version.id)
}
