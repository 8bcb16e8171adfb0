//! `stentor sync`.

use std::collections::BTreeMap;

use anyhow::bail;
use clap::{Args, ValueEnum};
use stentor_relay::sync::{Direction, Method, Summary};

use crate::access;
use crate::cli::Common;
use crate::control::{Job, SyncJob};
use crate::layout::Layout;
use crate::output::{self, grouped};
use crate::progress::{Progress, rate};

/// Which way events go.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Dir {
    /// From this relay to the other one
    Up,
    /// From the other relay to this one
    Down,
    /// Both
    Both,
}

/// How the differences are found.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// By reconciliation where the other relay offers it, else page by page
    Auto,
    /// By reconciliation (NIP-77) or not at all
    Negentropy,
    /// Page by page
    Pages,
}

/// Brings together what is here and at another relay: through the running node where there is one. With a relay that speaks
/// NIP-77 only the differences travel; others are asked page by page. What has been deleted, has vanished or is banned here is
/// not taken. Private and protected events are not sent.
#[derive(Debug, Args)]
#[command(
    after_help = "Ctrl-C ends it early. The same command again goes on where it was cut off, whatever cut it off."
)]
pub struct Sync {
    /// The other relay: ws://… or wss://…
    url: String,
    /// Only what matches this filter (NIP-01, as JSON, without `limit` and `search`); several are done one after the other
    #[arg(long, value_name = "JSON")]
    filter: Vec<String>,
    /// Which way events go
    #[arg(long, value_enum, default_value_t = Dir::Down)]
    dir: Dir,
    /// How the differences are found
    #[arg(long, value_enum, default_value_t = How::Auto)]
    method: How,
    /// Sends private and protected (NIP-70) events as well: the other relay's operator can read them
    #[arg(long)]
    include_private: bool,
    /// Proves the relay's own key when the other relay asks who we are (NIP-42)
    #[arg(long)]
    auth: bool,
    /// Begins anew, whatever another run has left
    #[arg(long)]
    fresh: bool,
    /// Prints the summary as one JSON object
    #[arg(long)]
    json: bool,
}

impl Sync {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let loaded = common.load()?;
        crate::filters::parse(&self.filter)?;
        let access = access::open(&Layout::new(&common.data), &loaded.config, true).await?;
        let job = SyncJob {
            url: self.url,
            filters: self.filter,
            direction: match self.dir {
                Dir::Up => Direction::Up,
                Dir::Down => Direction::Down,
                Dir::Both => Direction::Both,
            },
            method: match self.method {
                How::Auto => Method::Auto,
                How::Negentropy => Method::Negentropy,
                How::Pages => Method::Pages,
            },
            include_private: self.include_private,
            auth: self.auth,
            fresh: self.fresh,
        };
        let running = access.begin(Job::Sync(job), None);
        let mut progress = Progress::new("sync", None);
        let result = running
            .finish(|value| {
                let summary: Summary = serde_json::from_value(value.clone()).unwrap_or_default();
                progress.at(summary.received + summary.sent, |elapsed| {
                    let moved = summary.received + summary.sent + summary.known;
                    format!(
                        "{} received, {} sent, {}/s, {} windows done, {} left",
                        grouped(summary.received),
                        grouped(summary.sent),
                        grouped(rate(moved, elapsed)),
                        grouped(summary.windows),
                        grouped(summary.windows_left)
                    )
                });
            })
            .await;
        let elapsed = progress.finish();
        let result = result?;
        let summary: Summary = serde_json::from_value(result.clone())?;
        if self.json {
            output::json(&result)?;
        } else {
            output::print(&describe(&summary))?;
            output::line(&format!("in {:.1} s", elapsed.as_secs_f64()))?;
        }
        if summary.stopped {
            bail!("stopped; the same command again goes on from here");
        }
        Ok(())
    }
}

/// What has been done, one count a line.
fn describe(summary: &Summary) -> String {
    let mut text = format!(
        "{:>12} received\n{:>12} stored\n",
        grouped(summary.received),
        grouped(summary.stored)
    );
    let lines = [
        ("already here", summary.duplicate),
        ("superseded here", summary.superseded),
        ("deleted here", summary.deleted),
        ("vanished here", summary.vanished),
        ("expired", summary.expired),
        ("ephemeral", summary.ephemeral),
        ("banned here", summary.banned),
        ("announced and not sent by the other side", summary.missing),
        ("sent and taken", summary.sent),
        ("sent and already there", summary.known),
        ("private or protected, not sent", summary.withheld),
    ];
    for (name, count) in lines.into_iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!("{:>12} {name}\n", grouped(count)));
    }
    reasons(&mut text, "not valid", &summary.invalid);
    reasons(&mut text, "refused there", &summary.refused);
    if summary.lost_seconds > 0 {
        let first: Vec<String> = summary.lost.iter().map(u64::to_string).collect();
        text.push_str(&format!(
            "{:>12} seconds of which there is more there than it sends: {}{}\n",
            grouped(summary.lost_seconds),
            first.join(" "),
            if summary.lost_seconds > first.len() as u64 {
                " …"
            } else {
                ""
            }
        ));
    }
    let way = if summary.rounds > 0 {
        format!("{} messages of reconciliation", grouped(summary.rounds))
    } else {
        format!("{} pages", grouped(summary.pages))
    };
    let resumed = if summary.resumed {
        ", going on where a run was cut off"
    } else {
        ""
    };
    text.push_str(&format!("{way}{resumed}\n"));
    text
}

fn reasons(text: &mut String, title: &str, counts: &BTreeMap<String, u64>) {
    for (reason, count) in counts {
        text.push_str(&format!("{:>12} {title}: {reason}\n", grouped(*count)));
    }
}
