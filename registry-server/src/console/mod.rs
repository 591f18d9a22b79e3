//! The console: pages for people, readable without JavaScript, every value written as text by Rust.
//!
//! One file a page. A page asks the registry's view, the broker or the event store, and fills a template; it decides
//! nothing. Long lists are shown part by part, long values are cut short with a link to the whole. The URL is the
//! whole state of a page, so any page can be mailed to an auditor. Left out: anything that
//! writes.

mod aggregate;
mod assets;
mod event;
mod evidence;
mod fields;
mod home;
mod json_text;
mod page;
mod pager;
mod population;
mod schemas;
mod topics;

use std::sync::Arc;

use annals_broker::Broker;
use annals_event_store::EventStore;
use annals_event_store::http::Answers;
use axum::Router;
use axum::routing::get;

use crate::guard::SchemaGuard;
use crate::service::Registry;

/// What the pages look at.
#[derive(Clone)]
pub struct Console {
    /// Schemas.
    pub registry: Registry,
    /// Topics.
    pub broker: Broker,
    /// Aggregates.
    pub events: Arc<EventStore>,
    /// The budget of answers under way, shared with the audit routes.
    pub answers: Answers,
    /// How topics are checked.
    pub guard: Arc<SchemaGuard>,
    /// Where Kafka clients connect.
    pub kafka: String,
    /// Where registry clients connect.
    pub http: String,
    /// The clock, for times such as `-2h`.
    pub now_ms: fn() -> i64,
}

/// Every page and asset.
pub fn routes(console: Console) -> Router {
    Router::new()
        .route("/console", get(home::show))
        .route("/console/", get(home::show))
        .route("/console/jump", get(home::jump))
        .route("/console/topics", get(topics::list))
        .route("/console/topics/{name}", get(topics::show))
        .route("/console/schemas", get(schemas::list))
        .route("/console/schemas/{subject}", get(schemas::show))
        .route("/console/aggregates", get(population::list))
        .route("/console/aggregates/{name}", get(population::show))
        .route("/console/aggregates/{name}/{id}", get(aggregate::show))
        .route("/console/assets/{file}", get(assets::serve))
        .route("/console/{*rest}", get(page::nowhere))
        .with_state(Arc::new(console))
}
