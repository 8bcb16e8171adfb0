//! Reading the change feed.
//!
//! The body of an `Added` entry is given when the event is there, not expired at `now`, and visible to the reader through a
//! filter without conditions; its id too. That of a removal is given to who may be told. An operator is given every id.

use stentor_event::{Filter, PublicKey, Timestamp, Viewer, visible};

use super::state::{Entry, Row, State};
use crate::{Change, ChangeKind, Former, PartyTag, Seq};

/// Entries after `after`, oldest first, at most `limit`.
pub fn changes(
    state: &State,
    after: Seq,
    limit: usize,
    viewer: &Viewer,
    now: Timestamp,
) -> Vec<Change> {
    let numbered = (1..).map(Seq).zip(&state.feed);
    let later = numbered.filter(|(seq, _)| *seq > after).take(limit);
    later
        .filter_map(|(seq, entry)| Some(change(seq, entry, row_of(state, entry)?, viewer, now)))
        .collect()
}

fn row_of<'a>(state: &'a State, entry: &Entry) -> Option<&'a Row> {
    state.rows.iter().find(|row| row.number == entry.number)
}

fn change(seq: Seq, entry: &Entry, row: &Row, viewer: &Viewer, now: Timestamp) -> Change {
    let there = row.gone.is_none() && !row.facts.expired(now);
    let shown = there && visible(&row.event.view(), viewer, &Filter::default());
    let event = (entry.kind == ChangeKind::Added && shown).then(|| row.event.clone());
    let former = (entry.kind != ChangeKind::Added)
        .then(|| Former::of(&row.event, party_tag))
        .filter(|former| former.visible(viewer, party_tag));
    let told = event.is_some() || former.is_some() || viewer.is_operator();
    Change {
        seq,
        number: entry.number,
        kind: entry.kind,
        committed_ms: entry.committed_ms,
        id: told.then_some(row.facts.id),
        former,
        event,
    }
}

/// What stands for a key: its beginning, as nobody reads what this store keeps.
pub fn party_tag(key: &PublicKey) -> PartyTag {
    PartyTag(key.0.first_chunk().copied().map_or(0, u64::from_be_bytes))
}
