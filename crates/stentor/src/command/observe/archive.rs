//! `stentor observe archive`.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use super::ask::{Question, asked};
use super::show;
use crate::cli::Common;
use crate::control;
use crate::layout::Layout;
use crate::output;
use crate::progress::Progress;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// What a bar counts: parts of the whole.
const PARTS: u64 = 10_000;

/// How the archive is shown.
#[derive(Debug, Args)]
pub struct Archive {
    /// Goes on showing it until Ctrl-C; needs a running node
    #[arg(long)]
    follow: bool,
    /// Prints one JSON object; with --follow, one a line
    #[arg(long)]
    json: bool,
}

impl Archive {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        if self.follow {
            return self.followed(common).await;
        }
        let progress = look(common).await?;
        if self.json {
            return Ok(output::json(&progress)?);
        }
        Ok(output::print(&show::archive(&progress))?)
    }

    async fn followed(self, common: &Common) -> anyhow::Result<()> {
        let socket = Layout::new(&common.data).control_socket();
        if control::connect(&socket).await?.is_none() {
            bail!("no node runs on {}", common.data.display());
        }
        let bar = !self.json && std::io::stderr().is_terminal();
        let mut bar = bar.then(|| Progress::new("archive", Some(PARTS)));
        loop {
            let progress = look(common).await?;
            match &mut bar {
                Some(bar) => bar.at(parts(&progress), |_| show::pace(&progress)),
                None if self.json => output::json(&progress)?,
                None => output::line(&show::pace(&progress))?,
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                interrupted = tokio::signal::ctrl_c() => {
                    if let Some(bar) = &mut bar {
                        bar.finish();
                    }
                    return Ok(interrupted?);
                }
            }
        }
    }
}

async fn look(common: &Common) -> anyhow::Result<Value> {
    asked(common, Question::of(&["progress"]).job(false)).await
}

/// The share of what was asked for, in parts of the whole.
fn parts(progress: &Value) -> u64 {
    let number = |name: &str| progress.get(name).and_then(Value::as_u64).unwrap_or(0);
    let left = number("left_seconds");
    let told = ["complete_seconds", "capped_seconds", "refused_seconds"].map(number);
    let told: u64 = told.iter().sum();
    let whole = u128::from(told) + u128::from(left);
    let parts = (u128::from(told) * u128::from(PARTS)).checked_div(whole);
    u64::try_from(parts.unwrap_or(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn o5_3_the_bar_is_full_when_nothing_is_left() {
        let of =
            |told: u64, left: u64| parts(&json!({"complete_seconds": told, "left_seconds": left}));
        assert_eq!((of(0, 0), of(1, 3), of(5, 0)), (0, 2_500, PARTS));
    }
}
