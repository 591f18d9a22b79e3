//! The registry in service: one current view for all readers, one store for all writers.
//!
//! ```text
//!   register ──► decide (pure, on a view, off the async threads) ──► lock the store ──► does the decision still hold?
//!      ▲                                                                                  │ no: decide again
//!      └──────────────────────────────────────────────────────────────────────────────────┤
//!                                                   one transaction ──► swap the view ──► tell the hooks
//! ```
//!
//! Invariant: the view is swapped only after the transaction is durable, and before the store's lock is released. The
//! part from the lock on runs in a task of its own, so a client that hangs up cannot leave the view behind the store.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use annals_schema_model::SchemaId;
use arc_swap::ArcSwap;
use serde_json::{Map, Value};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    Config, RegisterRequest, RegistryError, Verdict, VersionSpec,
    candidate::Candidate,
    format,
    lookup::{self, Found},
    register::{self, Decision, NewVersion},
    verdict,
    view::{Stored, VersionView, View},
};
use crate::store::{Inserted, Store, StoreError};

/// How often a registration is decided without the store's lock before it is decided under the lock.
const OPTIMISTIC_ATTEMPTS: usize = 3;
/// How often it is decided at all: under the lock, only another process on the same database can be in the way.
const ATTEMPTS_MAX: usize = 16;

type Hook = Box<dyn Fn(&View) + Send + Sync>;

/// The registry. Clones are handles to the same one.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    view: ArcSwap<View>,
    store: Arc<Mutex<Store>>,
    hooks: RwLock<Vec<Hook>>,
    clock: fn() -> i64,
}

/// A registration's outcome.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Where the schema stands.
    pub found: Found,
    /// Whether this registration made the version.
    pub is_new: bool,
}

impl Registered {
    /// The schema's id.
    #[must_use]
    pub fn id(&self) -> SchemaId {
        self.found.stored.id
    }

    /// The version it has in its subject.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.found.version.version
    }
}

impl Registry {
    /// Opens the registry in a database file, which is made if it is not there. `clock` gives milliseconds since 1970.
    ///
    /// # Errors
    /// The file cannot be opened, read or brought up to date.
    pub async fn open(path: &Path, clock: fn() -> i64) -> Result<Registry, StoreError> {
        let mut store = Store::open(path).await?;
        let view = store.load().await?;
        let inner = Inner {
            view: ArcSwap::from_pointee(view),
            store: Arc::new(Mutex::new(store)),
            hooks: RwLock::default(),
            clock,
        };
        Ok(Registry {
            inner: Arc::new(inner),
        })
    }

    /// Everything that is registered now.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.inner.view.load_full()
    }

    /// A look at the current view without taking a share of it: for short reads on the hot path.
    pub fn read<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.inner.view.load())
    }

    /// Calls `hook` after every change, with the new view. Hooks run one after the other while the store is locked, so
    /// they must be quick and must not write to the registry.
    pub fn on_changed(&self, hook: Box<dyn Fn(&View) + Send + Sync>) {
        self.inner
            .hooks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(hook);
    }

    /// Registers a schema under a subject, or finds it there.
    ///
    /// # Errors
    /// Any refusal of [`RegistryError`].
    pub async fn register(
        &self,
        subject: &str,
        request: RegisterRequest,
    ) -> Result<Registered, RegistryError> {
        let (subject, request): (Arc<str>, _) = (Arc::from(subject), Arc::new(request));
        for attempt in 0..ATTEMPTS_MAX {
            let held = match attempt {
                0..OPTIMISTIC_ATTEMPTS => None,
                _ => Some(Arc::clone(&self.inner.store).lock_owned().await),
            };
            let view = self.view();
            let decision = {
                let (view, subject, request) =
                    (Arc::clone(&view), Arc::clone(&subject), Arc::clone(&request));
                off_thread(move || register::decide(&view, &subject, &request)).await??
            };
            let new = match decision {
                Decision::Existing(version) => {
                    return Ok(Registered {
                        found: lookup::found(&view, &subject, version)?,
                        is_new: false,
                    });
                }
                Decision::Write(new) => new,
            };
            let store = match held {
                Some(store) => store,
                None => Arc::clone(&self.inner.store).lock_owned().await,
            };
            if !new.still_holds(&self.view()) {
                continue;
            }
            let inner = Arc::clone(&self.inner);
            let written = tokio::spawn(async move { inner.write_version(store, *new).await });
            if let Some(found) = written.await.map_err(|_| RegistryError::Broken)?? {
                return Ok(Registered { found, is_new: true });
            }
        }
        Err(RegistryError::Contended)
    }

    /// Finds the version of a subject that holds a schema.
    ///
    /// # Errors
    /// As [`lookup::by_content`].
    pub async fn look_up(&self, subject: &str, request: RegisterRequest) -> Result<Found, RegistryError> {
        let (view, subject) = (self.view(), subject.to_owned());
        off_thread(move || lookup::by_content(&view, &subject, &request)).await?
    }

    /// A schema's text in the format a client asks for; an unknown format means the stored text.
    ///
    /// # Errors
    /// The stored text cannot be read any more.
    pub async fn text(&self, stored: &Arc<Stored>, format: &str) -> Result<Arc<str>, RegistryError> {
        if !format::needs_work(stored, format) {
            return Ok(Arc::clone(stored.text()));
        }
        let (view, stored, format) = (self.view(), Arc::clone(stored), format.to_owned());
        off_thread(move || format::text(&view, &stored, &format)).await?
    }

    /// Judges a schema against a subject: against one version, or as registering it would.
    ///
    /// # Errors
    /// The version is not there, or the schema is invalid.
    pub async fn judge(
        &self,
        subject: &str,
        against: Option<VersionSpec>,
        request: RegisterRequest,
    ) -> Result<Verdict, RegistryError> {
        let (view, subject) = (self.view(), subject.to_owned());
        off_thread(move || judge(&view, &subject, against, &request)).await?
    }

    /// Merges an update into a subject's settings, or into the global ones; answers the result.
    ///
    /// # Errors
    /// The update or the subject is invalid.
    pub async fn update_config(
        &self,
        subject: Option<&str>,
        update: Map<String, Value>,
    ) -> Result<Config, RegistryError> {
        subject.map_or(Ok(()), register::check_subject)?;
        let change = move |old: Option<&Config>| {
            let base = old.cloned().unwrap_or_default();
            base.merged(&update).map(|config| (Some(config.clone()), config))
        };
        self.change_config(subject, change).await
    }

    /// Clears a subject's settings, or the global ones; answers what they were.
    ///
    /// # Errors
    /// [`RegistryError::SubjectNotFound`] when the subject has none.
    pub async fn clear_config(&self, subject: Option<&str>) -> Result<Config, RegistryError> {
        let name = subject.map(str::to_owned);
        let change = move |old: Option<&Config>| match (old, name) {
            (Some(old), _) => Ok((None, old.clone())),
            (None, Some(name)) => Err(RegistryError::SubjectNotFound(name)),
            (None, None) => Ok((None, Config::default())),
        };
        self.change_config(subject, change).await
    }

    /// Closes the store. What is registered can still be read; nothing can be written any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.store.lock().await.close().await
    }

    async fn change_config(
        &self,
        subject: Option<&str>,
        change: impl FnOnce(Option<&Config>) -> Result<(Option<Config>, Config), RegistryError> + Send + 'static,
    ) -> Result<Config, RegistryError> {
        let (inner, subject) = (Arc::clone(&self.inner), subject.map(str::to_owned));
        let written = tokio::spawn(async move {
            let store = Arc::clone(&inner.store).lock_owned().await;
            let view = inner.view.load_full();
            let old = match &subject {
                Some(name) => view.subject_config(name),
                None => Some(view.global_config()),
            };
            let (new, answer) = change(old.map(|old| old.as_ref()))?;
            inner.write_config(store, subject.as_deref(), new).await?;
            Ok(answer)
        });
        written.await.map_err(|_| RegistryError::Broken)?
    }
}

impl Inner {
    /// Writes a version; `None` when the store knows of something the decision did not, and the view has caught up.
    async fn write_version(
        &self,
        mut store: OwnedMutexGuard<Store>,
        new: NewVersion,
    ) -> Result<Option<Found>, RegistryError> {
        let now_ms = (self.clock)();
        let inserted = match store.insert_version(&new, now_ms).await {
            Ok(inserted) => inserted,
            Err(error) => return Err(self.recover(&mut store, error).await.into()),
        };
        let Inserted::Version {
            id,
            schema_registered_ms,
        } = inserted
        else {
            let view = store.load().await?;
            self.swap(view);
            return Ok(None);
        };
        let version = VersionView {
            version: new.version,
            id,
            registered_ms: now_ms,
        };
        let mut view = View::clone(&self.view.load());
        let stored = view.schema(id).cloned().unwrap_or_else(|| {
            let Candidate { content, parsed, .. } = new.candidate;
            Arc::new(Stored::new(
                id,
                new.guid,
                content,
                schema_registered_ms,
                Some(parsed),
            ))
        });
        view.insert_version(&new.subject, version, &stored);
        self.swap(view);
        Ok(Some(Found {
            subject: new.subject,
            version,
            stored,
        }))
    }

    async fn write_config(
        &self,
        mut store: OwnedMutexGuard<Store>,
        subject: Option<&str>,
        config: Option<Config>,
    ) -> Result<(), RegistryError> {
        if let Err(error) = store.put_config(subject, config.as_ref()).await {
            return Err(self.recover(&mut store, error).await.into());
        }
        let mut view = View::clone(&self.view.load());
        view.set_config(subject, config);
        self.swap(view);
        Ok(())
    }

    /// After a failed write nobody knows what the store holds: it is read again.
    async fn recover(&self, store: &mut Store, error: StoreError) -> StoreError {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a write to the schema store failed"
        );
        match store.load().await {
            Ok(view) => self.swap(view),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the schema store cannot be read back; what was registered before is still served"
            ),
        }
        error
    }

    fn swap(&self, view: View) {
        let view = Arc::new(view);
        self.view.store(Arc::clone(&view));
        for hook in self.hooks.read().unwrap_or_else(PoisonError::into_inner).iter() {
            hook(&view);
        }
    }
}

fn judge(
    view: &View,
    subject: &str,
    against: Option<VersionSpec>,
    request: &RegisterRequest,
) -> Result<Verdict, RegistryError> {
    let versions = view.subject(subject);
    let olds: Vec<VersionView> = match against {
        None => versions.map_or_else(Vec::new, |versions| versions.versions.values().copied().collect()),
        Some(VersionSpec::Latest) => versions
            .and_then(|versions| versions.latest())
            .into_iter()
            .collect(),
        Some(VersionSpec::Number(number)) => {
            let version = versions.and_then(|versions| versions.version(number));
            vec![version.ok_or_else(|| RegistryError::VersionNotFound(number.to_string()))?]
        }
    };
    let scope = view.config_in_scope(subject);
    let candidate = Candidate::read(view, request, request.normalize || scope.normalize == Some(true))?;
    Ok(verdict::judge(view, &scope, &candidate, &olds))
}

/// Runs work whose length a client decides where it cannot hold up other requests.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RegistryError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| RegistryError::Broken)
}
