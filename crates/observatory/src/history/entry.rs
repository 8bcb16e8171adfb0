//! A check as it is handed over to be kept. Everything that costs is done here, before the transaction.

use crate::check::{Findings, Known, facts};
use crate::table::RelayId;

use super::document::Document;

/// A check that is to be kept.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Of which relay.
    pub relay: RelayId,
    /// When it was done, in Unix milliseconds.
    pub at_ms: u64,
    /// How many visits it took.
    pub attempts: u64,
    /// What came of it.
    pub findings: Findings,
    /// Its facts.
    pub facts: Option<Document>,
    /// The information document.
    pub information: Known<Document>,
}

impl Entry {
    /// One of these findings.
    pub fn new(relay: RelayId, at_ms: u64, attempts: u64, findings: Findings) -> Self {
        let information = match &findings.information {
            Known::Unknown => Known::Unknown,
            Known::Absent => Known::Absent,
            Known::Present(information) => {
                Document::of(&information.raw).map_or(Known::Unknown, Known::Present)
            }
        };
        Self {
            relay,
            at_ms,
            attempts,
            facts: facts(&findings).as_ref().and_then(Document::of),
            information,
            findings,
        }
    }
}
