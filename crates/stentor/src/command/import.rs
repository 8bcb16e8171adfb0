//! `stentor import`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use clap::Args;
use stentor_sql::DatabaseConfig;

use crate::access::{self, Access};
use crate::cli::Common;
use crate::config::Config;
use crate::control::{ImportJob, Job};
use crate::import::{Input, Summary};
use crate::layout::Layout;
use crate::output::{self, grouped};
use crate::progress::{Progress, rate};

/// Takes events in: one JSON object a line, plain, gzip or zstd. A line that is not valid is counted and passed over.
/// Through the running node where there is one. Running it again is safe: what is there already is a duplicate.
#[derive(Debug, Args)]
#[command(after_help = "Ctrl-C ends it early; what was counted until then is stored.")]
pub struct Import {
    /// The file; `-` is standard input
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,
    /// Judges all lines as a new, empty store would, and stores nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints the summary as one JSON object
    #[arg(long)]
    json: bool,
    /// Trusts the signatures: for a dump made by yourself. Form and id are checked nevertheless
    #[arg(long)]
    no_verify: bool,
    /// Takes only what matches this filter (NIP-01, as JSON); several are a union
    #[arg(long, value_name = "JSON")]
    filter: Vec<String>,
    /// Passes over this many lines at the beginning
    #[arg(long, value_name = "LINES", default_value_t = 0)]
    skip: u64,
}

impl Import {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let loaded = common.load()?;
        crate::filters::parse(&self.filter)?;
        let input = Input::open(&self.file)
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        let scratch;
        let access = if self.dry_run {
            scratch = tempfile::Builder::new()
                .prefix("stentor-dry-run")
                .tempdir()?;
            let layout = Layout::new(scratch.path());
            // Nothing of the relay is touched: its records may be elsewhere.
            let config = Config {
                records: DatabaseConfig::default(),
                ..loaded.config
            };
            let store = access::open_store(&layout.relay_store(), access::options(&config)?)?;
            Access::Own(Arc::new(access::workshop(store, &layout, &config)))
        } else {
            access::open(&Layout::new(&common.data), &loaded.config, true).await?
        };
        let Input { reader, size, read } = input;
        let job = ImportJob {
            filters: self.filter,
            trusted: self.no_verify,
            name: self.file.display().to_string(),
            skip: self.skip,
        };
        let running = access.begin(Job::Import(job), Some(reader));
        let mut progress = Progress::new("import", size);
        let result = running
            .finish(|value| {
                progress.at(read.load(Ordering::Relaxed), |elapsed| {
                    let summary: Summary =
                        serde_json::from_value(value.clone()).unwrap_or_default();
                    let speed = grouped(rate(summary.lines, elapsed));
                    format!(
                        "{} lines, {speed}/s, {} accepted",
                        grouped(summary.lines),
                        grouped(summary.accepted)
                    )
                });
            })
            .await;
        let elapsed = progress.finish();
        let result = result?;
        if self.json {
            return Ok(output::json(&result)?);
        }
        let summary: Summary = serde_json::from_value(result)?;
        let title = if self.dry_run {
            "would be accepted"
        } else {
            "accepted"
        };
        let speed = grouped(rate(summary.lines, elapsed));
        let seconds = elapsed.as_secs_f64();
        output::print(&describe(&summary, title))?;
        Ok(output::line(&format!(
            "{} lines in {seconds:.1} s ({speed}/s)",
            grouped(summary.lines)
        ))?)
    }
}

fn describe(summary: &Summary, accepted: &str) -> String {
    let mut text = format!("{:>12} {accepted}\n", grouped(summary.accepted));
    let others = [
        ("duplicate", summary.duplicate),
        ("superseded", summary.superseded),
        ("deleted", summary.deleted),
        ("vanished", summary.vanished),
        ("expired", summary.expired),
        ("ephemeral", summary.ephemeral),
        ("refused by a plugin", summary.refused),
        ("left out by the filter", summary.filtered),
    ];
    for (name, count) in others.into_iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!("{:>12} {name}\n", grouped(count)));
    }
    for (reason, count) in &summary.invalid {
        text.push_str(&format!("{:>12} invalid: {reason}\n", grouped(*count)));
    }
    for bad in &summary.examples {
        text.push_str(&format!("line {}: {}\n", bad.line, bad.reason));
    }
    if summary.stopped {
        text.push_str("stopped before the end of the input\n");
    }
    text
}
