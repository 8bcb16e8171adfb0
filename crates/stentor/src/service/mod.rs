//! The running node: its parts put together, started in order, reloaded and stopped.

mod accept;
mod background;
mod commands;
mod gateway;
mod gauges;
mod listeners;
mod node;
mod notify;
pub mod observatory;
mod opening;
mod process;
mod reload;
pub mod search;
mod signals;
mod sockets;
mod succession;
mod webhooks;

use anyhow::Context;

use crate::config::{Faults, Loaded, Sources, files};
use crate::layout::Layout;
use crate::logs;
use node::Node;

pub use signals::Signals;

/// Runs the node until a signal stops it, or a successor takes over; with `take_over`, it is a successor itself.
///
/// # Errors
/// What kept it from starting, or from making everything durable at the end.
pub fn run(
    loaded: Loaded,
    sources: Sources,
    layout: Layout,
    take_over: bool,
) -> anyhow::Result<()> {
    let faults = files::check(&loaded, &layout);
    if !faults.is_empty() {
        return Err(Faults(faults).into());
    }
    logs::start(&loaded.config.log);
    raise_file_limit();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if loaded.config.server.threads > 0 {
        builder.worker_threads(loaded.config.server.threads);
    }
    let runtime = builder.enable_all().build().context("starting threads")?;
    let result = runtime.block_on(async {
        // Before anything that takes time: a signal that comes meanwhile must not end the process unseen.
        let mut signals = signals::Signals::new()?;
        let node = tokio::select! {
            node = Node::start(loaded.config, &layout, take_over) => node?,
            () = signals.stop() => {
                tracing::info!("stopped before it served");
                return Ok(());
            }
        };
        node.run(signals, &sources).await
    });
    runtime.shutdown_background();
    result
}

/// Every connection is an open file: takes as many as the system lets us have.
pub fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "cannot raise the limit on open files");
        }
    }
    tracing::debug!(files = ?limit.current, "limit on open files");
}
