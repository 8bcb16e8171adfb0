//! What the overview shows whatever its address.

use crate::answer::{AskError, Network, Progress, arrivals, network};
use crate::archive;
use crate::config::Config;
use crate::ground::Ground;
use crate::history::{self, Outcome};
use crate::ranking::{self, AliveQuery, Ranked};
use crate::statistics::answer::{self, DeadEntries, RelayLatency, Replication, Totals};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// Relays of the ranking that are shown.
const RANKED: usize = 10;
/// Rows of other lists.
const ROWS: usize = 10;
/// Numbers of copies that are told apart.
const COPIES: usize = 1_000;

/// What the overview shows whatever its address.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// When it was read, in Unix milliseconds.
    pub at_ms: u64,
    /// Whether our own network is up; nothing where nobody has looked.
    pub own_network: Option<bool>,
    /// What is switched on.
    pub switches: Switches,
    /// The great sums.
    pub totals: Totals,
    /// The network.
    pub network: Network,
    /// What came of the checks of the last 24 hours, and of the hour under way.
    pub outcomes: Vec<Outcome>,
    /// How far the archive has got.
    pub progress: Progress,
    /// Events by the number of relays that hold them.
    pub replication: Vec<Replication>,
    /// The best relays.
    pub ranking: Vec<Ranked>,
    /// Entries of relay lists that lead nowhere.
    pub dead: DeadEntries,
    /// How long events took to arrive, at the relays that most came from.
    pub latencies: Vec<RelayLatency>,
}

/// Which services the configuration has switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Switches(Vec<&'static str>);

impl Switches {
    /// What the configuration says.
    pub fn of(config: &Config) -> Self {
        let all = [
            (config.discover.enabled, "discovery"),
            (config.check.enabled, "checks"),
            (config.archive.enabled, "the archive"),
            (config.statistics.enabled, "statistics"),
        ];
        let off = all.iter().filter(|(enabled, _)| !enabled);
        Self(off.map(|(_, name)| *name).collect())
    }

    /// What is off, in words.
    pub fn off(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(", "))
    }

    /// Whether relays are looked for.
    pub fn discovers(&self) -> bool {
        !self.0.contains(&"discovery")
    }

    /// Whether relays are checked.
    pub fn checks(&self) -> bool {
        !self.0.contains(&"checks")
    }
}

impl Figures {
    /// Reads them.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn read(ground: &Ground) -> Result<Self, AskError> {
        let (records, now_ms) = (&ground.records, ground.clock.now_ms());
        let own_network = *ground.signals.own_network().borrow();
        let best = AliveQuery {
            limit: RANKED,
            ..AliveQuery::default()
        };
        Ok(Self {
            at_ms: now_ms,
            own_network,
            switches: Switches::of(&ground.config),
            totals: answer::totals(records).await?,
            network: network(ground).await?,
            outcomes: history::outcomes(records, now_ms.saturating_sub(DAY_MS)).await?,
            progress: archive::progress(ground).await?,
            replication: answer::replication(records, 0, COPIES).await?,
            ranking: ranking::alive(records, &best).await?,
            dead: answer::dead_entries(records, now_ms, None, ROWS).await?,
            latencies: arrivals(records, ROWS).await?,
        })
    }
}
