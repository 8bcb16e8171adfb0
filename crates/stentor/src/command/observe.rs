//! `stentor observe`.

mod archive;
mod ask;
mod columns;
mod export;
mod field;
mod import;
mod relays;
mod show;
mod stats;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::Value;

use self::ask::{Form, Question, asked, told};
use crate::cli::Common;
use crate::control::ObserveJob;
use crate::output;

/// Tells which relays there are, how they do, and what they hold. Through the running node, or from its records where none runs.
#[derive(Debug, Subcommand)]
pub enum Observe {
    /// Lists relays
    Relays(relays::Relays),
    /// Shows all that is known of a relay
    Relay {
        /// Its URL or its number
        relay: String,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Lists the checks of a relay, the newest first
    Checks {
        /// Its URL or its number
        relay: String,
        #[command(flatten)]
        page: Page,
    },
    /// Lists what relays were asked about, and what came of it
    Coverage {
        /// Only of this relay: a URL or a number
        #[arg(long)]
        relay: Option<String>,
        /// Only this: complete, capped, refused or failed
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Shows the network in figures
    Network {
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Shows statistics of the archive and the network
    Stats(stats::Stats),
    /// Lists relays that are online, the best first
    Rank(stats::Rank),
    /// Shows which relays deliver an author's events
    Author(stats::Author),
    /// Shows how far the archive has got
    Archive(archive::Archive),
    /// Writes the archive to a folder or to S3, by day and kind, with a manifest; what has not changed since the last time is kept
    Export(export::Export),
    /// Takes an export into the archive
    Import(import::Import),
    /// Lists watches
    Watches {
        #[command(flatten)]
        page: Page,
    },
    /// Watches a relay: it is told when it is down, has recovered, or its certificate is about to end
    Watch {
        /// Its URL
        url: String,
        /// Whom private messages go to: npub1… or hex. Without it, there are envelopes only
        #[arg(long, value_name = "KEY")]
        npub: Option<String>,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Ends a watch
    Unwatch {
        /// Its id
        id: String,
    },
}

/// Which page of a list, and how it is printed.
#[derive(Debug, Clone, Args)]
pub struct Page {
    /// Rows, at most 500
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Where to go on: what the page before has ended with
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    #[command(flatten)]
    form: Form,
}

impl Page {
    /// Adds to a question which page is wanted.
    fn of(&self, question: Question) -> Question {
        question
            .with("limit", Some(self.limit))
            .with("after", self.after.as_ref())
    }
}

impl Observe {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::Relays(relays) => relays.run(common).await,
            Self::Relay { relay, json } => {
                let question = Question::of(&["relays", &relay]);
                one(common, question, json, show::relay).await
            }
            Self::Checks { relay, page } => {
                let question = page.of(Question::of(&["relays", &relay, "checks"]));
                told(common, question, page.form, columns::CHECKS).await
            }
            Self::Coverage { relay, state, page } => {
                let question = Question::of(&["coverage"])
                    .with("relay", relay)
                    .with("state", state);
                told(common, page.of(question), page.form, columns::COVERAGE).await
            }
            Self::Network { json } => {
                one(common, Question::of(&["network"]), json, show::network).await
            }
            Self::Stats(stats) => stats.run(common).await,
            Self::Rank(rank) => rank.run(common).await,
            Self::Author(author) => author.run(common).await,
            Self::Archive(archive) => archive.run(common).await,
            Self::Export(export) => export.run(common).await,
            Self::Import(import) => import.run(common).await,
            Self::Watches { page } => {
                let question = page.of(Question::of(&["watches"]));
                told(common, question, page.form, columns::WATCHES).await
            }
            Self::Watch { url, npub, json } => watch(common, url, npub, json).await,
            Self::Unwatch { id } => unwatch(common, id).await,
        }
    }
}

/// Prints an answer that is no list.
async fn one(
    common: &Common,
    question: Question,
    json: bool,
    show: fn(&Value) -> String,
) -> anyhow::Result<()> {
    let answer = asked(common, question.job(false)).await?;
    if json {
        return Ok(output::json(&answer)?);
    }
    Ok(output::print(&show(&answer))?)
}

async fn watch(
    common: &Common,
    url: String,
    npub: Option<String>,
    json: bool,
) -> anyhow::Result<()> {
    let recipient = npub.as_deref().map(key).transpose()?;
    let watch = asked(common, ObserveJob::Watch { url, recipient }).await?;
    if json {
        return Ok(output::json(&watch)?);
    }
    let word = |name: &str| show::word(&watch, name);
    Ok(output::line(&format!(
        "{} is watched; stentor observe unwatch {} ends it",
        word("url"),
        word("id")
    ))?)
}

/// A public key in hex.
fn key(text: &str) -> anyhow::Result<String> {
    let key = stentor_relay::config::parse_key(text);
    let key =
        key.with_context(|| format!("{text} is no key: npub1… or 64 lower-case hex digits"))?;
    Ok(key.to_string())
}

async fn unwatch(common: &Common, id: String) -> anyhow::Result<()> {
    let answer = asked(common, ObserveJob::Unwatch { id }).await?;
    if answer.get("removed") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    anyhow::bail!("there is no such watch")
}
