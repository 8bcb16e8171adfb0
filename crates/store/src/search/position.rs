//! How far the index has followed the change feed, and what it was made by: kept in its own commits, so that both move
//! together or not at all.

use serde::{Deserialize, Serialize};
use stentor_event::{Kind, Timestamp, Viewer};

use super::schema::VERSION;
use crate::{ChangeKind, EventStore, Seq, StoreError};

/// What a commit of the index carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// [`VERSION`] of the program that made the index.
    pub(super) version: u32,
    /// The kinds that are indexed.
    pub(super) kinds: Vec<u16>,
    /// Everything up to this position of the feed is in the index.
    pub(super) seq: u64,
    /// What stood there, to tell the store from another one, or from its own backup that has gone another way.
    pub(super) mark: Option<Mark>,
}

/// An entry of the feed, as far as it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    number: u64,
    added: bool,
    committed_ms: u64,
}

/// Why an index cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// It does not say how far it has come.
    #[error("it does not say how far it has come")]
    NoPosition,
    /// Another version made it.
    #[error("it has version {0}, this program makes version {VERSION}")]
    Version(u32),
    /// Other kinds are to be indexed now.
    #[error("other kinds were indexed")]
    Kinds,
    /// It was made from another store.
    #[error("it does not belong to this store, or is of another time")]
    Store,
    /// It cannot be read.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl Position {
    /// The beginning of the feed.
    pub(super) fn start(kinds: &[Kind]) -> Self {
        Self {
            version: VERSION,
            kinds: kinds.iter().map(|kind| kind.0).collect(),
            seq: 0,
            mark: None,
        }
    }

    /// From the payload of a commit.
    pub(super) fn read(payload: Option<&str>) -> Result<Self, Unfit> {
        let value: serde_json::Value = payload
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or(Unfit::NoPosition)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version != u64::from(VERSION) => {
                Err(Unfit::Version(u32::try_from(version).unwrap_or(u32::MAX)))
            }
            _ => serde_json::from_value(value).map_err(|_| Unfit::NoPosition),
        }
    }

    /// As the payload of a commit.
    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether the index goes on with this store and these kinds.
    pub(super) async fn check(
        &self,
        store: &dyn EventStore,
        kinds: &[Kind],
    ) -> Result<Option<Unfit>, StoreError> {
        if self.kinds != Self::start(kinds).kinds {
            return Ok(Some(Unfit::Kinds));
        }
        if self.seq == 0 {
            return Ok(None);
        }
        let at = store
            .changes(Seq(self.seq - 1), 1, &Viewer::operator(), Timestamp(0))
            .await?;
        let there = at
            .first()
            .filter(|change| change.seq.0 == self.seq)
            .map(Mark::of);
        // An entry that the store cannot show any more says nothing.
        let other = there
            .zip(self.mark)
            .is_some_and(|(there, mark)| there != mark);
        Ok((other || self.seq > store.last_seq().0).then_some(Unfit::Store))
    }
}

impl Mark {
    /// Of an entry.
    pub(super) fn of(change: &crate::Change) -> Self {
        Self {
            number: change.number.0,
            added: change.kind == ChangeKind::Added,
            committed_ms: change.committed_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_an_index_of_another_version_is_told_apart() {
        let mut position = Position::start(&[Kind(1)]);
        assert_eq!(
            Position::read(Some(&position.write())),
            Ok(position.clone())
        );
        position.version += 1;
        assert_eq!(
            Position::read(Some(&position.write())),
            Err(Unfit::Version(VERSION + 1))
        );
        for payload in [
            None,
            Some(""),
            Some("{}"),
            Some("[1]"),
            Some(r#"{"version":1}"#),
        ] {
            assert_eq!(
                Position::read(payload),
                Err(Unfit::NoPosition),
                "{payload:?}"
            );
        }
    }
}
