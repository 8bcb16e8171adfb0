//! Asking the observatory, and moving its archive.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stentor_event::PublicKey;
use stentor_observatory::{Observatory, Question, RelayUrl, Wish};

use super::{Link, Workshop};

/// Who makes a watch that the shell asks for.
const SHELL: &str = "shell";

/// What the observatory is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum ObserveJob {
    /// Answers a question.
    Ask {
        /// The path, as `relays`; parts are percent-encoded.
        path: String,
        /// The query, as `status=online`.
        query: String,
        /// Whether the rows of a list are wanted as CSV, in one string.
        csv: bool,
    },
    /// Watches a relay.
    Watch {
        /// Its URL.
        url: String,
        /// Whom private messages go to: a public key in hex.
        recipient: Option<String>,
    },
    /// Ends a watch.
    Unwatch {
        /// Its id.
        id: String,
    },
    /// Writes the archive out.
    Export {
        /// The folder, absolute, or `s3://…`.
        to: String,
        /// What of it.
        wish: Wish,
    },
    /// Takes in what a command has read from an export, which is the input.
    Import {
        /// Rows that there are.
        total: u64,
    },
}

pub async fn run(workshop: &Workshop, job: ObserveJob, link: Link) -> anyhow::Result<Value> {
    let own = Arc::clone(&workshop.store) as _;
    let observatory = workshop.observing.observatory(own).await?;
    match job {
        ObserveJob::Ask { path, query, csv } => {
            let question = Question::parse(&path, &query)?;
            let rules = (workshop.abroad)()?.rules;
            let answer = observatory.answer(&question, rules).await?;
            match csv {
                true => Ok(answer.csv().context("this is no list")?.into()),
                false => Ok(answer.body),
            }
        }
        ObserveJob::Watch { url, recipient } => {
            let url = RelayUrl::parse(&url)?;
            let key = |text: &String| PublicKey::from_hex(text.as_bytes());
            let recipient = recipient
                .map(|text| key(&text).context("the recipient is no key"))
                .transpose()?;
            let watch = observatory.watch(&url, recipient, SHELL).await?;
            Ok(serde_json::to_value(watch)?)
        }
        ObserveJob::Unwatch { id } => Ok(json!({ "removed": observatory.unwatch(&id).await? })),
        ObserveJob::Export { to, wish } => export(&observatory, &to, wish, link).await,
        ObserveJob::Import { total } => import(&observatory, total, link).await,
    }
}

async fn export(
    observatory: &Observatory,
    to: &str,
    wish: Wish,
    link: Link,
) -> anyhow::Result<Value> {
    let place = observatory.place(to)?;
    let Link { progress, stop, .. } = link;
    let report = |done: &_| super::report(&progress, done);
    let done = observatory.export(wish, &place, &stop, report).await?;
    Ok(serde_json::to_value(done)?)
}

async fn import(observatory: &Observatory, total: u64, link: Link) -> anyhow::Result<Value> {
    let Link {
        input,
        progress,
        stop,
        ..
    } = link;
    let input = input.ok_or_else(|| anyhow!("an import without input"))?;
    let report = |done: &_| super::report(&progress, done);
    let done = observatory.import(input, total, &stop, report).await?;
    Ok(serde_json::to_value(done)?)
}
