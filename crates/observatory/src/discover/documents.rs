//! Mentions in the NIP-11 documents that checks have brought (O1.1).
//!
//! Documents are read in the order in which they were first seen. The newest are left alone for some seconds: their times are taken
//! before they are written, and one that is written late would otherwise fall behind the cursor.

use stentor_event::hexadecimal;

use super::document::urls_in;
use super::intake::{Intake, Mentions, Step};
use super::source::Source;
use crate::clock::{read, stored};
use crate::error::Error;
use crate::ground::Ground;
use crate::table::{self, Cursor};

const NAME: &str = "discover.documents";
/// Documents that are read at once.
const BATCH: i64 = 32;
/// How old a document has to be.
const SETTLED_MS: u64 = 10_000;

/// Reads new documents, for ever.
///
/// # Errors
/// Those of the records.
pub(super) async fn follow(ground: &Ground, intake: &Intake) -> Result<(), Error> {
    loop {
        let until_ms = ground.clock.now_ms().saturating_sub(SETTLED_MS);
        while step(ground, intake, until_ms).await? {}
        ground.clock.sleep(ground.config.discover.interval()).await;
    }
}

/// Reads some documents that were first seen by then; whether there may be more.
///
/// # Errors
/// Those of the records.
pub(super) async fn step(ground: &Ground, intake: &Intake, until_ms: u64) -> Result<bool, Error> {
    let mut written = table::cursor(&ground.records, NAME).await?;
    let last = written.note.as_deref().unwrap_or_default();
    let last = hexadecimal::decode(last.as_bytes()).unwrap_or_default();
    let documents: Vec<(Vec<u8>, i64, String)> = ground
        .records
        .fetch_all(
            "SELECT hash, first_ms, body FROM observatory_documents
             WHERE kind = 'nip11' AND first_ms <= ?1 AND first_ms >= ?2 AND (first_ms > ?2 OR hash > ?3)
             ORDER BY first_ms, hash LIMIT ?4",
            (stored(until_ms), stored(written.place), last, BATCH),
        )
        .await?;
    let more = i64::try_from(documents.len()).is_ok_and(|count| count == BATCH);
    let (mut found, mut passed) = (Mentions::default(), documents.iter().peekable());
    while let Some((hash, first_ms, body)) = passed.next() {
        let name = hexadecimal::encode(hash);
        for url in serde_json::from_str(body).iter().flat_map(urls_in) {
            found.add(url, Source::Document, || Some(name.clone()));
        }
        if found.are_enough() || passed.peek().is_none() {
            let to = Cursor {
                place: read(*first_ms),
                note: Some(name),
            };
            let step = Step {
                name: NAME.to_owned(),
                from: written,
                to,
            };
            written = intake.take(std::mem::take(&mut found), step).await?;
        }
    }
    Ok(more)
}
