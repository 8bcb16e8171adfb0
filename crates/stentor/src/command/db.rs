//! `stentor db`.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use stentor_auth::Registry;
use stentor_gateway::webhook;
use stentor_observatory::Observatory;
use stentor_relay::access::Access;
use stentor_sql::Database;
use stentor_store::EventStore;
use stentor_store::embedded::Store;

use crate::cli::Common;
use crate::config::Config;
use crate::control::Job;
use crate::heir::Claim;
use crate::layout::Layout;
use crate::output::{self, bytes, grouped};
use crate::progress::Progress;
use crate::{access, clock, control, records};

/// Looks after the store; through the running node where there is one.
#[derive(Debug, Subcommand)]
pub enum Db {
    /// Shows figures about the store
    Stats {
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Reads everything and checks it, the records too; fails when something is wrong
    Verify {
        /// Verifies the signature of every event too
        #[arg(long)]
        signatures: bool,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Gives back the room of events that are gone
    Compact {
        /// Leaves parts of the log alone of which less than this share belongs to events that are gone
        #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=100))]
        percent: u64,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Removes what has to go by the rules of retention, now instead of at the next pass
    Retention {
        /// Removes nothing and tells what would go
        #[arg(long)]
        dry_run: bool,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Brings the tables of the records up to date, once before nodes of a new version start; a node does it by itself too
    Migrate,
    /// Makes the indexes anew from the log; only while no node runs
    Reindex {
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Forgets all that the records say of the observatory's archive, so that another can be begun; only while no node works with them
    ///
    /// Who holds what, what is covered, and statistics go, which are told by the numbers that an archive gives to its events. Relays, checks and
    /// watches stay, and so do the files of the archive.
    ForgetArchive,
    /// Looks after the index of full-text search
    #[command(subcommand)]
    Search(SearchIndex),
}

/// What can be done with the index of full-text search.
#[derive(Debug, Subcommand)]
pub enum SearchIndex {
    /// Makes it anew from the store; a running node serves meanwhile
    Rebuild {
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Db {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::Stats { json } => {
                let result = job(common, Job::Stats, "stats").await?;
                if json {
                    output::json(&result)?
                } else {
                    output::print(&figures(&result))?
                }
                Ok(())
            }
            Self::Verify { signatures, json } => {
                let result = job(common, Job::Verify { signatures }, "verify").await?;
                if json {
                    output::json(&result)?
                } else {
                    output::print(&lines(&result))?
                }
                judge(&result)
            }
            Self::Compact { percent, json } => show(
                &job(common, Job::Compact { percent }, "compact").await?,
                json,
            ),
            Self::Retention { dry_run, json } => retention(common, dry_run, json).await,
            Self::Migrate => migrate(common).await,
            Self::Reindex { json } => reindex(common, json).await,
            Self::ForgetArchive => forget_archive(common).await,
            Self::Search(SearchIndex::Rebuild { json }) => {
                let result = job(common, Job::RebuildSearch, "search index").await?;
                show(&result, json)
            }
        }
    }
}

/// An error when a verification has found something.
fn judge(found: &Value) -> anyhow::Result<()> {
    let faults = found.get("faults").and_then(Value::as_u64);
    let of_records = found.get("faults_of_records").and_then(Value::as_array);
    match (faults, of_records.map_or(0, Vec::len)) {
        (Some(0), 0) => Ok(()),
        (Some(0), faults) => bail!("the records are damaged: {faults} faults"),
        (faults, _) => bail!(
            "the store is damaged: {} faults",
            faults.unwrap_or_default()
        ),
    }
}

pub(super) fn show(result: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        output::json(result)?
    } else {
        output::print(&lines(result))?
    }
    Ok(())
}

pub(super) async fn job(common: &Common, job: Job, title: &str) -> anyhow::Result<Value> {
    let loaded = common.load()?;
    let access = access::open(&Layout::new(&common.data), &loaded.config, false).await?;
    let mut progress = Progress::new(title, None);
    let report = |value: &Value| {
        let number = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
        progress.at(number("done"), |_| {
            format!(
                "{} of {}",
                grouped(number("done")),
                grouped(number("total"))
            )
        });
    };
    let result = access.begin(job, None).finish(report).await;
    progress.finish();
    result
}

async fn retention(common: &Common, dry_run: bool, json: bool) -> anyhow::Result<()> {
    let loaded = common.load()?;
    let access = access::open(&Layout::new(&common.data), &loaded.config, false).await?;
    let mut progress = Progress::new("retention", None);
    let report = |value: &Value| {
        let rule = value
            .get("rule")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let events = removed(value, "events");
        progress.at(events, |_| format!("{rule}: {} events", grouped(events)));
    };
    let result = access
        .begin(Job::Retention { dry_run }, None)
        .finish(report)
        .await;
    progress.finish();
    let result = result?;
    if json {
        output::json(&result)?;
    } else {
        output::print(&rules(&result, clock::now().0))?;
    }
    Ok(())
}

/// What a rule has removed, or would.
fn removed(rule: &Value, what: &str) -> u64 {
    let value = rule.get("removed").and_then(|removed| removed.get(what));
    value.and_then(Value::as_u64).unwrap_or_default()
}

/// What the rules of retention have done, a line each.
fn rules(result: &Value, now: u64) -> String {
    let rules = result.get("rules").and_then(Value::as_array);
    let rules = rules.map(Vec::as_slice).unwrap_or_default();
    if rules.is_empty() {
        return "there are no rules: see [[relay.retention.rules]]\n".to_owned();
    }
    let dry_run = result.get("dry_run").and_then(Value::as_bool) == Some(true);
    let verb = if dry_run { "would remove" } else { "removed" };
    let mut text = String::new();
    for rule in rules {
        let name = rule.get("rule").and_then(Value::as_str).unwrap_or_default();
        if rule.get("waiting").and_then(Value::as_bool) == Some(true) {
            let _ = writeln!(text, "{name}: waits until the classes of authors are known");
            continue;
        }
        let (events, size) = (removed(rule, "events"), bytes(removed(rule, "bytes")));
        let _ = write!(text, "{name}: {verb} {} events, {size}", grouped(events));
        let time = |name: &str| rule.get(name).and_then(Value::as_u64);
        if let (Some(oldest), Some(newest)) = (time("oldest_removed"), time("newest_removed")) {
            let days = |time: u64| grouped(now.saturating_sub(time) / 86_400);
            let _ = write!(text, ", {} to {} days old", days(newest), days(oldest));
        }
        text.push('\n');
    }
    text
}

async fn migrate(common: &Common) -> anyhow::Result<()> {
    let (loaded, layout) = (common.load()?, Layout::new(&common.data));
    layout.make()?;
    let records = records::open(&layout, &loaded.config).await?;
    let migrated = migrate_all(&records, &loaded.config).await;
    records.close().await;
    migrated.context("migrating the records")?;
    Ok(output::line("the records are up to date")?)
}

/// Brings the tables of all roles up to date.
async fn migrate_all(records: &Database, config: &Config) -> anyhow::Result<()> {
    Access::open(records.clone()).await?;
    stentor_bus::migrate(records).await?;
    Registry::open(records.clone(), &config.auth.limits, clock::now()).await?;
    webhook::migrate(records).await?;
    Observatory::migrate(records).await?;
    Ok(())
}

async fn forget_archive(common: &Common) -> anyhow::Result<()> {
    let layout = Layout::new(&common.data);
    no_node(&layout).await?;
    let records = records::open(&layout, &common.load()?.config).await?;
    let forgotten = Observatory::forget_archive(&records).await;
    records.close().await;
    forgotten.context("forgetting the archive")?;
    Ok(output::line(
        "the records say nothing of an archive any more",
    )?)
}

async fn no_node(layout: &Layout) -> anyhow::Result<()> {
    if control::connect(&layout.control_socket()).await?.is_some() {
        bail!("a node runs on {}: stop it first", layout.root().display());
    }
    Ok(())
}

async fn reindex(common: &Common, json: bool) -> anyhow::Result<()> {
    let layout = Layout::new(&common.data);
    no_node(&layout).await?;
    let path = layout.relay_store();
    if !path.exists() {
        return Err(access::no_store(&layout));
    }
    let options = access::options(&common.load()?.config)?;
    let Some(claim) = Claim::shared(&layout)? else {
        bail!("a node is about to take over {}", layout.root().display());
    };
    let store = tokio::task::spawn_blocking(move || Store::reindex(&path, options)).await??;
    drop(claim);
    let events = store.statistics().events;
    store.close().await?;
    show(&json!({ "events": events }), json)
}

fn figures(statistics: &Value) -> String {
    let number = |name: &str| {
        statistics
            .get(name)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    let mut text = String::new();
    let _ = writeln!(text, "events           {}", grouped(number("events")));
    let _ = writeln!(text, "last number      {}", grouped(number("last_number")));
    let _ = writeln!(text, "feed position    {}", grouped(number("last_seq")));
    let _ = writeln!(text, "index runs       {}", grouped(number("runs")));
    let _ = writeln!(text, "not yet indexed  {}", grouped(number("unflushed")));
    let _ = writeln!(text, "room to give up  {}", bytes(number("dead_bytes")));
    let table = |name: &str| {
        statistics
            .get(name)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let _ = writeln!(text, "on disk");
    for (part, size) in table("disk_bytes") {
        let _ = writeln!(
            text,
            "  {part:<14} {}",
            bytes(size.as_u64().unwrap_or_default())
        );
    }
    let mut kinds: Vec<(String, u64)> = table("by_kind")
        .into_iter()
        .map(|(kind, count)| (kind, count.as_u64().unwrap_or_default()))
        .collect();
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let _ = writeln!(text, "by kind");
    for (kind, count) in kinds {
        let _ = writeln!(text, "  {kind:<14} {}", grouped(count));
    }
    text
}

/// An object as lines of name and value.
fn lines(value: &Value) -> String {
    let mut text = String::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let shown = match value {
            Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), grouped),
            Value::String(word) => word.clone(),
            Value::Array(items) if items.is_empty() => "none".to_owned(),
            Value::Array(items) => {
                let item = |item: &Value| {
                    item.as_str()
                        .map_or_else(|| item.to_string(), str::to_owned)
                };
                items.iter().map(item).collect::<Vec<_>>().join("\n  ")
            }
            other => other.to_string(),
        };
        let _ = writeln!(text, "{}: {shown}", name.replace('_', " "));
    }
    text
}
