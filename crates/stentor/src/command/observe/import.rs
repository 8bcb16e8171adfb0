//! `stentor observe import`.
//!
//! Files are read and decoded here, in the process of the command, also where a node runs: they may be anybody's. What is in them goes to
//! whoever holds the archive as lines, and is judged there.

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use stentor_observatory::{Broken, Imported, Place, Source};

use super::export::place;
use crate::access;
use crate::cli::Common;
use crate::control::{Job, ObserveJob};
use crate::layout::Layout;
use crate::output::{self, grouped};
use crate::progress::{Progress, rate};

/// What is taken in.
#[derive(Debug, Args)]
#[command(
    after_help = "Ids and signatures are checked; who holds what is taken as it is written. Doing it again is safe."
)]
pub struct Import {
    /// A folder, or s3://BUCKET/PREFIX (see observatory.export), with a finished export
    #[arg(value_name = "PLACE")]
    from: String,
    /// Only events, not which relays hold them
    #[arg(long)]
    events_only: bool,
    /// Prints what was done as one JSON object
    #[arg(long)]
    json: bool,
}

impl Import {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let loaded = common.load()?;
        let config = &loaded.config;
        let dialer = access::outbound(config)?.dialer;
        let export = &config.observatory.export;
        let from = Place::new(&place(&self.from)?, export, &common.data, &dialer)?;
        let source = Source::open(from).await?;
        let provenance = source.has_provenance() && !self.events_only;
        let total = source.rows(provenance);
        let access = access::open(&Layout::new(&common.data), config, true).await?;
        let (lines, broken) = source.lines(provenance);
        let job = Job::Observe(ObserveJob::Import { total });
        let running = access.begin(job, Some(Box::new(lines)));
        let mut progress = Progress::new("import", Some(total));
        let result = running.finish(|value| shown(value, &mut progress)).await;
        progress.finish();
        let result = result?;
        let broken = broken.await.context("reading the export")?;
        if self.json {
            output::json(&Told {
                done: serde_json::from_value(result)?,
                broken: &broken,
            })?;
        } else {
            let done: Imported = serde_json::from_value(result)?;
            output::print(&described(&done, &broken))?;
        }
        match broken.len() {
            0 => Ok(()),
            files => anyhow::bail!("files that could not be used: {files}"),
        }
    }
}

/// What was done, as JSON.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    done: Imported,
    broken: &'a [Broken],
}

fn shown(value: &Value, progress: &mut Progress) {
    let done: Imported = serde_json::from_value(value.clone()).unwrap_or_default();
    progress.at(done.done, |elapsed| {
        let speed = grouped(rate(done.done, elapsed));
        format!(
            "{} rows, {speed}/s, {} new events",
            grouped(done.done),
            grouped(done.events)
        )
    });
}

/// What was done, for people. What strangers have written is without control characters.
fn described(done: &Imported, broken: &[Broken]) -> String {
    let mut text = format!("{:>12} new events\n", grouped(done.events));
    let mut count = |count: u64, name: &str| {
        if count > 0 {
            text.push_str(&format!("{:>12} {name}\n", grouped(count)));
        }
    };
    count(done.duplicates, "events that were here");
    for (reason, events) in &done.refused {
        count(*events, &format!("events refused: {reason}"));
    }
    count(done.invalid, "rows that are invalid");
    count(done.pairs, "new pairs of an event and a relay");
    count(done.known_pairs, "pairs that were known");
    count(
        done.pairs_without_event,
        "pairs of events that are not here",
    );
    count(
        done.pairs_without_relay,
        "pairs of what is no relay, or not yet: import again later",
    );
    count(done.candidates, "new candidates");
    let plain = |text: &str| text.replace(char::is_control, " ");
    for bad in &done.examples {
        text.push_str(&format!(
            "{} row {}: {}\n",
            plain(&bad.file),
            bad.row,
            plain(&bad.problem)
        ));
    }
    for file in broken {
        text.push_str(&format!(
            "not used: {}: {}\n",
            file.file,
            plain(&file.problem)
        ));
    }
    if done.stopped {
        text.push_str("stopped before the end\n");
    }
    text
}
