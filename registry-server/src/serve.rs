//! The wiring: opens every room, introduces them to each other, and closes them in the right order.
//!
//! Schemas before the log (the guard judges by them), the log before the listeners, the listeners before the demo. On
//! the way down the listeners stop first, so that nothing is acknowledged that is not synced and closed properly.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annals_broker::{Broker, BrokerConfig, BrokerError, MetaError, TopicError};
use annals_event_store::{EventStore, http as audit};
use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::console::{self, Console};
use crate::demo::{self, Played};
use crate::descriptors;
use crate::folds::Folds;
use crate::guard::SchemaGuard;
use crate::http::serve::ServeLimits;
use crate::http::{self, ApiShape, AppState, Ready};
use crate::listeners::{self, Bound, KafkaListener};
use crate::memory;
use crate::metrics::{Metrics, Sources};
use crate::resolve::RegistryResolve;
use crate::service::Registry;
use crate::store::Database;

/// How often the fold files are looked at. One that changed is taken at the second look that finds it the same.
const FOLDS_LOOK: Duration = Duration::from_millis(500);

/// What a server is told when it starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything is kept: `registry.db`, the log, and the fold files in `folds/`.
    pub data_dir: PathBuf,
    /// Where Kafka clients come in; port 0 takes a free one. The first is what the console and the demo use.
    pub kafka: Vec<KafkaListener>,
    /// Address of the HTTP listener; port 0 takes a free one.
    pub http_listen: String,
    /// Where schemas are kept; `None` is `registry.db` in the data folder.
    pub database: Option<Database>,
    /// Which generation of the registry API answers are shaped for.
    pub api_shape: ApiShape,
}

/// What a person can do about a server that does not start, where that is known.
#[must_use]
pub fn help_with(error: &anyhow::Error) -> Option<String> {
    let is_full = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull)
            || cause.to_string().contains("database or disk is full")
    };
    if error.chain().any(is_full) {
        return Some("the disk is full: free some space, then start again; nothing was lost".to_owned());
    }
    if let Some(BrokerError::Topics(TopicError::Meta(MetaError::Lost(_)))) = error.downcast_ref() {
        return Some(
            "restore the file from a backup; `annals log check` says what is lost, and `annals log repair` mends \
             what can be mended"
                .to_owned(),
        );
    }
    None
}

/// A running server.
pub struct Server {
    registry: Registry,
    broker: Broker,
    events: Arc<EventStore>,
    folds: Arc<Folds>,
    folds_dir: PathBuf,
    /// The Kafka listeners: where each is, and where its clients are told to connect to.
    kafka: Vec<(SocketAddr, String)>,
    http: SocketAddr,
    ready: Ready,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Server {
    /// Open the data, bind both ports, and serve.
    ///
    /// # Errors
    /// A taken port, a data folder in use or on a full disk, a damaged log of topics, each with what to do.
    pub async fn start(options: Options) -> anyhow::Result<Server> {
        let Options {
            data_dir,
            kafka,
            http_listen,
            database,
            api_shape,
        } = options;
        // Ports first: the commonest mistake should not touch the data.
        let mut bound = Vec::with_capacity(kafka.len());
        for listener in &kafka {
            bound.push(listener.bind().await?);
        }
        let http_listener = listeners::bind(&http_listen, "--http-listen").await?;
        let http = http_listener.local_addr()?;
        let descriptors = descriptors::claim();
        memory::keep_freed();

        // An empty folder for folds says where they go.
        let (folds_dir, log_dir) = (data_dir.join("folds"), data_dir.join("log"));
        annals_broker::create_folder(&data_dir)
            .and_then(|()| annals_broker::create_folder(&folds_dir))
            .and_then(|()| annals_broker::try_room(&data_dir, &log_dir))
            .with_context(|| format!("cannot write to {}", data_dir.display()))?;
        let database = database.unwrap_or_else(|| Database::Sqlite(data_dir.join("registry.db")));
        let registry = Registry::open(&database, now_ms, descriptors.waiting_writes()).await?;
        let guard = Arc::new(SchemaGuard::new(registry.clone()));
        let config = BrokerConfig {
            connections_max: descriptors.kafka_connections,
            partitions_max: descriptors.partitions,
            ..BrokerConfig::default()
        };
        let log_guard = Arc::clone(&guard);
        let broker = tokio::task::spawn_blocking(move || Broker::open(&log_dir, config, log_guard)).await??;
        let events = Arc::new(EventStore::new(Arc::new(RegistryResolve::new(registry.clone()))));
        let resolve = RegistryResolve::new(registry.clone());
        let folds = Arc::new(Folds::new(
            folds_dir.clone(),
            broker.clone(),
            resolve,
            Arc::clone(&events),
        ));

        let asked = broker.clone();
        let ready = Ready::with_log(move || asked.log_state());
        let mut server = Server {
            registry,
            broker,
            events,
            folds,
            folds_dir,
            kafka: bound.iter().map(|bound| (bound.address, bound.told())).collect(),
            http,
            ready,
            stop: watch::Sender::new(false),
            tasks: Vec::new(),
        };
        server.refresh_folds().await?;
        server.follow_changes();
        for bound in bound {
            server.serve_kafka(bound);
        }
        let limits = ServeLimits {
            connections_max: descriptors.http_connections,
            ..ServeLimits::default()
        };
        server.serve_http(http_listener, guard, api_shape, limits);
        Ok(server)
    }

    /// Where the Kafka listeners are, and the `HOST:PORT` that each tells its clients.
    #[must_use]
    pub fn kafka(&self) -> &[(SocketAddr, String)] {
        &self.kafka
    }

    /// The first Kafka listener, as a client on this machine reaches it.
    fn bootstrap(&self) -> String {
        self.kafka
            .first()
            .map_or_else(String::new, |(address, _)| address.to_string())
    }

    /// Where the HTTP listener is.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// From now on `/readyz` says 200, as long as the log takes records.
    pub fn set_ready(&self) {
        self.ready.set(true);
    }

    /// Fill an empty server with the example company; returns when its aggregates can be asked for.
    ///
    /// # Errors
    /// As [`demo::play`].
    pub async fn play_demo(&self) -> anyhow::Result<Played> {
        let http = format!("http://{}", self.http);
        let played = demo::play(&self.broker, &self.bootstrap(), &http, &self.folds_dir).await?;
        let folds = Arc::clone(&self.folds);
        tokio::task::spawn_blocking(move || folds.take()).await?;
        let events = Arc::clone(&self.events);
        let caught_up = tokio::task::spawn_blocking(move || events.caught_up()).await?;
        match played {
            Played::Now { .. } => caught_up?,
            // What was damaged since is shown, and keeps nobody from the rest.
            _ => caught_up.unwrap_or_else(|error| tracing::error!(%error, "events cannot be read")),
        }
        Ok(played)
    }

    /// Serve until `stop` resolves (or a listener fails), then close everything in order.
    ///
    /// # Errors
    /// What a listener failed with, or what could not be closed.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let mut ended = self.stop.subscribe();
        tokio::select! {
            () = stop => {}
            _ = ended.wait_for(|stopped| *stopped) => {}
        }
        self.ready.set(false);
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            task.await??;
        }
        let broker = self.broker.clone();
        tokio::task::spawn_blocking(move || broker.close()).await??;
        self.registry.close().await?;
        Ok(())
    }

    fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // The sender lives as long as the server; if it is gone, it is time to stop as well.
            let _ = stop.wait_for(|stopped| *stopped).await;
        }
    }

    fn serve_kafka(&mut self, bound: Bound) {
        let (broker, stopped, stop) = (self.broker.clone(), self.stopped(), self.stop.clone());
        self.tasks.push(tokio::spawn(async move {
            let result = broker.serve(bound.listener, bound.advertised, stopped).await;
            // One listener without the other is not a server.
            stop.send_replace(true);
            Ok(result?)
        }));
    }

    fn serve_http(
        &mut self,
        listener: TcpListener,
        guard: Arc<SchemaGuard>,
        shape: ApiShape,
        limits: ServeLimits,
    ) {
        let answers = audit::Answers::default();
        let pages = console::routes(Console {
            answers: answers.clone(),
            registry: self.registry.clone(),
            broker: self.broker.clone(),
            events: Arc::clone(&self.events),
            guard,
            kafka: self
                .kafka
                .iter()
                .map(|(_, told)| told.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            http: self.http.to_string(),
            now_ms,
        });
        let state = AppState {
            registry: self.registry.clone(),
            ready: self.ready.clone(),
            cluster_id: self.broker.cluster_id().into(),
            shape,
            metrics: Metrics::of(Sources {
                broker: self.broker.clone(),
                events: Arc::clone(&self.events),
            }),
        };
        let folds = http::folds::routes(Arc::new(now_ms), answers.clone());
        let audit = audit::routes(Arc::new(now_ms), answers).with_state(Arc::clone(&self.events));
        let audit = audit.merge(folds.with_state(Arc::clone(&self.folds)));
        let router = http::assemble(state, audit, pages);
        let (stopped, stop) = (self.stopped(), self.stop.clone());
        self.tasks.push(tokio::spawn(async move {
            let result = http::serve::serve(listener, router, limits, stopped).await;
            stop.send_replace(true);
            Ok(result?)
        }));
    }

    async fn refresh_folds(&self) -> anyhow::Result<()> {
        let folds = Arc::clone(&self.folds);
        Ok(tokio::task::spawn_blocking(move || folds.refresh()).await?)
    }

    /// Folds follow their files, topics and schemas, off the path of whoever changed them.
    fn follow_changes(&mut self) {
        let changed = Arc::new(Notify::new());
        let on_topics = Arc::clone(&changed);
        self.broker
            .on_topics_changed(Box::new(move |_| on_topics.notify_one()));
        let on_schemas = Arc::clone(&changed);
        self.registry
            .on_changed(Box::new(move |_| on_schemas.notify_one()));
        let (folds, stopped) = (Arc::clone(&self.folds), self.stopped());
        self.tasks.push(tokio::spawn(async move {
            tokio::pin!(stopped);
            let mut looks = tokio::time::interval(FOLDS_LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let bring_up = tokio::select! {
                    () = &mut stopped => return Ok(()),
                    () = changed.notified() => Folds::refresh,
                    _ = looks.tick() => Folds::look,
                };
                let folds = Arc::clone(&folds);
                tokio::task::spawn_blocking(move || bring_up(&folds)).await?;
            }
        }));
    }
}

/// The wall clock, in milliseconds since 1970.
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
