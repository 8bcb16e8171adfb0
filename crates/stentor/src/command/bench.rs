//! `stentor bench`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;
use stentor_simulation::{Network, Relay, Spec};

use crate::output;
use crate::service::{Signals, raise_file_limit};

/// Makes what the program can be tried and measured against.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Runs a network of simulated relays on loopback
    Network(NetworkArgs),
}

/// Runs a network of simulated relays on 127.0.0.1 until SIGTERM or SIGINT. Relays, their events and who has which follow from the
/// seed. It prints the URL of each relay on a line of its own, and one that begins with `ready:` when all of them listen.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// So many light relays for load: of each 20, 16 are honest, and one each refuses connections, is slow, is mute, is a web server
    #[arg(long, value_name = "N", conflicts_with = "cast", value_parser = clap::value_parser!(u16).range(1..))]
    relays: Option<u16>,
    /// One relay of each character: capped, lying, flooding, mute … [this is the default]
    #[arg(long)]
    cast: bool,
    /// What all chance comes from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Events in the whole network, at most 10,000,000 [default: 4,000 for the cast, else two for each relay]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    events: Option<u32>,
    /// The port of the first relay, which the others follow [default: whichever are free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    listen_from: Option<u16>,
    /// Prints one JSON object for each relay, with what there is to be had from it, and one at the end
    #[arg(long)]
    json: bool,
    /// Writes the URLs to this file, too
    #[arg(long, value_name = "FILE")]
    urls: Option<PathBuf>,
    /// Writes the certificate of the authority by which relays with TLS can be trusted to this file
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
}

impl Bench {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self::Network(arguments) = self;
        arguments.run().await
    }
}

impl NetworkArgs {
    async fn run(self) -> anyhow::Result<()> {
        // Before anything that takes time, as a signal may come meanwhile.
        let mut signals = Signals::new()?;
        raise_file_limit();
        let network = tokio::select! {
            network = Network::start(self.spec()) => network.context("starting the relays")?,
            () = signals.stop() => return Ok(()),
        };
        self.write_files(&network)?;
        self.report(&network)?;
        signals.stop().await;
        network.stop().await;
        Ok(())
    }

    fn spec(&self) -> Spec {
        let spec = match self.relays {
            Some(relays) => Spec::crowd(self.seed, relays.into()),
            None => Spec::cast(self.seed),
        };
        Spec {
            events: self.events.map_or(spec.events, |events| events as usize),
            listen_from: self.listen_from,
            ..spec
        }
    }

    fn write_files(&self, network: &Network) -> anyhow::Result<()> {
        if let Some(file) = &self.urls {
            std::fs::write(file, lines(network))
                .with_context(|| format!("writing to {}", file.display()))?;
        }
        if let Some(file) = &self.authority {
            let pem = network.ca_pem();
            let pem = pem.context("none of these relays has TLS, so there is no authority")?;
            std::fs::write(file, pem).with_context(|| format!("writing to {}", file.display()))?;
        }
        Ok(())
    }

    fn report(&self, network: &Network) -> anyhow::Result<()> {
        let (relays, events) = (network.relays().len(), network.union(|_, _| true).len());
        if self.json {
            for relay in network.relays() {
                output::json(&described(relay))?;
            }
            return Ok(output::json(
                &json!({ "ready": true, "relays": relays, "events": events }),
            )?);
        }
        output::print(&lines(network))?;
        let (relays, events) = (relays as u64, events as u64);
        Ok(output::line(&format!(
            "ready: {} relays, from which {} events can be had without authentication",
            output::grouped(relays),
            output::grouped(events)
        ))?)
    }
}

/// The URLs, one a line.
fn lines(network: &Network) -> String {
    let mut lines = String::new();
    for url in network.urls() {
        // Writing to a text does not fail.
        let _ = writeln!(lines, "{url}");
    }
    lines
}

fn described(relay: &Relay) -> serde_json::Value {
    let truth = relay.truth();
    json!({
        "url": relay.url(),
        "character": relay.character().name(),
        "description": relay.character().description(),
        "stored": truth.stored.len(),
        "honest": truth.honest.len(),
        "gated": truth.gated.len(),
        "forged": truth.forged,
        "holes": truth.holes.len(),
        "provable": truth.provable,
    })
}
