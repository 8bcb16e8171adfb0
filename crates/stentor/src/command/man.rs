//! `stentor man`.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::output;

/// Writes the manual page to standard output.
#[derive(Debug, Args)]
pub struct Man {
    /// Writes one page for each command into this folder instead
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Man {
    pub fn run(self) -> anyhow::Result<()> {
        if let Some(folder) = self.output {
            std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), &folder))
                .with_context(|| format!("writing to {}", folder.display()))?;
            return Ok(());
        }
        let mut text = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut text)?;
        Ok(output::print(&String::from_utf8_lossy(&text))?)
    }
}
