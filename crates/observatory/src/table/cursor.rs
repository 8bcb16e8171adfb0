//! How far a reader of something has come, so that nothing is read twice (O1.1).

use stentor_sql::{Database, Error, Transaction};

use crate::clock::stored;

/// How far a reader has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The place; what it counts is the reader's.
    pub place: u64,
    /// What else it wants to find again, such as an ETag.
    pub note: Option<String>,
}

/// Where the reader of this name has got to; at the very beginning if it never said.
///
/// # Errors
/// Those of the records.
pub(crate) async fn cursor(records: &Database, name: &str) -> Result<Cursor, Error> {
    Ok(of(records.fetch_optional(FIND, (name,)).await?))
}

/// The same within a transaction: whether somebody else has got further.
///
/// # Errors
/// Those of the records.
pub(crate) fn cursor_in(tx: &mut Transaction<'_>, name: &str) -> Result<Cursor, Error> {
    Ok(of(tx.fetch_optional(FIND, (name,))?))
}

const FIND: &str = "SELECT place, note FROM observatory_cursors WHERE name = ?";

fn of(row: Option<(i64, Option<String>)>) -> Cursor {
    row.map_or_else(Cursor::default, |(place, note)| Cursor {
        place: u64::try_from(place).unwrap_or(0),
        note,
    })
}

/// Remembers where a reader has got to, in the transaction that holds what it has made of it.
///
/// # Errors
/// Those of the records.
pub(crate) fn set_cursor(
    tx: &mut Transaction<'_>,
    name: &str,
    cursor: &Cursor,
    now_ms: u64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO observatory_cursors (name, place, note, at_ms) VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET place = excluded.place, note = excluded.note, at_ms = excluded.at_ms",
        (
            name,
            stored(cursor.place),
            cursor.note.clone(),
            stored(now_ms),
        ),
    )?;
    Ok(())
}
