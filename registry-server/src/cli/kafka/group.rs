//! `annals group list | describe | reset | delete`: what groups have read, how far they are behind, and where they go on.

use std::collections::{BTreeMap, BTreeSet};

use annals_kafka_client::{Client, ClientError, Description, ErrorCode, Isolation, Offsets};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::Global;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format};
use super::place::{self, Bounds, FORMS, Place};
use super::{confirm, topic_named, with_client};

#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// The consumer groups of the broker
    #[command(after_help = "Example:\n  annals group list -o json")]
    List,
    /// A group's members, and for each partition what it has read and how far it is behind
    #[command(after_help = "Example:\n  annals group describe billing")]
    Describe { group: String },
    /// Set where a group goes on reading; shows before and after, and asks
    Reset(Reset),
    /// Delete a group that nobody is in, with its offsets; asks first
    #[command(after_help = "Examples:
  annals group delete billing --yes
  annals group delete billing --topic orders     what it has read of one topic alone")]
    Delete {
        group: String,
        /// Forget this topic alone; may be given several times
        #[arg(long = "topic", value_name = "TOPIC")]
        topics: Vec<String>,
        /// Do it without asking
        #[arg(long, short)]
        yes: bool,
    },
}

/// `annals group reset billing --topic orders --to beginning`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  annals group reset billing --topic orders --to beginning
  annals group reset billing --topic orders --to 2026-03-04T12:00:00Z --dry-run
  annals group reset billing --topic orders --partition 2 --to 4711 --yes

A group is reset while nobody is in it: stop its consumers first, and start them again afterwards.")]
pub(crate) struct Reset {
    group: String,
    /// A topic to reset; may be given several times. Without it: every topic the group has read
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// A partition to reset; may be given several times. Without it: all
    #[arg(long = "partition", value_name = "N")]
    partitions: Vec<i32>,
    #[arg(long, value_name = "PLACE", help = format!("Where to go on: {FORMS}"), allow_hyphen_values = true, value_parser = place::from)]
    to: Place,
    /// Show before and after, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Group {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Failure> {
        with_client(global, async |mut client| match self {
            Self::List => list(&mut client, global).await,
            Self::Describe { group } => describe(&mut client, global, &group).await,
            Self::Reset(reset) => reset.run(&mut client, global).await,
            Self::Delete { group, topics, yes } => delete(&mut client, global, &group, &topics, yes).await,
        })
    }
}

async fn list(client: &mut Client, global: &Global) -> Result<Exit, Failure> {
    let groups = client.groups().await?;
    if global.output == Format::Json {
        let groups: Vec<Value> = groups
            .iter()
            .map(|group| json!({"group": group.id, "state": group.state, "protocol": group.kind}))
            .collect();
        output::json(&json!(groups))?;
    } else {
        let rows = groups
            .into_iter()
            .map(|group| vec![group.id, group.state, group.kind]);
        output::table(&["GROUP", "STATE", "PROTOCOL"], rows)?;
    }
    Ok(Exit::Done)
}

async fn group_named(client: &mut Client, id: &str) -> Result<Description, Failure> {
    client.group(id).await?.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("there is no group {id}")).help("`annals group list` shows them")
    })
}

/// How far a group is in one partition.
struct Line<'a> {
    topic: &'a str,
    partition: i32,
    committed: Option<i64>,
    end: Option<i64>,
    member: Option<&'a str>,
}

impl Line<'_> {
    fn lag(&self) -> Option<i64> {
        Some(self.end?.saturating_sub(self.committed?).max(0))
    }
}

/// Clients commit any number they like.
fn lag_of(lines: &[Line<'_>]) -> i64 {
    lines.iter().filter_map(Line::lag).fold(0, i64::saturating_add)
}

async fn describe(client: &mut Client, global: &Global, id: &str) -> Result<Exit, Failure> {
    let group = group_named(client, id).await?;
    let committed = client.committed(id).await?;
    let mut readers: BTreeMap<(&str, i32), &str> = BTreeMap::new();
    for member in &group.members {
        for (topic, partition) in &member.partitions {
            readers.insert((topic, *partition), &member.client_id);
        }
    }
    let known = committed
        .keys()
        .map(|(topic, partition)| (topic.as_str(), *partition));
    let places: BTreeSet<(&str, i32)> = known.chain(readers.keys().copied()).collect();
    let ends = ends_of(client, &places).await?;
    let lines: Vec<Line<'_>> = places
        .iter()
        .map(|&(topic, partition)| Line {
            topic,
            partition,
            committed: committed.get(&(topic.to_owned(), partition)).copied(),
            end: ends.get(&(topic, partition)).copied(),
            member: readers.get(&(topic, partition)).copied(),
        })
        .collect();
    match global.output {
        Format::Json => output::json(&described(id, &group, &lines))?,
        Format::Table => print(id, &group, &lines)?,
    }
    Ok(Exit::Done)
}

/// The end of each partition; nothing of a topic that is gone.
async fn ends_of<'a>(
    client: &mut Client,
    places: &BTreeSet<(&'a str, i32)>,
) -> Result<BTreeMap<(&'a str, i32), i64>, Failure> {
    let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in places {
        by_topic.entry(topic).or_default().push(*partition);
    }
    let mut ends = BTreeMap::new();
    for (topic, mut partitions) in by_topic {
        let has = client.topic(topic).await?.map_or(0, |topic| topic.partitions);
        partitions.retain(|partition| *partition < has);
        let bounds = Bounds::of(client, topic, &partitions, Isolation::Uncommitted).await?;
        ends.extend(
            bounds
                .end
                .into_iter()
                .map(|(partition, end)| ((topic, partition), end)),
        );
    }
    Ok(ends)
}

fn described(id: &str, group: &Description, lines: &[Line<'_>]) -> Value {
    let members = group.members.iter().map(|member| {
        json!({
            "id": member.id, "client_id": member.client_id, "host": member.client_host,
            "instance_id": member.instance_id, "partitions": member.partitions.len(),
        })
    });
    let partitions = lines.iter().map(|line| {
        json!({
            "topic": line.topic, "partition": line.partition, "committed": line.committed,
            "end": line.end, "lag": line.lag(), "member": line.member,
        })
    });
    json!({
        "group": id, "state": group.state, "assignor": group.assignor,
        "members": members.collect::<Vec<_>>(), "partitions": partitions.collect::<Vec<_>>(),
        "lag": lag_of(lines),
    })
}

fn print(id: &str, group: &Description, lines: &[Line<'_>]) -> Result<(), Failure> {
    let assignor = match group.assignor.is_empty() {
        true => String::new(),
        false => format!(" ({})", group.assignor),
    };
    let lag = lag_of(lines);
    output::line(&format!(
        "{id}: {}{assignor}, {} member(s), {lag} record(s) behind\n",
        group.state,
        group.members.len(),
    ))?;
    let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let rows = lines.iter().map(|line| {
        vec![
            line.topic.to_owned(),
            line.partition.to_string(),
            number(line.committed),
            number(line.end),
            number(line.lag()),
            line.member.unwrap_or("-").to_owned(),
        ]
    });
    output::table(&["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "CLIENT"], rows)?;
    if group.members.is_empty() {
        return Ok(());
    }
    output::line("")?;
    let rows = group.members.iter().map(|member| {
        vec![
            member.client_id.clone(),
            member.client_host.clone(),
            member.partitions.len().to_string(),
            member.instance_id.clone().unwrap_or_else(|| "-".to_owned()),
            member.id.clone(),
        ]
    });
    output::table(&["CLIENT", "HOST", "PARTITIONS", "INSTANCE", "MEMBER"], rows)
}

/// What tells a person why a group stays as it is while somebody is in it.
fn occupied(id: &str, group: &Description) -> Failure {
    let names: BTreeSet<&str> = group
        .members
        .iter()
        .map(|member| member.client_id.as_str())
        .collect();
    let names = names.into_iter().take(5).collect::<Vec<_>>().join(", ");
    let message = format!(
        "group {id} is {} with {} member(s) ({names})",
        group.state,
        group.members.len()
    );
    Failure::new(Exit::Failed, message)
        .help("stop its consumers, wait until `annals group describe` says Empty, then run this again")
}

impl Reset {
    async fn run(self, client: &mut Client, global: &Global) -> Result<Exit, Failure> {
        // A group that has never read anything may be given where to begin.
        if let Some(group) = client.group(&self.group).await?
            && !group.members.is_empty()
        {
            return Err(occupied(&self.group, &group));
        }
        let before = client.committed(&self.group).await?;
        let after = self.targets(client, &before).await?;
        if after.is_empty() {
            return Err(
                Failure::new(Exit::NotFound, format!("group {} has read no topic", self.group))
                    .help("--topic names one to begin with"),
            );
        }
        self.show(global, &before, &after)?;
        if self.dry_run {
            return Ok(Exit::Done);
        }
        confirm(
            &format!("Reset {} partition(s) of group {}?", after.len(), self.group),
            self.yes,
        )?;
        match client.commit(&self.group, None, &after).await {
            Ok(()) => Ok(Exit::Done),
            // Somebody came in meanwhile.
            Err(error) if error.is_rebalance() => match client.group(&self.group).await? {
                Some(group) => Err(occupied(&self.group, &group)),
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Where each partition is to go on.
    async fn targets(&self, client: &mut Client, before: &Offsets) -> Result<Offsets, Failure> {
        let mut topics: BTreeSet<&str> = self.topics.iter().map(String::as_str).collect();
        if topics.is_empty() {
            topics = before.keys().map(|(topic, _)| topic.as_str()).collect();
        }
        let mut after = Offsets::new();
        for topic in topics {
            let has = topic_named(client, topic).await?.partitions;
            if let Some(odd) = self.partitions.iter().find(|n| !(0..has).contains(*n)) {
                let message = format!("topic {topic} has no partition {odd}, only 0 to {}", has - 1);
                return Err(Failure::new(Exit::NotFound, message));
            }
            let partitions: Vec<i32> = match self.partitions.is_empty() {
                true => (0..has).collect(),
                false => self.partitions.clone(),
            };
            let bounds = Bounds::of(client, topic, &partitions, Isolation::Uncommitted).await?;
            let found = bounds
                .find(client, topic, self.to, Isolation::Uncommitted)
                .await?;
            let found = found.into_iter();
            after.extend(found.map(|(partition, offset)| ((topic.to_owned(), partition), offset)));
        }
        Ok(after)
    }

    fn show(&self, global: &Global, before: &Offsets, after: &Offsets) -> Result<(), Failure> {
        if global.output == Format::Json {
            let rows = after.iter().map(|(place, after)| {
                json!({
                    "topic": place.0, "partition": place.1, "before": before.get(place), "after": after,
                })
            });
            return output::json(&json!({
                "group": self.group, "dry_run": self.dry_run, "partitions": rows.collect::<Vec<_>>(),
            }));
        }
        let rows = after.iter().map(|(place, after)| {
            let was = before.get(place);
            let change = was.map_or_else(|| "new".to_owned(), |was| format!("{:+}", after - was));
            vec![
                place.0.clone(),
                place.1.to_string(),
                was.map_or_else(|| "-".to_owned(), i64::to_string),
                after.to_string(),
                change,
            ]
        });
        output::table(&["TOPIC", "PARTITION", "BEFORE", "AFTER", "CHANGE"], rows)
    }
}

async fn delete(
    client: &mut Client,
    global: &Global,
    id: &str,
    topics: &[String],
    yes: bool,
) -> Result<Exit, Failure> {
    let group = group_named(client, id).await?;
    if !group.members.is_empty() && topics.is_empty() {
        return Err(occupied(id, &group));
    }
    let committed = client.committed(id).await?;
    let what = match topics.is_empty() {
        true => format!(
            "group {id} and what it has read ({} partition(s))",
            committed.len()
        ),
        false => format!("what group {id} has read of {}", topics.join(", ")),
    };
    confirm(&format!("Delete {what}?"), yes)?;
    let refused = |error: ClientError| match &error {
        ClientError::Broker {
            code: ErrorCode::NonEmptyGroup | ErrorCode::GroupSubscribedToTopic,
            ..
        } => occupied(id, &group),
        _ => error.into(),
    };
    if topics.is_empty() {
        client.delete_group(id).await.map_err(refused)?;
    } else {
        for topic in topics {
            let partitions: Vec<i32> = committed
                .keys()
                .filter(|(of, _)| of == topic)
                .map(|(_, partition)| *partition)
                .collect();
            if partitions.is_empty() {
                return Err(Failure::new(
                    Exit::NotFound,
                    format!("group {id} has read nothing of {topic}"),
                ));
            }
            client
                .delete_offsets(id, topic, &partitions)
                .await
                .map_err(refused)?;
        }
    }
    match global.output {
        Format::Json => output::json(&json!({"group": id, "topics": topics, "deleted": true}))?,
        Format::Table => output::line(&format!("deleted {what}"))?,
    }
    Ok(Exit::Done)
}
