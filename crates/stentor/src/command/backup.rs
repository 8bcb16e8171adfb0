//! `stentor backup`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::json;

use super::db::{job, show};
use crate::backup::Inventory;
use crate::cli::Common;
use crate::control::Job;
use crate::output::bytes;
use crate::progress::Progress;

/// Backups: copies of events, records and keys as of one moment, which are data folders themselves.
#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Takes one; through the running node where there is one, which goes on serving
    Create {
        /// The folder; must be new or empty
        folder: PathBuf,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Compares every file with what was written when the backup was taken; changes nothing, fails when something differs
    Verify {
        /// The folder of the backup
        folder: PathBuf,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Backup {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::Create { folder, json } => {
                let to = std::path::absolute(folder)?;
                show(&job(common, Job::Backup { to }, "backup").await?, json)
            }
            Self::Verify { folder, json } => {
                tokio::task::spawn_blocking(move || verify(&folder, json)).await?
            }
        }
    }
}

fn verify(folder: &Path, json: bool) -> anyhow::Result<()> {
    let inventory = Inventory::read(folder)?;
    let total = inventory.bytes();
    let mut progress = Progress::new("verify", Some(total));
    let faults = inventory.faults(folder, &mut |read| {
        progress.at(read, |_| format!("{} of {}", bytes(read), bytes(total)));
    });
    progress.finish();
    let faults = faults.with_context(|| format!("verifying {}", folder.display()))?;
    let found = json!({
        "taken_at": inventory.taken_at(),
        "files": inventory.len(),
        "bytes": total,
        "faults": faults,
    });
    show(&found, json)?;
    match faults.len() {
        0 => Ok(()),
        count => bail!(
            "{count} files are not as they were when the backup was taken; if a node has been started on it since, \
             `stentor db verify --data {}` checks it instead",
            folder.display()
        ),
    }
}
