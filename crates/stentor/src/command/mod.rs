//! The commands, one a file.

mod admin;
mod backup;
mod bench;
mod completions;
mod config;
mod db;
mod explain;
mod export;
mod import;
mod keys;
mod letting;
mod man;
mod mirror;
mod observe;
mod serve;
mod sync;

use clap::Subcommand;

use crate::cli::Common;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts the node
    Serve(serve::Serve),
    /// Writes, checks and shows the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Takes events in, one JSON object a line
    Import(import::Import),
    /// Writes events out, one JSON object a line, newest first
    Export(export::Export),
    /// Brings together what is here and at another relay
    Sync(sync::Sync),
    /// Shows and checks the mirrors of the configuration
    #[command(subcommand)]
    Mirror(mirror::Mirror),
    /// Tells which relays there are, how they do, and what they hold
    #[command(subcommand)]
    Observe(observe::Observe),
    /// Looks after the store
    #[command(subcommand)]
    Db(db::Db),
    /// Takes and verifies backups
    #[command(subcommand)]
    Backup(backup::Backup),
    /// Manages the relay: bans, members, invites, roles, the moderation queue, the audit log
    Admin(admin::Admin),
    /// Tells how queries are answered: the index, what was probed, and what it cost
    Explain(explain::Explain),
    /// Makes keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Makes what the program can be tried and measured against
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Writes completions for a shell
    Completions(completions::Completions),
    /// Writes the manual page
    Man(man::Man),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What kept it from being done.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::Serve(command) => command.run(common),
            Self::Config(command) => command.run(common),
            Self::Import(command) => in_runtime(command.run(common)),
            Self::Export(command) => in_runtime(command.run(common)),
            Self::Sync(command) => in_runtime(command.run(common)),
            Self::Mirror(command) => in_runtime(command.run(common)),
            Self::Observe(command) => in_runtime(command.run(common)),
            Self::Db(command) => in_runtime(command.run(common)),
            Self::Backup(command) => in_runtime(command.run(common)),
            Self::Admin(command) => in_runtime(command.run(common)),
            Self::Explain(command) => in_runtime(command.run(common)),
            Self::Keys(command) => command.run(),
            Self::Bench(command) => in_runtime(command.run()),
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }
}

/// Runs to the end without waiting for threads that are stuck in a read.
fn in_runtime(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}
