//! How a view comes to show a change.
//!
//! Invariant: what is remembered or was worked out from texts (verdicts, parsed schemas) goes when a version it rests on
//! comes to stand for something else.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    change::Change,
    context::{ContextView, VersionState, VersionView},
    name::{DEFAULT_CONTEXT, Qualified},
    stored::Stored,
    view::{NEWEST, Referrer, View},
};

impl View {
    /// Makes a change visible.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Context {
                name,
                last_id,
                removed,
            } => {
                let context = self.context_mut(name);
                context.last_id = context.last_id.max(*last_id);
                context.removed = *removed;
            }
            Change::Schema { .. } => self.apply_schema(change),
            Change::Version { of, version } => self.apply_version(of, *version),
            Change::Config { of, config } => {
                let context = self.context_mut(&of.context);
                context.set_config(&of.context, &of.subject, config.as_ref());
            }
            Change::Mode { of, mode } => {
                let modes = &mut self.context_mut(&of.context).modes;
                match mode {
                    Some(mode) => drop(modes.insert(Arc::clone(&of.subject), *mode)),
                    None => drop(modes.remove(of.subject.as_ref())),
                }
            }
        }
    }

    fn apply_version(&mut self, of: &Qualified, version: VersionView) {
        let before = self
            .subject(of)
            .and_then(|versions| versions.version(version.version));
        let is_another = before.is_some_and(|before| before.id != version.id);
        if is_another || version.state == VersionState::Gone {
            self.verdicts = Arc::default();
        }
        self.context_mut(&of.context).set_version(&of.subject, version);
        if is_another {
            self.forget_parsed(of, version.version);
        }
    }

    fn apply_schema(&mut self, change: &Change) {
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
        let content = Arc::clone(content);
        let new = Stored::new(Arc::clone(context), *id, *guid, *form, content, *registered_ms);
        let known = self.schema_in(context, *id).filter(|known| known.is_same(&new));
        let stored = match known.cloned() {
            Some(known) => known,
            None => Arc::new(self.sharing(new)),
        };
        for reference in stored.references() {
            let to = Qualified::parse_within(context, &reference.subject);
            let key = (to, u32::try_from(reference.version).unwrap_or(NEWEST));
            let list = Arc::make_mut(self.referrers.get_mut_or_default(&key));
            let referrer = (Arc::clone(context), *id);
            if !list.contains(&referrer) {
                list.push(referrer);
            }
        }
        let context = self.context_mut(context);
        context.last_id = context.last_id.max(id.get());
        context.set_schema(stored, *retired);
    }

    /// The same with the content in the one copy that all contexts share.
    fn sharing(&mut self, mut stored: Stored) -> Stored {
        let key = (stored.exact, stored.schema_type());
        match self.contents.get(&key) {
            Some(known) => stored.content = Arc::clone(known),
            None => drop(self.contents.insert(key, Arc::clone(&stored.content))),
        }
        stored
    }

    /// What was parsed with a version that stands for something else by now is parsed anew.
    fn forget_parsed(&mut self, of: &Qualified, version: u32) {
        let (mut changed, mut seen) = (vec![(of.clone(), version)], BTreeSet::new());
        while let Some((of, version)) = changed.pop() {
            let referrers: Vec<Referrer> = self.referrers(&of, version).cloned().collect();
            for (context, id) in referrers {
                if !seen.insert((Arc::clone(&context), id)) {
                    continue;
                }
                let of = |subject: &Arc<str>| Qualified::new(Arc::clone(&context), Arc::clone(subject));
                let uses = self.uses(&context, id).iter();
                changed.extend(uses.map(|used| (of(&used.subject), used.version)));
                if let Some(stored) = self.schema_in(&context, id) {
                    let unparsed = Arc::new(stored.unparsed());
                    self.context_mut(&context).schemas.insert(id, unparsed);
                }
            }
        }
    }

    fn context_mut(&mut self, name: &Arc<str>) -> &mut ContextView {
        if name.as_ref() == DEFAULT_CONTEXT {
            return Arc::make_mut(&mut self.default);
        }
        Arc::make_mut(self.others.get_mut_or_default(name))
    }
}
