//! The tables of relays and of coverage: small beside events, written anew each time, and put there when they differ.

use sha2::{Digest, Sha256};
use stentor_sql::{Error as SqlError, FromRow, Row};

use super::{Ended, Export, aside};
use crate::error::Error;
use crate::export::encoder::Encoder;
use crate::export::name::Name;
use crate::export::table::{COVERAGE, Cell, RELAYS, Table};

/// Rows that are read at once.
const PAGE: i64 = 1_000;
/// Before all filters and all times.
const START: i64 = i64::MIN;

/// A row, with where the next page goes on.
struct Line<K> {
    key: K,
    cells: Vec<Cell<'static>>,
}

struct RelayLine(Line<String>);
struct CoverageLine(Line<(String, i64, i64)>);

fn text(row: &mut Row, name: &'static str) -> Result<Cell<'static>, SqlError> {
    let value: Option<String> = row.get(name)?;
    Ok(value.map_or(Cell::Empty, |value| Cell::Text(value.into())))
}

fn long(row: &mut Row, name: &'static str) -> Result<Cell<'static>, SqlError> {
    let value: Option<i64> = row.get(name)?;
    Ok(value.map_or(Cell::Empty, Cell::Long))
}

fn cells(table: Table, row: &mut Row) -> Result<Vec<Cell<'static>>, SqlError> {
    use crate::export::table::Kind;
    let cell = |column: &crate::export::table::Column| match column.kind {
        Kind::Real => {
            let value: Option<f64> = row.get(column.name)?;
            Ok(value.map_or(Cell::Empty, Cell::Real))
        }
        Kind::Truth => {
            let value: Option<bool> = row.get(column.name)?;
            Ok(value.map_or(Cell::Empty, Cell::Truth))
        }
        Kind::Long => long(row, column.name),
        _ => text(row, column.name),
    };
    table.iter().map(cell).collect()
}

impl FromRow for RelayLine {
    fn from_row(mut row: Row) -> Result<Self, SqlError> {
        let key = row.get("url")?;
        let cells = cells(RELAYS, &mut row)?;
        Ok(Self(Line { key, cells }))
    }
}

impl FromRow for CoverageLine {
    fn from_row(mut row: Row) -> Result<Self, SqlError> {
        let key = (row.get("relay")?, row.get("filter_id")?, row.get("since")?);
        let cells = cells(COVERAGE, &mut row)?;
        Ok(Self(Line { key, cells }))
    }
}

impl Export<'_> {
    /// Writes both.
    pub(super) async fn lists(&mut self) -> Result<(), Ended> {
        self.coverage().await?;
        self.relays().await
    }

    async fn relays(&mut self) -> Result<(), Ended> {
        let mut encoder = self.encoder(RELAYS).await?;
        let mut after = String::new();
        loop {
            self.going_on()?;
            let rows: Vec<RelayLine> = self
                .ground
                .records
                .fetch_all(
                    "SELECT r.url, r.network, r.state, r.status, r.found_ms, r.found_by, r.proven_ms, r.checked_ms, r.seen_ms,
                     r.reason, r.open_ms, r.read_ms, r.write_ms, r.name, r.software, r.version, r.auth_required,
                     r.payment_required, r.writes_restricted, r.negentropy, r.asn, r.country, r.geohash, r.uptime_day,
                     r.uptime_week, r.uptime_month, r.uptime_quarter, c.events, c.exclusive
                     FROM observatory_relays r LEFT JOIN observatory_relay_counts c ON c.relay = r.id
                     WHERE r.url > ? ORDER BY r.url LIMIT ?",
                    (after, PAGE),
                )
                .await?;
            let Some(last) = rows.last() else {
                break;
            };
            after = last.0.key.clone();
            encoder = written(encoder, rows.into_iter().map(|row| row.0.cells).collect()).await?;
        }
        self.whole(encoder, Name::Relays).await
    }

    async fn coverage(&mut self) -> Result<(), Ended> {
        let mut encoder = self.encoder(COVERAGE).await?;
        let mut after = (String::new(), START, START);
        loop {
            self.going_on()?;
            let rows: Vec<CoverageLine> = self
                .ground
                .records
                .fetch_all(
                    "SELECT r.url AS relay, f.id AS filter_id, f.filter, c.since, c.until, c.state, c.reason, c.method, c.events, c.at_ms
                     FROM observatory_coverage c JOIN observatory_relays r ON r.id = c.relay
                     JOIN observatory_filters f ON f.id = c.filter
                     WHERE (r.url, f.id, c.since) > (?, ?, ?) ORDER BY r.url, f.id, c.since LIMIT ?",
                    (after.0.clone(), after.1, after.2, PAGE),
                )
                .await?;
            let Some(last) = rows.last() else {
                break;
            };
            after = last.0.key.clone();
            encoder = written(encoder, rows.into_iter().map(|row| row.0.cells).collect()).await?;
        }
        self.whole(encoder, Name::Coverage).await
    }

    async fn encoder(&self, table: Table) -> Result<Encoder, Error> {
        let (format, folder) = (self.wish.format, self.scratch.path().to_owned());
        aside(move || Encoder::new(table, format, &folder)).await
    }

    /// Puts a file there that is told by its own bytes.
    async fn whole(&mut self, encoder: Encoder, name: Name) -> Result<(), Ended> {
        let file = aside(move || encoder.finish()).await?;
        let content = Sha256::digest(file.sha256).into();
        Ok(self.put(file, name, (content, None)).await?)
    }
}

async fn written(mut encoder: Encoder, rows: Vec<Vec<Cell<'static>>>) -> Result<Encoder, Error> {
    aside(move || {
        for cells in &rows {
            encoder.row(cells)?;
        }
        Ok(encoder)
    })
    .await
}
