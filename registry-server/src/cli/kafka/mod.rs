//! The commands that speak the Kafka protocol: topics, groups, records written and read. They work with any broker.
//!
//! What is common to them is here: one connection, errors in the words of the command line, the question before what
//! cannot be taken back.

mod consume;
mod container;
mod group;
mod payload;
mod place;
mod produce;
mod topic;

use std::io::{self, IsTerminal as _, Write as _};

use annals_kafka_client::{Client, ClientError, ErrorCode, TopicInfo};

use super::Global;
use super::exit::{Exit, Failure};

pub(super) use consume::Consume;
pub(super) use group::Group;
pub(super) use produce::Produce;
pub(super) use topic::Topic;

/// Does what takes a connection to the broker.
fn with_client(
    global: &Global,
    work: impl AsyncFnOnce(Client) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::connect(&global.brokers).await.map_err(|e| {
            Failure::new(Exit::Failed, format!("no broker at {}: {e}", global.brokers))
                .help("is `annals serve` running? --brokers names another address")
        })?;
        work(client).await
    })
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let exit = match &error {
            ClientError::Broker {
                code: ErrorCode::UnknownTopicOrPartition | ErrorCode::GroupIdNotFound,
                ..
            } => Exit::NotFound,
            _ => Exit::Failed,
        };
        let is_elsewhere = matches!(
            error,
            ClientError::Broker {
                code: ErrorCode::NotLeaderOrFollower | ErrorCode::NotCoordinator | ErrorCode::NotController,
                ..
            }
        );
        let failure = Failure::new(exit, error.to_string());
        match is_elsewhere {
            true => failure.help("--brokers must name the broker of the cluster that leads this"),
            false => failure,
        }
    }
}

/// The topic, or the sentence that says where topics are listed.
async fn topic_named(client: &mut Client, name: &str) -> Result<TopicInfo, Failure> {
    client.topic(name).await?.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("there is no topic {name}"))
            .help("`annals topic list` shows them, `annals topic create` makes one")
    })
}

/// Asks before what cannot be taken back. `is_agreed`: it was said on the command line.
fn confirm(question: &str, is_agreed: bool) -> Result<(), Failure> {
    if is_agreed {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(
            Failure::new(Exit::Usage, format!("{question} There is nobody to answer"))
                .help("--yes does it without asking"),
        );
    }
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Failed, "not confirmed: nothing was changed")),
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as annals.value.guard=full")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
