//! Stentor: one program for signed events and private messages.

mod access;
mod backup;
mod cli;
mod clock;
mod command;
mod config;
mod control;
mod filters;
mod heir;
mod import;
mod layout;
mod logs;
mod observing;
mod output;
mod progress;
mod records;
mod secrets;
mod service;
mod stop;
mod traces;

use std::process::ExitCode;

use clap::Parser;

/// Gives back what a burst took, whichever thread took it: see docs/decisions/0018-allocator.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.command.run(&cli.common) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Says what went wrong and chooses the exit code.
fn fail(error: &anyhow::Error) -> ExitCode {
    if output::is_enough(error) {
        return ExitCode::SUCCESS;
    }
    if let Some(faults) = error.downcast_ref::<config::Faults>() {
        eprintln!("{faults}");
        return ExitCode::from(2);
    }
    eprintln!("stentor: {error:#}");
    ExitCode::FAILURE
}
