//! What Prometheus reads at `/metrics`: the figures of every part of the server, in its text format 0.0.4.
//!
//! A metric is a row of one table (`table.rs`), from which `# HELP` and `# TYPE` are written and a golden file of the names is
//! made. Nothing is counted here: every figure is read from the part that owns it when somebody asks. Names that dashboards know are kept: those of kafka_exporter for topics and groups, those that the JMX
//! exporter makes of Kafka's own beans for the broker; what has none begins with `annals_`.
//!
//! Bounded: at most `ROWS_MAX` rows of a kind that grows with partitions or groups; how many were left out is a metric.

mod collect;
mod process;
mod table;
mod text;

use std::sync::Arc;

use annals_broker::{Broker, LogState};
use annals_event_store::EventStore;

use crate::http::Requests;
use crate::service::Registry;

/// Rows of one metric with a row a partition, or a group's partition: 30 MB of text at the very most.
const ROWS_MAX: usize = 20_000;

/// The parts of a server that have figures.
#[derive(Clone)]
pub struct Sources {
    /// The log.
    pub broker: Broker,
    /// The folds.
    pub events: Arc<EventStore>,
}

/// The figures of a server.
#[derive(Clone, Default)]
pub struct Metrics {
    sources: Option<Sources>,
    requests: Arc<Requests>,
    /// One answer is made at a time, however many ask.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Metrics {
    /// Of a whole server. Without sources there are the figures of the registry, the process and the requests alone.
    #[must_use]
    pub fn of(sources: Sources) -> Metrics {
        Metrics {
            sources: Some(sources),
            ..Metrics::default()
        }
    }

    /// The counts of requests.
    pub(crate) fn requests(&self) -> &Arc<Requests> {
        &self.requests
    }

    /// All figures now, in the text format; `log` is how the log is.
    pub(crate) async fn text(&self, registry: &Registry, log: LogState) -> String {
        let _turn = self.turn.lock().await;
        let (metrics, view) = (self.clone(), registry.view());
        let made = tokio::task::spawn_blocking(move || {
            let mut text = text::Text::new(ROWS_MAX);
            if let Some(sources) = &metrics.sources {
                collect::broker(&sources.broker, &mut text);
                collect::events(&sources.events, &mut text);
            }
            collect::log(&log, &mut text);
            collect::registry(&view, &mut text);
            collect::requests(&metrics.requests, &mut text);
            process::write(&mut text);
            text.finish()
        });
        made.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the metrics could not be made");
            String::new()
        })
    }
}
