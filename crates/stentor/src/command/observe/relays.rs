//! `stentor observe relays`.

use clap::Args;

use super::ask::{Question, told};
use super::{Page, columns};
use crate::cli::Common;

/// Which relays.
#[derive(Debug, Args)]
pub struct Relays {
    /// URLs that have not spoken Nostr yet, instead of relays
    #[arg(long)]
    candidates: bool,
    /// unknown, online or offline
    #[arg(long)]
    status: Option<String>,
    /// clearnet, tor, i2p or loki
    #[arg(long)]
    network: Option<String>,
    /// The software, as relays name it
    #[arg(long)]
    software: Option<String>,
    /// A NIP that relays say they know; with ! before it, that they do not; can be given many times
    #[arg(long)]
    nip: Vec<String>,
    /// Two letters (ISO 3166)
    #[arg(long)]
    country: Option<String>,
    /// Whether relays want to know who asks
    #[arg(long, value_name = "BOOL")]
    auth_required: Option<bool>,
    /// Whether relays want to be paid
    #[arg(long, value_name = "BOOL")]
    payment_required: Option<bool>,
    /// Whether relays are slower than usual
    #[arg(long, value_name = "BOOL")]
    degraded: Option<bool>,
    /// The least uptime over 30 days, from 0 to 1
    #[arg(long)]
    min_uptime: Option<f64>,
    /// What the name or the URL has in it
    #[arg(long)]
    text: Option<String>,
    /// url, uptime, open, read, events, exclusive, seen or found; with - before it the greatest first
    #[arg(long, default_value = "url", allow_hyphen_values = true)]
    sort: String,
    #[command(flatten)]
    page: Page,
}

impl Relays {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let nips = Some(self.nip.join(",")).filter(|nips| !nips.is_empty());
        let question = Question::of(&["relays"])
            .with("state", self.candidates.then_some("candidate"))
            .with("status", self.status)
            .with("network", self.network)
            .with("software", self.software)
            .with("nip", nips)
            .with("country", self.country)
            .with("auth_required", self.auth_required)
            .with("payment_required", self.payment_required)
            .with("degraded", self.degraded)
            .with("min_uptime", self.min_uptime)
            .with("text", self.text)
            .with("sort", Some(self.sort));
        told(
            common,
            self.page.of(question),
            self.page.form,
            columns::RELAYS,
        )
        .await
    }
}
