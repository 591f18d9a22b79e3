//! What is in force for a name: its own settings and mode over its context's over those of all contexts.

use super::{
    config::Config,
    mode::Mode,
    name::{GLOBAL_CONTEXT, Qualified},
    view::View,
};

impl View {
    /// The settings in force: the subject's over its context's over those of all contexts.
    #[must_use]
    pub fn config_in_scope(&self, of: &Qualified) -> Config {
        let layers = scopes(of);
        let set = layers.iter().filter_map(|scope| self.config(scope));
        set.fold(Config::default(), |config, wider| config.over(wider))
    }

    /// The mode in force. A registry that is read-only as a whole is so whatever a subject's own mode says.
    #[must_use]
    pub fn mode_in_scope(&self, of: &Qualified) -> Mode {
        let layers = scopes(of);
        let overriding = layers
            .iter()
            .filter(|scope| scope.is_context())
            .filter_map(|scope| self.mode(scope))
            .find(|mode| *mode == Mode::ReadOnlyOverride);
        let global = Qualified::context_itself(GLOBAL_CONTEXT);
        let global = self.mode(&global).filter(|mode| mode.is_read_only());
        overriding
            .or(global)
            .or_else(|| layers.iter().find_map(|scope| self.mode(scope)))
            .unwrap_or_default()
    }
}

/// Where settings for a name are looked for, nearest first.
fn scopes(of: &Qualified) -> Vec<Qualified> {
    let mut scopes = vec![of.clone()];
    if !of.is_context() {
        scopes.push(Qualified::context_itself(&of.context));
    }
    if &*of.context != GLOBAL_CONTEXT {
        scopes.push(Qualified::context_itself(GLOBAL_CONTEXT));
    }
    scopes
}
