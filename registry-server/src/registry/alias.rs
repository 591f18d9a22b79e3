//! Aliases: names that stand for another subject, by a setting. One step is followed, never two.

use super::{name::Qualified, view::View};

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

    /// The aliases of a subject in its context.
    pub fn aliases_of(&self, subject: &Qualified) -> impl Iterator<Item = Qualified> {
        let within = Qualified::context_itself(&subject.context);
        self.aliases_with(&within)
            .filter(|(_, stands_for)| stands_for == subject)
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
            .into_iter()
    }
}
