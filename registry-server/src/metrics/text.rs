//! The text format: <https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4.
//!
//! Invariant: the rows of one metric stand together, whatever the order they come in; labels are those of the table.

use std::fmt::Write as _;

use annals_broker::Timed;

use super::table::{Row, TABLE};

/// An answer while it is made.
pub(super) struct Text {
    rows_max: usize,
    /// By metric: its rows, and how many there are.
    bodies: Vec<(String, usize)>,
}

impl Text {
    pub(super) fn new(rows_max: usize) -> Text {
        Text {
            rows_max,
            bodies: vec![(String::new(), 0); TABLE.len()],
        }
    }

    /// A figure of a metric; `labels` are the values of its labels.
    pub(super) fn add(&mut self, row: Row, labels: &[&str], value: impl std::fmt::Display) {
        let metric = &TABLE[row as usize];
        let Some(body) = self.room_for(row) else {
            return;
        };
        body.push_str(metric.name);
        pairs(body, metric.labels.iter().copied().zip(labels.iter().copied()));
        // Writing to a string cannot fail.
        let _ = writeln!(body, " {value}");
    }

    /// What took time.
    pub(super) fn timed(&mut self, row: Row, labels: &[&str], timed: &Timed) {
        let metric = &TABLE[row as usize];
        let Some(body) = self.room_for(row) else {
            return;
        };
        let own = || metric.labels.iter().copied().zip(labels.iter().copied());
        let bounds = timed.up_to.iter().map(|(us, count)| (seconds(*us), *count));
        for (bound, count) in bounds.chain([("+Inf".to_owned(), timed.count)]) {
            let _ = write!(body, "{}_bucket", metric.name);
            pairs(body, own().chain([("le", bound.as_str())]));
            let _ = writeln!(body, " {count}");
        }
        for (what, value) in [("sum", seconds(timed.sum_us)), ("count", timed.count.to_string())] {
            let _ = write!(body, "{}_{what}", metric.name);
            pairs(body, own());
            let _ = writeln!(body, " {value}");
        }
    }

    fn room_for(&mut self, row: Row) -> Option<&mut String> {
        let rows_max = self.rows_max;
        let (body, count) = self.bodies.get_mut(row as usize)?;
        *count += 1;
        (*count <= rows_max).then_some(body)
    }

    /// The whole answer. Metrics without rows are left out.
    pub(super) fn finish(mut self) -> String {
        let rows_max = self.rows_max;
        let counts: Vec<usize> = self.bodies.iter().map(|(_, count)| *count).collect();
        for (metric, count) in TABLE.iter().zip(counts).filter(|(_, count)| *count > rows_max) {
            self.add(Row::LeftOut, &[metric.name], count - rows_max);
        }
        let bytes: usize = self.bodies.iter().map(|(body, _)| body.len() + 200).sum();
        let mut text = String::with_capacity(bytes);
        for (metric, (body, _)) in TABLE.iter().zip(&self.bodies) {
            if !body.is_empty() {
                let (name, kind) = (metric.name, metric.kind.name());
                let _ = write!(
                    text,
                    "# HELP {name} {}\n# TYPE {name} {kind}\n{body}",
                    metric.help
                );
            }
        }
        text
    }
}

/// Microseconds as seconds, every digit of them.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn pairs<'a>(body: &mut String, labels: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut opened = false;
    for (name, value) in labels {
        body.push_str(if opened { "," } else { "{" });
        opened = true;
        body.push_str(name);
        body.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => body.push_str("\\\\"),
                '"' => body.push_str("\\\""),
                '\n' => body.push_str("\\n"),
                other => body.push(other),
            }
        }
        body.push('"');
    }
    if opened {
        body.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Kind;
    use super::*;

    /// The contract with dashboards. `UPDATE=1` rewrites the file.
    #[test]
    fn names_are_those_of_the_golden_file() {
        let mut names = "# Metrics of `/metrics`. UPDATE=1 rewrites this file.\n".to_owned();
        for metric in TABLE {
            let labels = metric.labels.join(", ");
            let _ = writeln!(names, "{} {} [{labels}]", metric.name, metric.kind.name());
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/metrics.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
            std::fs::write(path, &names).unwrap();
        }
        let golden = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            names, golden,
            "metrics have changed; look at it, then write it with UPDATE=1"
        );
    }

    #[test]
    fn rows_of_the_table_are_sound() {
        let mut names = std::collections::BTreeSet::new();
        for metric in TABLE {
            let name = metric.name;
            assert!(names.insert(name), "{name} is there twice");
            assert!(!metric.help.contains(['\n', '\\']), "{name}");
            assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        }
    }

    #[test]
    fn rows_stand_together_and_labels_are_escaped() {
        let mut text = Text::new(2);
        text.add(Row::LogSize, &["a\"b\\c\nd"], 1);
        text.add(Row::Connections, &[], 7);
        text.add(Row::LogSize, &["b"], 2.5);
        text.add(Row::LogSize, &["c"], 3);
        let timed = Timed {
            up_to: vec![(100, 1), (1_000_000, 2)],
            count: 3,
            sum_us: 2_500_100,
        };
        text.timed(Row::Syncs, &[], &timed);
        let wanted = "\
# HELP kafka_log_log_size Bytes of a topic's log files
# TYPE kafka_log_log_size gauge
kafka_log_log_size{topic=\"a\\\"b\\\\c\\nd\"} 1
kafka_log_log_size{topic=\"b\"} 2.5
# HELP kafka_server_socketservermetrics_connection_count Open connections of Kafka clients
# TYPE kafka_server_socketservermetrics_connection_count gauge
kafka_server_socketservermetrics_connection_count 7
# HELP annals_log_sync_seconds How long syncs of partitions took
# TYPE annals_log_sync_seconds histogram
annals_log_sync_seconds_bucket{le=\"0.0001\"} 1
annals_log_sync_seconds_bucket{le=\"1\"} 2
annals_log_sync_seconds_bucket{le=\"+Inf\"} 3
annals_log_sync_seconds_sum 2.5001
annals_log_sync_seconds_count 3
# HELP annals_metrics_left_out Rows of a metric that were left out of this answer, as there are too many
# TYPE annals_metrics_left_out gauge
annals_metrics_left_out{metric=\"kafka_log_log_size\"} 1
";
        assert_eq!(text.finish(), wanted);
    }
}
