//! Aliases: names that stand for another subject, by a setting. One step is followed, never two.

use std::sync::Arc;

use super::{config::Config, context::ContextView, name::Qualified, view::View};

impl View {
    /// The subject a name stands for when it is an alias.
    #[must_use]
    pub fn without_alias(&self, name: Qualified) -> Qualified {
        let alias = self.config(&name).and_then(|config| config.alias());
        match alias {
            Some(alias) => Qualified::parse_within(&name.context, alias),
            None => name,
        }
    }

    /// The aliases whose names begin so, and what they stand for.
    pub fn aliases_with(&self, prefix: &Qualified) -> impl Iterator<Item = (Qualified, Qualified)> {
        self.configs_with(prefix).filter_map(|(name, config)| {
            let stands_for = Qualified::parse_within(&name.context, config.alias()?);
            Some((name, stands_for))
        })
    }

    /// The aliases of a subject in its context, by name.
    pub fn aliases_of(&self, subject: &Qualified) -> impl Iterator<Item = Qualified> {
        let context = self.context(&subject.context);
        let names = context.and_then(|context| context.aliases.get(subject));
        let names = names.map_or(&[][..], |names| names.as_slice());
        names
            .iter()
            .map(|name| Qualified::new(Arc::clone(&subject.context), Arc::clone(name)))
    }
}

impl ContextView {
    /// Sets or clears the settings of a subject of this context, which is called `context`.
    pub(super) fn set_config(&mut self, context: &str, subject: &Arc<str>, config: Option<&Arc<Config>>) {
        let before = match config {
            Some(config) => self.configs.insert(Arc::clone(subject), Arc::clone(config)),
            None => self.configs.remove(subject.as_ref()),
        };
        let stands_for = |config: &Arc<Config>| Some(Qualified::parse_within(context, config.alias()?));
        let (before, now) = (before.as_ref().and_then(stands_for), config.and_then(stands_for));
        if before == now {
            return;
        }
        if let Some(before) = before {
            let names = Arc::make_mut(self.aliases.get_mut_or_default(&before));
            names.retain(|name| name != subject);
            if names.is_empty() {
                self.aliases.remove(&before);
            }
        }
        if let Some(now) = now {
            let names = Arc::make_mut(self.aliases.get_mut_or_default(&now));
            if let Err(place) = names.binary_search(subject) {
                names.insert(place, Arc::clone(subject));
            }
        }
    }
}
