//! Three nodes on one PostgreSQL: many clients register at all of them at once while the database is restarted under
//! them, softly and as by a crash. What was answered is there afterwards, once, on every node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::postgres::Postgres;
use crate::server::Server;

const NODES: usize = 3;
const CLIENTS: usize = 64;
/// Registrations of each client.
const STEPS: usize = 24;
/// How long one registration is tried again, and how long a node may take to see what another one wrote.
const PATIENCE: Duration = Duration::from_secs(120);
/// A node that hears of a commit sees it within this time, on a machine with anything else to do.
const FRESH: Duration = Duration::from_secs(8);

/// What a client was told.
struct Told {
    subject: String,
    schema: String,
    id: u64,
    version: u64,
    tries: usize,
}

/// Subject and schema with their id and version.
type Standing = BTreeMap<(String, String), (u64, u64)>;

struct Client {
    agent: ureq::Agent,
    nodes: Arc<Vec<String>>,
}

impl Client {
    fn new(nodes: &Arc<Vec<String>>) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        Client {
            agent: config.into(),
            nodes: Arc::clone(nodes),
        }
    }

    /// Status and body; status 0 when there was no answer.
    fn post(&self, node: usize, path: &str, body: &Value) -> (u16, Value) {
        answer(
            self.agent
                .post(format!("{}{path}", self.nodes[node]))
                .send_json(body),
        )
    }

    fn get(&self, node: usize, path: &str) -> (u16, Value) {
        answer(self.agent.get(format!("{}{path}", self.nodes[node])).call())
    }

    /// Registers, again and again while the answer is that of a database that is away; then reads it from the same node.
    fn register(&self, node: usize, subject: &str, schema: &str) -> Told {
        let (body, start) = (json!({ "schema": schema }), Instant::now());
        let mut tries = 0;
        let id = loop {
            tries += 1;
            let (status, answer) = self.post(node, &format!("/subjects/{subject}/versions"), &body);
            match status {
                200 => break answer["id"].as_u64().unwrap(),
                0 | 500.. if start.elapsed() < PATIENCE => {}
                _ => panic!("{subject} on node {node}, try {tries}: {status} {answer}"),
            }
        };
        let (status, stored) = self.get(node, &format!("/schemas/ids/{id}"));
        assert_eq!(
            (status, stored["schema"].as_str()),
            (200, Some(schema)),
            "{subject}: its own write"
        );
        let (status, found) = self.post(node, &format!("/subjects/{subject}"), &body);
        assert_eq!(
            (status, found["id"].as_u64()),
            (200, Some(id)),
            "{subject}: its own write"
        );
        Told {
            subject: subject.to_owned(),
            schema: schema.to_owned(),
            id,
            version: found["version"].as_u64().unwrap(),
            tries,
        }
    }

    /// Everything that stands on a node: subject and schema with id and version.
    fn everything(&self, node: usize) -> Standing {
        let mut everything = Standing::new();
        loop {
            let (status, page) = self.get(node, &format!("/schemas?limit=500&offset={}", everything.len()));
            assert_eq!(status, 200, "{page}");
            let page = page.as_array().unwrap();
            if page.is_empty() {
                return everything;
            }
            for row in page {
                let text = |field: &str| row[field].as_str().unwrap().to_owned();
                let number = |field: &str| row[field].as_u64().unwrap();
                let place = (text("subject"), text("schema"));
                let before = everything.insert(place, (number("id"), number("version")));
                assert!(before.is_none(), "stands twice: {row}");
            }
        }
    }

    /// How long until a node knows a schema.
    fn until_known(&self, node: usize, id: u64) -> Duration {
        let start = Instant::now();
        while self.get(node, &format!("/schemas/ids/{id}")).0 != 200 {
            assert!(start.elapsed() < FRESH, "node {node} does not see id {id}");
        }
        start.elapsed()
    }
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let Ok(mut response) = result else {
        return (0, Value::Null);
    };
    let status = response.status().as_u16();
    match response.body_mut().with_config().limit(1 << 30).read_json() {
        Ok(body) => (status, body),
        Err(_) => (0, Value::Null),
    }
}

/// A schema like no other of that name, in its stored form.
fn schema(name: &str) -> String {
    format!("{{\"type\":\"enum\",\"name\":\"{name}\",\"symbols\":[\"A\"]}}")
}

/// One client's work: schemas of its own under a subject of its own, under one that all share, and the same schemas as
/// everybody under both.
fn work(client: &Client, number: usize, done: &Sender<()>) -> Vec<Told> {
    let mut told = Vec::new();
    for step in 0..STEPS {
        let own = format!("own-{number}");
        let (subject, schema) = match step % 4 {
            0 => (own, schema(&format!("Own_{number}_{step}"))),
            1 => ("shared".to_owned(), schema(&format!("Shared_{number}_{step}"))),
            2 => (
                "same".to_owned(),
                schema(&format!("Same_{}", (number + step) % 16)),
            ),
            _ => (own, schema(&format!("Same_{}", (number + step) % 16))),
        };
        let node = (number + step) % NODES;
        let first = client.register(node, &subject, &schema);
        // An answer that got lost is asked for again, and perhaps elsewhere.
        if step % 3 == 0 {
            let again = client.register((node + 1) % NODES, &subject, &schema);
            assert_eq!(
                (again.id, again.version),
                (first.id, first.version),
                "{subject}: asked again"
            );
        }
        told.push(first);
        // Whoever counts stops counting after the last restart.
        let _ = done.send(());
    }
    told
}

/// What all clients were told fits together, and is what the node holds.
fn check(node: usize, everything: &Standing, told: &[Told]) {
    let mut wanted = Standing::new();
    for told in told {
        let place = (told.subject.clone(), told.schema.clone());
        let known = *wanted.entry(place).or_insert((told.id, told.version));
        assert_eq!(
            known,
            (told.id, told.version),
            "all are told the same of {}",
            told.subject
        );
    }
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(place, row)| everything.get(*place) != Some(row))
        .collect();
    let surplus: Vec<_> = everything
        .keys()
        .filter(|place| !wanted.contains_key(*place))
        .collect();
    assert!(
        missing.is_empty(),
        "node {node} holds not what was answered: {} such as {:?}",
        missing.len(),
        missing[0]
    );
    assert!(
        surplus.is_empty(),
        "node {node} holds what nobody registered: {} such as {:?}",
        surplus.len(),
        surplus[0]
    );
    let by_schema: BTreeMap<&str, u64> = wanted
        .iter()
        .map(|((_, schema), (id, _))| (schema.as_str(), *id))
        .collect();
    let ids: BTreeSet<u64> = wanted.values().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), by_schema.len(), "one id for each schema");
    assert!(
        ids.iter().copied().eq(1..=ids.len() as u64),
        "ids have no gaps: {ids:?}"
    );
    let mut versions: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for ((subject, _), (_, version)) in &wanted {
        assert!(
            versions.entry(subject).or_default().insert(*version),
            "{subject} has one version {version}"
        );
    }
    for (subject, versions) in versions {
        assert!(
            versions.iter().copied().eq(1..=versions.len() as u64),
            "{subject}: {versions:?}"
        );
    }
}

#[test]
fn three_nodes_on_one_postgresql() {
    let Some(postgres) = Postgres::start("three nodes on one PostgreSQL") else {
        return;
    };
    let url = postgres.database("registry");
    // All at once, on an empty database: one of them makes the tables.
    let servers: Vec<Server> = thread::scope(|scope| {
        let starting: Vec<_> = (0..NODES)
            .map(|_| scope.spawn(|| Server::start(&["--database", &url])))
            .collect();
        starting
            .into_iter()
            .map(|server| server.join().unwrap())
            .collect()
    });
    let nodes = Arc::new(
        servers
            .iter()
            .map(|server| server.http.clone())
            .collect::<Vec<_>>(),
    );
    let client = Client::new(&nodes);
    let set = client
        .agent
        .put(format!("{}/config", nodes[0]))
        .send_json(json!({"compatibility": "NONE"}));
    assert_eq!(answer(set).0, 200);
    for node in 0..NODES {
        let start = Instant::now();
        while client.get(node, "/config").1["compatibilityLevel"] != "NONE" {
            assert!(start.elapsed() < FRESH, "node {node} does not see the setting");
        }
    }

    let start = Instant::now();
    let (done, doing) = mpsc::channel();
    let told: Vec<Told> = thread::scope(|scope| {
        let workers: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (nodes, done) = (&nodes, done.clone());
                scope.spawn(move || work(&Client::new(nodes), number, &done))
            })
            .collect();
        drop(done);
        let restarts = ["immediate", "fast", "immediate", "fast"];
        for mode in restarts {
            let part = CLIENTS * STEPS / (restarts.len() + 1);
            assert_eq!(doing.iter().take(part).count(), part, "a client gave up");
            let start = Instant::now();
            postgres.restart(mode);
            println!("PostgreSQL restarted ({mode}) in {:?}", start.elapsed());
        }
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    let took = start.elapsed();

    let last = told.iter().map(|told| told.id).max().unwrap();
    for node in 0..NODES {
        client.until_known(node, last);
        check(node, &client.everything(node), &told);
    }
    let asked_again = told.iter().filter(|told| told.tries > 1).count();
    println!(
        "{} registrations by {CLIENTS} clients on {NODES} nodes in {took:.1?}: {:.0} a second; {asked_again} were asked \
         again by the client; ids to {last}",
        told.len(),
        told.len() as f64 / took.as_secs_f64(),
    );

    // What one node writes the others see soon, and also when nobody told them: their listeners' connections are cut.
    let mut stale = Vec::new();
    for step in 0..30 {
        let cut = step % 10 == 9;
        if cut {
            postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
        }
        let written = client.register(step % NODES, "late", &schema(&format!("Late_{step}")));
        let others = (1..NODES).map(|other| client.until_known((step + other) % NODES, written.id));
        stale.push((others.max().unwrap(), cut));
    }
    stale.sort();
    let median = stale[stale.len() / 2].0;
    let worst = |cut: bool| {
        stale
            .iter()
            .filter(|stale| stale.1 == cut)
            .map(|stale| stale.0)
            .max()
            .unwrap()
    };
    println!(
        "another node sees a write after {median:.1?} (median), at worst {:.1?}, and {:.1?} when its listener was cut off",
        worst(false),
        worst(true),
    );
    for server in servers {
        server.stop();
    }
}
