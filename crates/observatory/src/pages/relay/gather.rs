//! What the page is made of, each read if it is wanted.

use maud::Markup;
use stentor_console::Query;

use super::part;
use crate::answer::{
    self, AskError, Back, ChangePage, CheckPage, CoveragePage, CoverageQuery, Range, RelayDetail,
    RelayName, SeriesAnswer,
};
use crate::pages::Pages;
use crate::pages::visit::{Visit, seconds};
use crate::ranking::{Ranked, score_of};
use crate::statistics::answer::{RelayLatency, latencies};
use crate::table::RelayId;

/// Checks of a page unless the address says otherwise.
const CHECKS: u32 = 20;
/// Changes that are shown.
const CHANGES: u32 = 20;
/// Intervals of coverage that are drawn.
pub(super) const INTERVALS: u32 = 500;
/// Parts of the bar of uptime, at most.
const CELLS: u64 = 90;
/// There was no Nostr before November 2020, in Unix seconds.
const EARLIEST: u64 = 1_604_188_800;

/// What the page is made of. What is `None` or empty was not wanted, or is not there.
pub(super) struct Gathered {
    pub query: Query,
    /// In Unix seconds.
    pub now: i64,
    pub detail: RelayDetail,
    /// How many hours until now the charts are of; `None` for other ranges.
    pub hours: Option<u64>,
    pub series: Option<SeriesAnswer>,
    /// The same in as few parts as there are checks in it.
    pub cells: Option<SeriesAnswer>,
    /// The length of a part of it, in milliseconds.
    pub cell_ms: u64,
    pub checks: Option<CheckPage>,
    pub changes: Option<ChangePage>,
    pub coverage: Option<CoveragePage>,
    /// From when on coverage is drawn, in Unix seconds.
    pub oldest: i64,
    pub latency: Option<RelayLatency>,
    pub ranked: Option<Ranked>,
    /// Whether writing is tested.
    pub writes: bool,
    /// Links for programs.
    pub data: Markup,
}

/// Asks the readers.
pub(super) async fn gather(pages: &Pages, visit: &Visit, name: &str) -> Result<Gathered, AskError> {
    let mut parameters = visit.parameters()?;
    let (range, hours) = Range::read(&mut parameters)?;
    let mut back = Back::read(&mut parameters)?;
    parameters.end()?;
    if visit.query.get("limit").is_none() {
        back.limit = CHECKS;
    }
    let ground = pages.ground();
    let records = &ground.records;
    let detail = answer::relay(records, &RelayName::read(name)?).await?;
    let id = RelayId(detail.relay.id);
    let (from_ms, to_ms) = range.times(hours, visit.now_ms)?;
    let length = (to_ms - from_ms) / 1_000;
    let interval = ground.config.check.interval_seconds.max(1);
    // Somewhat longer than the time between two checks, lest one in between seems to be missing.
    let cells = (length * 2 / (interval * 3)).clamp(1, CELLS);
    // Both in the same time, though a moment passes between them.
    let charts = async |points: u64| {
        let asked = (range.in_points(points), hours);
        answer::series(records, id, &asked, visit.now_ms).await
    };
    let wants = |name| visit.wanted.includes(name) && detail.relay.state != "candidate";
    let mut all = Gathered {
        query: visit.query.clone(),
        now: visit.now(),
        hours: range.is_open().then(|| hours.unwrap_or(24)),
        series: None,
        cells: None,
        cell_ms: (to_ms - from_ms).div_ceil(cells),
        checks: None,
        changes: None,
        coverage: None,
        oldest: seconds(
            ground
                .config
                .archive
                .oldest(visit.now_ms / 1_000)
                .max(EARLIEST)
                .saturating_mul(1_000),
        ),
        latency: None,
        ranked: None,
        writes: ground.config.check.write != crate::config::WriteTest::Off,
        data: visit.data(&format!("relays/{}", id.0), "", false),
        detail: detail.clone(),
    };
    if wants(part::CHARTS) {
        all.series = Some(charts(200).await?);
        all.cells = Some(charts(cells).await?);
    }
    if wants(part::CHECKS) {
        all.checks = Some(answer::checks(records, id, &back).await?);
    }
    if wants(part::CHANGES) {
        let newest = Back {
            limit: CHANGES,
            after: None,
        };
        all.changes = Some(answer::changes(records, id, &newest).await?);
    }
    if wants(part::COVERAGE) {
        let first = CoverageQuery::first(INTERVALS);
        all.coverage = Some(answer::coverage(records, Some(id), &first).await?);
    }
    if wants(part::ARCHIVE) {
        let found = latencies(records, id.0.saturating_sub(1), 1).await?;
        all.latency = found.into_iter().find(|latency| latency.relay == id.0);
    }
    if wants(part::SCORE) {
        all.ranked = score_of(records, id.0).await?;
    }
    Ok(all)
}
