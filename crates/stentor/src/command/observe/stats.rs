//! `stentor observe stats`, `rank` and `author`.

use clap::{Args, ValueEnum};
use stentor_observatory::seconds_of_day;

use super::ask::{Form, Question, told};
use super::show::Column;
use super::{Page, columns, key, one, show};
use crate::cli::Common;

/// Which statistics.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Subject {
    /// The great sums
    Totals,
    /// Events by day and kind, the oldest day first
    Kinds,
    /// Active authors by day, week or month, the oldest first
    Authors,
    /// New authors by day, the oldest first
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
    /// What came of the checks of the last hours
    Checks,
}

impl Subject {
    /// What stands for it in the path of a question.
    const fn path(self) -> &'static str {
        match self {
            Self::Totals => "totals",
            Self::Kinds => "kinds",
            Self::Authors => "authors",
            Self::NewAuthors => "new-authors",
            Self::Replication => "replication",
            Self::Relays => "relays",
            Self::Latency => "latency",
            Self::Software => "software",
            Self::Nips => "nips",
            Self::Lists => "lists",
            Self::Coverage => "coverage",
            Self::Checks => "checks",
        }
    }

    /// How its list is shown; nothing where it is no list.
    const fn shape(self) -> Option<(&'static str, &'static [Column])> {
        Some(match self {
            Self::Totals => return None,
            Self::Kinds => columns::KINDS,
            Self::Authors => columns::AUTHORS,
            Self::NewAuthors => columns::NEW_AUTHORS,
            Self::Replication => columns::REPLICATION,
            Self::Relays => columns::HOLDINGS,
            Self::Latency => columns::LATENCY,
            Self::Software => columns::SOFTWARE,
            Self::Nips => columns::NIPS,
            Self::Lists => columns::LISTS,
            Self::Coverage => columns::COVERED_SECONDS,
            Self::Checks => columns::OUTCOMES,
        })
    }
}

/// Which statistics, and how they are printed.
#[derive(Debug, Args)]
pub struct Stats {
    /// Of what
    what: Subject,
    /// kinds, authors, new-authors: from this day on, such as 2024-05-01 (UTC), or a number of days since 1970
    #[arg(long, value_name = "DAY", value_parser = day)]
    from_day: Option<u64>,
    /// kinds, authors, new-authors: up to this day, with it
    #[arg(long, value_name = "DAY", value_parser = day)]
    to_day: Option<u64>,
    /// kinds: only these, with commas between them, at most 100
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    kinds: Vec<u16>,
    /// authors: by day, week or month [default: day]
    #[arg(long)]
    period: Option<String>,
    /// relays: by events or exclusive, the greatest first [default: events]
    #[arg(long)]
    sort: Option<String>,
    /// coverage: only relays with time in this state: complete, capped, refused or failed
    #[arg(long)]
    state: Option<String>,
    /// checks: those of so many whole hours, beside the one under way, at most 168 [default: 24]
    #[arg(long)]
    hours: Option<u64>,
    #[command(flatten)]
    page: Page,
}

/// The number of a day since 1970.
fn day(text: &str) -> Result<u64, String> {
    if let Ok(day) = text.parse() {
        return Ok(day);
    }
    let seconds = seconds_of_day(text);
    let day = seconds.map(|(first, _)| first / 86_400);
    day.ok_or_else(|| "neither a day such as 2024-05-01 nor a number of days since 1970".into())
}

impl Stats {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let Some(shape) = self.what.shape() else {
            let form = self.page.form;
            anyhow::ensure!(
                !form.csv,
                "{} is no list: there is no CSV of it",
                self.what.path()
            );
            return one(common, self.question(), form.json, show::totals).await;
        };
        let question = self.page.of(self.question());
        told(common, question, self.page.form, shape).await
    }

    /// The question, without a page. What its statistics do not know is refused where it is read.
    fn question(&self) -> Question {
        let kinds: Vec<String> = self.kinds.iter().map(u16::to_string).collect();
        let kinds = Some(kinds.join(",")).filter(|kinds| !kinds.is_empty());
        Question::of(&["statistics", self.what.path()])
            .with("from_day", self.from_day)
            .with("to_day", self.to_day)
            .with("kinds", kinds)
            .with("period", self.period.as_ref())
            .with("sort", self.sort.as_ref())
            .with("state", self.state.as_ref())
            .with("hours", self.hours)
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
    /// Milliseconds within which they must answer a question
    #[arg(long, value_name = "MILLISECONDS")]
    read_ms: Option<u64>,
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
            .with("read_ms", self.read_ms)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_2_days_are_dates_or_numbers() {
        assert_eq!((day("0"), day("19844")), (Ok(0), Ok(19_844)));
        assert_eq!(day("2024-05-01"), Ok(19_844));
        assert!(day("2024-13-01").is_err() && day("-1").is_err() && day("today").is_err());
    }
}
