//! `stentor config`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::Common;
use crate::config::{Config, Faults, files, render};
use crate::layout::Layout;
use crate::output;

/// Writes, checks and shows the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Writes a file with every key, its meaning, default, unit and range in comments
    Init {
        /// Where to; `-` is standard output [default: that of --config, or stentor.toml in the data folder]
        file: Option<PathBuf>,
        /// Replaces a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Names file, line and key of each fault
    Check {
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Prints what is in force, without secrets
    Print {
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Prints the reference of all keys in Markdown
    Reference,
}

impl ConfigCommand {
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::Init { file, force } => init(file, force, common),
            Self::Check { json } => check(json, common),
            Self::Print { json } => {
                let loaded = common.load()?;
                if json {
                    output::json(&render::json(&loaded.config))?
                } else {
                    output::print(&render::values(&loaded))?
                }
                Ok(())
            }
            Self::Reference => Ok(output::print(&render::reference())?),
        }
    }
}

fn init(file: Option<PathBuf>, force: bool, common: &Common) -> anyhow::Result<()> {
    let path = file
        .or_else(|| common.config.clone())
        .unwrap_or_else(|| common.default_file());
    if path.as_os_str() == "-" {
        return Ok(output::print(&render::file())?);
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Layout::new(folder).make()?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(render::file().as_bytes())?;
    file.sync_all()?;
    Ok(output::line(&format!("{} written", path.display()))?)
}

fn check(json: bool, common: &Common) -> anyhow::Result<()> {
    let loaded = common.load().and_then(|loaded| {
        let faults = files::check(&loaded, &Layout::new(&common.data));
        if faults.is_empty() {
            Ok(loaded)
        } else {
            Err(Faults(faults))
        }
    });
    if json {
        let faults: Vec<Value> = match &loaded {
            Ok(_) => Vec::new(),
            Err(Faults(faults)) => faults.iter().map(crate::config::fault_json).collect(),
        };
        output::json(&json!({ "ok": faults.is_empty(), "faults": faults }))?;
        if loaded.is_err() {
            // The faults have been printed already.
            std::process::exit(2);
        }
        return Ok(());
    }
    let loaded = loaded?;
    let changed = changed(&loaded.config);
    let from = common
        .sources(Vec::new())
        .file()
        .map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
    Ok(output::line(&format!(
        "{from}: ok, {changed} keys differ from their defaults"
    ))?)
}

/// How many keys differ from their defaults.
fn changed(config: &Config) -> usize {
    fn count(a: &Value, b: &Value) -> usize {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => a
                .iter()
                .map(|(key, value)| count(value, b.get(key).unwrap_or(&Value::Null)))
                .sum(),
            _ => usize::from(a != b),
        }
    }
    count(&render::json(config), &render::json(&Config::default()))
}
