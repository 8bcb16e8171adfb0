//! `stentor mirror`.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;
use stentor_event::Filter;
use stentor_net::dial::Trust;
use stentor_peer::{AuthWhen, Incoming, Over, Peer, fetch_information};
use stentor_relay::config;
use stentor_relay::mirror::{MirrorStatus, Outbound};

use crate::access;
use crate::cli::Common;
use crate::control::{self, Job, Link};
use crate::layout::Layout;
use crate::output::{self, grouped};

/// How long one check may take.
const CHECK_TIME: Duration = Duration::from_secs(30);

/// Shows and checks the mirrors of the configuration.
#[derive(Debug, Subcommand)]
pub enum Mirror {
    /// Shows how each mirror of the running node is doing
    List {
        /// Prints one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Connects to the relay of each entry and asks it something; fails when one cannot be used. Needs no running node
    Check {
        /// Prints one JSON array
        #[arg(long)]
        json: bool,
    },
}

/// What came of the check of an entry.
#[derive(Debug, Serialize)]
struct Checked {
    name: String,
    url: String,
    ok: bool,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Milliseconds until the answer.
    millis: u64,
    /// Whether it says that it reconciles (NIP-77); nothing when it does not say.
    negentropy: Option<bool>,
}

impl Mirror {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::List { json } => list(common, json).await,
            Self::Check { json } => check(common, json).await,
        }
    }
}

async fn list(common: &Common, json: bool) -> anyhow::Result<()> {
    let socket = Layout::new(&common.data).control_socket();
    let Some(client) = control::connect(&socket).await? else {
        bail!("no node runs on {}", common.data.display());
    };
    let (output, _) = tokio::sync::mpsc::channel(1);
    let (progress, _) = tokio::sync::watch::channel(Value::Null);
    let (_stop, stop) = tokio::sync::watch::channel(false);
    let link = Link {
        input: None,
        output,
        progress,
        stop,
    };
    let result = client.run(&Job::Mirrors, link).await?;
    if json {
        return Ok(output::json(&result)?);
    }
    let mirrors: Vec<MirrorStatus> = serde_json::from_value(result)?;
    if mirrors.is_empty() {
        return Ok(output::line("there are no mirrors in the configuration")?);
    }
    Ok(output::print(
        &mirrors.iter().map(describe).collect::<String>(),
    )?)
}

/// A mirror in a few lines.
fn describe(mirror: &MirrorStatus) -> String {
    let events = &mirror.events;
    let mut text = format!(
        "{}  {}  {}  {}\n",
        mirror.name,
        mirror.direction.as_str(),
        mirror.url,
        mirror.state.as_str()
    );
    if mirror.direction.is_down() {
        let (received, stored) = (grouped(events.received), grouped(events.stored));
        text.push_str(&format!("    in: {received} received, {stored} stored\n"));
    }
    if mirror.direction.is_up() {
        let refused: u64 = events.refused.values().sum();
        text.push_str(&format!(
            "    out: {} sent, {} known there, {} refused, {} withheld; {} entries of the feed behind\n",
            grouped(events.sent),
            grouped(events.known),
            grouped(refused),
            grouped(events.withheld),
            grouped(mirror.lag.unwrap_or_default())
        ));
    }
    if mirror.reconnects > 0 {
        text.push_str(&format!("    {} reconnects\n", grouped(mirror.reconnects)));
    }
    if let (Some(error), Some(at)) = (&mirror.last_error, mirror.last_error_at) {
        text.push_str(&format!("    last error (Unix time {at}): {error}\n"));
    }
    text
}

async fn check(common: &Common, json: bool) -> anyhow::Result<()> {
    let loaded = common.load()?;
    let outbound = access::outbound(&loaded.config)?;
    let mut results = Vec::new();
    for entry in &loaded.config.relay.mirror {
        results.push(check_one(entry, &outbound).await);
    }
    let bad = results.iter().filter(|result| !result.ok).count();
    if json {
        output::json(&results)?;
    } else {
        for result in &results {
            let words = match &result.problem {
                Some(problem) => problem.clone(),
                None => format!("ok, {} ms", result.millis),
            };
            let speaks = match result.negentropy {
                Some(true) => ", reconciles (NIP-77)",
                Some(false) => ", does not reconcile (NIP-77)",
                None => "",
            };
            output::line(&format!("{}  {}  {words}{speaks}", result.name, result.url))?;
        }
    }
    if bad > 0 {
        bail!("{bad} of {} mirrors cannot be used", results.len());
    }
    Ok(())
}

async fn check_one(entry: &config::Mirror, outbound: &Outbound) -> Checked {
    let begun = Instant::now();
    let asked = async {
        let peer_config = stentor_peer::Config {
            auth: AuthWhen::Never,
            ..outbound.peer.clone()
        };
        let (dialer, trust) = (&outbound.dialer, Trust::Operator);
        let peer = Peer::connect(dialer, &entry.url, trust, peer_config, None).await?;
        ask(&peer).await?;
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let document = fetch_information(dialer, &entry.url, trust).await;
        let nips = document.map(|found| found.document.supported_nips).ok();
        let nips = nips.filter(|nips| !nips.is_empty());
        anyhow::Ok((millis, nips.map(|nips| nips.contains(&77))))
    };
    let result = tokio::time::timeout(CHECK_TIME, asked).await;
    let result = result.context("no answer in time").and_then(|asked| asked);
    let (millis, negentropy) = match &result {
        Ok((millis, negentropy)) => (*millis, *negentropy),
        Err(_) => (0, None),
    };
    Checked {
        name: entry.name.clone(),
        url: entry.url.clone(),
        ok: result.is_ok(),
        problem: result.err().map(|error| format!("{error:#}")),
        millis,
        negentropy,
    }
}

/// Asks for one event. That the relay wants to know first who we are is an answer too: this test proves no key.
async fn ask(peer: &Peer) -> anyhow::Result<()> {
    let one = Filter {
        limit: Some(1),
        ..Filter::default()
    };
    let mut subscription = peer.req(vec![one]).await?;
    loop {
        match subscription.next().await {
            Some(Incoming::Event(_)) => {}
            Some(Incoming::Eose(_)) => return Ok(()),
            Some(Incoming::Over(Over::Closed(reason))) if reason.starts_with("auth-required") => {
                return Ok(());
            }
            Some(Incoming::Over(over)) => {
                return Err(stentor_relay::sync::SyncError::from(over).into());
            }
            None => bail!("no answer"),
        }
    }
}
