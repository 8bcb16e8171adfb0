//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser};

use crate::command::Command;
use crate::config::{Faults, Loaded, Sources, load};

/// One program for signed events and private messages.
#[derive(Debug, Parser)]
#[command(
    name = "stentor",
    version,
    propagate_version = true,
    max_term_width = 110
)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.")]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The configuration file [default: stentor.toml in the data folder, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "STENTOR_CONFIG")]
    pub config: Option<PathBuf>,
    /// The data folder
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "STENTOR_DATA",
        default_value = "./data"
    )]
    pub data: PathBuf,
    /// Sets a key of the configuration; can be given many times
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub settings: Vec<Setting>,
}

/// `KEY=VALUE`.
#[derive(Debug, Clone)]
pub struct Setting {
    key: String,
    value: String,
}

impl FromStr for Setting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok(Self {
                key: key.trim().to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("is not KEY=VALUE"),
        }
    }
}

impl Common {
    /// Where the configuration file is looked for unless the command line says otherwise.
    pub fn default_file(&self) -> PathBuf {
        self.data.join("stentor.toml")
    }

    /// Where the configuration comes from; `flags` are `(flag, key, value)` of the command itself.
    pub fn sources(&self, flags: Vec<(String, String, String)>) -> Sources {
        let set = |setting: &Setting| {
            (
                "--set".to_owned(),
                setting.key.clone(),
                setting.value.clone(),
            )
        };
        let settings = self.settings.iter().map(set).chain(flags).collect();
        Sources {
            file: self.config.clone(),
            default_file: Some(self.default_file()),
            settings,
        }
    }

    /// Loads the configuration.
    ///
    /// # Errors
    /// All its faults.
    pub fn load(&self) -> Result<Loaded, Faults> {
        load(&self.sources(Vec::new()))
    }
}
