//! A real Apache Kafka on free ports: one node, KRaft, stopped when dropped.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::given;

/// Small and quick to start rather than fast.
const JVM: &[&str] = &["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// How often it is asked whether it listens.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How long it may take to start, on a machine that does much else.
const START: Duration = Duration::from_secs(180);

pub(crate) struct Kafka {
    child: Child,
    pub(crate) address: String,
    _folder: TempDir,
}

impl Kafka {
    /// Starts one, or says why not.
    pub(crate) fn start() -> Option<Kafka> {
        let made = PathBuf::from(given("Apache Kafka", "ANNALS_JAVA")?).join("kafka.classpath");
        let classpath = std::fs::read_to_string(made).unwrap();
        let java = |main: &str, args: &[&str]| {
            let mut command = Command::new("java");
            command
                .args(JVM)
                .args(["-cp", classpath.trim_end(), main])
                .args(args);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let folder = tempfile::tempdir().unwrap();
        let (port, controller) = free_ports();
        let properties = folder.path().join("server.properties");
        let text = properties_of(
            port,
            controller,
            &folder.path().join("data").display().to_string(),
        );
        std::fs::write(&properties, text).unwrap();
        let properties = properties.display().to_string();
        let format = ["format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c", &properties];
        assert!(
            java("kafka.tools.StorageTool", &format)
                .status()
                .unwrap()
                .success()
        );
        let mut kafka = Kafka {
            child: java("kafka.Kafka", &[&properties]).spawn().unwrap(),
            address: format!("127.0.0.1:{port}"),
            _folder: folder,
        };
        kafka.wait_until_it_listens();
        Some(kafka)
    }

    fn wait_until_it_listens(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(&self.address).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "Kafka ended before it listened: {ended:?}");
            assert!(started.elapsed() < START, "Kafka does not listen");
            std::thread::park_timeout(ASK_AGAIN);
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // Already gone when it failed to start.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_ports() -> (u16, u16) {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [one, other] = listeners.map(|listener| listener.local_addr().unwrap().port());
    (one, other)
}

/// As it comes, but for what one node needs, and for what we have otherwise on purpose (the first rebalance waits for
/// nobody).
fn properties_of(port: u16, controller: u16, data: &str) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={data}\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.num.partitions=1\n\
         transaction.state.log.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         group.consumer.assignment.interval.ms=0\n"
    )
}
