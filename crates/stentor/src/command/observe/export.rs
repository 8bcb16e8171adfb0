//! `stentor observe export`.

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::Value;
use stentor_observatory::{Exported, Format, Selection, Wish, seconds_of_day};

use crate::access;
use crate::cli::Common;
use crate::control::{Job, ObserveJob};
use crate::layout::Layout;
use crate::output::{self, bytes, grouped};
use crate::progress::{Progress, rate};

/// The form of tables.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// Apache Parquet
    Parquet,
    /// One JSON object a line, compressed with zstd
    Jsonl,
}

/// What is written, and where to.
#[derive(Debug, Args)]
#[command(
    after_help = "Private events are written, too. What is there of an earlier export is kept where it has not changed. The form of all files is told in docs/research.md."
)]
pub struct Export {
    /// A folder, or s3://BUCKET/PREFIX (see observatory.export)
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// The form of the tables
    #[arg(long, value_enum, default_value_t = Form::Parquet)]
    format: Form,
    /// Events of this time or later: a day such as 2024-05-01 (UTC), or Unix seconds
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<u64>,
    /// Events of this time or earlier; of a day, its last second
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Option<u64>,
    /// Events of these kinds only
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    kinds: Vec<u16>,
    /// Which relays hold which event, too
    #[arg(long)]
    provenance: bool,
    /// Prints what was done as one JSON object
    #[arg(long)]
    json: bool,
}

fn since(text: &str) -> Result<u64, String> {
    time(text).map(|(first, _)| first)
}

fn until(text: &str) -> Result<u64, String> {
    time(text).map(|(_, last)| last)
}

/// The first and the last second of what is meant.
fn time(text: &str) -> Result<(u64, u64), String> {
    if let Ok(second) = text.parse() {
        return Ok((second, second));
    }
    seconds_of_day(text).ok_or_else(|| "neither a day such as 2024-05-01 nor Unix seconds".into())
}

/// A place as whoever does the job has to know it: a node has another working folder.
pub fn place(name: &str) -> anyhow::Result<String> {
    if name.starts_with("s3://") {
        return Ok(name.to_owned());
    }
    let path = std::path::absolute(name).with_context(|| format!("no folder: {name:?}"))?;
    let path = path.into_os_string().into_string();
    path.map_err(|path| anyhow::anyhow!("{} is not UTF-8", path.display()))
}

impl Export {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let loaded = common.load()?;
        let wish = Wish {
            selection: Selection {
                since: self.since,
                until: self.until,
                kinds: self.kinds,
            },
            format: match self.format {
                Form::Parquet => Format::Parquet,
                Form::Jsonl => Format::Jsonl,
            },
            provenance: self.provenance,
        };
        let to = place(&self.to)?;
        let access = access::open(&Layout::new(&common.data), &loaded.config, false).await?;
        let running = access.begin(Job::Observe(ObserveJob::Export { to, wish }), None);
        // How many events there are is told with the first report.
        let mut progress = Progress::new("export", None);
        let result = running.finish(|value| shown(value, &mut progress)).await;
        let elapsed = progress.finish();
        let result = result?;
        let done: Exported = serde_json::from_value(result.clone())?;
        if self.json {
            output::json(&result)?;
        } else {
            let speed = grouped(rate(done.done, elapsed));
            output::line(&format!(
                "{} events ({speed}/s); {} files written ({}), {} had not changed, {} removed",
                grouped(done.done),
                grouped(done.files),
                bytes(done.bytes),
                grouped(done.kept),
                grouped(done.removed),
            ))?;
        }
        match done.manifest {
            Some(manifest) if !self.json => {
                Ok(output::line(&format!("manifest sha256 {manifest}"))?)
            }
            Some(_) => Ok(()),
            None => anyhow::bail!(
                "ended early: what is there is not finished; the same command goes on, and keeps what is right"
            ),
        }
    }
}

fn shown(value: &Value, progress: &mut Progress) {
    let done: Exported = serde_json::from_value(value.clone()).unwrap_or_default();
    progress.at(done.done, |elapsed| {
        let speed = grouped(rate(done.done, elapsed));
        format!(
            "{} of {} events, {speed}/s",
            grouped(done.done),
            grouped(done.total)
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_3_times_are_days_or_seconds() {
        assert_eq!((since("5"), until("5")), (Ok(5), Ok(5)));
        assert_eq!(since("2024-05-01"), Ok(1_714_521_600));
        assert_eq!(until("2024-05-01"), Ok(1_714_607_999));
        assert!(since("2024-13-01").is_err() && since("yesterday").is_err());
    }

    #[test]
    fn o4_3_a_folder_is_told_whole() {
        assert_eq!(place("s3://bucket/a").unwrap(), "s3://bucket/a");
        assert!(place("a/b").unwrap().starts_with('/'));
    }
}
