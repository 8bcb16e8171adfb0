//! `stentor observe stats`, `rank` and `author`.

use clap::{Args, ValueEnum};

use super::ask::{Form, Question, told};
use super::show::Column;
use super::{Page, columns, key};
use crate::cli::Common;

/// Which statistics.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Subject {
    /// Events by day and kind
    Kinds,
    /// Active authors by day
    Authors,
    /// New authors by day
    NewAuthors,
    /// Events by the number of relays that hold them
    Replication,
    /// What relays hold
    Relays,
    /// How long events take to arrive at relays
    Latency,
    /// What relays run
    Software,
    /// Which NIPs relays know
    Nips,
    /// Entries of authors' relay lists that lead nowhere
    Lists,
    /// How much of relays' pasts has been fetched
    Coverage,
    /// What came of the checks of the last day
    Checks,
}

/// Which statistics, and how they are printed.
#[derive(Debug, Args)]
pub struct Stats {
    /// Of what
    what: Subject,
    #[command(flatten)]
    page: Page,
}

impl Stats {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let (path, shape): (&str, (&str, &[Column])) = match self.what {
            Subject::Kinds => ("kinds", columns::KINDS),
            Subject::Authors => ("authors", columns::AUTHORS),
            Subject::NewAuthors => ("new-authors", columns::NEW_AUTHORS),
            Subject::Replication => ("replication", columns::REPLICATION),
            Subject::Relays => ("relays", columns::HOLDINGS),
            Subject::Latency => ("latency", columns::LATENCY),
            Subject::Software => ("software", columns::SOFTWARE),
            Subject::Nips => ("nips", columns::NIPS),
            Subject::Lists => ("lists", columns::LISTS),
            Subject::Coverage => ("coverage", columns::COVERED_SECONDS),
            Subject::Checks => ("checks", columns::OUTCOMES),
        };
        let question = self.page.of(Question::of(&["statistics", path]));
        told(common, question, self.page.form, shape).await
    }
}

/// Which relays are ranked.
#[derive(Debug, Args)]
pub struct Rank {
    /// clearnet, tor, i2p or loki
    #[arg(long)]
    network: Option<String>,
    /// Two letters (ISO 3166)
    #[arg(long)]
    country: Option<String>,
    /// A NIP that they must know; can be given many times
    #[arg(long)]
    nip: Vec<String>,
    /// Only those that take anybody's events
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    page: Page,
}

impl Rank {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let nips = Some(self.nip.join(",")).filter(|nips| !nips.is_empty());
        let question = Question::of(&["ranking"])
            .with("network", self.network)
            .with("country", self.country)
            .with("nip", nips)
            .with("open", self.open.then_some(true));
        told(
            common,
            self.page.of(question),
            self.page.form,
            columns::RANKING,
        )
        .await
    }
}

/// Whose events.
#[derive(Debug, Args)]
pub struct Author {
    /// npub1… or hex
    author: String,
    /// The days until today that events are looked for in
    #[arg(long, default_value_t = 30)]
    days: u32,
    #[command(flatten)]
    form: Form,
}

impl Author {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let author = key(&self.author)?;
        let question = Question::of(&["ranking", "authors", &author]).with("days", Some(self.days));
        told(common, question, self.form, columns::DELIVERIES).await
    }
}
