//! The registry in service: one current view for all readers, one writer for everything that changes it.
//!
//! What costs time (parsing, comparing) is done on a view, off the async threads and without holding anybody up; the
//! writer then only looks whether the decision still holds (`NewVersion::changes`).
//!
//! `registry/` decides and knows nothing of this folder; `store/` keeps what was decided. Here they meet.

mod error;
mod queue;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use annals_schema_model::{ParseError, Policy, SchemaId, SchemaType};
use arc_swap::ArcSwap;
use serde_json::{Map, Value};

pub use self::error::ServiceError;
use self::{
    queue::{Queue, WriteLimits},
    writer::Shared,
};
use crate::{
    registry::{
        Commit, Config, Deleted, Found, Mode, NewVersion, Qualified, RegisterRequest, RegistryError, Stored,
        Verdict, VersionSpec, VersionView, View, config, delete, format, forms, lookup, mode,
        register::{self, Decision},
        verdict,
    },
    store::{Database, Listener, Store, StoreError},
};

/// How often a registration is decided beside the writer before it is decided by it.
const OPTIMISTIC_ATTEMPTS: usize = 3;
/// The longest Avro text that is read in some tens of microseconds.
const QUICK_TEXT_BYTES_MAX: usize = 4 * 1024;

/// The registry. Clones are handles to the same one.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
    queue: Queue,
    /// Whether other nodes write to the same database.
    is_shared: bool,
}

/// A registration's outcome.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Where the schema stands.
    pub found: Found,
    /// Whether this registration made the version.
    pub is_new: bool,
    /// Why a schema that was imported as it is cannot be read here.
    pub unread: Option<ParseError>,
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
    /// Opens the registry in a database. `clock` gives milliseconds since 1970; `waiting_writes` may wait for it at once.
    ///
    /// # Errors
    /// The database cannot be opened, read or brought up to date.
    pub async fn open(
        database: &Database,
        clock: fn() -> i64,
        waiting_writes: usize,
    ) -> Result<Registry, StoreError> {
        let store = Store::open(database).await?;
        // Listening begins before reading, so that nothing falls between the two.
        let listener = store.listener().await?;
        let is_shared = listener.is_some();
        Registry::on(store, listener, is_shared, clock, WriteLimits::of(waiting_writes)).await
    }

    async fn on(
        mut store: Store,
        listener: Option<Listener>,
        is_shared: bool,
        clock: fn() -> i64,
        limits: WriteLimits,
    ) -> Result<Registry, StoreError> {
        let everything = store.changes_since(Commit::default()).await?;
        let mut view = View::default();
        writer::catch_up(&mut view, &everything);
        drop(everything);
        let view = add_missing_forms(&mut store, view).await?;
        let shared = Arc::new(Shared {
            view: ArcSwap::from_pointee(view),
            hooks: RwLock::default(),
            clock,
        });
        let queue = Queue::start(Arc::clone(&shared), store, listener, limits);
        Ok(Registry {
            shared,
            queue,
            is_shared,
        })
    }

    /// Everything that is registered now.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.shared.view.load_full()
    }

    /// A look at the current view without taking a share of it: for short reads on the hot path.
    pub fn read<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.shared.view.load())
    }

    /// Catches up with what other nodes wrote, for a caller that cannot await and is about to say that something is not
    /// there; answers whether the view is up to date now. Where there are no other nodes it always is; when the database
    /// does not answer, or too many ask at once, the view stays.
    #[must_use]
    pub fn catch_up(&self) -> bool {
        !self.is_shared || self.queue.refresh_now()
    }

    /// Calls `hook` after every change, with the new view. Hooks run one after the other before the change is answered,
    /// so they must be quick and must not write to the registry.
    pub fn on_changed(&self, hook: Box<dyn Fn(&View) + Send + Sync>) {
        self.shared
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
        subject: &Qualified,
        request: RegisterRequest,
    ) -> Result<Registered, ServiceError> {
        let request = Arc::new(request);
        for _ in 0..OPTIMISTIC_ATTEMPTS {
            let view = self.view();
            let (name, asked) = (subject.clone(), Arc::clone(&request));
            let decide = move || register::decide(&view, &name, &asked);
            let decided = match self.is_quick(subject, &request) {
                true => decide(),
                false => off_thread(decide).await?,
            };
            let new = match decided? {
                Decision::Existing(version) => return registered(&self.view(), subject, version, false),
                Decision::Write(new) => Arc::<NewVersion>::from(new),
            };
            let deciding = Arc::clone(&new);
            let written = self.queue.write(move |view, now_ms| {
                Ok(match deciding.changes(view, now_ms) {
                    Some((changes, version)) => (changes, Some(version)),
                    None => (Vec::new(), None),
                })
            });
            if let Some(version) = written.await? {
                let view = self.view();
                let mut registered = registered(&view, subject, version, true)?;
                match new.parsed() {
                    Ok(parsed) if new.is_parsed_with(&view) => {
                        registered.found.stored.keep_parsed(Arc::clone(parsed));
                    }
                    Ok(_) => {}
                    Err(error) => registered.unread = Some(error.clone()),
                }
                return Ok(registered);
            }
        }
        self.register_in_turn(subject, request).await
    }

    /// Whether deciding is over before a change of threads would be: a short text, and next to nothing to compare with.
    fn is_quick(&self, subject: &Qualified, request: &RegisterRequest) -> bool {
        request.schema.len() <= QUICK_TEXT_BYTES_MAX
            && request.references.is_empty()
            && matches!(request.schema_type(), Ok(SchemaType::Avro))
            && self.read(|view| {
                view.subject(subject)
                    .is_none_or(|versions| versions.all().len() <= 1)
            })
    }

    /// Registers by deciding in the writer's turn: nobody can come in between, and everybody waits.
    async fn register_in_turn(
        &self,
        subject: &Qualified,
        request: Arc<RegisterRequest>,
    ) -> Result<Registered, ServiceError> {
        let name = subject.clone();
        let decided =
            self.queue.write_slowly(
                move |view, now_ms| match register::decide(view, &name, &request)? {
                    Decision::Existing(version) => Ok((Vec::new(), (version, false, None))),
                    Decision::Write(new) => {
                        let (changes, version) = new.changes(view, now_ms).ok_or(RegistryError::IdsUsedUp)?;
                        Ok((changes, (version, true, new.parsed().clone().err())))
                    }
                },
            );
        let (version, is_new, unread) = decided.await?;
        let registered = registered(&self.view(), subject, version, is_new)?;
        Ok(Registered { unread, ..registered })
    }

    /// Finds the version of a subject that holds a schema.
    ///
    /// # Errors
    /// As [`lookup::by_content`].
    pub async fn look_up(
        &self,
        subject: &Qualified,
        request: RegisterRequest,
        deleted: Deleted,
    ) -> Result<Found, ServiceError> {
        let (view, subject) = (self.view(), subject.clone());
        Ok(off_thread(move || lookup::by_content(&view, &subject, &request, deleted)).await??)
    }

    /// A schema's text in the format a client asks for; an unknown format means the stored text.
    ///
    /// # Errors
    /// The stored text cannot be read any more.
    pub async fn text(&self, stored: &Arc<Stored>, format: &str) -> Result<Arc<str>, ServiceError> {
        if !format::needs_work(stored, format) {
            return Ok(Arc::clone(stored.text()));
        }
        let (view, stored, format) = (self.view(), Arc::clone(stored), format.to_owned());
        Ok(off_thread(move || format::text(&view, &stored, &format)).await??)
    }

    /// Judges a schema against a subject: against one version, or as registering it would. With `by_policy` what each
    /// policy would say, all else being equal, is answered as well.
    ///
    /// # Errors
    /// The version is not there, or the schema is invalid.
    pub async fn judge(
        &self,
        subject: &Qualified,
        against: Option<VersionSpec>,
        request: RegisterRequest,
        by_policy: bool,
    ) -> Result<(Verdict, Vec<(Policy, bool)>), ServiceError> {
        let (view, subject) = (self.view(), subject.clone());
        Ok(off_thread(move || verdict::asked(&view, &subject, against, &request, by_policy)).await??)
    }

    /// Deletes a subject; answers the numbers of the versions deleted.
    ///
    /// # Errors
    /// As [`delete::subject`].
    pub async fn delete_subject(&self, name: &Qualified, permanent: bool) -> Result<Vec<u32>, ServiceError> {
        let name = name.clone();
        self.queue
            .write(move |view, _| delete::subject(view, &name, permanent))
            .await
    }

    /// Deletes a version; answers its number.
    ///
    /// # Errors
    /// As [`delete::version`].
    pub async fn delete_version(
        &self,
        name: &Qualified,
        spec: VersionSpec,
        permanent: bool,
    ) -> Result<u32, ServiceError> {
        let name = name.clone();
        self.queue
            .write(move |view, _| delete::version(view, &name, spec, permanent))
            .await
    }

    /// Removes a context without subjects.
    ///
    /// # Errors
    /// As [`delete::context`].
    pub async fn delete_context(&self, name: &str) -> Result<(), ServiceError> {
        let name = name.to_owned();
        self.queue
            .write(move |view, _| Ok((delete::context(view, &name)?, ())))
            .await
    }

    /// Merges an update into the settings of a subject, a context or all contexts; answers the result.
    ///
    /// # Errors
    /// The update or the name is invalid, or the scope is read-only.
    pub async fn update_config(
        &self,
        of: &Qualified,
        update: Map<String, Value>,
    ) -> Result<Config, ServiceError> {
        let of = of.clone();
        self.queue
            .write(move |view, _| config::update(view, &of, &update))
            .await
    }

    /// Clears the settings of a subject, a context or all contexts; answers what they were.
    ///
    /// # Errors
    /// [`RegistryError::SubjectNotFound`] when a subject has none, or the scope is read-only.
    pub async fn clear_config(&self, of: &Qualified) -> Result<Config, ServiceError> {
        let of = of.clone();
        self.queue.write(move |view, _| config::clear(view, &of)).await
    }

    /// Sets the mode of a subject, a context or all contexts; `None` clears it.
    ///
    /// # Errors
    /// As [`mode::set`].
    pub async fn set_mode(&self, of: &Qualified, new: Option<Mode>, force: bool) -> Result<(), ServiceError> {
        let of = of.clone();
        self.queue
            .write(move |view, _| Ok((mode::set(view, &of, new, force)?, ())))
            .await
    }

    /// Clears a mode; answers what it was.
    ///
    /// # Errors
    /// As [`mode::clear`].
    pub async fn clear_mode(&self, of: &Qualified, recursive: bool) -> Result<Option<Mode>, ServiceError> {
        let of = of.clone();
        self.queue
            .write(move |view, _| mode::clear(view, &of, recursive))
            .await
    }

    /// Closes the store. What is registered can still be read; nothing can be written any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close(&self) -> Result<(), StoreError> {
        self.queue.close().await
    }
}

fn registered(
    view: &View,
    subject: &Qualified,
    version: VersionView,
    is_new: bool,
) -> Result<Registered, ServiceError> {
    let found = lookup::found(view, subject, version)?;
    Ok(Registered {
        found,
        is_new,
        unread: None,
    })
}

/// Brings what an earlier version wrote up to date: see [`forms`].
async fn add_missing_forms(store: &mut Store, view: View) -> Result<View, StoreError> {
    // Parsing takes its time, and the database's lock is not to be held meanwhile.
    let worked_out = tokio::task::spawn_blocking(move || (forms::missing(&view), view));
    let (missing, mut view) = worked_out.await.map_err(|_| StoreError::Closed)?;
    if missing.is_empty() {
        return Ok(view);
    }
    let mut transaction = store.begin().await?;
    let news = transaction.changes_since(view.commit).await?;
    writer::catch_up(&mut view, &news);
    let still = missing
        .into_iter()
        .filter(|change| forms::is_still_missing(&view, change))
        .collect::<Vec<_>>();
    tracing::info!(schemas = still.len(), "worked out what schemas print as");
    transaction.write(&still).await?;
    view.commit = transaction.commit().await?;
    still.iter().for_each(|change| view.apply(change));
    Ok(view)
}

/// Runs work whose length a client decides where it cannot hold up other requests.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ServiceError::Broken)
}
