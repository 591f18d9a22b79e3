//! What changes come to in the tables: the values of their rows.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use uuid::Uuid;

use super::{
    StoreError,
    cell::Cell,
    key,
    read::{references_json, state_name},
};
use crate::registry::{Change, Content, VersionState};

/// The rows of each table, value after value.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub(super) contexts: Vec<Cell<'a>>,
    pub(super) contents: Vec<Cell<'a>>,
    pub(super) retired_schemas: Vec<Cell<'a>>,
    pub(super) schemas: Vec<Cell<'a>>,
    pub(super) deleted_versions: Vec<Cell<'a>>,
    pub(super) versions: Vec<Cell<'a>>,
    pub(super) configs: Vec<Cell<'a>>,
    pub(super) modes: Vec<Cell<'a>>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(changes: &'a [Change], sequence: i64) -> Result<Rows<'a>, StoreError> {
        // One statement must not touch a row twice.
        let mut latest = BTreeMap::new();
        for change in changes {
            latest.insert(key(change), change);
        }
        let mut rows = Rows::default();
        // A schema may be known by one change and retired by the next, which need not say what it prints as.
        let mut guids = HashSet::new();
        for change in changes {
            rows.content(change, &mut guids)?;
        }
        for change in latest.into_values() {
            match change {
                Change::Context {
                    name,
                    last_id,
                    removed,
                } => rows.contexts.extend([
                    Cell::from(name.as_ref()),
                    i64::from(*last_id).into(),
                    (*removed).into(),
                    sequence.into(),
                ]),
                Change::Schema { .. } => rows.schema(change, sequence),
                Change::Version { of, version } => {
                    let table = match version.state {
                        VersionState::Live => &mut rows.versions,
                        VersionState::SoftDeleted | VersionState::Gone => &mut rows.deleted_versions,
                    };
                    table.extend([
                        Cell::from(of.context.as_ref()),
                        Cell::from(of.subject.as_ref()),
                        i64::from(version.version).into(),
                        i64::from(version.id.get()).into(),
                        version.registered_ms.into(),
                        Cell::from(state_name(version.state)),
                        sequence.into(),
                    ]);
                }
                Change::Config { of, config } => rows.configs.extend([
                    Cell::from(of.context.as_ref()),
                    Cell::from(of.subject.as_ref()),
                    json(
                        config
                            .as_ref()
                            .map(|config| config.to_json("compatibilityLevel"))
                            .as_ref(),
                    )?,
                    sequence.into(),
                ]),
                Change::Mode { of, mode } => rows.modes.extend([
                    Cell::from(of.context.as_ref()),
                    Cell::from(of.subject.as_ref()),
                    mode.map(|mode| mode.to_string()).into(),
                    sequence.into(),
                ]),
            }
        }
        Ok(rows)
    }

    /// The content of a schema that may be new, once, with the text its guid is the hash of.
    fn content(&mut self, change: &'a Change, known: &mut HashSet<Uuid>) -> Result<(), StoreError> {
        let Change::Schema {
            guid,
            content,
            printed,
            ..
        } = change
        else {
            return Ok(());
        };
        let own = Some(&content.text).filter(|_| is_own_text(content, *guid));
        let Some(text) = printed.as_ref().or(own).filter(|_| known.insert(*guid)) else {
            return Ok(());
        };
        self.contents.extend([
            Cell::from(Some(guid.to_string())),
            Cell::from(text.as_ref()),
            references_json(&content.references).into(),
            json(content.metadata.as_ref())?,
            json(content.rule_set.as_ref())?,
        ]);
        Ok(())
    }

    fn schema(&mut self, change: &'a Change, sequence: i64) {
        let Change::Schema {
            context,
            id,
            guid,
            form,
            content,
            registered_ms,
            retired,
            ..
        } = change
        else {
            return;
        };
        let table = if *retired {
            &mut self.retired_schemas
        } else {
            &mut self.schemas
        };
        let text_sent = Some(content.text.as_ref()).filter(|_| !is_own_text(content, *guid));
        table.extend([
            Cell::from(context.as_ref()),
            i64::from(id.get()).into(),
            Cell::from(Some(guid.to_string())),
            Cell::from(content.schema_type.name()),
            Cell::from(text_sent),
            form.map(|form| form.to_string()).into(),
            (*registered_ms).into(),
            (*retired).into(),
            sequence.into(),
        ]);
    }
}

/// Whether a content's text is what a guid is the hash of.
fn is_own_text(content: &Content, guid: Uuid) -> bool {
    content.exact() == guid
}

fn json<'a>(value: Option<&impl Serialize>) -> Result<Cell<'a>, StoreError> {
    let text = value.map(serde_json::to_string).transpose();
    text.map(Cell::from)
        .map_err(|error| StoreError::Damaged(format!("what was to be written is no JSON: {error}")))
}
